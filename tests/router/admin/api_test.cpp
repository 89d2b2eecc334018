#include "router/admin/api.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value_to.hpp>

#include "tests/support/on_core.hpp"

using namespace roomgate;
using namespace roomgate::router::admin;
using roomgate::router::http::Method;

namespace {

struct FakeGate final : Subject {
  std::vector<ShardRow> rows{{.name = "shard-0", .address = "10.0.0.1:80", .state = "ready"}};
  std::vector<RoomRow> known{{.room = "school/a b", .shard = "shard-0", .tunnels = 2, .origin = "request"}};
  std::vector<BanRow> banned;
  std::optional<Duration> deadline;
  RoomQuery asked;
  std::string asked_shard;
  Scope asked_scope = Scope::everywhere;
  Peers others;
  std::size_t looks = 0;
  bool nobody_decides = false;
  bool is_ready = true;
  std::string not_ready;

  std::string metrics_text(roomgate::metrics::Format format) override {
    return format == roomgate::metrics::Format::openmetrics ? "# EOF\n" : "roomgate_rooms 1\n";
  }
  Status status() override {
    return {.name = "gate-a",
            .ready = is_ready,
            .not_ready = not_ready,
            .draining = !is_ready && not_ready.empty(),
            .rooms = known.size()};
  }
  std::vector<ShardRow> shards() override { return rows; }
  std::vector<RoomRow> rooms(const RoomQuery& query) override {
    asked = query;
    asked_shard = query.shard;
    std::vector<RoomRow> out;
    for (const auto& row : known) {
      if (row.room.starts_with(query.prefix) && out.size() < query.limit) out.push_back(row);
    }
    return out;
  }
  net::Task<std::optional<RoomRow>> room(std::string_view key, Scope scope) override {
    asked_scope = scope;
    for (const auto& row : known) {
      if (row.room == key) co_return row;
    }
    co_return std::nullopt;
  }
  net::Task<std::vector<RoomRow>> split_rooms(std::size_t) override {
    std::vector<RoomRow> split;
    for (const auto& row : known) {
      if (row.split) split.push_back(row);
    }
    co_return split;
  }
  net::Task<Forgotten> forget(std::string_view key, Scope scope) override {
    asked_scope = scope;
    if (nobody_decides) co_return Forgotten::no_owner;
    const auto gone = std::erase_if(known, [&](const RoomRow& row) { return row.room == key; });
    co_return gone > 0 ? Forgotten::yes : Forgotten::no_such_room;
  }
  net::Task<void> look() override {
    ++looks;
    co_return;
  }
  Peers peers() override { return others; }
  Result<void, StateError> set_state(std::string_view shard, std::string_view state,
                                     std::optional<Duration> until, Scope scope) override {
    asked_scope = scope;
    if (shard != "shard-0") return fail(StateError::no_such_shard);
    if (state != "ready" && state != "drain" && state != "maint") return fail(StateError::no_such_state);
    rows[0].state = state;
    deadline = until;
    return {};
  }
  net::Task<Result<Moved, MoveError>> move_room(std::string_view key, std::string_view to,
                                                Scope scope) override {
    using Done = Result<Moved, MoveError>;
    const auto row = co_await room(key, scope);
    if (!row) co_return Done(fail(MoveError::no_such_room));
    if (scope == Scope::here) co_return Done(fail(MoveError::here_only));
    if (nobody_decides) co_return Done(fail(MoveError::no_owner));
    if (to == "shard-0") co_return Done(fail(MoveError::is_there));
    if (to == "shard-1") co_return Done(fail(MoveError::shard_takes_none));
    if (to != "shard-2") co_return Done(fail(MoveError::no_such_shard));
    co_return Done(Moved{.from = "shard-0", .generation = 2, .tunnels = 3});
  }
  std::vector<BanRow> bans() override { return banned; }
  bool ban(const BanRow& row) override {
    if (banned.size() == 2) return false;
    banned.push_back(row);
    return true;
  }
  bool unban(BanRow::Kind kind, std::string_view text, Scope scope) override {
    asked_scope = scope;
    return std::erase_if(banned, [&](const BanRow& row) { return row.kind == kind && row.text == text; }) > 0;
  }
  std::vector<DiscoveryRow> discovery() override {
    return {{.question = "_http._tcp.web", .state = "stale", .error = "SERVFAIL", .shards = 2}};
  }
};

// What a task needs to run to its end; nobody here makes it wait.
ApiResponse answered(Subject& gate, const ApiRequest& request, Access access, std::string_view token) {
  ApiResponse response;
  tests::run(
      [&](net::Core&) -> net::Task<void> { response = co_await answer(gate, request, access, token); });
  return response;
}

ApiRequest get(std::string_view path, std::string_view query = "") { return {.path = path, .query = query}; }

// An operator's, over the socket.
ApiResponse ask(FakeGate& gate, Method method, std::string_view path, std::string_view body) {
  return answered(gate, {.method = method, .path = path, .body = body}, Access::full, "");
}

boost::json::value parsed(const ApiResponse& response) { return boost::json::parse(response.body); }
std::string error_of(const ApiResponse& response) {
  return boost::json::value_to<std::string>(parsed(response).at("error"));
}

}  // namespace

TEST_CASE("tells rooms and one room, its key decoded once") {
  FakeGate gate;

  const auto list = answered(gate, get("/api/v1/rooms", "prefix=school%2F&limit=5"), Access::read, "");
  const auto one = answered(gate, get("/api/v1/rooms/school%2Fa%20b"), Access::read, "");
  const auto none = answered(gate, get("/api/v1/rooms/other"), Access::read, "");
  const Scope usual = gate.asked_scope;
  const auto here = answered(gate, get("/api/v1/rooms/school%2Fa%20b", "local=1"), Access::read, "");

  CHECK(boost::json::parse(list.body).at("rooms").as_array().size() == 1);
  CHECK(one.status == 200);
  CHECK(boost::json::parse(one.body).at("tunnels") == 2);
  CHECK(boost::json::parse(one.body).at("since").as_string().ends_with("Z"));
  CHECK(none.status == 404);
  CHECK(usual == Scope::everywhere);
  CHECK(here.status == 200);
  CHECK(gate.asked_scope == Scope::here);
  CHECK(answered(gate, get("/api/v1/rooms", "limit=x"), Access::read, "").status == 400);
}

TEST_CASE("changes need the socket or the token") {
  FakeGate gate;
  ApiRequest drain{
      .method = Method::post, .path = "/api/v1/shards/shard-0/state", .body = R"({"state":"drain"})"};

  CHECK(answered(gate, drain, Access::read, "").status == 403);
  CHECK(answered(gate, drain, Access::read, "secret").status == 403);
  drain.authorization = "Bearer wrongs";
  CHECK(answered(gate, drain, Access::read, "secret").status == 403);
  CHECK(gate.rows[0].state == "ready");
  drain.authorization = "Bearer secret";
  CHECK(answered(gate, drain, Access::read, "secret").status == 200);
  CHECK(gate.rows[0].state == "drain");
  drain.authorization = "";
  drain.body = R"({"state":"ready"})";
  CHECK(answered(gate, drain, Access::full, "").status == 200);
  CHECK(gate.rows[0].state == "ready");
}

TEST_CASE("refuses states and shards that do not exist, and bodies that are no state") {
  FakeGate gate;
  const auto set = [&](std::string_view path, std::string_view body) {
    return answered(gate, {.method = Method::post, .path = path, .body = body}, Access::full, "").status;
  };

  CHECK(set("/api/v1/shards/shard-9/state", R"({"state":"drain"})") == 404);
  CHECK(set("/api/v1/shards/shard-0/state", R"({"state":"off"})") == 400);
  CHECK(set("/api/v1/shards/shard-0/state", "drain") == 400);
  CHECK(answered(gate, get("/api/v1/shards/shard-0/state"), Access::full, "").status == 405);
}

TEST_CASE("a drain may have a deadline, nothing else may") {
  FakeGate gate;
  constexpr std::string_view kPath = "/api/v1/shards/shard-0/state";

  const auto done = ask(gate, Method::post, kPath, R"({"state":"drain","deadline":"30m"})");
  const auto told = gate.deadline;
  const auto plain = ask(gate, Method::post, kPath, R"({"state":"drain"})");

  CHECK(parsed(done) == boost::json::parse(R"({"shard":"shard-0","state":"drain","deadline":"30m"})"));
  CHECK(told == Duration(std::chrono::minutes(30)));
  CHECK(plain.status == 200);
  CHECK_FALSE(gate.deadline);
  CHECK(ask(gate, Method::post, kPath, R"({"state":"ready","deadline":"30m"})").status == 400);
  CHECK(ask(gate, Method::post, kPath, R"({"state":"drain","deadline":30})").status == 400);
  CHECK(error_of(ask(gate, Method::post, kPath, R"({"state":"drain","deadline":"soon"})"))
            .starts_with("deadline: a duration is"));
}

TEST_CASE("tells all there is about a shard") {
  FakeGate gate;
  gate.rows[0] = {.name = "shard-0",
                  .address = "10.0.0.1:80",
                  .addresses = {"10.0.0.1:80", "10.0.0.2:80"},
                  .region = "eu",
                  .release = "canary",
                  .source = "_http._tcp.web",
                  .leaving = true,
                  .share = 50,
                  .max_rooms = 9,
                  .state = "drain",
                  .rooms = 4,
                  .drain = ShardRow::Drain{.rooms_at_start = 7, .deadline = {{}}, .empty = false}};

  const auto row = parsed(answered(gate, get("/api/v1/shards/shard-0"), Access::read, ""));
  const auto list = parsed(answered(gate, get("/api/v1/shards"), Access::read, ""));

  CHECK(list.at("shards").at(0) == row);
  CHECK(row.at("addresses").as_array().size() == 2);
  CHECK(row.at("release") == "canary");
  CHECK(row.at("source") == "_http._tcp.web");
  CHECK(row.at("leaving") == true);
  CHECK(row.at("share") == 50);
  CHECK(row.at("max_rooms") == 9);
  CHECK(row.at("drain").at("since") == "1970-01-01T00:00:00.000Z");
  CHECK(row.at("drain").at("deadline") == "1970-01-01T00:00:00.000Z");
  CHECK(row.at("drain").at("rooms_at_start") == 7);
  CHECK(row.at("drain").at("empty") == false);
}

TEST_CASE("who mistypes a shard's name is told which there are") {
  FakeGate gate;
  gate.rows.push_back({.name = "shard-1"});

  const auto near = answered(gate, get("/api/v1/shards/shrad-1"), Access::read, "");
  const auto far = answered(gate, get("/api/v1/shards/%3Cb%3E"), Access::read, "");
  gate.rows.clear();
  const auto none = answered(gate, get("/api/v1/shards/x"), Access::read, "");

  CHECK(near.status == 404);
  CHECK(error_of(near) == "no such shard: shrad-1; did you mean shard-1? There are shard-0, shard-1");
  CHECK(error_of(far) == "no such shard: <b>; there are shard-0, shard-1");
  CHECK(error_of(none) == "no such shard: x; there are none");
}

TEST_CASE("lists rooms of one shard, those with most tunnels first, and never more than it should") {
  FakeGate gate;

  const auto list =
      answered(gate, get("/api/v1/rooms", "shard=shard-0&sort=tunnels&limit=999999999"), Access::read, "");

  CHECK(list.status == 200);
  CHECK(gate.asked_shard == "shard-0");
  CHECK(gate.asked.order == RoomQuery::Order::tunnels);
  CHECK(gate.asked.limit == 10'000);
  CHECK(answered(gate, get("/api/v1/rooms", "shard=other"), Access::read, "").status == 404);
  CHECK(answered(gate, get("/api/v1/rooms", "sort=age"), Access::read, "").status == 400);
}

TEST_CASE("moves a room, or says why not") {
  FakeGate gate;
  constexpr std::string_view kPath = "/api/v1/rooms/school%2Fa%20b";
  const auto move = [&](std::string_view path, std::string_view body) {
    return ask(gate, Method::post, path, body);
  };

  const auto done = move(kPath, R"({"move":"shard-2"})");

  CHECK(done.status == 200);
  CHECK(parsed(done) ==
        boost::json::parse(
            R"({"room":"school/a b","from":"shard-0","to":"shard-2","generation":2,"tunnels":3})"));
  CHECK(move("/api/v1/rooms/none", R"({"move":"shard-2"})").status == 404);
  CHECK(move(kPath, R"({"move":"shard-9"})").status == 404);
  CHECK(move(kPath, R"({"move":"shard-1"})").status == 409);
  CHECK(error_of(move(kPath, R"({"move":"shard-0"})")) == "the room is on shard-0 already");
  CHECK(move(kPath, R"({"to":"shard-2"})").status == 400);
  CHECK(answered(gate, {.method = Method::post, .path = kPath, .body = R"({"move":"shard-2"})"}, Access::read,
                 "secret")
            .status == 403);
}

TEST_CASE("bans: set, listed, lifted") {
  FakeGate gate;
  constexpr std::string_view kPath = "/api/v1/bans";

  const auto set = ask(gate, Method::post, kPath, R"({"prefix":"spam/","status":429})");
  gate.banned.push_back({.kind = BanRow::Kind::tenant, .text = "evil", .from_settings = true});
  const auto list = parsed(answered(gate, get(kPath), Access::read, ""));
  const auto full = ask(gate, Method::post, kPath, R"({"room":"a/b"})");
  const auto lifted = ask(gate, Method::del, kPath, R"({"prefix":"spam/"})");

  CHECK(set.status == 200);
  CHECK(list.at("bans") == boost::json::parse(R"([{"prefix":"spam/","status":429,"from_settings":false},
                                                  {"tenant":"evil","status":403,"from_settings":true}])"));
  CHECK(full.status == 409);
  CHECK(lifted.status == 200);
  CHECK(gate.banned.size() == 1);
  CHECK(ask(gate, Method::del, kPath, R"({"prefix":"spam/"})").status == 404);
  CHECK(answered(gate, {.method = Method::post, .path = kPath, .body = R"({"room":"a"})"}, Access::read, "")
            .status == 403);
}

TEST_CASE("refuses bans that say nothing, or too much") {
  FakeGate gate;
  for (std::string_view body :
       {"", "[]", "{}", R"({"prefix":""})", R"({"room":7})", R"({"room":"a","tenant":"b"})",
        R"({"room":"a","status":200})", R"({"room":"a","status":"403"})", R"({"rooms":"a"})",
        R"({"room":"a","x":[[[[[[[]]]]]]]})"}) {
    CAPTURE(body);
    CHECK(ask(gate, Method::post, "/api/v1/bans", body).status == 400);
  }
  CHECK(gate.banned.empty());
}

TEST_CASE("tells what DNS says, and the peers") {
  FakeGate gate;

  const auto discovery = parsed(answered(gate, get("/api/v1/discovery"), Access::read, ""));
  const auto peers = parsed(answered(gate, get("/api/v1/peers"), Access::read, ""));

  CHECK(discovery.at("discovery").at(0).at("state") == "stale");
  CHECK(discovery.at("discovery").at(0).at("error") == "SERVFAIL");
  CHECK(peers == boost::json::parse(R"({"mode":"off","peers":[]})"));
}

TEST_CASE("HEAD is a GET, and what only reads takes nothing else") {
  FakeGate gate;

  CHECK(ask(gate, Method::head, "/api/v1/rooms/school%2Fa%20b", "").status == 200);
  for (std::string_view path :
       {"/api/v1/status", "/api/v1/shards", "/api/v1/rooms", "/api/v1/discovery", "/api/v1/peers"}) {
    CAPTURE(path);
    CHECK(ask(gate, Method::post, path, "{}").status == 405);
  }
  CHECK(answered(gate, get("/api/v1/statuses"), Access::read, "").status == 404);
  CHECK(answered(gate, get("/api/v1/status/x"), Access::read, "").status == 404);
}

TEST_CASE("forgets a room") {
  FakeGate gate;
  const ApiRequest forget{.method = Method::del, .path = "/api/v1/rooms/school%2Fa%20b"};

  CHECK(answered(gate, forget, Access::read, "").status == 403);
  CHECK(answered(gate, forget, Access::full, "").status == 200);
  CHECK(answered(gate, forget, Access::full, "").status == 404);
}

TEST_CASE("a probe listener tells life, readiness and metrics, and nothing else") {
  FakeGate gate;

  CHECK(answered(gate, get("/live"), Access::probe, "").status == 200);
  CHECK(answered(gate, get("/ready"), Access::probe, "").status == 200);
  CHECK(answered(gate, get("/metrics"), Access::probe, "").body == "roomgate_rooms 1\n");
  CHECK(answered(gate, get("/api/v1/rooms"), Access::probe, "").status == 404);
  gate.is_ready = false;
  CHECK(answered(gate, get("/ready"), Access::probe, "").status == 503);
}

TEST_CASE("the page escapes names") {
  FakeGate gate;
  gate.rows[0].name = "<script>x";

  const auto page = answered(gate, get("/stats"), Access::read, "");

  CHECK(page.body.find("<script>x") == std::string::npos);
  CHECK(page.body.find("&lt;script&gt;x") != std::string::npos);
}

TEST_CASE("metrics come in the format that the scraper asks for") {
  FakeGate gate;
  ApiRequest open = get("/metrics");
  open.accept = "application/openmetrics-text; version=1.0.0";

  const auto plain = answered(gate, get("/metrics"), Access::probe, "");
  const auto newer = answered(gate, open, Access::probe, "");

  CHECK(plain.content_type == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(plain.body == "roomgate_rooms 1\n");
  CHECK(newer.content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8");
  CHECK(newer.body == "# EOF\n");
}

TEST_CASE("tells the other front doors and how this one stands with them") {
  FakeGate gate;
  gate.others = {.mode = "peers",
                 .state = "member",
                 .view = {"gate-a", "gate-b"},
                 .lease_ms = 500,
                 .rows = {{.name = "gate-b", .kind = "gate", .state = "member", .up = true, .behind = 3}}};

  const auto peers = parsed(answered(gate, get("/api/v1/peers"), Access::read, ""));

  CHECK(peers.at("mode") == "peers");
  CHECK(peers.at("view").as_array().size() == 2);
  CHECK(peers.at("peers").at(0).at("name") == "gate-b");
  CHECK(peers.at("peers").at(0).at("behind") == 3);
}

TEST_CASE("what other cores know is fetched once for an answer, and probes do not wait for it") {
  FakeGate gate;

  (void)answered(gate, get("/ready"), Access::probe, "");
  (void)answered(gate, get("/live"), Access::probe, "");
  const auto of_probes = gate.looks;
  (void)answered(gate, get("/api/v1/peers"), Access::read, "");

  CHECK(of_probes == 0);
  CHECK(gate.looks == 1);
}

TEST_CASE("a front door that is not ready says why") {
  FakeGate gate;
  gate.is_ready = false;
  gate.not_ready = "learning";

  const auto learning = answered(gate, get("/ready"), Access::probe, "");
  gate.not_ready.clear();
  const auto draining = answered(gate, get("/ready"), Access::probe, "");

  CHECK(learning.status == 503);
  CHECK(learning.body == "not ready: learning\n");
  CHECK(draining.body == "not ready: draining\n");
}

TEST_CASE("a word is for all front doors, with ?local=1 for this one") {
  FakeGate gate;
  const auto scope_after = [&gate](std::string_view path, std::string_view query, Method method,
                                   std::string_view body) {
    gate.asked_scope = Scope::everywhere;
    const ApiRequest request{.method = method, .path = path, .query = query, .body = body};
    (void)answered(gate, request, Access::full, "");
    return gate.asked_scope;
  };
  constexpr std::string_view kState = "/api/v1/shards/shard-0/state";

  CHECK(scope_after(kState, "", Method::post, R"({"state":"drain"})") == Scope::everywhere);
  CHECK(scope_after(kState, "local=1", Method::post, R"({"state":"drain"})") == Scope::here);
  CHECK(scope_after("/api/v1/bans", "local=1", Method::del, R"({"room":"a"})") == Scope::here);
  CHECK(scope_after("/api/v1/rooms/a", "local=1", Method::del, "") == Scope::here);
}

TEST_CASE("a room is not moved at one front door alone, nor where nobody may decide") {
  FakeGate gate;
  const ApiRequest here{.method = Method::post,
                        .path = "/api/v1/rooms/school%2Fa%20b",
                        .query = "local=1",
                        .body = R"({"move":"shard-2"})"};

  const auto local = answered(gate, here, Access::full, "");
  gate.nobody_decides = true;
  const auto alone = ask(gate, Method::post, here.path, here.body);
  const auto forget = ask(gate, Method::del, here.path, "");

  CHECK(local.status == 409);
  CHECK(alone.status == 503);
  CHECK(forget.status == 503);
}

TEST_CASE("a room tells who decides about it and who has people in it; split ones can be listed") {
  FakeGate gate;
  gate.known.push_back(
      {.room = "torn", .shard = "shard-0", .owner = "gate-b", .holders = {"gate-a"}, .split = true});

  const auto split = parsed(answered(gate, get("/api/v1/rooms", "split=1"), Access::read, ""));
  const auto alone = parsed(answered(gate, get("/api/v1/rooms/school%2Fa%20b"), Access::read, ""));

  CHECK(split.at("rooms").as_array().size() == 1);
  CHECK(split.at("rooms").at(0).at("owner") == "gate-b");
  CHECK(split.at("rooms").at(0).at("holders").at(0) == "gate-a");
  CHECK_FALSE(alone.as_object().contains("owner"));
}

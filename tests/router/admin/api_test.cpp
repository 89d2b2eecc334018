#include "router/admin/api.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/parse.hpp>

using namespace roomgate;
using namespace roomgate::router::admin;
using roomgate::router::http::Method;

namespace {

struct FakeGate final : Subject {
  std::vector<ShardRow> rows{{.name = "shard-0", .address = "10.0.0.1:80", .state = "ready"}};
  std::vector<RoomRow> known{{.room = "school/a b", .shard = "shard-0", .tunnels = 2, .origin = "request"}};
  bool is_ready = true;

  std::string metrics_text(roomgate::metrics::Format format) override {
    return format == roomgate::metrics::Format::openmetrics ? "# EOF\n" : "roomgate_rooms 1\n";
  }
  Status status() override { return {.name = "gate-a", .ready = is_ready, .rooms = known.size()}; }
  std::vector<ShardRow> shards() override { return rows; }
  std::vector<RoomRow> rooms(std::string_view prefix, std::size_t limit) override {
    std::vector<RoomRow> out;
    for (const auto& row : known) {
      if (row.room.starts_with(prefix) && out.size() < limit) out.push_back(row);
    }
    return out;
  }
  std::optional<RoomRow> room(std::string_view key) override {
    for (const auto& row : known) {
      if (row.room == key) return row;
    }
    return std::nullopt;
  }
  bool forget(std::string_view key) override {
    return std::erase_if(known, [&](const RoomRow& row) { return row.room == key; }) > 0;
  }
  Result<void, StateError> set_state(std::string_view shard, std::string_view state,
                                     std::optional<Duration>) override {
    if (shard != "shard-0") return fail(StateError::no_such_shard);
    if (state != "ready" && state != "drain" && state != "maint") return fail(StateError::no_such_state);
    rows[0].state = state;
    return {};
  }
};

ApiRequest get(std::string_view path, std::string_view query = "") { return {.path = path, .query = query}; }

}  // namespace

TEST_CASE("tells rooms and one room, its key decoded once") {
  FakeGate gate;

  const auto list = answer(gate, get("/api/v1/rooms", "prefix=school%2F&limit=5"), Access::read, "");
  const auto one = answer(gate, get("/api/v1/rooms/school%2Fa%20b"), Access::read, "");
  const auto none = answer(gate, get("/api/v1/rooms/other"), Access::read, "");

  CHECK(boost::json::parse(list.body).at("rooms").as_array().size() == 1);
  CHECK(one.status == 200);
  CHECK(boost::json::parse(one.body).at("tunnels") == 2);
  CHECK(boost::json::parse(one.body).at("since").as_string().ends_with("Z"));
  CHECK(none.status == 404);
  CHECK(answer(gate, get("/api/v1/rooms", "limit=x"), Access::read, "").status == 400);
}

TEST_CASE("changes need the socket or the token") {
  FakeGate gate;
  ApiRequest drain{
      .method = Method::post, .path = "/api/v1/shards/shard-0/state", .body = R"({"state":"drain"})"};

  CHECK(answer(gate, drain, Access::read, "").status == 403);
  CHECK(answer(gate, drain, Access::read, "secret").status == 403);
  drain.authorization = "Bearer wrongs";
  CHECK(answer(gate, drain, Access::read, "secret").status == 403);
  CHECK(gate.rows[0].state == "ready");
  drain.authorization = "Bearer secret";
  CHECK(answer(gate, drain, Access::read, "secret").status == 200);
  CHECK(gate.rows[0].state == "drain");
  drain.authorization = "";
  drain.body = R"({"state":"ready"})";
  CHECK(answer(gate, drain, Access::full, "").status == 200);
  CHECK(gate.rows[0].state == "ready");
}

TEST_CASE("refuses states and shards that do not exist, and bodies that are no state") {
  FakeGate gate;
  const auto set = [&](std::string_view path, std::string_view body) {
    return answer(gate, {.method = Method::post, .path = path, .body = body}, Access::full, "").status;
  };

  CHECK(set("/api/v1/shards/shard-9/state", R"({"state":"drain"})") == 404);
  CHECK(set("/api/v1/shards/shard-0/state", R"({"state":"off"})") == 400);
  CHECK(set("/api/v1/shards/shard-0/state", "drain") == 400);
  CHECK(answer(gate, get("/api/v1/shards/shard-0/state"), Access::full, "").status == 405);
}

TEST_CASE("forgets a room") {
  FakeGate gate;
  const ApiRequest forget{.method = Method::del, .path = "/api/v1/rooms/school%2Fa%20b"};

  CHECK(answer(gate, forget, Access::read, "").status == 403);
  CHECK(answer(gate, forget, Access::full, "").status == 200);
  CHECK(answer(gate, forget, Access::full, "").status == 404);
}

TEST_CASE("a probe listener tells life, readiness and metrics, and nothing else") {
  FakeGate gate;

  CHECK(answer(gate, get("/live"), Access::probe, "").status == 200);
  CHECK(answer(gate, get("/ready"), Access::probe, "").status == 200);
  CHECK(answer(gate, get("/metrics"), Access::probe, "").body == "roomgate_rooms 1\n");
  CHECK(answer(gate, get("/api/v1/rooms"), Access::probe, "").status == 404);
  gate.is_ready = false;
  CHECK(answer(gate, get("/ready"), Access::probe, "").status == 503);
}

TEST_CASE("the page escapes names") {
  FakeGate gate;
  gate.rows[0].name = "<script>";

  const auto page = answer(gate, get("/stats"), Access::read, "");

  CHECK(page.body.find("<script>") == std::string::npos);
  CHECK(page.body.find("&lt;script&gt;") != std::string::npos);
}

TEST_CASE("metrics come in the format that the scraper asks for") {
  FakeGate gate;
  ApiRequest open = get("/metrics");
  open.accept = "application/openmetrics-text; version=1.0.0";

  const auto plain = answer(gate, get("/metrics"), Access::probe, "");
  const auto newer = answer(gate, open, Access::probe, "");

  CHECK(plain.content_type == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(plain.body == "roomgate_rooms 1\n");
  CHECK(newer.content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8");
  CHECK(newer.body == "# EOF\n");
}

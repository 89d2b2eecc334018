#include "router/route/route.hpp"

#include <doctest.h>

#include <array>
#include <set>

#include "router/balance/roundrobin.hpp"
#include "router/room/room_key.hpp"

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::route;
using balance::Shard;
using balance::ShardSet;
using balance::ShardState;

namespace {

const TimePoint kStart = TimePoint() + std::chrono::hours(1);

// Two shards, a table and a policy, and requests as text.
struct Gate {
  std::vector<Shard> list = {{.id = 0, .name = "shard-0", .addresses = {"192.0.2.1:80"}, .region = "eu"},
                             {.id = 1, .name = "shard-1", .addresses = {"192.0.2.2:80"}, .region = "us"}};
  ShardSet shards{list};
  stick::Table table;
  balance::RoundRobin policy;
  Settings settings;
  std::string scratch;
  TimePoint now = kStart;
  std::uint64_t turn = 0;
  std::string region;

  explicit Gate(stick::Limits limits = {}) : table(limits) {}

  void publish() { shards = ShardSet(list); }

  Request request(std::string_view target) {
    const std::size_t question = target.find('?');
    const std::string_view path = target.substr(0, question);
    const std::string_view query = question == std::string_view::npos ? "" : target.substr(question + 1);
    Request result;
    result.path = room::UrlMap().classify(path, query);
    const auto key = room::room_key({result.path, query, {}, "a"}, {}, scratch);
    REQUIRE(key.ok());
    if (*key) result.key = (*key)->text;
    result.region = region;
    result.turn = turn++;
    return result;
  }

  Decision decide(std::string_view target) {
    return route::route(request(target), table, shards, policy, settings, now);
  }

  std::optional<Decision> relocate(std::string_view key, const Decision& failed,
                                   std::vector<stick::ShardId> tried) {
    return route::relocate(key, "", failed, tried, table, shards, policy, settings, now);
  }
  std::optional<Decision> settle(std::string_view key, const Decision& to) {
    return route::settle(key, to, table, shards, settings, now);
  }
  // The shard it is sent to can be reached.
  std::optional<Decision> move(std::string_view key, const Decision& failed) {
    const auto to = relocate(key, failed, {failed.shard->id});
    return to ? settle(key, *to) : std::nullopt;
  }

  // "shard-0 new", or the reason of an answer.
  std::string operator()(std::string_view target) {
    const Decision decision = decide(target);
    if (decision.gate_answers) return "gate";
    if (!decision.forwards()) return std::string(http::describe(decision.answer).label);
    return decision.shard->name + " " + std::string(to_text(decision.why));
  }
};

}  // namespace

TEST_CASE("a new room takes its turn, and everybody follows it") {
  Gate gate;

  CHECK(gate("/xmpp-websocket?room=a") == "shard-0 new");
  CHECK(gate("/xmpp-websocket?room=b") == "shard-1 new");
  CHECK(gate("/http-bind?room=A") == "shard-0 stick");
  CHECK(gate("/a") == "shard-0 stick");
  CHECK(gate("/conference-request/v1?room=%2561") == "shard-0 stick");
  CHECK(gate("/b") == "shard-1 stick");
  CHECK(gate("/t/a") == "shard-0 new");
  CHECK(gate.table.size() == 3);
}

TEST_CASE("says which decisions hold a room") {
  Gate gate;
  CHECK(gate.decide("/xmpp-websocket?room=a").sticky);
  CHECK(gate.decide("/a").sticky);
  CHECK_FALSE(gate.decide("/libs/x.js").sticky);
  CHECK_FALSE(gate.decide("/colibri-ws/shard-0/c/e").sticky);
}

TEST_CASE("a page makes a provisional entry, unless pages_create is off") {
  Gate gate;
  CHECK(gate("/a") == "shard-0 new");
  CHECK(gate.table.peek("a")->provisional);
  CHECK(gate("/xmpp-websocket?room=a") == "shard-0 stick");
  CHECK_FALSE(gate.table.peek("a")->provisional);

  gate.settings.pages_create = false;
  gate.turn = 0;
  CHECK(gate("/c") == "shard-0 any");
  CHECK_FALSE(gate.table.peek("c").has_value());
  CHECK(gate("/a") == "shard-0 stick");
}

TEST_CASE("whoever may not make a room is told so, and still gets into those that are there") {
  Gate gate;
  int asked = 0;
  bool allowed = true;
  const std::function<bool()> may_create = [&] {
    ++asked;
    return allowed;
  };
  const auto ask = [&](std::string_view target) {
    Request request = gate.request(target);
    request.may_create = &may_create;
    const Decision decision =
        route::route(request, gate.table, gate.shards, gate.policy, gate.settings, gate.now);
    return decision.forwards() ? "forwarded" : std::string(http::describe(decision.answer).label);
  };

  CHECK(ask("/a") == "forwarded");
  CHECK(asked == 1);
  allowed = false;
  CHECK(ask("/xmpp-websocket?room=a") == "forwarded");  // makes the page's entry real: not a new room
  CHECK(ask("/static/x.js") == "forwarded");
  CHECK(asked == 1);
  CHECK(ask("/b") == "new_rooms_limited");
  CHECK(ask("/xmpp-websocket?room=b") == "new_rooms_limited");
  CHECK(ask("/v1/_ws/shard-0/x?room=b") == "new_rooms_limited");
  CHECK(asked == 4);
  CHECK(gate.table.size() == 1);
}

TEST_CASE("assets go round, and make no entry") {
  Gate gate;
  gate.list[1].weight = 2;
  gate.publish();

  CHECK(gate("/libs/app.js") == "shard-0 any");
  CHECK(gate("/libs/app.js?room=x") == "shard-1 any");
  CHECK(gate("/") == "shard-1 any");
  CHECK(gate("/favicon.ico") == "shard-0 any");
  CHECK(gate.table.size() == 0);

  gate.list[0].up = false;
  gate.list[1].state = ShardState::drain;
  gate.publish();
  CHECK(gate("/") == "shard-1 any");
  gate.list[1].up = false;
  gate.publish();
  CHECK(gate("/") == "no_shard");
}

TEST_CASE("what is never forwarded is answered here") {
  Gate gate;
  for (std::string_view path :
       {"/metrics", "/stats", "/about/rooms", "/colibri/stats", "/debug/x", "/room-census"}) {
    CHECK(gate(path) == "not_found");
  }
  CHECK(gate("/about/health") == "gate");
}

TEST_CASE("an unlock goes to the room's shard, with an answer of our own behind it") {
  Gate gate;
  CHECK(gate("/_unlock?room=a") == "shard-0 new");
  CHECK(gate.decide("/_unlock?room=a").unlock_fallback);
  CHECK_FALSE(gate.decide("/xmpp-websocket?room=a").unlock_fallback);
}

TEST_CASE("a named shard needs no table, and must be there") {
  Gate gate;
  CHECK(gate("/colibri-ws/shard-1/conference/endpoint?pwd=x") == "shard-1 forced");
  CHECK(gate("/colibri-ws/shard-1.bridge-2/conference/endpoint") == "shard-1 forced");
  CHECK(gate("/colibri-relay-ws/shard-0/conference") == "shard-0 forced");
  CHECK(gate("/colibri-ws/shard-7/conference/endpoint") == "no_such_shard");
  CHECK(gate.table.size() == 0);

  gate.list[1].state = ShardState::drain;
  gate.list[0].state = ShardState::maint;
  gate.publish();
  CHECK(gate("/colibri-ws/shard-1/conference/endpoint") == "shard-1 forced");
  CHECK(gate("/colibri-ws/shard-0/conference/endpoint") == "shard_maintenance");
}

TEST_CASE("a shard's own socket claims a new room, follows its entry, and refuses another's") {
  Gate gate;
  CHECK(gate("/v1/_ws/shard-1/xmpp-websocket?room=a") == "shard-1 forced");
  CHECK(gate("/v1/_ws/shard-1/xmpp-websocket?room=a") == "shard-1 stick");
  CHECK(gate("/v1/_ws/shard-0/xmpp-websocket?room=a") == "wrong_shard");
  CHECK(gate("/xmpp-websocket?room=a") == "shard-1 stick");
  CHECK(gate("/v1/_ws/shard-9/xmpp-websocket?room=a") == "no_such_shard");
  CHECK(gate("/v1/_ws/shard-0/xmpp-websocket") == "shard-0 forced");

  gate.list[1].state = ShardState::drain;
  gate.publish();
  CHECK(gate("/v1/_ws/shard-1/xmpp-websocket?room=new") == "wrong_shard");
  CHECK(gate.table.peek("new")->shard == 0);
  CHECK(gate("/v1/_ws/shard-1/xmpp-websocket?room=a") == "shard-1 stick");
}

TEST_CASE("drain takes no new rooms and keeps its own") {
  Gate gate;
  CHECK(gate("/xmpp-websocket?room=a") == "shard-0 new");
  gate.list[0].state = ShardState::drain;
  gate.publish();

  CHECK(gate("/xmpp-websocket?room=b") == "shard-1 new");
  CHECK(gate("/xmpp-websocket?room=c") == "shard-1 new");
  CHECK(gate("/xmpp-websocket?room=a") == "shard-0 stick");
}

TEST_CASE("a shard that is down keeps its rooms until they are moved") {
  Gate gate;
  CHECK(gate("/xmpp-websocket?room=a") == "shard-0 new");
  gate.list[0].up = false;
  gate.publish();

  CHECK(gate("/xmpp-websocket?room=a") == "shard-0 stick");
  CHECK(gate("/xmpp-websocket?room=b") == "shard-1 new");
  gate.list[1].up = false;
  gate.publish();
  CHECK(gate("/xmpp-websocket?room=c") == "no_shard");
  CHECK_FALSE(gate.table.peek("c").has_value());
}

TEST_CASE("maintenance stops rooms in use and sends others elsewhere") {
  Gate gate;
  CHECK(gate("/xmpp-websocket?room=used") == "shard-0 new");
  gate.table.hold("used", gate.now);
  CHECK(gate("/xmpp-websocket?room=between") == "shard-1 new");
  CHECK(gate("/xmpp-websocket?room=idle") == "shard-0 new");
  gate.list[0].state = ShardState::maint;
  gate.publish();
  gate.now += seconds(91);

  CHECK(gate("/xmpp-websocket?room=used") == "shard_maintenance");
  CHECK(gate("/xmpp-websocket?room=idle") == "shard-1 moved");
  CHECK(gate("/xmpp-websocket?room=idle") == "shard-1 moved");
}

TEST_CASE("an entry of a shard that nobody knows is never placed anew") {
  Gate gate;
  gate.table.put("a", {.shard = 9, .created = kStart, .last_used = kStart}, kStart);
  gate.table.put("b", {.shard = 1, .created = kStart, .last_used = kStart}, kStart);
  gate.list[1].addresses.clear();
  gate.publish();

  CHECK(gate("/xmpp-websocket?room=a") == "unknown_shard");
  CHECK(gate("/xmpp-websocket?room=b") == "unknown_shard");
}

TEST_CASE("new rooms go to the client's region and its fallbacks") {
  Gate gate;
  gate.region = "us";
  gate.settings.regions.fallback["us"] = {"eu"};
  CHECK(gate("/xmpp-websocket?room=a") == "shard-1 new");
  CHECK(gate("/xmpp-websocket?room=b") == "shard-1 new");
  gate.list[1].up = false;
  gate.publish();
  CHECK(gate("/xmpp-websocket?room=c") == "shard-0 new");
}

TEST_CASE("a room can name its shard when that is switched on") {
  Gate gate;
  CHECK(gate("/xmpp-websocket?room=x_shard-1") == "shard-0 new");
  gate.settings.force_suffix = true;

  CHECK(gate("/xmpp-websocket?room=y_shard-1") == "shard-1 forced");
  CHECK(gate("/xmpp-websocket?room=Y_Shard-1") == "shard-1 stick");
  CHECK(gate("/Shard-1/z") == "shard-1 forced");
  CHECK(gate("/xmpp-websocket?room=x_shard-1") == "shard-0 stick");
  CHECK(gate("/shard-1") == "shard-1 new");
}

TEST_CASE("a full table is a 503 for rooms, and pages go anywhere") {
  stick::Limits limits;
  limits.max_entries = 5;
  Gate gate(limits);
  for (int i = 0; i < 5; ++i) gate("/xmpp-websocket?room=" + std::to_string(i));

  CHECK(gate("/xmpp-websocket?room=more") == "table_full");
  CHECK(gate.table.size() == 5);

  stick::Limits tiny;
  tiny.max_entries = 4;  // no provisional entries at all
  Gate without(tiny);
  CHECK(without("/page") == "shard-0 any");
}

TEST_CASE("a refused connect moves an idle room at once") {
  Gate gate;
  gate("/xmpp-websocket?room=a");
  gate.now += seconds(120);
  const Decision failed = gate.decide("/xmpp-websocket?room=a");
  CHECK_FALSE(failed.was_in_use);

  const auto moved = gate.move("a", failed);

  REQUIRE(moved.has_value());
  CHECK(moved->shard->name == "shard-1");
  CHECK(moved->why == Why::moved);
  CHECK(gate.table.peek("a")->generation == 2);
  CHECK(gate("/xmpp-websocket?room=a") == "shard-1 moved");

  const auto again = gate.move("a", failed);
  REQUIRE(again.has_value());
  CHECK(again->shard->name == "shard-1");
  CHECK(gate.table.peek("a")->generation == 2);
}

TEST_CASE("a failed connect does not move a room that somebody else has reached meanwhile") {
  Gate gate;
  const Decision failed = gate.decide("/xmpp-websocket?room=a");
  CHECK_FALSE(failed.was_in_use);
  gate.now += seconds(2);
  CHECK(gate("/xmpp-websocket?room=a") == "shard-0 stick");
  gate.now += seconds(1);

  const auto moved = gate.move("a", failed);

  CHECK_FALSE(moved.has_value());
  CHECK(gate.table.peek("a")->generation == 1);
}

TEST_CASE("a room in use moves only when checks call its shard down, and not in a panic") {
  Gate gate;
  gate.list.push_back({.id = 2, .name = "shard-2", .addresses = {"192.0.2.3:80"}});
  gate.publish();
  gate("/xmpp-websocket?room=a");
  gate.table.hold("a", gate.now);
  Decision failed = gate.decide("/xmpp-websocket?room=a");
  CHECK(failed.was_in_use);
  const auto attempt = [&] { return gate.move("a", failed); };
  CHECK_FALSE(attempt().has_value());

  gate.list[0].up = gate.list[1].up = false;
  gate.list[0].down_since = gate.list[1].down_since = gate.now;
  ShardSet before = gate.shards;  // `failed` points into the set of its time
  failed.shard = before.by_id(0);
  gate.publish();
  gate.now += seconds(29);
  CHECK_FALSE(attempt().has_value());
  gate.now += seconds(1);
  const auto moved = attempt();

  REQUIRE(moved.has_value());
  CHECK(moved->shard->name == "shard-2");
  CHECK(gate.table.peek("a")->holds == 1);
}

TEST_CASE("a room has nowhere to go when no other shard takes it") {
  Gate gate;
  gate.list[1].state = ShardState::drain;
  gate.publish();
  gate("/xmpp-websocket?room=a");
  gate.now += seconds(120);
  const Decision failed = gate.decide("/xmpp-websocket?room=a");

  CHECK_FALSE(gate.move("a", failed).has_value());
  CHECK_FALSE(gate.move("a", gate.decide("/libs/x.js")).has_value());
}

TEST_CASE("a room moves when the connection to its next shard is open, not before") {
  Gate gate;
  gate.list.push_back({.id = 2, .name = "shard-2", .addresses = {"192.0.2.3:80"}});
  gate.publish();
  const Decision failed = gate.decide("/xmpp-websocket?room=a");

  const auto second = gate.relocate("a", failed, {0});
  REQUIRE(second.has_value());
  const auto next = second->shard->id;
  CHECK(next != 0);
  CHECK(gate.table.peek("a")->shard == 0);
  const auto third = gate.relocate("a", *second, {0, next});
  REQUIRE(third.has_value());
  CHECK(third->shard->id == 3 - next);
  CHECK_FALSE(gate.relocate("a", *third, {0, 1, 2}).has_value());
  CHECK(gate.table.peek("a")->shard == 0);  // none could be reached: it has not moved
  CHECK(gate.table.peek("a")->generation == 1);

  const auto settled = gate.settle("a", *third);

  REQUIRE(settled.has_value());
  CHECK(settled->shard == third->shard);
  CHECK_FALSE(settled->moves_from.has_value());
  CHECK(gate.table.peek("a")->shard == third->shard->id);
  CHECK(gate.table.peek("a")->generation == 2);
}

TEST_CASE("of two that move a room at once the second follows the first") {
  Gate gate;
  gate.list.push_back({.id = 2, .name = "shard-2", .addresses = {"192.0.2.3:80"}});
  gate.list[0].up = false;
  gate.publish();
  gate.table.put("a", {.shard = 0, .created = kStart, .last_used = kStart}, kStart);
  const Decision failed = gate.decide("/xmpp-websocket?room=a");
  const auto first = gate.relocate("a", failed, {0});
  const auto second = gate.relocate("a", failed, {0});
  REQUIRE((first && second));
  REQUIRE(first->shard != second->shard);

  REQUIRE(gate.settle("a", *first).has_value());
  const auto settled = gate.settle("a", *second);

  REQUIRE(settled.has_value());
  CHECK(settled->shard == first->shard);
  CHECK(gate.table.peek("a")->generation == 2);
}

TEST_CASE("a room that came into use while its next shard was connected to stays") {
  Gate gate;
  const Decision failed = gate.decide("/xmpp-websocket?room=a");
  const auto next = gate.relocate("a", failed, {0});
  REQUIRE(next.has_value());
  gate.now += seconds(2);
  CHECK(gate("/xmpp-websocket?room=a") == "shard-0 stick");

  CHECK_FALSE(gate.settle("a", *next).has_value());
  CHECK(gate.table.peek("a")->shard == 0);
}

TEST_CASE("a shard that is soft down keeps its rooms and gets new ones only when nobody else is there") {
  Gate gate;
  CHECK(gate("/xmpp-websocket?room=a") == "shard-0 new");
  gate.list[0].soft_down = true;
  gate.list[1].region = gate.list[0].region;
  gate.publish();

  CHECK(gate("/xmpp-websocket?room=a") == "shard-0 stick");
  CHECK(gate("/xmpp-websocket?room=b") == "shard-1 new");
  CHECK(gate("/xmpp-websocket?room=c") == "shard-1 new");
  CHECK_FALSE(gate.shards.panic(0.1));

  gate.list[1].soft_down = true;
  gate.publish();
  CHECK(gate("/xmpp-websocket?room=d") != "no_shard");
}

namespace {

// Two shards of each of two releases; what asks for a release stands in the target's query.
struct Releases : Gate {
  Releases() {
    list = {{.id = 0, .name = "old-0", .addresses = {"192.0.2.1:80"}, .region = "eu", .release = "old"},
            {.id = 1, .name = "old-1", .addresses = {"192.0.2.2:80"}, .region = "us", .release = "old"},
            {.id = 2, .name = "new-0", .addresses = {"192.0.2.3:80"}, .region = "eu", .release = "new"},
            {.id = 3, .name = "new-1", .addresses = {"192.0.2.4:80"}, .region = "us", .release = "new"}};
    publish();
    settings.pins =
        Pins({{.release = "new", .tenant = "school"}, {.release = "gone", .prefix = "lost"}}, "old", true);
  }

  Decision decide(const std::string& target) {
    Request asked = request(target);
    asked.query = std::string_view(target).substr(std::min(target.find('?') + 1, target.size()));
    return route::route(asked, table, shards, policy, settings, now);
  }
  // "new", or "old !gone" where the wish for "gone" was not met.
  std::string release_of(const std::string& target) {
    const Decision decision = decide(target);
    if (!decision.forwards()) return std::string(http::describe(decision.answer).label);
    return decision.shard->release + (decision.release_unmet ? " !" + std::string(decision.release) : "");
  }
};

}  // namespace

TEST_CASE("a new room goes to its pin's release, others to the live one") {
  Releases gate;
  for (int i = 0; i < 4; ++i) {
    const std::string room = std::to_string(i);
    CHECK(gate.release_of("/school/xmpp-websocket?room=" + room) == "new");
    CHECK(gate.release_of("/xmpp-websocket?room=" + room) == "old");
    CHECK(gate.release_of("/school/page" + room) == "new");
    CHECK(gate.release_of("/libs/x.js") == "old");
    CHECK(gate.release_of("/xmpp-websocket?room=test" + room + "&release=new") == "new");
  }
}

TEST_CASE("asking for a release places a new room, and changes nothing for one that is there") {
  Releases gate;
  CHECK(gate.release_of("/xmpp-websocket?room=a&release=new") == "new");
  CHECK(gate.release_of("/xmpp-websocket?room=a") == "new");
  CHECK(gate.release_of("/xmpp-websocket?room=a&release=old") == "new");
  CHECK(gate.release_of("/xmpp-websocket?room=b&release=unheard") == "old");
  CHECK(gate.release_of("/b?release=new") == "old");
}

TEST_CASE("without a shard of its release a room goes to the live one's, then anywhere") {
  Releases gate;
  gate.list[2].state = ShardState::drain;
  gate.list[3].up = false;
  gate.publish();
  CHECK(gate.release_of("/school/xmpp-websocket?room=a") == "old !new");
  CHECK(gate.release_of("/school/xmpp-websocket?room=a") == "old");
  CHECK(gate.release_of("/xmpp-websocket?room=lost") == "old !gone");

  gate.list[2].state = ShardState::ready;
  gate.list[0].up = gate.list[1].up = false;
  gate.publish();
  CHECK(gate.release_of("/xmpp-websocket?room=b") == "new !old");
  CHECK(gate.release_of("/libs/x.js") == "new");
}

TEST_CASE("the release goes before the region") {
  Releases gate;
  gate.region = "us";
  gate.list[3].up = false;
  gate.publish();

  CHECK(gate.decide("/school/xmpp-websocket?room=a").shard->name == "new-0");
  CHECK(gate.decide("/xmpp-websocket?room=a").shard->name == "old-1");
}

TEST_CASE("a new room whose shard refuses goes to another of the release it asked for") {
  Releases gate;
  const Decision failed = gate.decide("/xmpp-websocket?room=a&release=new");
  REQUIRE(failed.shard->name == "new-0");

  const auto moved = gate.move("a", failed);

  REQUIRE(moved.has_value());
  CHECK(moved->shard->name == "new-1");
  CHECK_FALSE(moved->release_unmet);
}

TEST_CASE("a banned room's requests are refused, whether it is there or not") {
  Gate gate;
  gate("/xmpp-websocket?room=there");
  const Bans bans({{Ban::Kind::room, "there"}, {Ban::Kind::tenant, "t", 429}});
  const auto ask = [&](std::string_view target) {
    Request request = gate.request(target);
    request.bans = &bans;
    const Decision decision =
        route::route(request, gate.table, gate.shards, gate.policy, gate.settings, gate.now);
    return decision.forwards() || decision.gate_answers ? 200 : http::describe(decision.answer).status;
  };

  for (const char* target :
       {"/there", "/THERE", "/xmpp-websocket?room=there", "/http-bind?room=There", "/_unlock?room=there",
        "/conference-request/v1?room=there", "/v1/_ws/shard-0/x?room=there", "/config.js?room=there"}) {
    CAPTURE(target);
    CHECK(ask(target) == 403);
  }
  CHECK(ask("/t/any") == 429);
  CHECK(ask("/t/xmpp-websocket?room=any") == 429);
  CHECK(ask("/other") == 200);
  CHECK(ask("/t2/any") == 200);
  CHECK(ask("/libs/x.js?room=there") == 200);
  CHECK(ask("/about/health?room=there") == 200);
  CHECK_FALSE(gate.table.peek("t/any").has_value());
}

TEST_CASE("an entry says why it is there: by policy, in another region, by its name, or after a failure") {
  Gate gate;
  gate.settings.force_suffix = true;
  gate.region = "eu";
  const auto placed = [&gate](std::string_view key) {
    const auto entry = gate.table.peek(key);
    REQUIRE(entry);
    CHECK(gate.table.regions().name_of(entry->region) == "eu");
    return entry->placed;
  };

  const Decision first = gate.decide("/xmpp-websocket?room=own");
  CHECK(placed("own") == stick::Placed::policy);
  const std::array tried{first.shard->id};
  const auto other =
      relocate("own", "eu", first, tried, gate.table, gate.shards, gate.policy, gate.settings, gate.now);
  REQUIRE(other);
  (void)settle("own", *other, gate.table, gate.shards, gate.settings, gate.now);
  CHECK(placed("own") == stick::Placed::failure);
  (void)gate.decide("/xmpp-websocket?room=room_shard-1");
  CHECK(placed("room_shard-1") == stick::Placed::forced);
  gate.list[0].up = false;
  gate.publish();
  (void)gate.decide("/xmpp-websocket?room=far");
  CHECK(placed("far") == stick::Placed::fallback);
}

TEST_CASE("only the request that moved a room says that it did") {
  Gate gate;
  const Decision first = gate.decide("/xmpp-websocket?room=a");
  CHECK_FALSE(first.moved_now);

  const std::array tried{first.shard->id};
  const auto other =
      relocate("a", "", first, tried, gate.table, gate.shards, gate.policy, gate.settings, gate.now);
  REQUIRE(other);
  CHECK_FALSE(other->moved_now);
  const auto moved = settle("a", *other, gate.table, gate.shards, gate.settings, gate.now);
  const auto second = settle("a", *other, gate.table, gate.shards, gate.settings, gate.now);
  const Decision later = gate.decide("/xmpp-websocket?room=a");

  REQUIRE(moved);
  CHECK(moved->moved_now);
  REQUIRE(second);
  CHECK_FALSE(second->moved_now);
  CHECK(later.why == Why::moved);
  CHECK_FALSE(later.moved_now);
}

TEST_CASE("a room that has to leave its shard goes to another that takes rooms, or nowhere") {
  Gate gate;
  const auto other = [&gate, except = std::array<stick::ShardId, 1>{0}] {
    const auto found =
        choose_other("a", "", "", except, gate.table, gate.shards, gate.policy, gate.settings, gate.now);
    return found ? std::optional(found->shard) : std::nullopt;
  };

  CHECK(other() == 1U);
  CHECK(other() == 1U);
  gate.list[1].state = ShardState::drain;
  gate.publish();
  CHECK_FALSE(other().has_value());
}

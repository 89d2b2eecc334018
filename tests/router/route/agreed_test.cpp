#include "router/route/agreed.hpp"

#include <doctest.h>

#include <array>

#include "router/room/room_key.hpp"
#include "router/route/wish.hpp"
#include "tests/router/stick/managed.hpp"

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::route;
using balance::Shard;
using balance::ShardSet;
using balance::ShardState;
using peers_sync::Outcome;
using peers_sync::Refusal;
using tests::managed;

namespace {

const TimePoint kStart = TimePoint() + std::chrono::hours(1);

struct Gate {
  std::vector<Shard> list = {{.id = 0, .name = "shard-0", .addresses = {"192.0.2.1:80"}, .region = "eu"},
                             {.id = 1, .name = "shard-1", .addresses = {"192.0.2.2:80"}, .region = "us"}};
  ShardSet shards{list};
  stick::Table table{managed()};
  Settings settings;
  std::string scratch;
  TimePoint now = kStart;

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
    result.query = query;
    return result;
  }

  void agree(std::string_view key, stick::ShardId shard, bool provisional = false) {
    stick::Entry entry;
    entry.shard = shard;
    entry.provisional = provisional;
    table.agree(key, entry);
  }

  static std::string text(const Decision& decision) {
    if (decision.gate_answers) return "gate";
    if (!decision.forwards()) return std::string(http::describe(decision.answer).label);
    return decision.shard->name + " " + std::string(to_text(decision.why));
  }
  std::string look(std::string_view target) {
    const auto decision = look_up(request(target), table, shards, settings, now);
    return decision ? text(*decision) : "ask";
  }
  Decision told(std::string_view target, const Outcome& outcome) {
    return decide_from(request(target), outcome, false, table, shards, settings, now);
  }
};

Outcome at(std::string shard, bool created = false, stick::Placed placed = stick::Placed::policy) {
  Outcome outcome;
  outcome.home.shard = std::move(shard);
  outcome.home.placed = static_cast<std::uint8_t>(placed);
  outcome.created = created;
  return outcome;
}

Outcome refused(Refusal refusal) {
  Outcome outcome;
  outcome.refusal = refusal;
  return outcome;
}

}  // namespace

TEST_CASE("a room that this gate holds needs no question, any other does") {
  Gate gate;
  gate.agree("held", 1);
  gate.agree("known", 1);
  gate.table.touch("held", kStart);

  CHECK(gate.look("/xmpp-websocket?room=held") == "shard-1 stick");
  CHECK(gate.look("/held") == "shard-1 stick");
  CHECK(gate.look("/_unlock?room=held") == "shard-1 stick");
  CHECK(gate.look("/xmpp-websocket?room=known") == "ask");
  CHECK(gate.look("/xmpp-websocket?room=new") == "ask");
  CHECK(gate.look("/new") == "ask");
  gate.now += seconds(80);
  CHECK(gate.look("/xmpp-websocket?room=held") == "ask");
  CHECK(gate.table.size() == 2);
}

TEST_CASE("what is about no room is decided at once") {
  Gate gate;
  CHECK(gate.look("/libs/x.js").ends_with(" any"));
  CHECK(gate.look("/colibri-ws/shard-1/c/e") == "shard-1 forced");
  CHECK(gate.look("/colibri-ws/shard-9/c/e") == "no_such_shard");
  CHECK(gate.look("/v1/_ws/shard-9/x?room=a") == "no_such_shard");
  CHECK(gate.look("/about/health") == "gate");
  CHECK(gate.look("/about/rooms") == "not_found");
  Bans bans({{.kind = Ban::Kind::room, .text = "bad"}});
  Request request = gate.request("/xmpp-websocket?room=bad");
  request.bans = &bans;
  const auto decision = look_up(request, gate.table, gate.shards, gate.settings, gate.now);
  REQUIRE(decision.has_value());
  CHECK(decision->answer == http::Reason::banned);
}

TEST_CASE("signalling asks for what only pages have used, and a page may be told to make nothing") {
  Gate gate;
  gate.agree("room", 1, true);
  gate.table.touch("room", kStart);
  CHECK(gate.look("/room") == "shard-1 stick");
  CHECK(gate.look("/xmpp-websocket?room=room") == "ask");

  gate.settings.pages_create = false;
  CHECK(gate.look("/other").ends_with(" any"));
  CHECK(gate.look("/room") == "shard-1 stick");
  gate.now += seconds(85);
  CHECK(gate.look("/room") == "ask");
}

TEST_CASE("a claim says what kind of use it is, and the wish") {
  Gate gate;
  const auto page = claim_of(gate.request("/t/room"), gate.shards, gate.settings);
  CHECK(page.key == "t/room");
  CHECK(page.use == peers_sync::Use::page);
  const auto socket = claim_of(gate.request("/v1/_ws/shard-1/x?room=room"), gate.shards, gate.settings);
  CHECK(socket.use == peers_sync::Use::signalling);
  CHECK(decode_wish(socket.wish)->forced == "shard-1");
  const auto stay = claim_to_stay("room", "eu", gate.list[1], gate.shards);
  CHECK(decode_wish(stay.wish)->forced == "shard-1");
}

TEST_CASE("an outcome becomes a decision, or the reason of an answer") {
  Gate gate;
  const std::string_view target = "/xmpp-websocket?room=room";
  CHECK(Gate::text(gate.told(target, at("shard-1", true))) == "shard-1 new");
  CHECK(Gate::text(gate.told(target, at("shard-1"))) == "shard-1 stick");
  CHECK(Gate::text(gate.told(target, at("shard-1", true, stick::Placed::forced))) == "shard-1 forced");
  CHECK(Gate::text(gate.told(target, at("shard-1", false, stick::Placed::by_hand))) == "shard-1 moved");
  CHECK(gate.told(target, at("shard-1", true, stick::Placed::fallback)).spill.region);
  CHECK(gate.told(target, at("shard-1")).sticky);
  CHECK(gate.told("/_unlock?room=room", at("shard-1")).unlock_fallback);
  CHECK(Gate::text(gate.told(target, refused(Refusal::no_owner))) == "no_owner");
  CHECK(http::describe(http::Reason::no_owner).status == 503);
  CHECK(Gate::text(gate.told(target, refused(Refusal::no_shard))) == "no_shard");
  CHECK(Gate::text(gate.told(target, refused(Refusal::table_full))) == "table_full");
  CHECK(Gate::text(gate.told("/room", refused(Refusal::page_full))).ends_with(" any"));
}

TEST_CASE("a home without an address is a 503, never another shard") {
  Gate gate;
  gate.list[1].addresses.clear();
  gate.publish();
  CHECK(Gate::text(gate.told("/xmpp-websocket?room=room", at("shard-1"))) == "unknown_shard");
  CHECK(Gate::text(gate.told("/xmpp-websocket?room=room", at("shard-7"))) == "unknown_shard");
  CHECK_FALSE(gate.told("/xmpp-websocket?room=room", at("shard-7")).sticky);
}

TEST_CASE("a shard in maintenance is named by the decision that refuses it") {
  Gate gate;
  gate.list[1].state = ShardState::maint;
  gate.publish();
  const auto decision = gate.told("/xmpp-websocket?room=room", at("shard-1"));
  CHECK(decision.answer == http::Reason::shard_maintenance);
  REQUIRE(decision.shard != nullptr);
  CHECK(decision.shard->name == "shard-1");
}

TEST_CASE("a shard_socket is for its shard alone") {
  Gate gate;
  CHECK(Gate::text(gate.told("/v1/_ws/shard-1/x?room=room", at("shard-1"))) == "shard-1 stick");
  CHECK(Gate::text(gate.told("/v1/_ws/shard-0/x?room=room", at("shard-1"))) == "wrong_shard");
}

TEST_CASE("a room that moved while the answer was on its way is followed") {
  Gate gate;
  stick::Entry moved;
  moved.shard = 0;
  moved.generation = 5;
  gate.table.agree("room", moved);
  CHECK(Gate::text(gate.told("/xmpp-websocket?room=room", at("shard-1"))) == "shard-0 moved");
}

TEST_CASE("a failed connect asks for a candidate, and the room moves once that is reached") {
  Gate gate;
  gate.agree("room", 0);
  gate.table.touch("room", kStart);
  const Decision failed = gate.told("/xmpp-websocket?room=room", at("shard-0", true));
  const std::array<stick::ShardId, 1> tried = {0};

  const auto ask =
      ask_elsewhere("room", "eu", "shard-0", failed, tried, gate.table, gate.shards, gate.settings);
  CHECK(ask.key == "room");
  CHECK(ask.from == "shard-0");
  CHECK_FALSE(ask.was_in_use);
  CHECK(decode_wish(ask.wish)->says == Wish::Says::shards);
  Outcome candidate = at("shard-1");
  candidate.candidate = true;
  const auto to = go_elsewhere(candidate, failed, 0, gate.shards);
  REQUIRE(to.has_value());
  CHECK(to->shard->name == "shard-1");
  CHECK(to->moves_from == stick::ShardId{0});

  Outcome moved = at("shard-1");
  moved.moved = true;
  const auto there = settled(moved, *to, gate.shards);
  REQUIRE(there.has_value());
  CHECK(there->moved_now);
  CHECK_FALSE(there->moves_from.has_value());
  CHECK(Gate::text(*there) == "shard-1 moved");
}

TEST_CASE("a room that has come into use stays, and one that moved elsewhere is followed") {
  Gate gate;
  gate.agree("room", 0);
  gate.table.touch("room", kStart);
  const Decision failed = gate.told("/xmpp-websocket?room=room", at("shard-0", true));
  CHECK_FALSE(is_in_use("room", failed, gate.table));
  gate.table.touch("room", kStart + seconds(3));
  CHECK(is_in_use("room", failed, gate.table));

  CHECK_FALSE(go_elsewhere(refused(Refusal::stay), failed, 0, gate.shards).has_value());
  CHECK_FALSE(go_elsewhere(at("shard-0"), failed, 0, gate.shards).has_value());
  const auto followed = go_elsewhere(at("shard-1"), failed, 0, gate.shards);
  REQUIRE(followed.has_value());
  CHECK_FALSE(followed->moves_from.has_value());

  Decision to = *followed;
  to.moves_from = 0;
  CHECK_FALSE(settled(refused(Refusal::stay), to, gate.shards).has_value());
  CHECK(settled(refused(Refusal::no_owner), to, gate.shards)->answer == http::Reason::no_owner);
  CHECK(Gate::text(*settled(at("shard-0"), to, gate.shards)) == "shard-0 moved");
}

TEST_CASE("an entry says what its home says, and back") {
  stick::RegionNames regions;
  peers_sync::Home home{.shard = "s",
                        .generation = 9,
                        .created = kStart,
                        .provisional = true,
                        .placed = static_cast<std::uint8_t>(stick::Placed::drained),
                        .region = "eu"};
  const auto entry = entry_of(home, 4, regions);
  CHECK(entry.shard == 4);
  CHECK(entry.origin == stick::Origin::moved);
  CHECK(entry.last_used == stick::kNeverUsed);
  CHECK(home_of(entry, "s", regions) == home);
  home.placed = 200;
  CHECK(entry_of(home, 4, regions).placed == stick::Placed::policy);
}

#include "router/route/wish.hpp"

#include <doctest.h>

#include <map>
#include <set>

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::route;
using balance::Shard;
using balance::ShardSet;
using balance::ShardState;
using Chosen = peers_sync::Host::Chosen;

namespace {

const TimePoint kStart = TimePoint() + std::chrono::hours(1);
const balance::RoomsOn kNoRooms = [](stick::ShardId) { return std::size_t{0}; };

Shard shard(stick::ShardId id, std::string name, std::string region = "eu", std::string release = "") {
  return {.id = id,
          .name = std::move(name),
          .addresses = {"192.0.2.1:80"},
          .region = std::move(region),
          .release = std::move(release)};
}

// One gate's view of the shards.
struct View {
  std::vector<Shard> list;
  Settings settings;
  std::unique_ptr<balance::Policy> policy = balance::make_policy("roundrobin");

  ShardSet shards() const { return ShardSet(list); }
  // What it says for a new room; then what it decides on such words.
  std::string says(std::string_view key, std::string_view region = "", std::string_view query = "") const {
    Request request;
    request.path.kind = room::PathKind::signalling;
    request.key = key;
    request.region = region;
    request.query = query;
    return encode(wish_of(request, shards(), settings));
  }
  Chosen decide(std::string_view key, std::string_view wish, std::string_view from = "",
                bool by_hash = false) {
    return choose_home({key, wish, from, by_hash}, shards(), *policy, settings, kNoRooms, kStart);
  }
  std::string home(std::string_view key, std::string_view wish, std::string_view from = "",
                   bool by_hash = false) {
    const Chosen chosen = decide(key, wish, from, by_hash);
    if (chosen.kind == Chosen::Kind::say_more) return "say more";
    return chosen.kind == Chosen::Kind::none ? "none" : chosen.shard;
  }
};

View three() { return {.list = {shard(0, "s0"), shard(1, "s1", "us"), shard(2, "s2")}}; }

stick::Placed placed(const Chosen& chosen) { return static_cast<stick::Placed>(chosen.placed); }

}  // namespace

TEST_CASE("a wish is read as it was written, and what is beyond its bounds is refused") {
  Wish wish{
      .region = "eu", .release = "v2", .forced = "s1", .overridden = true, .digest = 0x1122334455667788};
  CHECK(decode_wish(encode(wish)) == wish);
  wish.says = Wish::Says::shards;
  wish.shards = {1, 2, 0xffffffff};
  CHECK(decode_wish(encode(wish)) == wish);
  CHECK(decode_wish(encode(wish) + "of a later version") == wish);
  wish.says = Wish::Says::too_many;
  wish.shards.clear();
  CHECK(decode_wish(encode(wish)) == wish);

  const std::string bytes = encode(wish);
  for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(decode_wish(bytes.substr(0, size)));
  CHECK_FALSE(decode_wish("\x02" + bytes.substr(1)));
  Wish long_name;
  long_name.region = std::string(256, 'x');
  CHECK(decode_wish(encode(long_name))->region.empty());
}

TEST_CASE("gates that see the same shards understand each other by a digest, whatever numbers those have") {
  View asker = three();
  View owner{.list = {shard(7, "s2"), shard(3, "s0"), shard(9, "s1", "us")}};

  CHECK(owner.home("room", asker.says("room", "us")) == "s1");
  CHECK(owner.decide("room", asker.says("room", "us")).region == "us");
}

TEST_CASE("what one of them does not see is chosen by neither, once it is spelled out") {
  View asker = three();
  View owner = three();
  asker.list[0].up = false;                 // s0
  owner.list[2].state = ShardState::drain;  // s2
  const std::string wish = asker.says("room");

  CHECK(owner.home("room", wish) == "say more");
  const std::string more = said_in_full(wish, asker.shards());
  for (int i = 0; i < 5; ++i) CHECK(owner.home("room", more) == "s1");
  CHECK(said_in_full(more, owner.shards()) == more);

  owner.list[1].up = false;
  CHECK(owner.home("room", more) == "none");
}

TEST_CASE("of more shards than a packet has room for, the decider's own count") {
  View asker;
  View owner = three();
  for (std::size_t i = 0; i <= Wish::kMostShards; ++i) {
    asker.list.push_back(shard(static_cast<stick::ShardId>(i), "x" + std::to_string(i)));
  }

  const std::string more = said_in_full(asker.says("room"), asker.shards());

  CHECK(decode_wish(more)->says == Wish::Says::too_many);
  CHECK(owner.home("room", more) != "none");
  asker.list.pop_back();
  CHECK(said_in_full(asker.says("room"), asker.shards()).size() < 13'000);
}

TEST_CASE("a wish that cannot be read is none") {
  View owner = three();
  CHECK(owner.home("room", "\xff\xff nonsense") != "none");
  CHECK(owner.home("room", "") != "say more");
}

TEST_CASE("the reason for a choice is told with it") {
  View gate = three();
  gate.list[2].release = "v2";
  gate.settings.pins = Pins({{.release = "v2", .tenant = "t"}}, "", true);
  gate.settings.regions.fallback["ap"] = {"us"};
  gate.settings.force_suffix = true;

  CHECK(placed(gate.decide("room", gate.says("room", "us"))) == stick::Placed::policy);
  CHECK(placed(gate.decide("room", gate.says("room", "ap"))) == stick::Placed::fallback);
  CHECK(gate.home("room", gate.says("room", "ap")) == "s1");
  CHECK(placed(gate.decide("t/room", gate.says("t/room"))) == stick::Placed::pinned);
  CHECK(gate.home("room", gate.says("room", "", "release=v2")) == "s2");
  CHECK(placed(gate.decide("room", gate.says("room", "", "release=v2"))) == stick::Placed::overridden);
  CHECK(gate.home("room_s1", gate.says("room_s1")) == "s1");
  CHECK(placed(gate.decide("room_s1", gate.says("room_s1"))) == stick::Placed::forced);
}

TEST_CASE("a room that leaves goes to none that was tried") {
  View gate = three();
  for (int i = 0; i < 4; ++i) {
    const std::string plain = encode(wish_to_leave("", "", {}, gate.shards()));
    CHECK(gate.home("room", plain, "s1") != "s1");
    const std::array<stick::ShardId, 2> tried = {0, 1};
    const std::string wish = encode(wish_to_leave("", "", tried, gate.shards()));
    CHECK(gate.home("room", wish, "s0") == "s2");
    // Nor by hash: both sides of a partition place new rooms alike, which this is not.
    CHECK(gate.home("room", wish, "s0", true) == "s2");
  }
}

TEST_CASE("while a gate is missing, all choose alike whatever they see of the shards' health and rooms") {
  View one = three();
  View other{.list = {shard(7, "s2"), shard(3, "s0"), shard(9, "s1", "us")}};
  one.list[0].up = false;
  one.list[2].soft_down = true;
  one.list[2].share = 10;
  other.list[2].max_rooms = 1;
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string key = "room" + std::to_string(i);
    const std::string home = one.home(key, one.says(key), "", true);
    CHECK(home == other.home(key, other.says(key), "", true));
    seen.insert(home);
  }
  CHECK(seen.size() == 3);

  // A drain is an operator's word, which both have.
  one.list[0].state = ShardState::drain;
  for (int i = 0; i < 50; ++i) {
    const std::string key = "room" + std::to_string(i);
    CHECK(one.home(key, one.says(key), "", true) != "s0");
  }
}

TEST_CASE("by hash too, a room's release comes before its region, and its weight counts") {
  View gate{.list = {shard(0, "s0", "eu", "v1"), shard(1, "s1", "eu", "v2"), shard(2, "s2", "us", "v2"),
                     shard(3, "s3", "ap", "v1")}};
  gate.settings.pins = Pins({{.release = "v2", .tenant = "t"}}, "v1", false);
  gate.settings.regions.fallback["us"] = {"eu"};
  for (int i = 0; i < 20; ++i) {
    const std::string key = std::to_string(i);
    CHECK(gate.home("t/" + key, gate.says("t/" + key, "us"), "", true) == "s2");
    CHECK(gate.home(key, gate.says(key, "us"), "", true) == "s0");
    CHECK(placed(gate.decide(key, gate.says(key, "us"), "", true)) == stick::Placed::fallback);
    CHECK(gate.home(key, gate.says(key, "ap"), "", true) == "s3");
  }
  std::map<std::string, int> rooms;
  gate.list[3].region = "eu";
  gate.list[3].weight = 4;
  for (int i = 0; i < 1000; ++i) {
    ++rooms[gate.home(std::to_string(i), gate.says(std::to_string(i), "eu"), "", true)];
  }
  CHECK(rooms["s0"] + rooms["s3"] == 1000);
  CHECK(rooms["s3"] > 700);
  CHECK(rooms["s0"] > 100);
}

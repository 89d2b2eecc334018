#include "peers-sync/mesh/tunnel_counts.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <memory>

using namespace roomgate;
using namespace roomgate::peers_sync::mesh;

namespace {

const TimePoint kStart{std::chrono::hours(1)};

// Gates that hear each other, but for those that are silent.
struct World {
  struct Message {
    std::string from;
    std::string to;
    std::uint8_t type;
    std::string body;
  };
  TunnelCounts& add(const std::string& name, std::size_t tunnels) {
    gates[name] = std::make_unique<TunnelCounts>(
        [this, name](const std::string& to, std::uint8_t type, std::string_view body) {
          under_way.push_back({name, to, type, std::string(body)});
        },
        [tunnels](std::string_view key) { return key == "room" ? tunnels : 0; });
    return *gates[name];
  }
  void run() {
    while (!under_way.empty()) {
      const Message message = under_way.front();
      under_way.pop_front();
      const auto to = gates.find(message.to);
      if (to != gates.end()) (void)to->second->take(message.from, message.type, as_bytes(message.body));
    }
  }
  std::map<std::string, std::unique_ptr<TunnelCounts>> gates;
  std::deque<Message> under_way;
};

struct Told {
  TunnelCounts::Done done() {
    return [this](std::size_t counted, bool whole) {
      ++times;
      sum = counted;
      all = whole;
    };
  }
  int times = 0;
  std::size_t sum = 0;
  bool all = false;
};

}  // namespace

TEST_CASE("adds up what the others have") {
  World world;
  TunnelCounts& a = world.add("a", 1);
  world.add("b", 2);
  world.add("c", 40);
  Told room;
  Told other;

  a.ask("room", {"b", "c"}, room.done(), kStart);
  a.ask("other", {"b", "c"}, other.done(), kStart);
  world.run();

  CHECK(room.sum == 42);
  CHECK(room.all);
  CHECK(other.sum == 0);
  CHECK(a.next() == TimePoint::max());
}

TEST_CASE("who is alone knows it at once") {
  World world;
  Told told;

  world.add("a", 1).ask("room", {}, told.done(), kStart);

  CHECK(told.times == 1);
  CHECK(told.all);
}

TEST_CASE("who does not answer is not waited for, and the sum says so") {
  World world;
  TunnelCounts& a = world.add("a", 1);
  world.add("b", 2);
  Told told;
  a.ask("room", {"b", "gone"}, told.done(), kStart);
  world.run();
  const int before = told.times;

  a.tick(kStart + milliseconds(499));
  const int early = told.times;
  a.tick(a.next());

  CHECK(before == 0);
  CHECK(early == 0);
  CHECK(told.times == 1);
  CHECK(told.sum == 2);
  CHECK_FALSE(told.all);
}

TEST_CASE("answers that come twice, late, from others, or cut off count for nothing") {
  World world;
  TunnelCounts& a = world.add("a", 1);
  Told told;
  a.ask("room", {"b", "c"}, told.done(), kStart);
  const std::string id = world.under_way.front().body.substr(0, 8);
  const std::string answer = id + std::string("\0\0\0\2", 4);

  CHECK(a.take("b", TunnelCounts::kAnswer, as_bytes(answer)));
  CHECK(a.take("b", TunnelCounts::kAnswer, as_bytes(answer)));
  CHECK(a.take("stranger", TunnelCounts::kAnswer, as_bytes(answer)));
  CHECK(a.take("c", TunnelCounts::kAnswer, as_bytes(answer).first(11)));
  CHECK(a.take("c", TunnelCounts::kAsk, as_bytes(answer).first(7)));
  CHECK_FALSE(a.take("c", 128, as_bytes(answer)));
  a.tick(kStart + seconds(1));
  CHECK(a.take("c", TunnelCounts::kAnswer, as_bytes(answer)));

  CHECK(told.times == 1);
  CHECK(told.sum == 2);
  CHECK_FALSE(told.all);
}

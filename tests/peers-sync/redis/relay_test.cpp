#include "peers-sync/redis/relay.hpp"

#include <doctest/doctest.h>

#include <map>
#include <utility>

using namespace roomgate;
using namespace roomgate::peers_sync;
using namespace roomgate::peers_sync::redis;

namespace {

const TimePoint kNow = TimePoint(seconds(1000));

// Writes down what the relay wants.
struct Gate final : Relay::Listener {
  struct Sent {
    std::string to;
    std::uint8_t type;
    std::string body;
  };

  void send(const std::string& member, std::uint8_t type, const std::string& body) override {
    sent.push_back({member, type, body});
  }
  void answered(std::uint64_t ask, Claimed claimed) override {
    answers.emplace_back(ask, std::move(claimed));
  }
  void claim_for(Relay::Asker asker, Proposal proposal) override {
    askers.push_back(std::move(asker));
    proposals.push_back(std::move(proposal));
  }
  void vouch_for(const std::string& gate) override { vouched.push_back(gate); }
  void heard_clock(std::int64_t now) override { clock = now; }

  // Members that were asked, since this was asked last.
  std::vector<std::string> asked() {
    std::vector<std::string> members;
    for (const Sent& each : std::exchange(sent, {})) {
      if (each.type == kAsk) members.push_back(each.to);
    }
    return members;
  }

  std::vector<Sent> sent;
  std::vector<std::pair<std::uint64_t, Claimed>> answers;
  std::vector<Relay::Asker> askers;
  std::vector<Proposal> proposals;
  std::vector<std::string> vouched;
  std::int64_t clock = 0;
};

struct Scene {
  explicit Scene(Relay::Limits limits = {}) : relay(gate, limits) {}
  // A member with a session, that has Redis or not.
  void member(const std::string& name, bool has_redis, std::uint64_t life = 1) {
    relay.connected(name, life);
    says(name, has_redis);
  }
  void says(const std::string& name, bool has_redis, TimePoint now = kNow) {
    CHECK(relay.packet(name, kState, as_bytes(encode(State{.has_redis = has_redis, .now = 5})), now));
  }
  bool answers(const std::string& name, std::uint64_t id, Claimed claimed) {
    return relay.packet(name, kAnswer, as_bytes(encode(RelayAnswer{.id = id, .claimed = std::move(claimed)})),
                        kNow);
  }
  bool asks(const std::string& name, std::uint64_t id) {
    return relay.packet(name, kAsk, as_bytes(encode(RelayAsk{.id = id, .proposal = kProposal})), kNow);
  }

  const Proposal kProposal = {.key = "room", .shard = "s1"};
  const Claimed kMade = {.what = Claimed::What::made, .entry = "1 s1 5 0 0 3 eu"};
  Gate gate;
  Relay relay;
};

}  // namespace

TEST_CASE("only members that have said they have Redis are asked, two at once, each in turn") {
  Scene scene;
  scene.member("a", true);
  scene.member("b", false);
  scene.member("c", true);
  scene.member("d", true);
  scene.relay.connected("silent", 1);

  (void)scene.gate.asked();
  std::map<std::string, int> times;
  for (int i = 0; i < 10; ++i) {
    REQUIRE(scene.relay.ask(scene.kProposal, kNow));
    const auto asked = scene.gate.asked();
    CHECK(asked.size() == 2);
    for (const auto& name : asked) ++times[name];
  }

  CHECK(times.size() == 3);
  CHECK_FALSE(times.contains("b"));
  CHECK_FALSE(times.contains("silent"));
  for (const auto& [name, count] : times) CHECK(count >= 2);
}

TEST_CASE("the first answer counts, of a member that was asked") {
  Scene scene;
  scene.member("a", true);
  scene.member("b", true);
  scene.member("other", false);
  const auto id = scene.relay.ask(scene.kProposal, kNow);
  REQUIRE(id);

  CHECK(scene.answers("other", *id, scene.kMade));
  CHECK(scene.answers("a", *id + 1, scene.kMade));
  CHECK(scene.gate.answers.empty());
  CHECK(scene.answers("b", *id, scene.kMade));
  CHECK(scene.answers("a", *id, scene.kMade));

  REQUIRE(scene.gate.answers.size() == 1);
  CHECK(scene.gate.answers[0] == std::pair(*id, scene.kMade));
}

TEST_CASE(
    "a member that turns out to be cut off too leaves the question with the other; after both it is over") {
  Scene scene;
  scene.member("a", true);
  scene.member("b", true);
  const auto id = scene.relay.ask(scene.kProposal, kNow);
  REQUIRE(id);

  CHECK(scene.answers("a", *id, {.what = Claimed::What::cut}));
  CHECK(scene.gate.answers.empty());
  scene.says("b", false);

  REQUIRE(scene.gate.answers.size() == 1);
  CHECK(scene.gate.answers[0].second.what == Claimed::What::cut);
  CHECK_FALSE(scene.relay.ask(scene.kProposal, kNow));
  scene.says("a", true);
  CHECK(scene.relay.ask(scene.kProposal, kNow));
}

TEST_CASE("a session that is lost ends its questions") {
  Scene scene;
  scene.member("a", true);
  const auto id = scene.relay.ask(scene.kProposal, kNow);
  REQUIRE(id);

  scene.relay.lost("a");

  REQUIRE(scene.gate.answers.size() == 1);
  CHECK(scene.gate.answers[0].first == *id);
  CHECK_FALSE(scene.relay.ask(scene.kProposal, kNow));
  CHECK_FALSE(scene.relay.has_redis("a"));
}

TEST_CASE("a member that was silent rests, and is asked again after that; a late answer is none") {
  Scene scene;
  scene.member("a", true);
  const auto id = scene.relay.ask(scene.kProposal, kNow);
  REQUIRE(id);

  scene.relay.give_up(*id, kNow);

  CHECK_FALSE(scene.relay.ask(scene.kProposal, kNow + milliseconds(999)));
  CHECK(scene.answers("a", *id, scene.kMade));
  CHECK(scene.gate.answers.empty());
  CHECK(scene.relay.ask(scene.kProposal, kNow + seconds(1)));
}

TEST_CASE("no more questions are under way than may be") {
  Scene scene({.asks = 2});
  scene.member("a", true);

  CHECK(scene.relay.ask(scene.kProposal, kNow));
  const auto second = scene.relay.ask(scene.kProposal, kNow);
  CHECK(second);
  CHECK_FALSE(scene.relay.ask(scene.kProposal, kNow));
  CHECK(scene.answers("a", *second, scene.kMade));
  CHECK(scene.relay.ask(scene.kProposal, kNow));
}

TEST_CASE("what a member asks is claimed in its name, as many at once as may be, and answered to that life") {
  Scene scene({.served = 2});
  scene.member("a", false, 9);
  scene.gate.sent.clear();

  for (std::uint64_t id = 1; id <= 3; ++id) CHECK(scene.asks("a", id));
  REQUIRE(scene.gate.askers.size() == 2);
  CHECK(scene.gate.askers[0].gate() == "a/9");
  CHECK(scene.gate.proposals[1] == scene.kProposal);

  scene.relay.answer(scene.gate.askers[0], scene.kMade);
  REQUIRE(scene.gate.sent.size() == 1);
  CHECK(read_relay_answer(as_bytes(scene.gate.sent[0].body)) == RelayAnswer{.id = 1, .claimed = scene.kMade});
  CHECK(scene.asks("a", 4));
  CHECK(scene.gate.askers.size() == 3);

  scene.relay.lost("a");
  scene.relay.connected("a", 10);
  scene.gate.sent.clear();
  scene.relay.answer(scene.gate.askers[1], scene.kMade);
  CHECK(scene.gate.sent.empty());
}

TEST_CASE("a member without Redis is vouched for by the name of its session, not as often as it likes") {
  Scene scene({.vouching = milliseconds(200)});
  scene.member("a", false, 9);

  scene.says("a", false, kNow + milliseconds(199));
  CHECK(scene.gate.vouched == std::vector<std::string>{"a/9"});
  scene.says("a", false, kNow + milliseconds(200));
  CHECK(scene.gate.vouched.size() == 2);
  CHECK(scene.gate.clock == 0);
  scene.says("a", true, kNow + milliseconds(600));
  CHECK(scene.gate.vouched.size() == 2);
  CHECK(scene.gate.clock == 5);
}

TEST_CASE("all are told whether this gate has Redis, and who comes later as well") {
  Scene scene;
  scene.relay.connected("a", 1);
  scene.gate.sent.clear();

  scene.relay.say_state({.has_redis = true, .now = 3});
  scene.relay.connected("b", 1);

  REQUIRE(scene.gate.sent.size() == 2);
  for (const auto& each : scene.gate.sent) {
    CHECK(read_state(as_bytes(each.body)) == State{.has_redis = true, .now = 3});
  }
  CHECK(scene.gate.sent[0].to == "a");
  CHECK(scene.gate.sent[1].to == "b");
}

TEST_CASE("malformed packets and those of another mode are refused, newer ones let pass") {
  Scene scene;
  scene.member("a", true);

  for (const std::uint8_t type : {kState, kAsk, kAnswer}) {
    CHECK_FALSE(scene.relay.packet("a", type, as_bytes("\xff\xff"), kNow));
  }
  CHECK_FALSE(scene.relay.packet("a", 128, {}, kNow));
  CHECK(scene.relay.packet("a", 200, {}, kNow));
  CHECK(scene.relay.packet("nobody", kAsk, {}, kNow));
}

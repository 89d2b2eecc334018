// Membership alone against chaos: views that may decide are equal or have no gate in common, at every step;
// and when nothing goes wrong any more, all come together.
#include <doctest/doctest.h>

#include <algorithm>

#include "peers-sync/claim/membership.hpp"
#include "tests/peers-sync/claim/simulation/chaos.hpp"
#include "tests/peers-sync/claim/simulation/seeds.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync::claim;
using namespace roomgate::peers_sync::claim::simulation;

namespace {

std::string text_of(const View& view) {
  std::string text;
  for (const GateId& gate : view)
    text += (text.empty() ? "" : " ") + gate.name.substr(5) + std::to_string(gate.life % 1000);
  return "{" + text + "}";
}

// The node's part is played: its log grows now and then, and it gets the others' logs with their statuses, if
// not with each.
class Member final : public Program, private Membership::Sender {
 public:
  Member(World& world, World::Index gate, std::uint64_t life, Rules rules, TimePoint now)
      : world_(world),
        gate_(gate),
        membership_({.name = world.name(gate), .life = life, .rules = rules}, *this, now) {
    std::vector<std::string> others;
    for (World::Index i = 0; i < world.size(); ++i) {
      if (i != gate && world.linked(gate, i)) others.push_back(world.name(i));
    }
    membership_.set_configured(others, now);
  }

  void connected(const std::string& gate, TimePoint now) override {
    membership_.connected(gate, now);
    settle(now);
  }
  void lost(const std::string& gate, TimePoint now) override {
    membership_.lost(gate, now);
    settle(now);
  }
  void refused(const std::string& gate, TimePoint now) override {
    membership_.refused(gate, now);
    settle(now);
  }
  void receive(const std::string& from, const Packet& packet, TimePoint now) override {
    const auto status = decode_status(as_bytes(packet.body));
    REQUIRE(status);
    membership_.receive(from, *status, now);
    settle(now);
    const Status* newest = membership_.status_of(status->gate.name);
    if (newest != nullptr && *newest == *status && world_.random().chance(0.7)) {
      std::uint64_t& have = progress_.have[status->gate];
      have = std::max(have, status->log_end);
      progress_.complete.insert(status->gate);
      settle(now);
    }
  }
  void tick(TimePoint now) override {
    if (membership_.may_decide(now) && world_.random().chance(0.3)) {
      membership_.set_log_end(++progress_.log_end);
    }
    membership_.tick(now);
    settle(now);
  }
  TimePoint next() const override { return membership_.next(); }
  void resign(TimePoint now) override {
    membership_.resign(now);
    settle(now);
  }
  void leave(TimePoint now) override {
    membership_.leave(now);
    settle(now);
  }
  bool has_left(TimePoint now) const override { return membership_.has_left(now); }

  const Membership& membership() const { return membership_; }

 private:
  void send_status(const std::string& to, const Status& status) override {
    world_.send(gate_, to, {128, encode(status)});
  }
  void settle(TimePoint now) {
    const std::uint64_t views = membership_.view_count();
    for (const auto& change : membership_.take_changes()) {
      for (const GateId& gate : change.dropped) {
        progress_.complete.erase(gate);
        progress_.log_end += world_.random().below(3);
      }
    }
    membership_.set_progress(progress_, now);
    const std::string looks = std::string(to_text(membership_.state())) + " in " +
                              text_of(membership_.view()) + (membership_.may_decide(now) ? ", decides" : "");
    if (world_.verbose() && looks != looked_) world_.log(gate_, looks);
    looked_ = looks;
    if (membership_.view_count() != views) settle(now);
  }

  World& world_;
  World::Index gate_;
  Membership membership_;
  Membership::Progress progress_;
  std::string looked_;
};

struct Verdict {
  std::string wrong;  // empty: nothing
};

class Simulation {
 public:
  Simulation(std::uint64_t seed, Rules rules)
      : rules_(rules),
        world_(
            {.seed = seed, .gates = gates_of(seed), .verbose = verbose()},
            [this](World::Index gate, std::uint64_t life, TimePoint now, bool) {
              return std::make_unique<Member>(world_, gate, life, rules_, now);
            },
            [this](World::Index gate) { check(gate); }),
        chaos_(world_, false) {}

  std::string run() {
    chaos_.begin();
    for (int i = 0; i < 20 && wrong_.empty(); ++i) world_.run(seconds(1));
    chaos_.end();
    for (int i = 0; i < 20 && wrong_.empty(); ++i) world_.run(seconds(1));
    if (wrong_.empty()) check_end();
    return wrong_;
  }

 private:
  static std::size_t gates_of(std::uint64_t seed) { return seed % 50 == 0 ? 12 : 2 + seed % 5; }

  const Membership& membership(World::Index gate) {
    return static_cast<Member*>(world_.program(gate))->membership();
  }

  void check(World::Index gate) {
    if (!world_.runs(gate) || !membership(gate).may_decide(world_.local(gate))) return;
    const View& view = membership(gate).view();
    for (World::Index other = 0; other < world_.size(); ++other) {
      if (other == gate || !world_.runs(other)) continue;
      const View& another = membership(other).view();
      if (view == another || !membership(other).may_decide(world_.local(other))) continue;
      View both;
      std::set_intersection(view.begin(), view.end(), another.begin(), another.end(),
                            std::back_inserter(both));
      if (!both.empty()) {
        fail(world_.name(gate) + " decides in " + text_of(view) + " and " + world_.name(other) + " in " +
             text_of(another));
      }
    }
  }

  void check_end() {
    const View& view = membership(0).view();
    if (view.size() != world_.size()) fail("the first view is " + text_of(view));
    for (World::Index gate = 0; gate < world_.size(); ++gate) {
      const Membership& it = membership(gate);
      if (it.view() != view)
        fail(world_.name(gate) + " is in " + text_of(it.view()) + ", the first in " + text_of(view));
      if (it.state() != State::member) fail(world_.name(gate) + " is " + std::string(to_text(it.state())));
      if (!it.may_decide(world_.local(gate))) fail(world_.name(gate) + " may not decide");
    }
  }

  void fail(const std::string& what) {
    if (wrong_.empty())
      wrong_ = "at " + std::to_string(std::chrono::duration<double>(world_.now()).count()) + " s: " + what;
    if (verbose()) world_.log(0, "WRONG: " + what);
  }

  Rules rules_;
  World world_;
  Chaos chaos_;
  std::string wrong_;
};

}  // namespace

TEST_CASE("simulation: views that may decide are equal or disjoint, and all come together in the end") {
  for (const std::uint64_t seed : seeds(60)) {
    const std::string wrong = Simulation(seed, {}).run();

    CHECK_MESSAGE(wrong.empty(), "SIMULATION_SEED=" << seed << " " << wrong);
  }
}

TEST_CASE("simulation: without leases two views that overlap decide") {
  std::string wrong;
  for (std::uint64_t seed = 1; seed <= 200 && wrong.empty(); ++seed)
    wrong = Simulation(seed, {.lease = false}).run();

  CHECK(wrong.find("decides in") != std::string::npos);
}

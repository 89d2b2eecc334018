#include "peers-sync/claim/membership.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <memory>

using namespace roomgate;
using namespace roomgate::peers_sync::claim;

namespace {

constexpr Duration kStep = milliseconds(1);

// Gates in one process: what one says reaches the others a step later, unless the way is cut. They are
// complete with whoever is live, and have each log as it is.
class Cluster {
 public:
  explicit Cluster(std::vector<std::string> names, Rules rules = {}) : rules_(rules) {
    for (const std::string& name : names) start(name, 1);
  }

  void start(const std::string& name, std::uint64_t life, std::vector<std::string> configured = {}) {
    auto gate = std::make_unique<Gate>(*this, name);
    gate->membership = std::make_unique<Membership>(
        Membership::Options{.name = name, .life = life, .rules = rules_}, *gate, now);
    gates_[name] = std::move(gate);
    for (auto& [other, it] : gates_) {
      if (other == name) continue;
      configured.push_back(other);
      if (it->stopped) continue;
      it->membership->connected(name, now);
    }
    (*this)[name].set_configured(configured, now);
    for (auto& [other, it] : gates_) {
      if (other != name && !it->stopped) (*this)[name].connected(other, now);
    }
  }
  // As SIGKILL does: nothing is said any more, connections end.
  void kill(const std::string& name) {
    gates_[name]->stopped = true;
    for (auto& [other, it] : gates_) {
      if (it->stopped) continue;
      it->membership->lost(name, now);
    }
  }
  void refuse(const std::string& name) {
    for (auto& [other, it] : gates_) {
      if (!it->stopped) it->membership->refused(name, now);
    }
  }
  void freeze(const std::string& name, bool frozen) { gates_[name]->stopped = frozen; }
  void cut(const std::string& from, const std::string& to, bool is_cut = true) { cut_[{from, to}] = is_cut; }

  void run(Duration time) {
    for (const TimePoint end = now + time; now < end;) {
      now += kStep;
      std::deque<Flying> arriving;
      std::swap(arriving, flying_);
      for (Flying& one : arriving) {
        if (gates_[one.to]->stopped) {
          flying_.push_back(std::move(one));
          continue;
        }
        (*this)[one.to].receive(one.from, one.status, now);
        settle(*gates_[one.to]);
      }
      for (auto& [name, gate] : gates_) {
        if (!gate->stopped) settle(*gate);
      }
    }
  }
  // As often as needed, and as a whole no longer than `most`.
  template <class Condition>
  bool run_until(Duration most, const Condition& condition) {
    for (const TimePoint end = now + most; now < end; run(kStep)) {
      if (condition()) return true;
    }
    return condition();
  }

  Membership& operator[](const std::string& name) { return *gates_[name]->membership; }
  std::string view_of(const std::string& name) {
    std::string text;
    for (const GateId& gate : (*this)[name].view()) text += gate.name;
    return text;
  }
  std::string deciding() {
    std::string text;
    for (auto& [name, gate] : gates_) {
      if (!gate->stopped && gate->membership->may_decide(now)) text += name;
    }
    return text;
  }

  TimePoint now{seconds(1000)};
  std::uint64_t statuses = 0;

 private:
  struct Gate : Membership::Sender {
    Gate(Cluster& cluster, std::string name) : cluster_(cluster), name_(std::move(name)) {}
    void send_status(const std::string& to, const Status& status) override {
      ++cluster_.statuses;
      if (!cluster_.cut_[{name_, to}]) cluster_.flying_.push_back({name_, to, status});
    }
    Cluster& cluster_;
    std::string name_;
    bool stopped = false;
    std::unique_ptr<Membership> membership;
    std::set<GateId> complete;
  };
  struct Flying {
    std::string from;
    std::string to;
    Status status;
  };

  // The part of a node: logs are empty, so that who is live has all.
  void settle(Gate& gate) {
    Membership& membership = *gate.membership;
    membership.take_changes();
    const auto live = membership.live(now);
    const std::set<GateId> complete(live.begin(), live.end());
    membership.set_progress({.complete = complete}, now);
    if (membership.next() <= now) membership.tick(now);
  }

  Rules rules_;
  std::map<std::string, std::unique_ptr<Gate>> gates_;
  std::map<std::pair<std::string, std::string>, bool> cut_;
  std::deque<Flying> flying_;
};

}  // namespace

TEST_CASE("a gate without others is a member at once") {
  Cluster cluster({"a"});

  cluster.run(kStep);

  CHECK(cluster["a"].state() == State::member);
  CHECK(cluster.deciding() == "a");
}

TEST_CASE("gates that start at the same moment become one view within round trips") {
  Cluster cluster({"a", "b", "c"});

  cluster.run(milliseconds(50));

  CHECK(cluster.deciding() == "abc");
  CHECK(cluster.view_of("a") == "abc");
}

TEST_CASE("a configured gate that refuses connections is absent, a silent one is waited for") {
  Cluster refusing({"a"});
  Cluster silent({"a"});

  refusing.start("a", 2, {"z"});
  refusing["a"].refused("z", refusing.now);
  refusing.run(milliseconds(10));
  silent.start("a", 2, {"z"});
  silent.run(milliseconds(2900));

  CHECK(refusing.deciding() == "a");
  CHECK(silent.deciding().empty());
  silent.run(milliseconds(200));
  CHECK(silent.deciding() == "a");
  CHECK(silent["a"].missing(silent.now) == std::vector<std::string>{"z"});
}

TEST_CASE("a silent gate is dropped after takeover, and nobody decides its keys before") {
  Cluster cluster({"a", "b", "c"});
  cluster.run(seconds(1));

  cluster.freeze("c", true);
  cluster.run(milliseconds(900));

  CHECK(cluster.deciding().empty());
  CHECK(cluster.view_of("a") == "abc");
  CHECK(cluster.run_until(seconds(1), [&] { return cluster.deciding() == "ab"; }));
  CHECK(cluster.view_of("a") == "ab");
  CHECK(cluster["a"].missing(cluster.now) == std::vector<std::string>{"c"});
}

TEST_CASE("a gate whose host refuses connections is dropped after a lease") {
  Cluster cluster({"a", "b", "c"});
  cluster.run(seconds(1));

  cluster.kill("c");
  cluster.run(milliseconds(5));
  cluster.refuse("c");

  CHECK(cluster.run_until(milliseconds(800),
                          [&] { return cluster.deciding() == "ab" && cluster.view_of("a") == "ab"; }));
}

TEST_CASE("a goodbye takes round trips") {
  Cluster cluster({"a", "b", "c"});
  cluster.run(seconds(1));

  cluster["c"].leave(cluster.now);

  CHECK(cluster.run_until(milliseconds(50),
                          [&] { return cluster.deciding() == "ab" && cluster.view_of("a") == "ab"; }));
  CHECK(cluster["c"].has_left(cluster.now));
  CHECK(cluster["a"].missing(cluster.now).empty());
}

TEST_CASE("one that resigns is in no view after round trips, and lives until it leaves") {
  Cluster cluster({"a", "b", "c"});
  cluster.run(seconds(1));

  cluster["c"].resign(cluster.now);

  CHECK(cluster.run_until(milliseconds(50),
                          [&] { return cluster.deciding() == "ab" && cluster.view_of("a") == "ab"; }));
  cluster.run(seconds(5));
  CHECK(cluster.deciding() == "ab");
  CHECK(cluster["a"].is_live(GateId{"c", 1}, cluster.now));
  CHECK(!cluster["c"].has_left(cluster.now));

  cluster["c"].leave(cluster.now);

  CHECK(cluster.run_until(milliseconds(50), [&] { return cluster["c"].has_left(cluster.now); }));
  CHECK(!cluster["a"].is_live(GateId{"c", 1}, cluster.now));
  CHECK(cluster["a"].missing(cluster.now).empty());
}

TEST_CASE("one that resigned and is cut off decides alone, and is missing") {
  Cluster cluster({"a", "b", "c"});
  cluster.run(seconds(1));
  cluster["c"].resign(cluster.now);
  cluster.run(seconds(1));

  for (const char* other : {"a", "b"}) {
    cluster.cut("c", other);
    cluster.cut(other, "c");
  }

  CHECK(cluster.run_until(seconds(6), [&] { return cluster.deciding() == "abc"; }));
  CHECK(cluster["a"].missing(cluster.now) == std::vector<std::string>{"c"});
}

TEST_CASE("a gate without others decides until it leaves, and where all resign one decides on") {
  Cluster alone({"a"});
  Cluster all({"a", "b", "c"});
  all.run(seconds(1));

  alone["a"].resign(alone.now);
  for (const char* name : {"a", "b", "c"}) all[name].resign(all.now);

  alone.run(seconds(1));
  CHECK(alone.deciding() == "a");
  CHECK(all.run_until(milliseconds(100), [&] { return all.deciding() == "a"; }));
  all.run(seconds(5));
  CHECK(all.deciding() == "a");
}

TEST_CASE("one that had to stay resigns when another comes to decide") {
  Cluster cluster({"a"});
  cluster.run(seconds(1));
  cluster["a"].resign(cluster.now);
  cluster.run(seconds(1));

  cluster.start("b", 1);

  CHECK(cluster.run_until(seconds(1), [&] { return cluster.deciding() == "b"; }));
  CHECK(cluster["a"].state() == State::leaving);
}

TEST_CASE("a gate that was stopped decides nothing when it goes on, and comes back") {
  Cluster cluster({"a", "b", "c"});
  cluster.run(seconds(1));
  cluster.freeze("a", true);
  cluster.run(seconds(5));
  REQUIRE(cluster.deciding() == "bc");

  cluster.freeze("a", false);

  CHECK(!cluster["a"].may_decide(cluster.now));
  CHECK(cluster.run_until(seconds(2), [&] { return cluster.deciding() == "abc"; }));
}

TEST_CASE("a newer life takes the place of the older") {
  Cluster cluster({"a", "b"});
  cluster.run(seconds(1));

  cluster.kill("b");
  cluster.start("b", 2);
  cluster.run(milliseconds(20));

  CHECK(cluster["a"].take_gone() == std::vector<GateId>{{"b", 1}});
  // What the older life may still hold is waited for.
  CHECK(cluster.deciding().empty());
  CHECK(cluster.run_until(milliseconds(700), [&] { return cluster.deciding() == "ab"; }));
}

TEST_CASE("two halves decide apart while there is no way between them, and together afterwards") {
  Cluster cluster({"a", "b", "c", "d"});
  cluster.run(seconds(1));
  const auto cut = [&](bool is_cut) {
    for (const char* left : {"a", "b"}) {
      for (const char* right : {"c", "d"}) {
        cluster.cut(left, right, is_cut);
        cluster.cut(right, left, is_cut);
      }
    }
  };

  cut(true);
  cluster.run(seconds(3));

  CHECK(cluster.deciding() == "abcd");
  CHECK(cluster.view_of("a") == "ab");
  CHECK(cluster.view_of("c") == "cd");
  cut(false);
  CHECK(cluster.run_until(milliseconds(500),
                          [&] { return cluster.deciding() == "abcd" && cluster.view_of("a") == "abcd"; }));
}

TEST_CASE("gates that hear each other only through a third are one view") {
  Cluster cluster({"a", "b", "c"});
  cluster.cut("a", "c");
  cluster.cut("c", "a");

  const bool together = cluster.run_until(seconds(2), [&] { return cluster.deciding() == "abc"; });

  CHECK(together);
  CHECK(cluster["a"].way_to("c", cluster.now) == "b");
  CHECK(cluster["a"].way_to("b", cluster.now) == "b");
}

TEST_CASE("the largest lease that anybody asks for counts for all") {
  Cluster cluster({"a", "b"});
  cluster.run(seconds(1));
  CHECK(cluster["a"].lease() == milliseconds(500));
  const std::uint64_t heard_of_a = cluster["b"].status_of("a")->number;
  Status slow{.gate = {"c", 1}, .number = 1, .lease_ms = 800, .asked_lease_ms = 800};
  slow.of.push_back({.gate = {"a", 1}, .heard = heard_of_a});

  cluster["a"].receive("b", slow, cluster.now);
  cluster["b"].receive("a", slow, cluster.now);

  CHECK(cluster["a"].lease() == milliseconds(800));
}

TEST_CASE("what everybody has of a log is what the one with the least has, even when it is gone") {
  Cluster cluster({"a", "b", "c"});
  cluster.run(seconds(1));
  cluster.kill("c");
  cluster.run(seconds(2));
  cluster["a"].set_progress({.have = {{{"b", 1}, 7}}, .complete = {{"b", 1}}}, cluster.now);

  CHECK(cluster["a"].everybody_has({"b", 1}) == 0);
}

TEST_CASE("a gate says no more than it must when nothing changes") {
  Cluster cluster({"a", "b", "c"});
  cluster.run(seconds(1));
  cluster.statuses = 0;

  cluster.run(seconds(10));

  CHECK(cluster.statuses <= 3 * 2 * 101);
}

// A few gates on one clock, with a network between them that takes its time, loses nothing unless told to,
// and can be cut: for tests of the node. Deterministic.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "peers-sync/claim/node.hpp"
#include "peers-sync/claim/packets.hpp"

namespace roomgate::peers_sync::claim {

// A router that takes shards in turn, and remembers what it was told.
class FakeHost final : public Host {
 public:
  Chosen choose(const Placement& placement, TimePoint) override {
    ++choices;
    by_hash = placement.by_hash;
    for (std::size_t i = 0; i < shards.size(); ++i) {
      const std::string& shard = shards[(turn + i) % shards.size()];
      if (shard == placement.from) continue;
      turn = (turn + i + 1) % shards.size();
      return {.kind = Chosen::Kind::shard, .shard = shard, .placed = 1, .region = "eu"};
    }
    return {};
  }
  std::string said_in_full(std::string_view, std::string_view wish) override { return std::string(wish); }
  bool sees_down(std::string_view shard) override { return down.contains(std::string(shard)); }
  std::vector<std::string> shards_down() override { return {down.begin(), down.end()}; }
  bool in_panic(TimePoint) override { return panic; }
  std::optional<std::size_t> participants(std::string_view key, std::string_view) override {
    const auto at = people.find(std::string(key));
    return at == people.end() ? std::nullopt : std::optional(at->second);
  }

  void put(std::string_view key, const Home& home) override { table[std::string(key)] = home; }
  void drop(std::string_view key) override { table.erase(std::string(key)); }
  bool give_back(std::string_view key, TimePoint now) override {
    if (local_use(key, now).held) return false;
    table.erase(std::string(key));
    return true;
  }
  LocalUse local_use(std::string_view key, TimePoint now) override {
    const auto at = used.find(std::string(key));
    const TimePoint last = at == used.end() ? TimePoint{} : at->second;
    const bool tunnel = tunnels.contains(std::string(key));
    return {.held = tunnel || now - last < seconds(90), .tunnels = tunnel, .last_used = tunnel ? now : last};
  }
  void moved(std::string_view key, std::string_view from, const Home& to) override {
    moves.push_back(std::string(key) + ": " + std::string(from) + " -> " + to.shard);
  }
  void heard(const Word& word) override { words[word.name] = word.value; }
  void ready_changed(bool now_ready) override { ready = now_ready; }

  std::vector<std::string> shards = {"s1", "s2", "s3"};
  std::size_t turn = 0;
  std::size_t choices = 0;
  bool by_hash = false;
  bool panic = false;
  bool ready = false;
  std::set<std::string> down;
  std::map<std::string, std::size_t> people;
  std::map<std::string, Home> table;
  std::map<std::string, TimePoint> used;
  std::set<std::string> tunnels;
  std::vector<std::string> moves;
  std::map<std::string, std::string> words;
};

class Gates {
 public:
  // Named a, b, c, ...
  explicit Gates(std::size_t count, NodeOptions options = {}) : options_(std::move(options)) {
    for (std::size_t i = 0; i < count; ++i) gates_.push_back(std::make_unique<Gate>(*this, i));
    for (std::size_t i = 0; i < count; ++i) start(i);
  }

  void start(std::size_t i) {
    Gate& gate = *gates_[i];
    NodeOptions options = options_;
    options.name = gate.name;
    options.life = ++last_life_;
    options.seed = last_life_;
    gate.host = std::make_unique<FakeHost>();
    gate.host->turn = i;
    gate.node = std::make_unique<Node>(options, *gate.host, gate, now_);
    std::vector<std::string> others;
    for (const auto& other : gates_) {
      if (other->name != gate.name) others.push_back(other->name);
    }
    gate.node->set_configured(others, now_);
    for (std::size_t j = 0; j < gates_.size(); ++j) link(i, j);
  }
  // Of gates that start from now on.
  void set_max_entries(std::size_t entries) { options_.max_entries = entries; }
  // As SIGKILL: what was sent is still delivered; new connections are refused.
  void kill(std::size_t i) {
    gates_[i]->node.reset();
    for (auto& other : gates_) {
      if (!other->node) continue;
      other->node->lost(gates_[i]->name, now_);
      other->node->refused(gates_[i]->name, now_);
    }
  }
  void cut(std::size_t i, std::size_t j) {
    cut_.insert(std::minmax(i, j));
    if (gates_[i]->node) gates_[i]->node->lost(gates_[j]->name, now_);
    if (gates_[j]->node) gates_[j]->node->lost(gates_[i]->name, now_);
  }
  void mend(std::size_t i, std::size_t j) {
    cut_.erase(std::minmax(i, j));
    link(i, j);
  }

  void run(Duration time) {
    const TimePoint end = now_ + time;
    while (true) {
      TimePoint next = end;
      if (!wire_.empty()) next = std::min(next, wire_.begin()->first.first);
      for (const auto& gate : gates_) {
        if (gate->node) next = std::min(next, std::max(gate->node->next(), now_));
      }
      now_ = std::max(now_, next);
      if (now_ >= end) break;
      while (!wire_.empty() && wire_.begin()->first.first <= now_) {
        auto node = wire_.extract(wire_.begin());
        auto& [from, to, packet] = node.mapped();
        Gate& gate = *gates_[to];
        if (!gate.node || is_cut(from, to)) continue;
        if (!gate.node->receive(gates_[from]->name, packet.type, as_bytes(packet.body), now_)) ++malformed;
      }
      for (const auto& gate : gates_) {
        if (gate->node && gate->node->next() <= now_) gate->node->tick(now_);
      }
    }
    now_ = end;
  }
  bool run_until(const std::function<bool()>& condition, Duration most = seconds(10)) {
    for (const TimePoint end = now_ + most; now_ < end; run(milliseconds(5))) {
      if (condition()) return true;
    }
    return condition();
  }
  bool ready() {
    return run_until([&] {
      return std::all_of(gates_.begin(), gates_.end(), [&](const auto& gate) {
        return !gate->node || (gate->node->ready() && gate->node->status(now_).may_decide &&
                               gate->node->status(now_).view.size() == running());
      });
    });
  }
  std::size_t running() const {
    return static_cast<std::size_t>(
        std::count_if(gates_.begin(), gates_.end(), [](const auto& gate) { return gate->node != nullptr; }));
  }

  Node& node(std::size_t i) { return *gates_[i]->node; }
  FakeHost& host(std::size_t i) { return *gates_[i]->host; }
  TimePoint now() const { return now_; }
  std::size_t index(const std::string& name) const { return static_cast<std::size_t>(name[0] - 'a'); }
  // Of a key, as gate 0 (or the first that runs) sees it.
  std::size_t owner(const std::string& key) {
    for (const auto& gate : gates_) {
      if (gate->node) return index(gate->node->facts(key, now_).owner);
    }
    return 0;
  }
  std::string key_owned_by(std::size_t i, const std::string& prefix = "room") {
    for (int n = 0; n < 10'000; ++n) {
      const std::string key = prefix + std::to_string(n);
      if (owner(key) == i) return key;
    }
    return "";  // it owns nothing
  }

  // The request is under way until `answers` has it.
  std::shared_ptr<std::optional<Outcome>> claim(std::size_t i, const std::string& key,
                                                Use use = Use::signalling) {
    auto answer = std::make_shared<std::optional<Outcome>>();
    if (use == Use::signalling) host(i).used[key] = now_;
    node(i).claim(
        {.key = key, .use = use}, [answer](const Outcome& outcome) { *answer = outcome; }, now_);
    return answer;
  }
  // And waits for it.
  Outcome ask(std::size_t i, const std::string& key, Use use = Use::signalling) {
    const auto answer = claim(i, key, use);
    run_until([&] { return answer->has_value(); });
    return answer->value_or(Outcome{.refusal = Refusal::no_owner});
  }
  std::string shard(std::size_t i, const std::string& key) {
    const auto& home = node(i).facts(key, now_).home;
    return home ? home->shard : "";
  }

  Duration delay = milliseconds(1);
  // The same packet, over and over.
  void repeat(std::size_t from, std::size_t to, const Packet& packet, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) send(from, to, packet);
  }

  // False: the packet is lost.
  std::function<bool(std::size_t from, std::size_t to, const Packet& packet)> pass;
  std::size_t malformed = 0;
  std::size_t packets = 0;

 private:
  struct Gate final : Transport {
    Gate(Gates& its_net, std::size_t its_index)
        : net(its_net), index(its_index), name(1, static_cast<char>('a' + its_index)) {}
    void send(const std::string& to, Packet packet) override {
      net.send(index, net.index(to), std::move(packet));
    }
    Gates& net;
    std::size_t index;
    std::string name;
    std::unique_ptr<FakeHost> host;
    std::unique_ptr<Node> node;
  };

  void send(std::size_t from, std::size_t to, Packet packet) {
    ++packets;
    if (!gates_[to]->node || is_cut(from, to) || (pass && !pass(from, to, packet))) return;
    wire_.emplace(std::pair(now_ + delay, ++last_sent_), std::tuple(from, to, std::move(packet)));
  }
  bool is_cut(std::size_t i, std::size_t j) const { return cut_.contains(std::minmax(i, j)); }
  void link(std::size_t i, std::size_t j) {
    if (i == j || !gates_[i]->node || !gates_[j]->node || is_cut(i, j)) return;
    gates_[i]->node->connected(gates_[j]->name, now_);
    gates_[j]->node->connected(gates_[i]->name, now_);
  }

  NodeOptions options_;
  TimePoint now_ = TimePoint{} + std::chrono::hours(1000);
  std::vector<std::unique_ptr<Gate>> gates_;
  std::uint64_t last_life_ = 0;
  std::uint64_t last_sent_ = 0;
  std::set<std::pair<std::size_t, std::size_t>> cut_;
  std::map<std::pair<TimePoint, std::uint64_t>, std::tuple<std::size_t, std::size_t, Packet>> wire_;
};

}  // namespace roomgate::peers_sync::claim

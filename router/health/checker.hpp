// Asks every shard how it is, again and again, and the agents beside them; counts failed connections of
// clients with it; and says when a verdict or a fact about a shard has changed. Two coroutines per shard.
// Owned by the gate, on its control core: checks never wait behind requests.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "router/agent/words.hpp"
#include "router/health/answer.hpp"
#include "router/health/ask.hpp"
#include "router/metrics/metrics.hpp"

namespace roomgate::router::health {

// What an agent beside the shard has come to say.
using AgentWord = agent::Word;

struct Target {
  std::string name;
  std::vector<std::string> addresses;  // tried in this order; one that answers is enough
  bool check = true;
  std::string agent;                              // ADDRESS:PORT of its agent; empty: none
  std::shared_ptr<const tls::ClientContext> tls;  // null: plain
  friend bool operator==(const Target&, const Target&) = default;
};

struct Verdict {
  bool up = true;     // by its checks and its agent
  bool soft = false;  // up, but its checks fail: new rooms had better go elsewhere
  TimePoint changed_at{};
  Answer last;
  AgentWord agent;
};

class Checker {
 public:
  using OnChange = std::function<void(const std::string& shard, const Verdict& verdict)>;

  Checker(net::Core& core, Options options, Metrics& metrics, OnChange on_change);
  ~Checker();

  // Shards that stay keep what is known about them, also at other addresses; new ones are up until checks say
  // otherwise, the first at once.
  void set_targets(const std::vector<Target>& targets);
  // What is known about the shards stays.
  void set_options(Options options);

  // A connection for a client failed. `silent`: nobody answered, rather than somebody saying no.
  void connect_failed(const std::string& shard, bool silent);

 private:
  struct Probe;
  using Probes = std::map<std::string, std::shared_ptr<Probe>>;

  net::Task<void> watch(std::shared_ptr<Probe> probe);
  net::Task<void> listen(std::shared_ptr<Probe> probe);
  // True: what was known of it changed with that.
  bool adopt(Probe& probe, const Target& target);
  void conclude(Probe& probe, Answer answer);
  bool observe(Probe& probe, balance::Outcome outcome, std::string_view reason);
  void hear(Probe& probe, const Result<std::string, std::string>& line);
  void tell(Probe& probe);

  net::Core& core_;
  std::shared_ptr<const Options> options_;
  Metrics& metrics_;
  OnChange on_change_;
  Probes probes_;
};

}  // namespace roomgate::router::health

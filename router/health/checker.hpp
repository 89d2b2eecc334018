// Asks every shard how it is, again and again, and says when a verdict or a fact about it has changed. One
// coroutine per shard. Owned by the gate, on its control core: checks never wait behind requests.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/net/sleep.hpp"
#include "base/net/stream.hpp"
#include "router/balance/health_state.hpp"
#include "router/metrics/metrics.hpp"
#include "router/tls/client_context.hpp"

namespace roomgate::router::health {

struct Options {
  bool enabled = true;
  std::string path = "/about/health";  // "": a connect is enough
  Duration timeout = seconds(2);
  balance::HealthSettings settings;
  std::size_t max_answer_bytes = 64 * 1024;
};

struct Target {
  std::string name;
  std::vector<std::string> addresses;  // tried in this order; one that answers is enough
  bool check = true;
  std::string agent;                              // ADDRESS:PORT of its agent; empty: none
  std::shared_ptr<const tls::ClientContext> tls;  // null: plain
  friend bool operator==(const Target&, const Target&) = default;
};

// What a shard says about itself.
struct Answer {
  bool ok = false;
  std::string reason;                    // of a failure, for people
  std::optional<std::string> announced;  // its name
  std::optional<double> load;            // 0 .. 1
  bool refuses_new_rooms = false;        // it drains itself, or is full
  friend bool operator==(const Answer&, const Answer&) = default;
};

// Status 200 is good; the body may be roomshard's JSON, and need not be.
Answer read_answer(int status, std::string_view body);

// What an agent beside the shard said last (HAProxy's agent-check); it counts until it says otherwise.
struct AgentWord {
  enum class State { none, ready, drain, maint, down };
  State state = State::none;
  std::uint32_t percent = 100;  // of the shard's weight
  friend bool operator==(const AgentWord&, const AgentWord&) = default;
};

struct Verdict {
  bool up = true;
  TimePoint changed_at{};
  Answer last;
  AgentWord agent;
};

class Checker {
 public:
  using OnChange = std::function<void(const std::string& shard, const Verdict& verdict)>;

  Checker(net::Core& core, Options options, Metrics& metrics, OnChange on_change);
  ~Checker();

  // Shards that stay keep what is known about them; new ones are up until checks say otherwise, the first at
  // once.
  void set_targets(const std::vector<Target>& targets);
  // All begin anew.
  void set_options(Options options);

 private:
  struct Probe;
  net::Task<void> watch(std::shared_ptr<Probe> probe);
  static net::Task<Answer> ask(net::Core& core, Options options, Target target);
  void conclude(Probe& probe, Answer answer);

  net::Core& core_;
  Options options_;
  Metrics& metrics_;
  OnChange on_change_;
  std::map<std::string, std::shared_ptr<Probe>> probes_;
};

}  // namespace roomgate::router::health

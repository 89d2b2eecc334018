// Asks every shard which rooms it has, again and again, and says what follows from that: rooms that no entry
// knows, and rooms that two shards have. One coroutine per shard. A shard that has no census (404, or
// something else than a list of rooms) is left in peace: asked again rarely, and said once. Owned by the
// gate, on its control core; snapshot() is any thread's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/net/sleep.hpp"
#include "base/net/waiter.hpp"
#include "router/census/snapshot.hpp"
#include "router/metrics/metrics.hpp"
#include "router/tls/client_context.hpp"

namespace roomgate::router::census {

struct Options {
  Duration interval = seconds(10);
  Duration rarely = std::chrono::minutes(10);  // where there is no census
  Duration timeout = seconds(5);               // of one address
  // As checks: health.host, health.headers.
  std::string host;
  std::vector<std::string> headers;
  room::KeySettings keys;
  Limits limits;
};

struct Target {
  std::string shard;
  std::string path;                               // empty: it is not asked
  std::vector<std::string> addresses;             // the first that answers is enough
  std::shared_ptr<const tls::ClientContext> tls;  // null: plain
  friend bool operator==(const Target&, const Target&) = default;
};

class Asker {
 public:
  Asker(net::Core& core, Options options, Metrics& metrics);
  ~Asker();

  // Shards that stay keep what they have said; new ones are asked at once.
  void set_targets(const std::vector<Target>& targets);
  void set_options(Options options);

  // Until every shard has answered, or has failed to. False: the deadline came first.
  net::Task<bool> all_asked(TimePoint deadline) { return all_asked_.wait(deadline); }

  // Never null.
  std::shared_ptr<const Snapshot> snapshot() const;

  // Looks what the answers mean, where there are new ones: metrics, log lines. `known`: there is an entry of
  // that key. About once a second.
  void review(const std::function<bool(std::string_view key)>& known);
  // As the last review found them.
  const std::vector<Snapshot::Split>& splits() const { return splits_; }

 private:
  struct Probe;
  struct Outcome;

  static net::Task<Outcome> ask(net::Core& core, Target target, std::shared_ptr<const Options> options);
  net::Task<void> watch(std::shared_ptr<Probe> probe);
  // How long it is left in peace now.
  Duration conclude(Probe& probe, Outcome outcome);
  void publish();
  void tell_if_all_asked();

  net::Core& core_;
  std::shared_ptr<const Options> options_;
  Metrics& metrics_;
  std::map<std::string, std::shared_ptr<Probe>> probes_;  // by shard
  net::Event all_asked_;

  mutable std::mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_ = std::make_shared<const Snapshot>();

  std::shared_ptr<const Snapshot> reviewed_;
  std::vector<Snapshot::Split> splits_;
  std::size_t unknown_ = 0;
};

}  // namespace roomgate::router::census

// The way of a question about a room from a core to the peers core, and of its answer back: a post each way,
// of which any number costs one wake-up. Each question ends: by its answer, or by itself a little after
// peers.claim_timeout, should the peers core be late. Owned by the Cluster; asked on any core but that one.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/net/core.hpp"
#include "base/net/sleep.hpp"
#include "peers-sync/replica.hpp"
#include "router/metrics/metrics.hpp"
#include "router/session/arbiter.hpp"
#include "router/stick/table.hpp"

namespace roomgate::router::cluster {

struct AskingLimits {
  std::size_t unseen = 100'000;         // by the peers core
  Duration margin = milliseconds(500);  // the replica answers first, if it can
};

class Asking final : public session::Arbiter {
 public:
  Asking(net::Core& peers, stick::Table& table, Metrics& metrics, AskingLimits limits = {});

  net::Task<peers_sync::Outcome> claim(net::Core& core, peers_sync::Claim claim) override;
  net::Task<peers_sync::Outcome> elsewhere(net::Core& core, peers_sync::Elsewhere ask) override;
  net::Task<peers_sync::Outcome> settle(net::Core& core, peers_sync::Settle settle) override;

  // Any thread.
  void set_claim_timeout(Duration time) { claim_timeout_.store(time.count(), std::memory_order_relaxed); }

  // The peers core's. Null: nobody answers, every question is refused at once.
  void answer_by(peers_sync::Replica* replica) { replica_ = replica; }

 private:
  struct Waiting {
    explicit Waiting(net::Core& on) : core(on), answered(on) {}
    net::Core& core;
    net::Event answered;
    peers_sync::Outcome outcome;        // read and written on its core
    std::atomic<bool> given_up{false};  // nobody waits any more
  };
  // Asks the replica, on the peers core.
  using Put = std::function<void(peers_sync::Replica& replica, peers_sync::Replica::Done done)>;

  net::Task<peers_sync::Outcome> ask(net::Core& core, std::string key, Put put);
  void answer(const std::shared_ptr<Waiting>& waiting, const std::string& key,
              const peers_sync::Outcome& outcome);
  void count(const peers_sync::Outcome& outcome);

  net::Core& peers_;
  stick::Table& table_;
  AskingLimits limits_;
  std::atomic<Duration::rep> claim_timeout_{Duration(seconds(3)).count()};
  std::atomic<std::size_t> unseen_{0};
  peers_sync::Replica* replica_ = nullptr;
  // Of claims alone: created, known, and one for each refusal.
  metrics::Counter& created_;
  metrics::Counter& known_;
  std::array<metrics::Counter*, 6> refused_;
};

}  // namespace roomgate::router::cluster

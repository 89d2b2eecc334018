// Reads the sockets of a core by rounds, one each millisecond, rather than at each datagram: a reader that
// sleeps until one comes has to be woken by whoever sends it, which on loopback is the server whose CPU is
// measured (a fifth of it where packets come one by one). The kernel stamps what comes, so nothing is
// measured late. On the core's thread.
#pragma once

#include <vector>

#include "base/net/core.hpp"
#include "bench/roomload/transport/pacer.hpp"

namespace roomgate::bench::roomload::transport {

class Rounds final : private Pacer::Timed {
 public:
  static constexpr Duration kRound = milliseconds(1);

  // The pacer outlives it.
  explicit Rounds(Pacer& pacer);
  ~Rounds();

  // From the next round on `watcher` is told when something has come since the last one, or was there before.
  // Until unwatch(), which comes before the descriptor is closed. False: out of memory or descriptors.
  bool watch(int descriptor, net::Core::Watcher& watcher);
  void unwatch(int descriptor);

 private:
  void on_due(TimePoint now) override;

  Pacer& pacer_;
  int epoll_ = -1;
  std::vector<net::Core::Watcher*> watchers_;  // by descriptor
  std::size_t watched_ = 0;
};

}  // namespace roomgate::bench::roomload::transport

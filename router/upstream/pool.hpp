// Connections of one core to the shards, kept between requests. Only connections whose last exchange was
// complete come back; an idle one holds no buffer and no coroutine. It connects where it is told: it never
// chooses or moves. Owned by the core's worker, its thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/address.hpp"
#include "base/net/core.hpp"
#include "base/net/stream.hpp"
#include "router/stick/types.hpp"
#include "router/tls/client_context.hpp"
#include "router/upstream/slots.hpp"

namespace roomgate::router::upstream {

struct Limits {
  std::size_t idle_per_shard = 256;
  Duration idle_time = seconds(15);  // servers close idle connections too, and a race costs a retry
  // A request that must not be sent twice takes a used connection only when the shard had no time to close
  // it.
  Duration fresh_within = seconds(1);
  Duration connect = seconds(3);
};

// Which connection will do.
enum class Wanted {
  any,       // the request may be repeated: a connection that turns out dead costs nothing
  fresh,     // new, or idle for less than Limits::fresh_within
  only_new,  // the second attempt
};

struct Connection {
  std::unique_ptr<net::Stream> stream;
  stick::ShardId shard = stick::kNoShard;
  std::string address;
  std::shared_ptr<const tls::ClientContext> tls;  // what it was verified by; null: plain text
  TimePoint idle_since{};
  bool reused = false;
};

class Pool {
 public:
  // `slots` is told how many connections are idle; nullptr: nobody is.
  Pool(net::Core& core, Limits limits, Slots* slots = nullptr);
  ~Pool();

  // The youngest idle connection to that address of the shard, and by that TLS, that will do; nullptr:
  // connect().
  std::unique_ptr<Connection> take(stick::ShardId shard, const std::string& address, Wanted wanted,
                                   TimePoint now, const tls::ClientContext* tls = nullptr);
  // `tls`: the shard's, null for plain text; its handshake is within Limits::connect too.
  net::Task<Result<std::unique_ptr<Connection>, net::IoError>> connect(
      stick::ShardId shard, std::string address, std::shared_ptr<const tls::ClientContext> tls = nullptr);
  // After a complete exchange that leaves the connection usable.
  void give_back(std::unique_ptr<Connection> connection, TimePoint now);
  // The one that was idle longest, to make room for another; false: there is none.
  bool close_oldest(stick::ShardId shard);
  // Slots anew, after a limit came: what is idle.
  void tell_idle();
  // A shard that is gone or has another address: its idle connections close.
  void close_idle(const std::function<bool(const Connection&)>& which);

  std::size_t idle() const { return idle_count_; }
  void set_limits(Limits limits) { limits_ = limits; }

 private:
  struct Reaper final : TimerWheel::Timer {
    explicit Reaper(Pool& owner) : pool(owner) {}
    void on_expire() override;
    Pool& pool;
  };
  // False: closed by the shard meanwhile, or it sent something that nobody asked for. `look`: ask the system
  // too, for what is not yet told.
  static bool still_good(Connection& connection, bool look);
  void changed(stick::ShardId shard, std::size_t connections) {
    if (slots_ != nullptr) slots_->set_idle(shard, connections);
  }

  net::Core& core_;
  Limits limits_;
  Slots* slots_;
  std::unordered_map<stick::ShardId, std::vector<std::unique_ptr<Connection>>> idle_;  // oldest first
  std::size_t idle_count_ = 0;
  Reaper reaper_;
};

}  // namespace roomgate::router::upstream

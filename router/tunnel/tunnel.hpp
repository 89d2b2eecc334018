// What follows a 101: two pumps, one coroutine per direction, each reading only after it has written
// (backpressure). An end on one side is passed on and the other direction goes on (half-close); an error,
// silence on both sides, or interrupt() ends both. A quiet tunnel holds no buffer. Owned by a coroutine of
// its own; its core's thread.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/net/channel.hpp"
#include "base/net/sleep.hpp"

namespace roomgate::router::tunnel {

struct Limits {
  Duration idle = std::chrono::hours(1);  // no byte either way
  Duration stall = seconds(60);           // one side takes nothing of what the other sent
  Duration client_fin = seconds(60);      // silence of the client after the shard has ended
  Duration server_fin = seconds(60);      // silence of the shard after the client has ended
};

enum class End { both_closed, idle, stalled, broken, interrupted };
std::string_view to_string(End end);

struct Totals {
  std::uint64_t up = 0;    // client to shard
  std::uint64_t down = 0;  // shard to client
  End end = End::both_closed;
};

class Tunnel {
 public:
  Tunnel(net::Core& core, std::unique_ptr<net::Channel> client, std::unique_ptr<net::Channel> shard,
         Limits limits);

  // Bytes that came behind the heads. Ends when both directions have.
  net::Task<Totals> run(std::vector<std::uint8_t> from_client, std::vector<std::uint8_t> from_shard);
  void interrupt();

 private:
  // After one side has ended: the other may stay silent for a shorter while.
  struct HalfOpen final : TimerWheel::Timer {
    explicit HalfOpen(Tunnel& owner) : tunnel(owner) {}
    void on_expire() override;
    Tunnel& tunnel;
    Duration patience{};
  };

  net::Task<void> pump(net::Channel& from, net::Channel& to, std::uint64_t& count,
                       std::vector<std::uint8_t> first);
  net::Task<void> move_bytes(net::Channel& from, net::Channel& to, std::uint64_t& count,
                             std::vector<std::uint8_t> first);
  void end(End why);

  net::Core& core_;
  std::unique_ptr<net::Channel> client_;
  std::unique_ptr<net::Channel> shard_;
  Limits limits_;
  Totals totals_;
  TimePoint last_activity_;
  int running_ = 0;
  bool ended_ = false;
  HalfOpen half_open_;
  net::Event done_;
};

}  // namespace roomgate::router::tunnel

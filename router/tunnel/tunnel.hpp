// What follows a 101: bytes both ways, each direction read only after what it read before is written
// (backpressure). An end on one side is passed on and the other direction goes on (half-close); an error,
// silence on both sides, or interrupt() ends both. A quiet tunnel holds no buffer and no coroutine: one is
// made only while a slow receiver is waited for. Owned by its Owner, who is told the end; its core's thread.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/net/channel.hpp"
#include "router/tunnel/frames.hpp"

namespace roomgate::router::tunnel {

struct Limits {
  Duration idle = std::chrono::hours(1);  // no byte either way
  Duration stall = seconds(60);           // one side takes nothing of what the other sent
  Duration client_fin = seconds(60);      // silence of the client after the shard has ended
  Duration server_fin = seconds(60);      // silence of the shard after the client has ended
  Duration farewell = seconds(2);         // for all of leave()
};

enum class End { both_closed, idle, stalled, broken, interrupted, moved };
std::string_view to_string(End end);

struct Totals {
  std::uint64_t up = 0;    // client to shard
  std::uint64_t down = 0;  // shard to client
  End end = End::both_closed;
};

class Tunnel final : private net::Turn {
 public:
  class Owner {
   public:
    // Both directions are done. From the top of the loop: the tunnel may go.
    virtual void on_end(const Totals& totals) = 0;

   protected:
    ~Owner() = default;
  };

  Tunnel(net::Core& core, std::unique_ptr<net::Channel> client, std::unique_ptr<net::Channel> shard,
         const Limits& limits, Owner& owner);

  // Bytes that came behind the heads.
  void start(std::vector<std::uint8_t> from_client, std::vector<std::uint8_t> from_shard);
  void interrupt() { end(End::interrupted); }
  // RFC 6455 7.4.1: "going away", the one code that has every client come back.
  static constexpr std::uint16_t kGoingAway = 1001;
  // Its room is elsewhere now, or its time is over. Again: nothing more.
  void leave(End why = End::moved, std::uint16_t code = kGoingAway);

 private:
  // One way. Waits for its source, or a coroutine of its waits for its receiver.
  struct Pump final : net::Ready {
    Pump(Tunnel& of, net::Channel& source, net::Channel& sink) : tunnel(of), from(source), to(sink) {}
    void on_ready(net::IoStatus result) override { tunnel.on_ready(*this, result); }
    Tunnel& tunnel;
    net::Channel& from;
    net::Channel& to;
    std::uint64_t bytes = 0;
    Frames frames;
    // A Close of ours: wanted at the next chance; written, or not needed any more.
    enum class Close : std::uint8_t { none, due, said } close = Close::none;
    bool bulk = false;  // large buffers, as long as the receiver keeps up: many slow ones must not hold much
    bool done = false;
  };
  // After one side has ended: the other may stay silent for a shorter while.
  struct HalfOpen final : TimerWheel::Timer {
    explicit HalfOpen(Tunnel& owner) : tunnel(owner) {}
    void on_expire() override;
    Tunnel& tunnel;
    Duration patience{};
  };
  // From leave() on.
  struct Farewell final : TimerWheel::Timer {
    Farewell(Tunnel& owner, std::uint16_t with_code) : tunnel(owner), code(with_code) {}
    void on_expire() override { tunnel.end(tunnel.why_); }
    Tunnel& tunnel;
    std::uint16_t code;
  };

  void on_ready(Pump& pump, net::IoStatus result);
  // Moves what is there; ends waiting, writing, or done.
  void move(Pump& pump);
  net::Task<void> go_on_later(Pump& pump);
  net::Task<void> finish_write(Pump& pump, net::Buffer buffer, std::size_t at, std::size_t end);
  net::Task<void> first_write(Pump& pump, std::vector<std::uint8_t> bytes);
  // The end of a frame, and our Close behind it; what else was read with it goes no further.
  net::Task<void> last_write(Pump& pump, net::Buffer buffer, std::size_t of_frame, std::size_t read);
  // Both have heard that this is the end, and said so themselves.
  bool parted() const;
  void part(Pump& pump);
  bool written(Pump& pump, net::IoStatus result);
  void finish(Pump& pump);
  void end(End why);
  void on_turn() override;

  net::Core& core_;
  Owner& owner_;
  const Limits limits_;
  std::unique_ptr<net::Channel> client_;
  std::unique_ptr<net::Channel> shard_;
  Pump up_;
  Pump down_;
  TimePoint last_activity_;
  std::unique_ptr<HalfOpen> half_open_;
  std::unique_ptr<Farewell> farewell_;
  End why_ = End::both_closed;
  bool ended_ = false;
};

}  // namespace roomgate::router::tunnel

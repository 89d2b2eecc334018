// One session with a peer, in the protocol of HAProxy's peers 2.1, both sides of it: handshake, then updates,
// acks, heartbeats, teaching and learning (facts in docs/peers.md). A peer that is a gate says so behind the
// hello's third line, or with its first message; from then on only messages of claim::kGateClass go, in both
// directions. Sans-I/O: bytes in, bytes out, told the time. Owned by a link, the peers core.
//
//   connecting: hello -> status 200 -> open
//   accepting:  hello (Listener::judge) -> status -> open, or closed after any other status
//   open        haproxy: pushing | teaching until confirmed | learning (at most one session of a process at a time)
//   open        gate:    packets
//   closed      by an error (said before, where the protocol has a word), silence, or a lost handshake
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "peers-sync/codec/handshake.hpp"
#include "peers-sync/haproxy/tables.hpp"

namespace roomgate::peers_sync {

struct SessionLimits {
  Duration handshake = seconds(5);
  Duration heartbeat = seconds(3);    // of silence on our side, towards HAProxy
  Duration silence = seconds(8);      // of theirs, then the session is over
  std::size_t max_unsent = 4 << 20;   // bytes in out(); HAProxy: no more is pushed; a gate: closed
  std::size_t updates_at_once = 200;  // then others get their turn
};

class Session {
 public:
  enum class Side : std::uint8_t { connecting, accepting };

  struct Peer {
    std::string name;
    bool gate = false;
    std::uint64_t life = 0;  // of gates
    bool local = false;      // our own name: the process before us, at a reload (HAProxy's way)
  };
  class Listener {
   public:
    // A hello has come; the answer is what is sent. 200: opened() follows.
    virtual codec::Status judge(const Peer& peer) = 0;
    // From now on it counts. A connecting session knows whether the peer is a gate only with its first
    // message; until then `gate` is what it was said to be by settings or before, or false.
    virtual void opened(const Peer& peer) = 0;
    virtual void recognised(const Peer& gate) = 0;              // it is a gate
    virtual bool packet(std::uint8_t type, ByteView body) = 0;  // of a gate; false: malformed
   protected:
    ~Listener() = default;
  };

  struct Options {
    Side side = Side::connecting;
    std::string own_name;
    std::uint64_t life = 0;
    std::string peer_name;  // connecting: whom
    unsigned minor = 1;     // to be said: 0 after a 502
    SessionLimits limits;
  };
  // `tables`: of HAProxy beside us; outlives the session.
  Session(Options options, Listener& listener, haproxy::Tables& tables, TimePoint now);
  ~Session();

  // Also with nothing, after a pause. What it has to say is in out().
  void consume(ByteView bytes, TimePoint now);
  void tick(TimePoint now);
  TimePoint next() const;

  void send(std::uint8_t type, std::string_view body, TimePoint now);  // to a gate
  // Tables has news.
  void push(TimePoint now);

  // To be written; the caller takes it.
  std::string& out();
  bool closed() const;                      // once out() is written
  std::string_view why() const;             // it closed, for people
  std::optional<unsigned> refused() const;  // by which status
  const Peer& peer() const;
  bool open() const;

  struct Counters {
    std::uint64_t updates_in = 0;
    std::uint64_t updates_out = 0;
    std::uint64_t skipped = 0;  // messages nobody here knows
    std::uint64_t malformed = 0;
  };
  const Counters& counters() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace roomgate::peers_sync

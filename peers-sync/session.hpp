// One session with a peer, in the protocol of HAProxy's peers 2.1, both sides of it: handshake, then updates,
// acks, heartbeats, teaching and learning (haproxy/conversation.hpp). A peer that is a gate says so behind
// the hello's third line, or with its first message (codec/gate_hello.hpp); from then on only messages of
// that class count, in both directions. Sans-I/O: bytes in, bytes out, told the time. Owned by a link, the
// peers core.
//
//   connecting: says hello -> waits for status 200 -> nameless: says nothing, until the first message tells
//               whether it is a gate or a HAProxy; after a second of silence it is a HAProxy
//   accepting:  waits for hello (Listener::judge) -> says the status -> gate or HAProxy, as the hello said;
//               or closed, after any other status
//   gate        packets
//   haproxy     a Conversation
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
  Duration first_message = seconds(1);  // of the accepting side, where we connect; then it is a HAProxy
  Duration heartbeat = seconds(3);      // of silence on our side
  Duration silence = seconds(8);        // no whole message of theirs, then the session is over
  Duration gate_silence = seconds(2);   // of a gate; its heartbeat comes four times as often
  Duration lesson = seconds(5);         // no entry of one that we asked for, then it is over
  std::size_t max_unsent = 4 << 20;     // bytes in out(); HAProxy: no more is pushed; a gate: closed
  std::size_t updates_at_once = 200;    // then others get their turn
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
  // May call send() and push(), but must not destroy the session.
  class Listener {
   public:
    // A hello has come that is meant for us; the answer is what is sent. 200: opened() follows. Not asked
    // about a gate that cannot be one of ours (another hash, our own name).
    virtual codec::Status judge(const Peer& peer) = 0;
    // From now on it counts. A connecting session knows whether the peer is a gate only with its first
    // message; until then `gate` is false.
    virtual void opened(const Peer& peer) = 0;
    virtual void recognised(const Peer& gate) = 0;  // it is a gate: once, on both sides, after opened()
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

  // To be written; the caller takes it when it can be written, so that its size is what the peer has not
  // read. After that tick() may have more.
  std::string& out();
  bool closed() const;                      // once out() is written
  std::string_view why() const;             // it closed, for people; empty: it did not
  std::optional<unsigned> refused() const;  // by which status
  const Peer& peer() const;
  bool open() const;
  bool haproxy() const;  // open, and no gate as far as it has said

  struct Counters {
    std::uint64_t updates_in = 0;  // entries; of gates: packets
    std::uint64_t updates_out = 0;
    std::uint64_t skipped = 0;  // messages nobody here knows, and entries of other tables
    std::uint64_t malformed = 0;
  };
  Counters counters() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace roomgate::peers_sync

// The one thread that does DTLS handshakes for all media workers (shard.md 1 and 5: one costs 130 us and
// more, which no packet should wait for). Each worker talks to it through two bounded rings; worker w calls
// the methods with its own number only, from its own thread. The association's id is made up by the worker,
// never 0, never used twice.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "sfu/transport/dtls.hpp"
#include "sfu/transport/spsc_ring.hpp"

namespace roomgate::sfu::transport {

struct HandshakeLimits {
  std::size_t queue = 1024;             // requests of a worker, and events for it
  std::size_t max_associations = 4096;  // per worker
  std::size_t max_datagram_bytes = 2048;
  Duration keep = seconds(30);  // the SSL object after the handshake
  DtlsLimits dtls;
};

enum class HandshakeEventKind { datagram, keys, failed, closed };
struct HandshakeEvent {
  HandshakeEventKind kind = HandshakeEventKind::datagram;
  std::uint64_t association = 0;
  std::vector<std::uint8_t> bytes;                // datagram: send it to the selected pair
  SrtpKeys keys;                                  // keys
  DtlsError error = DtlsError::handshake_failed;  // failed
};

class HandshakeThread {
 public:
  // `context` outlives this.
  HandshakeThread(const DtlsContext& context, std::size_t workers, const HandshakeLimits& limits = {});
  ~HandshakeThread();  // stops and joins; the workers must have stopped using it
  HandshakeThread(const HandshakeThread&) = delete;
  HandshakeThread& operator=(const HandshakeThread&) = delete;

  void start();

  // A DTLS datagram that came from an ICE-validated pair. The first ClientHello of an id opens the
  // association. False: the ring is full; it is counted and lost, as on a network.
  bool datagram(std::size_t worker, std::uint64_t association, ByteView bytes);
  // The client's fingerprint from signalling. Neither this nor drop() is ever lost.
  void expect(std::size_t worker, std::uint64_t association, std::string hash, std::string value);
  // The endpoint is gone (or failed): forgets the association, with a close_notify for a connected one.
  void drop(std::size_t worker, std::uint64_t association);

  // Readable (an eventfd, non-blocking, level-triggered) when events wait for this worker.
  int event_fd(std::size_t worker) const;
  // Appends what waits, at most the ring's size, and resets the descriptor.
  void collect(std::size_t worker, std::vector<HandshakeEvent>& out);

  std::uint64_t lost_requests() const { return lost_requests_.load(std::memory_order_relaxed); }
  std::uint64_t lost_datagrams() const { return lost_datagrams_.load(std::memory_order_relaxed); }
  std::uint64_t handshakes_done() const { return handshakes_done_.load(std::memory_order_relaxed); }
  std::uint64_t handshakes_failed() const { return handshakes_failed_.load(std::memory_order_relaxed); }

 private:
  enum class RequestKind { datagram, expect, drop };
  struct Request {
    RequestKind kind = RequestKind::datagram;
    std::uint64_t association = 0;
    std::vector<std::uint8_t> bytes;
    std::string hash;
    std::string value;
  };
  struct Association {
    std::unique_ptr<DtlsServer> dtls;  // empty: not begun
    std::string hash;                  // told before the first datagram
    std::string value;
  };
  struct Lane;

  void run();
  void handle(Lane& lane, Request& request, TimePoint now);
  void deliver(Lane& lane, std::uint64_t association, DtlsOutput& output);
  void submit(Lane& lane, Request&& request);
  TimePoint tick(Lane& lane, TimePoint now);
  TimePoint due(const DtlsServer& dtls) const;
  void wake() const;
  void freed(TimePoint now);
  void give_memory_back(TimePoint now);

  const DtlsContext& context_;
  const HandshakeLimits limits_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  TimePoint trim_at_ = TimePoint::max();  // SSL objects were freed: the allocator is to give back
  int wake_fd_ = -1;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> lost_requests_{0};
  std::atomic<std::uint64_t> lost_datagrams_{0};
  std::atomic<std::uint64_t> handshakes_done_{0};
  std::atomic<std::uint64_t> handshakes_failed_{0};
  std::thread thread_;
};

}  // namespace roomgate::sfu::transport

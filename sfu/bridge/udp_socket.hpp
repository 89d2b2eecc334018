// A worker's UDP socket: dual stack, read in batches (recvmmsg) with the local address each datagram came to,
// written in batches (sendmmsg, equal-sized runs to one destination as one UDP_SEGMENT message, facts: that
// is most of the gain). Never blocks: what the kernel does not take is dropped and counted. Owned by one
// worker, used on its thread.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace roomgate::sfu::bridge {

// A remote address and the local one its packets come to. Answers leave from `local` (its port is ignored;
// unspecified: the kernel chooses, or the socket has but one), since a client drops what comes from an
// address it never spoke to.
struct Path {
  Address remote;
  Address local;
  friend bool operator==(const Path&, const Path&) = default;
};

struct UdpCounters {
  std::uint64_t received = 0;
  std::uint64_t truncated = 0;
  std::uint64_t overflowed = 0;  // SO_RXQ_OVFL: dropped by the kernel before we read them
  std::uint64_t sent = 0;
  std::uint64_t send_dropped = 0;  // the kernel's buffer was full
  std::uint64_t send_failed = 0;   // no route, too large ...
  std::uint64_t gso_messages = 0;
};

class UdpSocket {
 public:
  static constexpr std::size_t kBatch = 64;

  // Asks for `buffer` bytes each way and warns once, naming the sysctl, when it gets less.
  static Result<UdpSocket, std::string> open(const Address& bind_to, int buffer);

  UdpSocket(UdpSocket&& other) noexcept;
  UdpSocket& operator=(UdpSocket&&) = delete;
  ~UdpSocket();

  int fd() const { return fd_; }
  // With the port the kernel gave.
  const Address& bound() const { return bound_; }
  const UdpCounters& counters() const { return counters_; }

  struct Datagram {
    ByteSpan bytes;  // in the buffer given to receive()
    Path path;
    TimePoint received_at;  // when the kernel got it
  };
  // Reads up to buffers.size() (at most kBatch) datagrams, datagram i into buffers[i]; returns how many.
  std::size_t receive(std::span<ByteSpan> buffers, std::span<Datagram> out);

  struct Outgoing {
    Path path;
    ByteView bytes;  // borrowed for the call
    std::size_t segment =
        0;  // bytes hold several datagrams of this size, the last may be shorter; 0: one datagram
  };
  // For a path that is kept: without its local address where the kernel would choose the same, since a
  // datagram that says from which address it leaves costs a search of the routes for it (bench/send_floor).
  // Asks the kernel: some microseconds.
  Path leanest(const Path& path) const;
  // In order. What is not taken is counted and lost.
  void send(std::span<const Outgoing> messages);
  void send(const Path& path, ByteView datagram);

 private:
  struct Message;
  struct Scratch;

  UdpSocket(int fd, const Address& bound);
  void send_batch(std::span<const Outgoing> messages);
  void send_segments(const Outgoing& message);
  void fill(Message& message, const Outgoing& outgoing, std::size_t segment) const;

  int fd_;
  Address bound_;
  bool v6_ = true;
  bool gso_ = true;
  std::uint32_t overflow_seen_ = 0;
  std::unique_ptr<Scratch> scratch_;
  UdpCounters counters_;
};

}  // namespace roomgate::sfu::bridge

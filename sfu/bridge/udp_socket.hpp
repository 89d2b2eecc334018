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
// unspecified: the kernel chooses), since a client drops what comes from an address it never spoke to.
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
  static constexpr std::size_t kMaxDatagram = 2048;  // larger ones are counted and dropped
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
  };
  // Reads up to buffers.size() (at most kBatch) datagrams, datagram i into buffers[i]; returns how many.
  std::size_t receive(std::span<ByteSpan> buffers, std::span<Datagram> out);

  // ---- sending: queue datagrams, then flush() once per batch.

  // Remembers where a destination's datagrams of this batch are, so that those of one destination leave
  // together whatever was queued in between. Owned by the destination; empty at first.
  struct RunHandle {
    std::uint64_t batch = 0;
    std::uint32_t run = 0;
  };

  // Room for one datagram of up to kMaxDatagram bytes; flushes first when the arena is full.
  ByteSpan reserve();
  // What reserve() gave now holds `size` bytes for `path`.
  void commit(const Path& path, std::size_t size, RunHandle& handle);
  void flush();

 private:
  static constexpr std::size_t kArenaSlots = 512;
  static constexpr std::size_t kMaxSegments = 32;  // of one UDP_SEGMENT message; the kernel takes 64
  static constexpr std::uint32_t kNone = 0xffffffff;

  struct Slot {
    std::uint32_t next = kNone;
    std::uint16_t size = 0;
  };
  struct Run {
    Path path;
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
  };
  struct Message;
  struct Scratch;

  UdpSocket(int fd, const Address& bound);
  void build_messages();
  void send_messages();
  void send_one_by_one(const Message& message);
  void fill_control(Message& message, const Address& local, std::uint16_t segment);

  int fd_;
  Address bound_;
  bool v6_ = true;
  bool gso_ = true;
  std::uint32_t overflow_seen_ = 0;
  std::uint64_t batch_ = 1;
  std::uint32_t used_ = 0;
  std::vector<Slot> slots_;
  std::vector<Run> runs_;
  std::unique_ptr<std::uint8_t[]> arena_;
  std::unique_ptr<Scratch> scratch_;
  UdpCounters counters_;
};

}  // namespace roomgate::sfu::bridge

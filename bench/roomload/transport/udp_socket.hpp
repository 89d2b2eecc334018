// The UDP socket of one participant and the desk it is served from: the desk has the buffers of a core, for
// one batch in and one batch out. A receiver never sets UDP_GRO (every datagram is seen as it left the
// server), and a sender never UDP_SEGMENT. On the core's thread.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/net/core.hpp"
#include "bench/roomload/transport/pacer.hpp"
#include "bench/roomload/transport/rounds.hpp"
#include "sfu/transport/ice.hpp"
#include "sfu/transport/srtp.hpp"

namespace roomgate::bench::roomload::transport {

class MediaTransport;

struct Arrived {
  ByteSpan bytes;  // to be opened in place
  Address from;
  TimePoint at;  // when the kernel had it
};

// What the sockets of a core share: none of it lives longer than one batch.
struct Desk {
  static constexpr std::size_t kBatch = 64;
  static constexpr std::size_t kSlot =
      1536;  // no datagram of the path is longer; what is, is cut and refused

  explicit Desk(net::Core& its_core);

  std::uint8_t* slot_in(std::size_t i) { return &in[i * kSlot]; }
  std::uint8_t* slot_out(std::size_t i) { return &out[i * kSlot]; }

  net::Core& core;
  Pacer pacer;
  Rounds rounds{pacer};
  std::vector<std::uint8_t> in;
  std::vector<std::uint8_t> out;
  std::array<Arrived, kBatch> arrived;
  std::array<sfu::transport::SrtpPacket, kBatch> opening;
  std::array<TimePoint, kBatch> opening_at;
  // The batch out: packets in clear until its transport flushes.
  MediaTransport* sender = nullptr;
  std::size_t waiting = 0;
  std::array<std::uint16_t, kBatch> sizes{};
  std::array<bool, kBatch> sealed{};
  std::array<sfu::transport::SrtpPacket, kBatch> sealing;
  sfu::transport::IceOutput ice;
  // For recvmmsg and sendmmsg: filled once, as far as it never changes.
  std::array<mmsghdr, kBatch> heads_in{};
  std::array<iovec, kBatch> parts_in{};
  std::array<sockaddr_storage, kBatch> names_in{};
  static constexpr std::size_t kControl = 64;
  std::array<std::array<std::uint8_t, kControl>, kBatch> control_in{};
  std::size_t used_in = kBatch;  // heads that the last batch wrote to: most are of a few datagrams
  std::array<mmsghdr, kBatch> heads_out{};
  std::array<iovec, kBatch> parts_out{};
  // CLOCK_REALTIME minus CLOCK_MONOTONIC, since the kernel stamps in the former; looked at once a second.
  Duration wall_offset(TimePoint now);

 private:
  Duration offset_{};
  TimePoint offset_at_{};
};

struct SocketCounts {
  std::uint64_t datagrams_in = 0;
  std::uint64_t datagrams_out = 0;
  std::uint64_t not_sent = 0;  // the system had no room
  std::uint64_t cut = 0;       // longer than a slot
};

class UdpSocket {
 public:
  UdpSocket() = default;
  ~UdpSocket();
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  // False: out of descriptors or ports. `watcher` is told of events.
  bool open(net::Core& core, bool v4, net::Core::Watcher& watcher);
  // From now on events come by rounds, not as they happen. False, and as before: out of memory.
  bool read_by_rounds(Rounds& rounds, net::Core::Watcher& watcher);
  void close();
  bool is_open() const { return descriptor_ >= 0; }
  std::uint16_t port() const;

  // Up to Desk::kBatch datagrams, into the desk; 0: none there.
  std::size_t receive(Desk& desk, TimePoint now, SocketCounts& counts);
  void send(ByteView datagram, const Address& to, SocketCounts& counts);
  // The desk's first `count` out slots, of those sizes.
  void send_batch(Desk& desk, std::span<const std::uint16_t> sizes, const Address& to, SocketCounts& counts);

  // From now on the kernel drops media, and only STUN, DTLS and RTCP come: for rooms with more receivers than
  // one machine can read. Spares the server part of its work on loopback, so never where its CPU is measured.
  bool drop_media();
  // Datagrams that the kernel had to drop, since we did not read in time (or asked it to, by drop_media).
  std::uint32_t kernel_drops() const;

 private:
  net::Core* core_ = nullptr;
  Rounds* rounds_ = nullptr;  // null: the core watches
  int descriptor_ = -1;
};

}  // namespace roomgate::bench::roomload::transport

#include "bench/roomload/transport/udp_socket.hpp"

#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>

namespace roomgate::bench::roomload::transport {
namespace {

constexpr int kSocketBuffer = 2 * 1024 * 1024;  // the system gives what it allows (net.core.rmem_max)

}  // namespace

Desk::Desk(net::Core& its_core) : core(its_core), pacer(its_core), in(kBatch * kSlot), out(kBatch * kSlot) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    parts_in[i] = {slot_in(i), kSlot};
    heads_in[i].msg_hdr.msg_iov = &parts_in[i];
    heads_in[i].msg_hdr.msg_iovlen = 1;
    heads_in[i].msg_hdr.msg_name = &names_in[i];
    heads_in[i].msg_hdr.msg_control = control_in[i].data();
    parts_out[i] = {slot_out(i), 0};
    heads_out[i].msg_hdr.msg_iov = &parts_out[i];
    heads_out[i].msg_hdr.msg_iovlen = 1;
  }
}

Duration Desk::wall_offset(TimePoint now) {
  if (now - offset_at_ >= seconds(1) || offset_at_ == TimePoint()) {
    timespec wall{};
    ::clock_gettime(CLOCK_REALTIME, &wall);
    offset_ = seconds(wall.tv_sec) + std::chrono::nanoseconds(wall.tv_nsec) - Clock::now().time_since_epoch();
    offset_at_ = now;
  }
  return offset_;
}

UdpSocket::~UdpSocket() { close(); }

bool UdpSocket::open(net::Core& core, bool v4, net::Core::Watcher& watcher) {
  descriptor_ = ::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) return false;
  core_ = &core;
  const int on = 1;
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &kSocketBuffer, sizeof kSocketBuffer);
  ::setsockopt(descriptor_, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  const Address any = v4 ? *Address::from_ip("0.0.0.0", 0) : *Address::from_ip("::", 0);
  if (::bind(descriptor_, any.data(), any.size()) == 0 && core.watch(descriptor_, watcher)) return true;
  ::close(descriptor_);
  descriptor_ = -1;
  return false;
}

std::uint16_t UdpSocket::port() const {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
  return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&bound), size).value_or(Address()).port();
}

bool UdpSocket::read_by_rounds(Rounds& rounds, net::Core::Watcher& watcher) {
  if (!rounds.watch(descriptor_, watcher)) return false;
  core_->unwatch_shared(descriptor_);  // without closing it
  rounds_ = &rounds;
  return true;
}

void UdpSocket::close() {
  if (descriptor_ < 0) return;
  rounds_ != nullptr ? rounds_->unwatch(descriptor_) : core_->unwatch(descriptor_);
  ::close(descriptor_);
  descriptor_ = -1;
}

std::size_t UdpSocket::receive(Desk& desk, TimePoint now, SocketCounts& counts) {
  for (std::size_t i = 0; i < desk.used_in; ++i) {
    desk.heads_in[i].msg_hdr.msg_namelen = sizeof desk.names_in[i];
    desk.heads_in[i].msg_hdr.msg_controllen = Desk::kControl;
  }
  const int received = ::recvmmsg(descriptor_, desk.heads_in.data(), Desk::kBatch, 0, nullptr);
  // The kernel writes to a head before it knows that there is nothing more: one beyond what it gave.
  desk.used_in = std::min(Desk::kBatch, static_cast<std::size_t>(std::max(received, 0)) + 1);
  if (received <= 0) return 0;
  const Duration offset = desk.wall_offset(now);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(received); ++i) {
    msghdr& head = desk.heads_in[i].msg_hdr;
    const auto from =
        Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&desk.names_in[i]), head.msg_namelen);
    if ((head.msg_flags & MSG_TRUNC) != 0 || !from) {
      ++counts.cut;
      continue;
    }
    TimePoint at = now;
    if (const cmsghdr* control = CMSG_FIRSTHDR(&head);
        control != nullptr && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SO_TIMESTAMPNS) {
      timespec stamp{};
      std::memcpy(&stamp, CMSG_DATA(control), sizeof stamp);
      at = TimePoint(seconds(stamp.tv_sec) + std::chrono::nanoseconds(stamp.tv_nsec) - offset);
    }
    desk.arrived[kept++] = {ByteSpan(desk.slot_in(i), desk.heads_in[i].msg_len), *from, at};
  }
  counts.datagrams_in += kept;
  return kept;
}

void UdpSocket::send(ByteView datagram, const Address& to, SocketCounts& counts) {
  const auto sent = ::sendto(descriptor_, datagram.data(), datagram.size(), 0, to.data(), to.size());
  sent < 0 ? ++counts.not_sent : ++counts.datagrams_out;
}

void UdpSocket::send_batch(Desk& desk, std::span<const std::uint16_t> sizes, const Address& to,
                           SocketCounts& counts) {
  Address destination = to;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    desk.parts_out[i].iov_len = sizes[i];
    desk.heads_out[i].msg_hdr.msg_name = const_cast<sockaddr*>(destination.data());
    desk.heads_out[i].msg_hdr.msg_namelen = destination.size();
  }
  std::size_t at = 0;
  while (at < sizes.size()) {
    const int sent =
        ::sendmmsg(descriptor_, &desk.heads_out[at], static_cast<unsigned>(sizes.size() - at), 0);
    if (sent > 0) {
      counts.datagrams_out += static_cast<std::uint64_t>(sent);
      at += static_cast<std::size_t>(sent);
    } else {
      // The one that could not be sent is lost, as on any network; the others are tried.
      ++counts.not_sent;
      ++at;
    }
  }
}

bool UdpSocket::drop_media() {
  // Offsets are from the UDP header: the datagram begins at 8. By the first byte (RFC 7983) and, for RTP and
  // RTCP, the second (RFC 5761): 192 to 223 is RTCP.
  constexpr std::uint32_t kFirst = 8;
  constexpr std::uint32_t kSecond = 9;
  constexpr std::uint32_t kAll = 0xffff'ffff;
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFirst),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 128, 0, 3),  // below: STUN or DTLS
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kSecond),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 192, 0, 2),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 223, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, kAll),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  return ::setsockopt(descriptor_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

std::uint32_t UdpSocket::kernel_drops() const {
  std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t size = sizeof info;
  if (descriptor_ < 0 || ::getsockopt(descriptor_, SOL_SOCKET, SO_MEMINFO, info.data(), &size) != 0) return 0;
  return info[SK_MEMINFO_DROPS];
}

}  // namespace roomgate::bench::roomload::transport

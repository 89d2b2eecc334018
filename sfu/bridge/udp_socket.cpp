#include "sfu/bridge/udp_socket.hpp"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/log.hpp"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace roomgate::sfu::bridge {
namespace {

std::string error_text(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

template <class T>
bool set_option(int fd, int level, int name, T value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

void size_buffer(int fd, int name, int wanted, const char* sysctl) {
  set_option(fd, SOL_SOCKET, name, wanted);
  int got = 0;
  socklen_t length = sizeof got;
  // The kernel tells twice what it was asked for: its own bookkeeping counts (socket(7)).
  if (::getsockopt(fd, SOL_SOCKET, name, &got, &length) != 0 || got / 2 >= wanted) return;
  static std::atomic<int> warned{0};
  const int bit = name == SO_RCVBUF ? 1 : 2;
  if ((warned.fetch_or(bit) & bit) != 0) return;
  LOG(warn, "udp_buffer_small", {"wanted_bytes", wanted}, {"got_bytes", got / 2}, {"raise", sysctl});
}

// Address of an IP_PKTINFO or IPV6_PKTINFO message; a v4-mapped one is its IPv4 address.
std::optional<Address> local_of(const cmsghdr* control, std::uint16_t port) {
  if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
    in6_pktinfo info;
    std::memcpy(&info, CMSG_DATA(control), sizeof info);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = info.ipi6_addr;
    address.sin6_port = htons(port);
    return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
    in_pktinfo info;
    std::memcpy(&info, CMSG_DATA(control), sizeof info);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr = info.ipi_addr;
    address.sin_port = htons(port);
    return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  return std::nullopt;
}

}  // namespace

struct UdpSocket::Message {
  std::uint32_t first_vector = 0;
  std::uint32_t vectors = 0;
  std::uint16_t segment = 0;  // 0: one datagram
  Address remote;
  Address local;
  alignas(cmsghdr)
      std::array<std::uint8_t, CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(std::uint16_t))> control{};
  std::size_t control_size = 0;
};

struct UdpSocket::Scratch {
  std::array<mmsghdr, kBatch> receive_headers{};
  std::array<iovec, kBatch> receive_vectors{};
  std::array<sockaddr_storage, kBatch> receive_names{};
  struct alignas(cmsghdr) Control {
    std::array<std::uint8_t, CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(std::uint32_t)) + 32>
        bytes{};
  };
  std::array<Control, kBatch> receive_control{};

  std::vector<Message> messages;
  std::vector<iovec> vectors;
  std::vector<mmsghdr> headers;
};

Result<UdpSocket, std::string> UdpSocket::open(const Address& bind_to, int buffer) {
  const bool v6 = !bind_to.is_v4();
  const int fd = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(error_text("socket"));
  if (v6) {
    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  } else {
    set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
  }
  set_option(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
  size_buffer(fd, SO_RCVBUF, buffer, "net.core.rmem_max");
  size_buffer(fd, SO_SNDBUF, buffer, "net.core.wmem_max");
  if (::bind(fd, bind_to.data(), bind_to.size()) != 0) {
    std::string text = error_text("bind") + " (" + bind_to.to_string() + ")";
    ::close(fd);
    return fail(std::move(text));
  }
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  std::optional<Address> bound;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length) == 0) {
    bound = Address::from_sockaddr(reinterpret_cast<sockaddr*>(&name), length);
  }
  if (!bound) {
    ::close(fd);
    return fail(std::string("getsockname failed"));
  }
  UdpSocket socket(fd, *bound);
  socket.v6_ = v6;
  return socket;
}

UdpSocket::UdpSocket(int fd, const Address& bound)
    : fd_(fd),
      bound_(bound),
      slots_(kArenaSlots),
      arena_(std::make_unique<std::uint8_t[]>(kArenaSlots * kMaxDatagram)),
      scratch_(std::make_unique<Scratch>()) {
  runs_.reserve(kArenaSlots);
}

UdpSocket::UdpSocket(UdpSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      bound_(other.bound_),
      v6_(other.v6_),
      gso_(other.gso_),
      overflow_seen_(other.overflow_seen_),
      batch_(other.batch_),
      used_(other.used_),
      slots_(std::move(other.slots_)),
      runs_(std::move(other.runs_)),
      arena_(std::move(other.arena_)),
      scratch_(std::move(other.scratch_)),
      counters_(other.counters_) {}

UdpSocket::~UdpSocket() {
  if (fd_ >= 0) ::close(fd_);
}

std::size_t UdpSocket::receive(std::span<ByteSpan> buffers, std::span<Datagram> out) {
  const std::size_t count = std::min({buffers.size(), out.size(), kBatch});
  Scratch& s = *scratch_;
  for (std::size_t i = 0; i < count; ++i) {
    s.receive_vectors[i] = {buffers[i].data(), buffers[i].size()};
    msghdr& header = s.receive_headers[i].msg_hdr;
    header = {};
    header.msg_name = &s.receive_names[i];
    header.msg_namelen = sizeof s.receive_names[i];
    header.msg_iov = &s.receive_vectors[i];
    header.msg_iovlen = 1;
    header.msg_control = s.receive_control[i].bytes.data();
    header.msg_controllen = s.receive_control[i].bytes.size();
  }
  const int got =
      ::recvmmsg(fd_, s.receive_headers.data(), static_cast<unsigned>(count), MSG_DONTWAIT, nullptr);
  if (got <= 0) return 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
    msghdr& header = s.receive_headers[i].msg_hdr;
    const auto remote =
        Address::from_sockaddr(static_cast<const sockaddr*>(header.msg_name), header.msg_namelen);
    out[i] = {buffers[i].first(s.receive_headers[i].msg_len), Path{remote.value_or(Address()), Address()}};
    ++counters_.received;
    if ((header.msg_flags & MSG_TRUNC) != 0 || !remote) {
      ++counters_.truncated;
      out[i].bytes = {};
    }
    for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
         control = CMSG_NXTHDR(&header, control)) {
      if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SO_RXQ_OVFL) {
        std::uint32_t total = 0;
        std::memcpy(&total, CMSG_DATA(control), sizeof total);
        counters_.overflowed += total - overflow_seen_;  // a running 32-bit count
        overflow_seen_ = total;
      } else if (const auto local = local_of(control, bound_.port())) {
        out[i].path.local = *local;
      }
    }
  }
  return static_cast<std::size_t>(got);
}

ByteSpan UdpSocket::reserve() {
  if (used_ == kArenaSlots) flush();
  return {arena_.get() + std::size_t{used_} * kMaxDatagram, kMaxDatagram};
}

void UdpSocket::commit(const Path& path, std::size_t size, RunHandle& handle) {
  const std::uint32_t slot = used_++;
  slots_[slot] = {kNone, static_cast<std::uint16_t>(size)};
  if (handle.batch != batch_ || handle.run >= runs_.size() || !(runs_[handle.run].path == path)) {
    handle = {batch_, static_cast<std::uint32_t>(runs_.size())};
    runs_.push_back({path, slot, slot});
    return;
  }
  Run& run = runs_[handle.run];
  slots_[run.last].next = slot;
  run.last = slot;
}

void UdpSocket::flush() {
  if (used_ == 0) return;
  build_messages();
  send_messages();
  runs_.clear();
  used_ = 0;
  ++batch_;
}

void UdpSocket::fill_control(Message& message, const Address& local, std::uint16_t segment) {
  msghdr header{};
  header.msg_control = message.control.data();
  header.msg_controllen = message.control.size();
  std::size_t size = 0;
  cmsghdr* control = CMSG_FIRSTHDR(&header);
  if (!local.is_unspecified()) {
    if (v6_) {
      in6_pktinfo info{};
      const Address mapped = local.mapped();
      info.ipi6_addr = reinterpret_cast<const sockaddr_in6*>(mapped.data())->sin6_addr;
      control->cmsg_level = IPPROTO_IPV6;
      control->cmsg_type = IPV6_PKTINFO;
      control->cmsg_len = CMSG_LEN(sizeof info);
      std::memcpy(CMSG_DATA(control), &info, sizeof info);
      size += CMSG_SPACE(sizeof info);
    } else {
      in_pktinfo info{};
      info.ipi_spec_dst = reinterpret_cast<const sockaddr_in*>(local.data())->sin_addr;
      control->cmsg_level = IPPROTO_IP;
      control->cmsg_type = IP_PKTINFO;
      control->cmsg_len = CMSG_LEN(sizeof info);
      std::memcpy(CMSG_DATA(control), &info, sizeof info);
      size += CMSG_SPACE(sizeof info);
    }
    control = reinterpret_cast<cmsghdr*>(message.control.data() + size);
  }
  if (segment != 0) {
    control->cmsg_level = IPPROTO_UDP;
    control->cmsg_type = UDP_SEGMENT;
    control->cmsg_len = CMSG_LEN(sizeof segment);
    std::memcpy(CMSG_DATA(control), &segment, sizeof segment);
    size += CMSG_SPACE(sizeof segment);
  }
  message.control_size = size;
}

void UdpSocket::build_messages() {
  Scratch& s = *scratch_;
  s.messages.clear();
  s.vectors.clear();
  for (const Run& run : runs_) {
    std::uint32_t slot = run.first;
    while (slot != kNone) {
      Message& message = s.messages.emplace_back();
      message.first_vector = static_cast<std::uint32_t>(s.vectors.size());
      message.remote = v6_ ? run.path.remote.mapped() : run.path.remote;
      const std::uint16_t size = slots_[slot].size;
      // UDP_SEGMENT: all of one size, only the last may be smaller.
      bool open = true;
      while (open && slot != kNone && message.vectors < (gso_ ? kMaxSegments : 1) &&
             slots_[slot].size <= size) {
        open = slots_[slot].size == size;
        s.vectors.push_back({arena_.get() + std::size_t{slot} * kMaxDatagram, slots_[slot].size});
        ++message.vectors;
        slot = slots_[slot].next;
      }
      message.segment = message.vectors > 1 ? size : 0;
      message.local = run.path.local;
      fill_control(message, run.path.local, message.segment);
    }
  }
  s.headers.resize(s.messages.size());
  for (std::size_t i = 0; i < s.messages.size(); ++i) {
    Message& message = s.messages[i];
    msghdr& header = s.headers[i].msg_hdr;
    header = {};
    header.msg_name = const_cast<sockaddr*>(message.remote.data());
    header.msg_namelen = message.remote.size();
    header.msg_iov = &s.vectors[message.first_vector];
    header.msg_iovlen = message.vectors;
    header.msg_control = message.control_size > 0 ? message.control.data() : nullptr;
    header.msg_controllen = message.control_size;
  }
}

void UdpSocket::send_messages() {
  Scratch& s = *scratch_;
  std::size_t at = 0;
  while (at < s.headers.size()) {
    const int sent =
        ::sendmmsg(fd_, &s.headers[at], static_cast<unsigned>(s.headers.size() - at), MSG_DONTWAIT);
    if (sent > 0) {
      for (std::size_t i = at; i < at + static_cast<std::size_t>(sent); ++i) {
        counters_.sent += s.messages[i].vectors;
        if (s.messages[i].segment != 0) ++counters_.gso_messages;
      }
      at += static_cast<std::size_t>(sent);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
      // The buffer is full: what is left of this batch is lost, as it would be on a full link. Waiting would
      // delay every other endpoint of this worker.
      for (; at < s.messages.size(); ++at) counters_.send_dropped += s.messages[at].vectors;
      return;
    }
    const Message& message = s.messages[at];
    if (message.segment != 0 &&
        (errno == EINVAL || errno == EIO || errno == EOPNOTSUPP || errno == EMSGSIZE)) {
      // EIO: the device has no checksum offload, so no GSO at all here. Others: this message only.
      if (errno == EIO || errno == EOPNOTSUPP) gso_ = false;
      send_one_by_one(message);
    } else {
      counters_.send_failed += message.vectors;
    }
    ++at;
  }
}

void UdpSocket::send_one_by_one(const Message& message) {
  Message plain = message;
  fill_control(plain, message.local, 0);
  for (std::uint32_t i = 0; i < message.vectors; ++i) {
    msghdr header{};
    header.msg_name = const_cast<sockaddr*>(plain.remote.data());
    header.msg_namelen = plain.remote.size();
    header.msg_iov = &scratch_->vectors[message.first_vector + i];
    header.msg_iovlen = 1;
    header.msg_control = plain.control_size > 0 ? plain.control.data() : nullptr;
    header.msg_controllen = plain.control_size;
    if (::sendmsg(fd_, &header, MSG_DONTWAIT) >= 0) {
      ++counters_.sent;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
      ++counters_.send_dropped;
    } else {
      ++counters_.send_failed;
    }
  }
}

}  // namespace roomgate::sfu::bridge

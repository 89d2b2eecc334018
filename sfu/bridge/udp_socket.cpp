#include "sfu/bridge/udp_socket.hpp"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

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
  Address remote;
  iovec vector{};
  alignas(cmsghdr)
      std::array<std::uint8_t, CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(std::uint16_t))> control{};
};

struct UdpSocket::Scratch {
  std::array<mmsghdr, kBatch> receive_headers{};
  std::array<iovec, kBatch> receive_vectors{};
  std::array<sockaddr_storage, kBatch> receive_names{};
  struct alignas(cmsghdr) Control {
    std::array<std::uint8_t, CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(std::uint32_t)) +
                                 CMSG_SPACE(sizeof(timespec)) + 32>
        bytes{};
  };
  std::array<Control, kBatch> receive_control{};

  std::array<Message, kBatch> messages;
  std::array<mmsghdr, kBatch> headers{};
};

Result<UdpSocket, std::string> UdpSocket::open(const Address& bind_to, int buffer) {
  const bool v6 = !bind_to.is_v4();
  // A socket of one address need not ask which of them a datagram came to, nor say from which one leaves.
  const bool any = bind_to.is_unspecified();
  const int fd = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(error_text("socket"));
  if (v6) {
    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (any) set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  } else if (any) {
    set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
  }
  set_option(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
  set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
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
    : fd_(fd), bound_(bound), scratch_(std::make_unique<Scratch>()) {}

UdpSocket::UdpSocket(UdpSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      bound_(other.bound_),
      v6_(other.v6_),
      gso_(other.gso_),
      overflow_seen_(other.overflow_seen_),
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
  const TimePoint now = Clock::now();
  timespec wall{};
  ::clock_gettime(CLOCK_REALTIME, &wall);
  for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
    msghdr& header = s.receive_headers[i].msg_hdr;
    const auto remote =
        Address::from_sockaddr(static_cast<const sockaddr*>(header.msg_name), header.msg_namelen);
    out[i] = {buffers[i].first(s.receive_headers[i].msg_len), Path{remote.value_or(Address()), Address()},
              now};
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
      } else if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_TIMESTAMPNS) {
        timespec stamp{};
        std::memcpy(&stamp, CMSG_DATA(control), sizeof stamp);
        // Both on the wall clock, so the difference is an age; a step of that clock must not make it absurd.
        const auto age =
            seconds(wall.tv_sec - stamp.tv_sec) + std::chrono::nanoseconds(wall.tv_nsec - stamp.tv_nsec);
        if (age > Duration::zero() && age < seconds(1)) out[i].received_at = now - age;
      } else if (const auto local = local_of(control, bound_.port())) {
        out[i].path.local = *local;
      }
    }
  }
  return static_cast<std::size_t>(got);
}

Path UdpSocket::leanest(const Path& path) const {
  if (path.local.is_unspecified()) return path;
  // Connecting a UDP socket sends nothing: it chooses the route, and with it the address.
  const int fd = ::socket(path.remote.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return path;
  std::optional<Address> chosen;
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  if (::connect(fd, path.remote.data(), path.remote.size()) == 0 &&
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length) == 0) {
    chosen = Address::from_sockaddr(reinterpret_cast<sockaddr*>(&name), length);
  }
  ::close(fd);
  const bool same = chosen && chosen->with_port(0) == path.local.with_port(0);
  return same ? Path{path.remote, Address()} : path;
}

void UdpSocket::send(const Path& path, ByteView datagram) {
  const Outgoing message{path, datagram, 0};
  send_batch({&message, 1});
}

void UdpSocket::send(std::span<const Outgoing> messages) {
  while (!messages.empty()) {
    const std::size_t count = std::min(messages.size(), kBatch);
    send_batch(messages.first(count));
    messages = messages.subspan(count);
  }
}

void UdpSocket::fill(Message& message, const Outgoing& outgoing, std::size_t segment) const {
  message.remote = v6_ ? outgoing.path.remote.mapped() : outgoing.path.remote;
  message.vector = {const_cast<std::uint8_t*>(outgoing.bytes.data()), outgoing.bytes.size()};
  std::size_t size = 0;
  const auto add = [&message, &size](int level, int type, const void* data, std::size_t length) {
    auto* control = reinterpret_cast<cmsghdr*>(message.control.data() + size);
    control->cmsg_level = level;
    control->cmsg_type = type;
    control->cmsg_len = CMSG_LEN(length);
    std::memcpy(CMSG_DATA(control), data, length);
    size += CMSG_SPACE(length);
  };
  const Address& local = outgoing.path.local;
  if (!local.is_unspecified() && v6_) {
    in6_pktinfo info{};
    const Address mapped = local.mapped();
    info.ipi6_addr = reinterpret_cast<const sockaddr_in6*>(mapped.data())->sin6_addr;
    add(IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
  } else if (!local.is_unspecified()) {
    in_pktinfo info{};
    info.ipi_spec_dst = reinterpret_cast<const sockaddr_in*>(local.data())->sin_addr;
    add(IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
  }
  if (segment != 0) {
    const auto value = static_cast<std::uint16_t>(segment);
    add(IPPROTO_UDP, UDP_SEGMENT, &value, sizeof value);
  }
  msghdr& header = scratch_->headers[static_cast<std::size_t>(&message - scratch_->messages.data())].msg_hdr;
  header = {};
  header.msg_name = const_cast<sockaddr*>(message.remote.data());
  header.msg_namelen = message.remote.size();
  header.msg_iov = &message.vector;
  header.msg_iovlen = 1;
  header.msg_control = size > 0 ? message.control.data() : nullptr;
  header.msg_controllen = size;
}

void UdpSocket::send_batch(std::span<const Outgoing> messages) {
  const auto datagrams = [](const Outgoing& m) {
    return m.segment == 0 ? std::size_t{1} : (m.bytes.size() + m.segment - 1) / m.segment;
  };
  const auto segment_of = [](const Outgoing& m) { return m.segment < m.bytes.size() ? m.segment : 0; };
  Scratch& s = *scratch_;
  for (std::size_t i = 0; i < messages.size(); ++i) fill(s.messages[i], messages[i], segment_of(messages[i]));

  std::size_t at = 0;
  while (at < messages.size()) {
    if (!gso_ && segment_of(messages[at]) != 0) {
      send_segments(messages[at++]);
      for (std::size_t i = at; i < messages.size(); ++i)
        fill(s.messages[i], messages[i], segment_of(messages[i]));
      continue;
    }
    const int sent =
        ::sendmmsg(fd_, &s.headers[at], static_cast<unsigned>(messages.size() - at), MSG_DONTWAIT);
    if (sent > 0) {
      for (const Outgoing& message : messages.subspan(at, static_cast<std::size_t>(sent))) {
        counters_.sent += datagrams(message);
        if (segment_of(message) != 0) ++counters_.gso_messages;
      }
      at += static_cast<std::size_t>(sent);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
      // The buffer is full: what is left of this batch is lost, as it would be on a full link. Waiting would
      // delay every other endpoint of this worker.
      for (; at < messages.size(); ++at) counters_.send_dropped += datagrams(messages[at]);
      return;
    }
    const Outgoing& refused = messages[at++];
    if (segment_of(refused) != 0 &&
        (errno == EINVAL || errno == EIO || errno == EOPNOTSUPP || errno == EMSGSIZE)) {
      // EIO: the device has no checksum offload, so there is no GSO at all here. Others: of this message
      // only.
      if (errno == EIO || errno == EOPNOTSUPP) gso_ = false;
      send_segments(refused);
      for (std::size_t i = at; i < messages.size(); ++i)
        fill(s.messages[i], messages[i], segment_of(messages[i]));
    } else {
      counters_.send_failed += datagrams(refused);
    }
  }
}

// Uses the scratch of the first message: whoever calls it fills the rest again.
void UdpSocket::send_segments(const Outgoing& message) {
  for (ByteView left = message.bytes; !left.empty();) {
    const ByteView one = left.first(std::min(left.size(), message.segment));
    left = left.subspan(one.size());
    fill(scratch_->messages[0], {message.path, one, 0}, 0);
    if (::sendmsg(fd_, &scratch_->headers[0].msg_hdr, MSG_DONTWAIT) >= 0) {
      ++counters_.sent;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
      ++counters_.send_dropped;
    } else {
      ++counters_.send_failed;
    }
  }
}

}  // namespace roomgate::sfu::bridge

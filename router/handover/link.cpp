#include "router/handover/link.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace roomgate::router::handover {
namespace {

constexpr std::size_t kRead = 64 * 1024;
constexpr std::size_t kDescriptorsPerRead = 64;

// -1: errno says why.
ssize_t send_with(int socket, ByteView bytes, int descriptor) {
  iovec part{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  if (descriptor >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
  }
  return ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

std::optional<PeerProcess> peer_of(int descriptor) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
  return PeerProcess{credentials.pid, credentials.uid};
}

// --- Inlet

Inlet::~Inlet() {
  for (const int descriptor : descriptors_) ::close(descriptor);
}

Inlet::Got Inlet::receive(int socket) {
  const std::size_t had = bytes_.size();
  bytes_.resize(had + kRead);
  iovec part{bytes_.data() + had, kRead};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kDescriptorsPerRead * sizeof(int))> control{};
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  const int error = errno;
  bytes_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(0, got)));
  if (got == 0) return Got::end;
  if (got < 0) return error == EAGAIN || error == EINTR ? Got::nothing : Got::broken;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      descriptors_.push_back(descriptor);
    }
  }
  const bool lost_some = (message.msg_flags & MSG_CTRUNC) != 0;
  return lost_some || descriptors_.size() > kMostDescriptors ? Got::broken : Got::something;
}

Result<std::optional<Message>, std::string_view> Inlet::next() {
  while (true) {
    auto parsed = parse(ByteView(bytes_).subspan(begin_));
    if (!parsed) return fail(parsed.error());
    if (parsed->size == 0) {
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(begin_));
      begin_ = 0;
      return std::optional<Message>();
    }
    begin_ += parsed->size;
    if (parsed->message) return std::move(parsed->message);
  }
}

int Inlet::take_descriptor() {
  if (descriptors_.empty()) return -1;
  const int descriptor = descriptors_.front();
  descriptors_.pop_front();
  return descriptor;
}

// --- Link

Link::Link(net::Core& core, int descriptor, Listener listener, std::unique_ptr<Inlet> inlet)
    : core_(core),
      descriptor_(descriptor),
      peer_(peer_of(descriptor).value_or(PeerProcess{})),
      listener_(std::make_shared<const Listener>(std::move(listener))),
      inlet_(std::move(inlet)),
      told_(std::make_shared<bool>(true)) {}

Link::~Link() { close(); }

void Link::start() {
  if (!core_.watch(descriptor_, *this)) return end("out of descriptors or memory");
  flush();
  read();
}

void Link::close() {
  *told_ = false;
  disconnect();
}

void Link::disconnect() {
  if (!open()) return;
  core_.unwatch(descriptor_);
  ::close(descriptor_);
  descriptor_ = -1;
  for (const Item& item : queue_) {
    if (item.descriptor >= 0) ::close(item.descriptor);
  }
  queue_.clear();
  queued_ = 0;
}

void Link::end(std::string_view why) {
  if (!open()) return;
  disconnect();
  // Not from inside of a send(): whoever sends is in the middle of something.
  core_.post([told = told_, listener = listener_, why = std::string(why)] {
    if (*told && listener->on_end) listener->on_end(why);
  });
}

void Link::on_events(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) flush();
  read();
}

void Link::read() {
  const auto told = told_;
  const auto listener = listener_;
  while (open()) {
    const Inlet::Got got = inlet_->receive(descriptor_);
    // What the other end said last counts, even if it is gone by now.
    while (true) {
      auto message = inlet_->next();
      if (!message) return end(message.error());
      if (!*message) break;
      listener->on_message(std::move(**message));
      if (!*told || !open()) return;
    }
    switch (got) {
      case Inlet::Got::something: break;
      case Inlet::Got::nothing: return;
      case Inlet::Got::end: return end("it has ended");
      case Inlet::Got::broken: return end("the connection broke");
    }
  }
}

void Link::queue(const Message& message, int descriptor) {
  if (!open()) {
    if (descriptor >= 0) ::close(descriptor);
    return;
  }
  Item item{.descriptor = descriptor};
  append(message, item.bytes);
  queued_ += item.bytes.size();
  queue_.push_back(std::move(item));
  if (queued_ > Limits().queued_bytes) return end("it does not take what it is told");
  flush();
}

void Link::send_descriptor(const Descriptor& message, int descriptor) {
  const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return end("out of descriptors");
  queue(message, copy);
}

void Link::send_table(std::string image) {
  if (!open()) return;
  queue_.push_back({.bytes = std::move(image), .table = true});
  flush();
}

void Link::flush() {
  while (!queue_.empty()) {
    if (queue_.front().table) cut_piece();
    if (!send_front()) return;
    queue_.pop_front();
  }
}

// A table is framed piece by piece, each when its turn has come.
void Link::cut_piece() {
  Item& table = queue_.front();
  Table piece{.bytes = table.bytes.substr(table.sent, kTablePiece)};
  table.sent += piece.bytes.size();
  piece.last = table.sent == table.bytes.size();
  if (piece.last) queue_.pop_front();
  Item framed;
  append(piece, framed.bytes);
  queued_ += framed.bytes.size();
  queue_.push_front(std::move(framed));
}

// False: the rest of it later, or never.
bool Link::send_front() {
  Item& item = queue_.front();
  while (item.sent < item.bytes.size()) {
    const ssize_t sent =
        send_with(descriptor_, as_bytes(std::string_view(item.bytes).substr(item.sent)), item.descriptor);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      if (errno != EAGAIN) end("the connection broke");
      return false;
    }
    if (item.descriptor >= 0) ::close(std::exchange(item.descriptor, -1));
    item.sent += static_cast<std::size_t>(sent);
  }
  queued_ -= item.bytes.size();
  return true;
}

}  // namespace roomgate::router::handover

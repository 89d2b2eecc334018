#include "base/net/acceptor.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "base/log.hpp"
#include "base/net/sleep.hpp"

namespace roomgate::net {
namespace {

constexpr int kBacklog = 4096;
constexpr std::size_t kBatch = 64;  // then other work of this core gets its turn

std::string system_error(std::string_view what) { return std::string(what) + ": " + std::strerror(errno); }

}  // namespace

Result<int, std::string> bind_listener(const Address& address, bool reuse_port) {
  const int descriptor =
      ::socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return fail(system_error("socket"));
  const int on = 1;
  const int off = 0;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (reuse_port) ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (!address.is_v4()) ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(descriptor, address.data(), address.size()) != 0) {
    auto error = system_error("cannot listen on " + address.to_string());
    ::close(descriptor);
    return fail(std::move(error));
  }
  return descriptor;
}

Result<void, std::string> start_listening(int descriptor) {
  if (::listen(descriptor, kBacklog) == 0) return {};
  const int error = errno;
  const auto address = bound_address(descriptor);
  return fail("cannot listen on " + (address ? address->to_string() : "a socket") + ": " +
              std::strerror(error));
}

Result<int, std::string> open_listener(const Address& address, bool reuse_port) {
  const auto descriptor = bind_listener(address, reuse_port);
  if (!descriptor) return descriptor;
  if (auto listening = start_listening(*descriptor); !listening) {
    ::close(*descriptor);
    return fail(listening.error());
  }
  return descriptor;
}

Result<int, std::string> open_unix_listener(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail("path too long for a socket: " + path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return fail(system_error("socket"));
  const bool alive = ::connect(probe, generic, sizeof address) == 0;
  ::close(probe);
  if (alive) return fail("another process listens on " + path);
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode)) return fail(path + " exists and is no socket");
    ::unlink(path.c_str());
  }
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return fail(system_error("socket"));
  // Never open to others, not even between bind and chmod. Start-up only, so no other thread creates files
  // now.
  const mode_t before = ::umask(0177);
  const bool bound = ::bind(descriptor, generic, sizeof address) == 0;
  ::umask(before);
  if (!bound || ::listen(descriptor, kBacklog) != 0) {
    auto error = system_error("cannot listen on " + path);
    ::close(descriptor);
    return fail(std::move(error));
  }
  return descriptor;
}

std::optional<Address> bound_address(int descriptor) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::nullopt;
  return Address::from_sockaddr(reinterpret_cast<sockaddr*>(&storage), size);
}

Acceptor::Acceptor(Core& core, int descriptor, OnAccept on_accept)
    : socket_(core, descriptor), on_accept_(std::move(on_accept)) {}

void Acceptor::start() {
  if (running_ || stopped_) return;
  running_ = true;
  socket_.core().spawn(run());
}

void Acceptor::stop() {
  if (stopped_) return;
  stopped_ = true;
  while (accept_batch(kBatch) && last_full_) {
  }
  socket_.close();
}

void Acceptor::leave() {
  if (stopped_) return;
  stopped_ = true;
  socket_.close_shared();
}

bool Acceptor::accept_batch(std::size_t limit) {
  last_full_ = false;
  for (std::size_t i = 0; i < limit; ++i) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    const int descriptor = ::accept4(socket_.native_handle(), reinterpret_cast<sockaddr*>(&storage), &size,
                                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
      if (errno == ECONNABORTED || errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK;
    }
    const auto from = Address::from_sockaddr(reinterpret_cast<sockaddr*>(&storage), size);
    if (from) {
      const int on = 1;
      ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    on_accept_(descriptor, from.value_or(Address()));
  }
  last_full_ = true;
  return true;
}

Task<void> Acceptor::run() {
  struct Ended {
    ~Ended() { running = false; }
    bool& running;
  };
  const Ended ended{running_};
  while (!stopped_) {
    if (!accept_batch(kBatch)) {
      LOG(error, "accept_failed", {"error", std::strerror(errno)});
      co_await sleep_for(socket_.core(), milliseconds(100));
      continue;
    }
    if (stopped_) co_return;
    if (last_full_) {
      // More may wait; others' turn first.
      co_await yield(socket_.core());
      continue;
    }
    const auto ready = co_await socket_.wait_event(TimePoint::max());
    if (!ready) co_return;
  }
}

}  // namespace roomgate::net

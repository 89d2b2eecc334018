#include "base/net/stream.hpp"

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace roomgate::net {
namespace {

constexpr std::size_t kTlsRecord = 16 * 1024;

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

void Stream::Waiter::on_expire() {
  timed_out = true;
  cancellation.emit(boost::asio::cancellation_type::terminal);
}

Stream::Stream(Core& core, int descriptor) : core_(core), descriptor_(core.context(), descriptor) {}

Stream::~Stream() = default;

Task<Result<std::unique_ptr<Stream>, IoError>> Stream::connect(Core& core, Address to, TimePoint deadline) {
  const int descriptor =
      ::socket(to.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) co_return fail(IoError::system);
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const int connected = ::connect(descriptor, to.data(), to.size());
  const int error = connected == 0 ? 0 : errno;
  auto stream = std::make_unique<Stream>(core, descriptor);
  if (error == 0) co_return std::move(stream);
  if (error != EINPROGRESS) co_return fail(from_errno(error));
  if (const auto ready = co_await stream->wait(Direction::write, deadline); !ready)
    co_return fail(ready.error());
  int pending = 0;
  socklen_t size = sizeof pending;
  ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &pending, &size);
  if (pending != 0) co_return fail(from_errno(pending));
  co_return std::move(stream);
}

Task<IoStatus> Stream::wait(Direction direction, TimePoint deadline) {
  if (interrupted_ || !descriptor_.is_open()) co_return fail(IoError::interrupted);
  Waiter& waiter = direction == Direction::read ? readable_ : writable_;
  waiter.timed_out = false;
  waiter.waiting = true;
  if (deadline != TimePoint::max()) core_.schedule(waiter, deadline);
  const auto type = direction == Direction::read ? boost::asio::posix::stream_descriptor::wait_read
                                                 : boost::asio::posix::stream_descriptor::wait_write;
  const auto [error] = co_await descriptor_.async_wait(
      type, boost::asio::bind_cancellation_slot(waiter.cancellation.slot(),
                                                boost::asio::as_tuple(boost::asio::use_awaitable)));
  waiter.cancellation.slot().clear();
  waiter.cancel();
  waiter.waiting = false;
  if (interrupted_) co_return fail(IoError::interrupted);
  if (!error) co_return IoStatus();
  co_return fail(waiter.timed_out ? IoError::timed_out : IoError::interrupted);
}

Task<IoStatus> Stream::wait_readable(TimePoint deadline) {
  // What OpenSSL has already taken from the socket makes no descriptor readable; but half a record is not
  // worth trying twice.
  if (ssl_ != nullptr && !drained_ && SSL_has_pending(ssl_.get()) == 1) co_return IoStatus();
  drained_ = false;
  co_return co_await wait(ssl_ == nullptr ? Direction::read : read_needs_, deadline);
}

Task<IoStatus> Stream::handshake(SslPointer ssl, TimePoint deadline) {
  ssl_ = std::move(ssl);
  SSL_set_fd(ssl_.get(), descriptor_.native_handle());
  SSL_set_mode(ssl_.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                               SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  while (true) {
    ERR_clear_error();
    const int returned = SSL_do_handshake(ssl_.get());
    if (returned == 1) co_return IoStatus();
    Direction wait_for = Direction::read;
    if (const auto error = tls_verdict(returned, wait_for)) co_return fail(*error);
    if (const auto ready = co_await wait(wait_for, deadline); !ready) co_return fail(ready.error());
  }
}

std::optional<IoError> Stream::tls_verdict(int returned, Direction& wait_for) {
  const int saved = errno;
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ: wait_for = Direction::read; return std::nullopt;
    case SSL_ERROR_WANT_WRITE: wait_for = Direction::write; return std::nullopt;
    case SSL_ERROR_SYSCALL: tls_failed_ = true; return saved == 0 ? IoError::closed : from_errno(saved);
    default:
      tls_failed_ = true;
      // A peer that vanishes without close_notify is an everyday event, not a protocol error.
      return ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING ? IoError::closed
                                                                                    : IoError::tls;
  }
}

std::optional<IoResult> Stream::try_read(ByteSpan into) {
  if (interrupted_ || !descriptor_.is_open()) return fail(IoError::interrupted);
  if (ssl_ == nullptr) {
    const auto received = ::recv(descriptor_.native_handle(), into.data(), into.size(), 0);
    if (received >= 0) return static_cast<std::size_t>(received);
    if (would_block(errno)) return std::nullopt;
    return fail(from_errno(errno));
  }
  if (tls_failed_) return fail(IoError::closed);
  ERR_clear_error();
  errno = 0;
  drained_ = false;
  std::size_t received = 0;
  const int returned = SSL_read_ex(ssl_.get(), into.data(), into.size(), &received);
  if (returned == 1) {
    // A large buffer takes several records for one wake-up.
    while (received < into.size() && into.size() - received >= kTlsRecord) {
      std::size_t more = 0;
      ERR_clear_error();
      if (SSL_read_ex(ssl_.get(), into.data() + received, into.size() - received, &more) != 1) break;
      received += more;
    }
    return received;
  }
  if (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) return std::size_t{0};
  if (const auto error = tls_verdict(returned, read_needs_)) return fail(*error);
  drained_ = true;
  return std::nullopt;
}

Task<IoResult> Stream::read_some(ByteSpan into, TimePoint deadline) {
  while (true) {
    if (auto result = try_read(into)) co_return *result;
    const auto ready = co_await wait(ssl_ == nullptr ? Direction::read : read_needs_, deadline);
    if (!ready) co_return fail(ready.error());
  }
}

std::optional<IoResult> Stream::try_write(std::span<const iovec> parts) {
  if (interrupted_ || !descriptor_.is_open()) return fail(IoError::interrupted);
  if (ssl_ == nullptr) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts.data());
    message.msg_iovlen = parts.size();
    const auto sent = ::sendmsg(descriptor_.native_handle(), &message, MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (would_block(errno)) return std::nullopt;
    return fail(from_errno(errno));
  }
  if (tls_failed_) return fail(IoError::closed);
  ERR_clear_error();
  errno = 0;
  std::size_t sent = 0;
  const int returned = SSL_write_ex(ssl_.get(), parts[0].iov_base, parts[0].iov_len, &sent);
  if (returned == 1) return sent;
  if (const auto error = tls_verdict(returned, write_needs_)) return fail(*error);
  return std::nullopt;
}

Task<IoStatus> Stream::write_all(ByteView bytes, Duration stall) {
  const std::array<ByteView, 1> parts{bytes};
  co_return co_await write_all(parts, stall);
}

Task<IoStatus> Stream::write_all(std::span<const ByteView> parts, Duration stall) {
  write_waited_ = false;
  std::array<iovec, kMaxParts> vectors{};
  std::size_t count = 0;
  std::size_t left = 0;
  Buffer record;
  for (const ByteView& part : parts) left += part.size();
  if (ssl_ != nullptr && parts.size() > 1 && left <= kTlsRecord) {
    // One record, one system call, rather than one for each part.
    record = core_.buffers().take(BufferPool::Size::small);
    std::size_t at = 0;
    for (const ByteView& part : parts) {
      std::copy(part.begin(), part.end(), record.span().begin() + static_cast<std::ptrdiff_t>(at));
      at += part.size();
    }
    vectors[count++] = {record.span().data(), at};
  } else {
    for (const ByteView& part : parts) {
      if (!part.empty()) vectors[count++] = {const_cast<std::uint8_t*>(part.data()), part.size()};
    }
  }
  std::size_t first = 0;
  while (left > 0) {
    const auto result = try_write(std::span(vectors).subspan(first, count - first));
    if (!result) {
      write_waited_ = true;
      const auto ready =
          co_await wait(ssl_ == nullptr ? Direction::write : write_needs_, Clock::now() + stall);
      if (!ready) co_return fail(ready.error());
      continue;
    }
    if (!result->ok()) co_return fail(result->error());
    std::size_t sent = **result;
    left -= sent;
    while (sent > 0) {
      iovec& vector = vectors[first];
      const std::size_t taken = std::min(sent, vector.iov_len);
      vector.iov_base = static_cast<std::uint8_t*>(vector.iov_base) + taken;
      vector.iov_len -= taken;
      sent -= taken;
      if (vector.iov_len == 0) ++first;
    }
  }
  co_return IoStatus();
}

void Stream::shutdown_write() {
  if (!descriptor_.is_open()) return;
  if (ssl_ != nullptr && !tls_failed_ && SSL_is_init_finished(ssl_.get()) == 1) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  ::shutdown(descriptor_.native_handle(), SHUT_WR);
}

void Stream::interrupt() {
  if (interrupted_) return;
  interrupted_ = true;
  for (Waiter* waiter : {&readable_, &writable_}) {
    if (waiter->waiting) waiter->cancellation.emit(boost::asio::cancellation_type::terminal);
  }
}

void Stream::cancel_read() {
  if (readable_.waiting) readable_.cancellation.emit(boost::asio::cancellation_type::terminal);
}

void Stream::reset_on_close() {
  if (!descriptor_.is_open()) return;
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor_.native_handle(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void Stream::close() {
  boost::system::error_code ignored;
  interrupt();
  descriptor_.close(ignored);
}

std::optional<Address> Stream::local_address() {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(native_handle(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::nullopt;
  return Address::from_sockaddr(reinterpret_cast<sockaddr*>(&storage), size);
}

std::optional<Address> Stream::remote_address() {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getpeername(native_handle(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::nullopt;
  return Address::from_sockaddr(reinterpret_cast<sockaddr*>(&storage), size);
}

}  // namespace roomgate::net

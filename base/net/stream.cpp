#include "base/net/stream.hpp"

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/net/tls_engine.hpp"

namespace roomgate::net {
namespace {

constexpr std::size_t kTlsRecord = 16 * 1024;

constexpr std::size_t kGathered = 2 * 1024;  // copying so much costs less than the kernel's look at a vector

// glibc's send() and recv() are cancellation points; in a program with threads they show in a profile, as a
// hundredth of a proxied request.
ssize_t send_bytes(int descriptor, const void* bytes, std::size_t size) {
  return ::syscall(SYS_sendto, descriptor, bytes, size, MSG_NOSIGNAL, nullptr, 0);
}
ssize_t receive_bytes(int descriptor, void* into, std::size_t size) {
  return ::syscall(SYS_recvfrom, descriptor, into, size, 0, nullptr, nullptr);
}

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

ssize_t send_now(int descriptor, std::span<const iovec> parts) {
  if (parts.size() == 1) return send_bytes(descriptor, parts[0].iov_base, parts[0].iov_len);
  std::size_t total = 0;
  for (const iovec& part : parts) total += part.iov_len;
  if (total <= kGathered) {
    std::array<std::uint8_t, kGathered> together;
    std::uint8_t* end = together.data();
    for (const iovec& part : parts)
      end = std::copy_n(static_cast<std::uint8_t*>(part.iov_base), part.iov_len, end);
    return send_bytes(descriptor, together.data(), total);
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  return ::sendmsg(descriptor, &message, MSG_NOSIGNAL);
}

}  // namespace

Stream::Stream(Core& core, int descriptor) : Channel(core), descriptor_(descriptor), reader_(core) {}

Stream::~Stream() { close(); }

Task<Result<std::unique_ptr<Stream>, IoError>> Stream::connect(Core& core, Address to, TimePoint deadline) {
  const int descriptor =
      ::socket(to.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) co_return fail(IoError::system);
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const int connected = ::connect(descriptor, to.data(), to.size());
  const int error = connected == 0 ? 0 : errno;
  auto stream = std::make_unique<Stream>(core, descriptor);
  stream->can_read_ = false;  // nobody has spoken yet
  if (error == 0) co_return std::move(stream);
  if (error != EINPROGRESS) co_return fail(from_errno(error));
  stream->can_write_ = false;
  if (const auto ready = co_await stream->wait(Direction::write, deadline); !ready)
    co_return fail(ready.error());
  int pending = 0;
  socklen_t size = sizeof pending;
  ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &pending, &size);
  if (pending != 0) co_return fail(from_errno(pending));
  co_return std::move(stream);
}

// --- readiness

void Stream::on_events(std::uint32_t events) {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) hung_up_ = true;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) can_read_ = true;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) can_write_ = true;
  // OpenSSL's output may have waited for room while its reader waits for an answer to it.
  if (can_write_ && out_) (void)flush();
  // The first of two only at the end of the turn: the other may be what destroys this.
  const bool wakes_writer = can_write_ && writer_ != nullptr && writer_->waiting();
  if (!can_read_) {
    if (wakes_writer) writer_->wake_now();
    return;
  }
  if (wakes_writer) writer_->wake({});
  reader_.wake_now();
}

Channel::Readiness Stream::readiness(Direction direction) {
  if (interrupted_ || descriptor_ < 0) return {fail(IoError::interrupted)};
  // What OpenSSL wants to say goes out before we wait for an answer to it; a peer that takes nothing of it
  // will not answer either, and the deadline decides.
  if (out_) {
    if (const auto flushed = flush(); !flushed) return {fail(flushed.error())};
  }
  if (direction == Direction::read ? can_read_ : can_write_) return {};
  if (!watched_) {
    watched_ = core_.watch(descriptor_, *this);
    if (!watched_) return {fail(IoError::system)};
  }
  if (direction == Direction::read) return {{}, &reader_};
  if (writer_ == nullptr) writer_ = std::make_unique<Waiter>(core_);
  return {{}, writer_.get()};
}

Channel::Readiness Stream::ready_to_read() {
  if (ssl_ == nullptr) return readiness(Direction::read);
  // What OpenSSL has already taken from the socket makes no descriptor readable; but half a record is not
  // worth trying twice.
  if (!tls_starved_ && SSL_has_pending(ssl_.get()) == 1) return {};
  return readiness(read_needs_);
}

Task<IoStatus> Stream::wait(Direction direction, TimePoint deadline) {
  const Readiness ready = readiness(direction);
  if (ready.later == nullptr) co_return ready.now;
  co_return co_await ready.later->wait(deadline);
}

Task<IoStatus> Stream::wait_event(TimePoint deadline) {
  can_read_ = false;
  co_return co_await wait(Direction::read, deadline);
}

// --- the descriptor

std::optional<IoResult> Stream::receive(ByteSpan into) {
  if (early_) {
    const std::size_t taken = std::min(into.size(), early_size_ - early_begin_);
    std::memcpy(into.data(), early_.get() + early_begin_, taken);
    early_begin_ += taken;
    if (early_begin_ == early_size_) early_.reset();
    return taken;
  }
  if (!can_read_) return std::nullopt;
  while (true) {
    const auto received = receive_bytes(descriptor_, into.data(), into.size());
    if (received >= 0) {
      const auto size = static_cast<std::size_t>(received);
      // Less than there was room for: the socket is empty, and what comes later is an event. An end that came
      // meanwhile is not told again.
      if (size < into.size() && size > 0 && !hung_up_) can_read_ = false;
      return size;
    }
    if (errno == EINTR) continue;
    if (!would_block(errno)) return fail(from_errno(errno));
    can_read_ = false;
    return std::nullopt;
  }
}

bool Stream::quiet(bool look) {
  if (interrupted_ || descriptor_ < 0 || can_read_ || hung_up_ || early_) return false;
  if (ssl_ != nullptr && SSL_has_pending(ssl_.get()) == 1) return false;
  if (!look) return true;
  std::uint8_t byte = 0;
  return ::recv(descriptor_, &byte, 1, MSG_PEEK) < 0 && would_block(errno);
}

bool Stream::peer_gone() {
  if (interrupted_ || descriptor_ < 0 || hung_up_) return true;
  pollfd asked{descriptor_, POLLRDHUP, 0};
  return ::poll(&asked, 1, 0) > 0 && (asked.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

std::optional<IoResult> Stream::send_parts(std::span<const iovec> parts) {
  while (true) {
    const auto sent = send_now(descriptor_, parts);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EINTR) continue;
    if (!would_block(errno)) return fail(from_errno(errno));
    can_write_ = false;
    return std::nullopt;
  }
}

Result<bool, IoError> Stream::flush() {
  while (out_begin_ < out_end_) {
    const iovec rest{out_.span().data() + out_begin_, out_end_ - out_begin_};
    const auto sent = send_parts({&rest, 1});
    if (!sent) return false;
    if (!sent->ok()) {
      out_.release();
      out_begin_ = out_end_ = 0;
      return fail(sent->error());
    }
    out_begin_ += **sent;
  }
  out_.release();
  out_begin_ = out_end_ = 0;
  return true;
}

// --- TLS

Task<IoStatus> Stream::handshake(SslPointer ssl, TimePoint deadline, ByteView early) {
  ssl_ = std::move(ssl);
  TlsEngine::attach(ssl_.get(), *this);
  SSL_set_mode(ssl_.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                               SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!early.empty()) {
    early_ = std::make_unique_for_overwrite<std::uint8_t[]>(early.size());
    std::memcpy(early_.get(), early.data(), early.size());
    early_size_ = early.size();
    early_begin_ = 0;
  }
  while (true) {
    ERR_clear_error();
    errno = 0;
    const int returned = SSL_do_handshake(ssl_.get());
    // The tickets stay with us until there is something to send with them, or nothing else to do.
    if (returned == 1) co_return IoStatus();
    Direction wait_for = Direction::read;
    if (const auto error = tls_verdict(returned, wait_for)) {
      if (out_) (void)flush();  // the alert
      co_return fail(*error);
    }
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

std::optional<IoResult> Stream::decrypt(ByteSpan into) {
  if (tls_failed_) return fail(IoError::closed);
  ERR_clear_error();
  errno = 0;
  tls_starved_ = false;
  std::size_t received = 0;
  const int returned = SSL_read_ex(ssl_.get(), into.data(), into.size(), &received);
  if (returned == 1) {
    // A large buffer takes several records for one wake-up.
    while (into.size() - received >= kTlsRecord) {
      std::size_t more = 0;
      ERR_clear_error();
      if (SSL_read_ex(ssl_.get(), into.data() + received, into.size() - received, &more) != 1) break;
      received += more;
    }
    return received;
  }
  if (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) return std::size_t{0};
  if (const auto error = tls_verdict(returned, read_needs_)) return fail(*error);
  tls_starved_ = true;
  return std::nullopt;
}

std::optional<IoResult> Stream::encrypt(const iovec& part) {
  if (tls_failed_) return fail(IoError::closed);
  ERR_clear_error();
  errno = 0;
  std::size_t sent = 0;
  const int returned = SSL_write_ex(ssl_.get(), part.iov_base, part.iov_len, &sent);
  if (returned == 1) return sent;
  if (const auto error = tls_verdict(returned, write_needs_)) return fail(*error);
  return std::nullopt;
}

// --- reading and writing

std::optional<IoResult> Stream::try_read(ByteSpan into) {
  if (interrupted_ || descriptor_ < 0) return fail(IoError::interrupted);
  return ssl_ == nullptr ? receive(into) : decrypt(into);
}

IoResult Stream::write_some(ByteView bytes) {
  if (interrupted_ || descriptor_ < 0) return fail(IoError::interrupted);
  std::size_t written = 0;
  while (written < bytes.size() && can_write_) {
    // What is on its way first, so that little is held for a peer that takes nothing.
    if (out_) {
      const auto flushed = flush();
      if (!flushed) return fail(flushed.error());
      if (!*flushed) break;
    }
    const ByteView rest = bytes.subspan(written);
    const iovec part{const_cast<std::uint8_t*>(rest.data()), rest.size()};
    const auto sent = ssl_ == nullptr ? send_parts({&part, 1}) : encrypt(part);
    if (!sent) break;
    if (!sent->ok()) return fail(sent->error());
    written += **sent;
  }
  if (out_) {
    if (const auto flushed = flush(); !flushed) return fail(flushed.error());
  }
  return written;
}

Task<IoStatus> Stream::write_all(std::span<const ByteView> parts, Duration stall) {
  write_waited_ = false;
  if (interrupted_ || descriptor_ < 0) co_return fail(IoError::interrupted);
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
  // OpenSSL's output counts as written only when it has left.
  while (left > 0 || out_) {
    std::optional<IoResult> result;
    if (left > 0) {
      result = ssl_ == nullptr ? send_parts(std::span(vectors).subspan(first, count - first))
                               : encrypt(vectors[first]);
    } else if (const auto flushed = flush(); !flushed) {
      co_return fail(flushed.error());
    } else if (*flushed) {
      break;
    } else {
      write_needs_ = Direction::write;
    }
    if (!result) {
      write_waited_ = true;
      const auto needs = ssl_ == nullptr ? Direction::write : write_needs_;
      const auto ready = co_await wait(needs, core_.now() + stall);
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

// --- ends

void Stream::say_end() {
  if (descriptor_ < 0 || ssl_ == nullptr || tls_failed_ || SSL_is_init_finished(ssl_.get()) != 1) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  if (out_) (void)flush();
}

void Stream::shutdown_write() {
  if (descriptor_ < 0) return;
  say_end();
  ::shutdown(descriptor_, SHUT_WR);
}

void Stream::interrupt() {
  if (interrupted_) return;
  interrupted_ = true;
  reader_.wake(fail(IoError::interrupted));
  if (writer_ != nullptr) writer_->wake(fail(IoError::interrupted));
}

void Stream::cancel_read() { reader_.wake(fail(IoError::interrupted)); }

void Stream::reset_on_close() {
  if (descriptor_ < 0) return;
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void Stream::close_shared() {
  if (watched_) core_.unwatch_shared(descriptor_);
  watched_ = false;
  close();
}

void Stream::close() {
  interrupt();
  if (descriptor_ < 0) return;
  if (watched_) core_.unwatch(descriptor_);
  watched_ = false;
  ::close(descriptor_);
  descriptor_ = -1;
  out_.release();
}

}  // namespace roomgate::net

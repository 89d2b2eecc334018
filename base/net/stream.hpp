// One connected stream socket, plain or TLS, client or server side. The system call (recv, send, SSL_read,
// SSL_write) is tried first; only when it would block does the coroutine wait, through Asio and with a
// deadline. OpenSSL sits directly on the descriptor and releases its buffers when idle: asio::ssl::stream
// would keep four of 17 KiB per connection. Owned by a session or a pool, used on its core's thread. One
// reader and one writer at a time.
#pragma once

#include <openssl/ssl.h>
#include <sys/uio.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <optional>
#include <span>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/net/core.hpp"
#include "base/net/io_error.hpp"

namespace roomgate::net {

template <class T>
using Task = boost::asio::awaitable<T>;

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPointer = std::unique_ptr<SSL, SslFree>;

class Stream {
 public:
  // Takes the descriptor over: non-blocking, connected.
  Stream(Core& core, int descriptor);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  static Task<Result<std::unique_ptr<Stream>, IoError>> connect(Core& core, Address to, TimePoint deadline);

  // Before any other byte. `ssl` comes in accept or connect state.
  Task<IoStatus> handshake(SslPointer ssl, TimePoint deadline);

  Task<IoResult> read_some(ByteSpan into, TimePoint deadline);
  // Without waiting: nullopt when there is nothing yet.
  std::optional<IoResult> try_read(ByteSpan into);
  // Until a read would give bytes, an end, or an error: so that idle connections hold no buffer.
  Task<IoStatus> wait_readable(TimePoint deadline);

  // All bytes of all parts (at most kMaxParts). The deadline is for each step forward, not for the whole:
  // `stall` is how long the peer may take nothing at all.
  static constexpr std::size_t kMaxParts = 4;
  Task<IoStatus> write_all(std::span<const ByteView> parts, Duration stall);
  Task<IoStatus> write_all(ByteView bytes, Duration stall);
  // Did the last write_all have to wait for the peer?
  bool write_waited() const { return write_waited_; }

  // Our side is done (TLS: close_notify): the peer reads an end. Reading goes on.
  void shutdown_write();
  // Every wait, now and later, ends with `interrupted`. From the same thread.
  void interrupt();
  bool interrupted() const { return interrupted_; }
  // A read wait that is under way ends with `interrupted`, unless there is something to read; later ones are
  // not touched.
  void cancel_read();
  // The peer gets a reset rather than a half-delivered answer.
  void reset_on_close();
  void close();
  bool is_open() const { return descriptor_.is_open(); }

  Core& core() { return core_; }
  // nullptr when plain.
  SSL* tls() { return ssl_.get(); }
  int native_handle() { return descriptor_.native_handle(); }
  std::optional<Address> local_address();
  std::optional<Address> remote_address();

 private:
  enum class Direction { read, write };
  struct Waiter final : TimerWheel::Timer {
    void on_expire() override;
    boost::asio::cancellation_signal cancellation;
    bool timed_out = false;
    bool waiting = false;
  };

  Task<IoStatus> wait(Direction direction, TimePoint deadline);
  std::optional<IoResult> try_write(std::span<const iovec> parts);
  // What an OpenSSL call that returned <= 0 means: nullopt, and which direction to wait for.
  std::optional<IoError> tls_verdict(int returned, Direction& wait_for);

  Core& core_;
  boost::asio::posix::stream_descriptor descriptor_;
  SslPointer ssl_;
  Waiter readable_;
  Waiter writable_;
  Direction read_needs_ = Direction::read;
  Direction write_needs_ = Direction::write;
  bool interrupted_ = false;
  bool write_waited_ = false;
  bool tls_failed_ = false;
  bool drained_ = false;  // the last TLS read found less than a record
};

}  // namespace roomgate::net

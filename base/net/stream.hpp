// One connected stream socket, plain or TLS, client or server side. The system call is tried first; what the
// descriptor said since is remembered, so that a read that would find nothing is not made. OpenSSL works on
// the descriptor through tls_engine.hpp: small writes of a turn (a handshake's flight, tickets and an answer)
// leave in one. Owned by a session or a pool, used on its core's thread.
#pragma once

#include <openssl/ssl.h>
#include <sys/uio.h>

#include <memory>

#include "base/address.hpp"
#include "base/net/channel.hpp"
#include "base/net/waiter.hpp"

namespace roomgate::net {

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPointer = std::unique_ptr<SSL, SslFree>;

class Stream final : public Channel, private Core::Watcher {
 public:
  // Takes the descriptor over: non-blocking, connected.
  Stream(Core& core, int descriptor);
  ~Stream() override;

  static Task<Result<std::unique_ptr<Stream>, IoError>> connect(Core& core, Address to, TimePoint deadline);

  // Before any other byte, but for what `early` says was read already. `ssl` comes in accept or connect
  // state.
  Task<IoStatus> handshake(SslPointer ssl, TimePoint deadline, ByteView early = {});

  std::optional<IoResult> try_read(ByteSpan into) override;
  Readiness ready_to_read() override;
  using Channel::write_all;
  Task<IoStatus> write_all(std::span<const ByteView> parts, Duration stall) override;
  IoResult write_some(ByteView bytes) override;
  // Until the descriptor has news, whatever came before: for a listening socket, whose queue is empty now.
  Task<IoStatus> wait_event(TimePoint deadline);

  // Nothing has come since the last read found nothing: an idle connection that is still good. `look`: ask
  // the system as well, for what may have come in this very moment.
  bool quiet(bool look);

  bool peer_gone() override;
  // What a peer must hear before close(): with TLS that nothing follows; a plain one hears it from close().
  void say_end();
  void shutdown_write() override;
  void interrupt() override;
  bool interrupted() const { return interrupted_; }
  void cancel_read() override;
  void reset_on_close() override;
  void close() override;

  // Like close(), of a descriptor that another process goes on with.
  void close_shared();

  // nullptr when plain.
  SSL* tls() { return ssl_.get(); }
  int native_handle() { return descriptor_; }

 private:
  friend struct TlsEngine;
  enum class Direction { read, write };

  void on_events(std::uint32_t events) override;
  // What stands before a wait in that direction.
  Readiness readiness(Direction direction);
  Task<IoStatus> wait(Direction direction, TimePoint deadline);
  std::optional<IoResult> send_parts(std::span<const iovec> parts);
  std::optional<IoResult> receive(ByteSpan into);
  std::optional<IoResult> encrypt(const iovec& part);
  std::optional<IoResult> decrypt(ByteSpan into);
  // What OpenSSL left to be sent. True: all of it is with the system; false: the peer has no room now.
  Result<bool, IoError> flush();
  // What an OpenSSL call that returned <= 0 means: nullopt, and which direction to wait for.
  std::optional<IoError> tls_verdict(int returned, Direction& wait_for);

  int descriptor_;
  bool watched_ = false;
  // False: the last system call found nothing, and nothing was said since.
  bool can_read_ = true;
  bool can_write_ = true;
  bool hung_up_ = false;  // an end or an error is there to be read
  bool interrupted_ = false;
  bool tls_failed_ = false;
  bool tls_starved_ = false;  // what OpenSSL holds is less than a record
  Direction read_needs_ = Direction::read;
  Direction write_needs_ = Direction::write;
  SslPointer ssl_;
  // Of OpenSSL's output, what has not left yet: [begin, end) of a borrowed buffer.
  Buffer out_;
  std::size_t out_begin_ = 0;
  std::size_t out_end_ = 0;
  std::size_t early_size_ = 0;  // bytes that were read before the handshake, kept in early_
  std::unique_ptr<std::uint8_t[]> early_;
  std::size_t early_begin_ = 0;
  Waiter reader_;
  std::unique_ptr<Waiter> writer_;  // made when it is first needed: most streams never wait to write
};

}  // namespace roomgate::net

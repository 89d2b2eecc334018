// Bytes both ways between us and one peer: a socket (Stream), or a stream inside an HTTP/2 connection. What
// is there is tried first, without waiting; a coroutine waits only when nothing is. One reader and one writer
// at a time. Owned by a session, a pool or a tunnel; its core's thread.
#pragma once

#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "base/net/core.hpp"
#include "base/net/io_error.hpp"
#include "base/net/waiter.hpp"

namespace roomgate::net {

class Channel {
 public:
  explicit Channel(Core& core) : core_(core) {}
  virtual ~Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Without waiting: nullopt when there is nothing yet; 0 is the end.
  virtual std::optional<IoResult> try_read(ByteSpan into) = 0;
  // Until a read may give bytes, an end, or an error: so that idle connections hold no buffer.
  class ReadWait;
  ReadWait wait_readable(TimePoint deadline);
  // Is there something to read, or why never again? Or else, who will be woken when there is.
  struct Readiness {
    IoStatus now;
    Waiter* later = nullptr;
  };
  virtual Readiness ready_to_read() = 0;

  Task<IoResult> read_some(ByteSpan into, TimePoint deadline);

  // All bytes of all parts (at most kMaxParts). The deadline is for each step forward, not for the whole:
  // `stall` is how long the peer may take nothing at all.
  static constexpr std::size_t kMaxParts = 4;
  virtual Task<IoStatus> write_all(std::span<const ByteView> parts, Duration stall) = 0;
  Task<IoStatus> write_all(ByteView bytes, Duration stall);
  // As much as goes without waiting, perhaps nothing.
  virtual IoResult write_some(ByteView) { return std::size_t{0}; }
  // Did the last write_all have to wait for the peer?
  bool write_waited() const { return write_waited_; }

  // The peer has ended or broken off; bytes it sent before may still be there to be read. For who would
  // work in vain; may cost a system call.
  virtual bool peer_gone() { return false; }

  // Our side is done: the peer reads an end. Reading goes on.
  virtual void shutdown_write() = 0;
  // Every wait, now and later, ends with `interrupted`. From the same thread.
  virtual void interrupt() = 0;
  // A read wait that is under way ends with `interrupted`; later ones are not touched.
  virtual void cancel_read() = 0;
  // The peer gets a reset rather than a half-delivered answer.
  virtual void reset_on_close() = 0;
  virtual void close() = 0;

  Core& core() { return core_; }

 protected:
  Core& core_;
  bool write_waited_ = false;
};

// No coroutine of its own: most waits of a request are this one.
class Channel::ReadWait {
 public:
  ReadWait(Channel& channel, TimePoint deadline) : channel_(channel), deadline_(deadline) {}
  bool await_ready() {
    readiness_ = channel_.ready_to_read();
    return readiness_.later == nullptr;
  }
  void await_suspend(std::coroutine_handle<> coroutine) {
    readiness_.later->wait(deadline_).await_suspend(coroutine);
  }
  IoStatus await_resume() const {
    return readiness_.later == nullptr ? readiness_.now : readiness_.later->result();
  }

 private:
  Channel& channel_;
  TimePoint deadline_;
  Readiness readiness_;
};

inline Channel::ReadWait Channel::wait_readable(TimePoint deadline) { return {*this, deadline}; }

}  // namespace roomgate::net

// The server side of one HTTP/2 connection (RFC 9113, 8441) over libnghttp2, without I/O: bytes in, events
// out, output pulled. Flow control is end to end: a stream's window opens only as its bytes are taken, and an
// answer waits in a bounded queue. Owned by a session, on its core's thread; takes `now`, reads no clock.
//
//   connection.receive(bytes, now);
//   while (const Event event = connection.next_event()) ...   // event.stream and what there is to know
//   connection.pull(out, now);                                // what is to be written; may call for more
//
// State: open -> leaving (GOAWAY, no new streams) -> finished; or open -> ending (an error's GOAWAY is
// queued, input is ignored) -> finished.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "router/h2/client_streams.hpp"
#include "router/h2/floods.hpp"
#include "router/h2/frames.hpp"
#include "router/h2/pool.hpp"
#include "router/h2/stream.hpp"
#include "router/http/rewrite.hpp"

namespace roomgate::router::h2 {

struct Event {
  enum : std::uint8_t {
    request = 1,   // a head is complete; the stream is the receiver's until release()
    readable = 2,  // body bytes, or the body's end
    writable = 4,  // write() took less than all, and has room again
    broken = 8,    // the client wants no answer
  };
  Stream* stream = nullptr;
  std::uint8_t what = 0;
  explicit operator bool() const { return stream != nullptr; }
};

class Connection {
 public:
  explicit Connection(std::shared_ptr<Pool> pool);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // All of it is used up. Not to be called while !accepts_input().
  void receive(ByteView bytes, TimePoint now);
  // False: the client reads too little of what it is told; what it says stays in the system's buffers.
  bool accepts_input() const;
  Event next_event();

  // --- A stream, from its `request` event to release().

  // Body bytes: 0 when none are here. The client may then send as many more.
  std::size_t read(Stream& stream, ByteSpan into);
  // 1xx; not 101.
  void interim(Stream& stream, const http::ResponseHead& head);
  // The head, by the same rules as http::write_response_head; a 101 becomes the 200 of RFC 8441. What follows
  // is written until end(). `has_body` false: the answer is complete.
  void answer(Stream& stream, const http::ResponseHead& head, const http::ResponseRewrite& rewrite,
              bool has_body);
  // As much as may be queued; less than all of it: a `writable` event will come.
  std::size_t write(Stream& stream, ByteView bytes);
  void end(Stream& stream);
  // Half an answer must not be taken for a whole one.
  void abort(Stream& stream, std::uint32_t error = NGHTTP2_INTERNAL_ERROR);
  // The work has ended: the last call for this stream. What is queued is still sent.
  void release(Stream& stream);

  // --- The connection.

  // Appends what is to be sent, up to about Limits::output. True: there may be more.
  bool pull(std::string& out, TimePoint now);
  bool wants_output() const;
  // A head has begun to come and is not complete.
  bool in_head() const { return frames_.in_head(); }
  // Of each stream that somebody works on; it may not be released from inside.
  template <class Visit>
  void each_working(Visit visit) {
    for (const auto& stream : streams_) {
      if (stream->working_) visit(*stream);
    }
  }
  // Requests under way, as their workers see it.
  std::size_t working() const { return working_; }
  std::uint64_t requests() const { return requests_; }

  // GOAWAY in two steps (RFC 9113 6.8), so that no request on its way is lost: first a notice, then, when the
  // client has answered a PING, the last stream.
  void leave();
  // The first half of it: no stream is refused, whenever it comes. For who has time.
  void give_notice();
  bool leaving() const { return leaving_; }
  // GOAWAY, and nothing more is taken.
  void close(std::uint32_t error) { terminate(error); }
  // An error, or leaving with nothing under way: no more input is wanted.
  bool ending() const { return ending_; }
  // Nothing more is to be read or written: close.
  bool finished() const;
  std::optional<Flood> flood() const { return flood_; }

 private:
  friend struct Callbacks;

  const Limits& limits() const { return pool_->limits(); }
  void feed(ByteView bytes);
  // The error that the connection ends with.
  std::optional<std::uint32_t> judge(const FrameHead& frame);
  bool within_rates(const FrameHead& frame);
  // For libnghttp2: stops it.
  int flooded(Flood flood);
  int count(Flood flood);
  void terminate(std::uint32_t error);
  void notify(Stream& stream, std::uint8_t what);
  Stream* open_stream(std::int32_t id);
  void drop_input(Stream& stream);
  void drop_output(Stream& stream);
  void recycle(Stream& stream);
  void resume(Stream& stream);
  std::size_t room(const Stream& stream) const;
  void wake_writers();

  struct Delete {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };

  std::shared_ptr<Pool> pool_;
  std::unique_ptr<nghttp2_session, Delete> session_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Stream*> ready_;
  std::size_t ready_at_ = 0;
  std::string* pulling_ = nullptr;
  std::size_t pull_until_ = 0;
  FrameScanner frames_;
  ClientStreams client_streams_;
  Floods floods_;
  TimePoint now_;
  std::optional<Flood> flood_;
  std::size_t working_ = 0;
  std::size_t queued_ = 0;  // answer bytes of all streams
  std::size_t continuations_ = 0;
  std::size_t trailer_bytes_ = 0;
  std::size_t waiting_writers_ = 0;
  std::uint64_t requests_ = 0;
  bool leaving_ = false;
  bool notice_read_ = false;
  bool last_stream_told_ = false;
  bool ending_ = false;
};

}  // namespace roomgate::router::h2

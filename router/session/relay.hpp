// Moves one body from one channel to the other, piece by piece: what is not yet written is not yet read over
// (that is the backpressure), and while nothing comes no buffer is held. Owned by a session's coroutine, its
// core's thread.
#pragma once

#include <optional>
#include <vector>

#include "base/net/channel.hpp"
#include "router/body/body.hpp"

namespace roomgate::router::session {

struct RelayLimits {
  Duration read_silence = seconds(60);
  Duration write_stall = seconds(60);
  std::uint64_t max_bytes = UINT64_MAX;
  std::uint64_t min_bytes_per_second = 0;  // measured after min_rate_after
  Duration min_rate_after = seconds(30);
};

enum class RelayEnd {
  complete,
  source_ended,  // in the middle of the body
  source_broke,
  source_silent,  // or too slow
  source_bad,     // its framing
  sink_broke,
  sink_silent,
  too_large,
};

class Relay {
 public:
  Relay(net::Channel& from, net::Channel& to, http::Framing reads, http::Framing writes, RelayLimits limits);

  // The body bytes that came with the head, sent behind `head` (which may be empty) in one go. After this
  // `head` and `first` may go; what of `first` was not this body's is left: consumed().
  net::Task<std::optional<RelayEnd>> start(ByteView head, ByteSpan first);
  std::size_t consumed() const { return consumed_; }
  // The rest. Not to be called when start() gave an end.
  net::Task<RelayEnd> run();

  // What comes behind this body must fit a head's buffer.
  void keep_reads_small() { small_reads_ = true; }
  bool may_overshoot() const { return reader_.may_overshoot(); }
  std::uint64_t bytes() const { return bytes_; }
  TimePoint last_progress() const { return last_progress_; }
  // Bytes of the next message that came with the last of this body.
  std::vector<std::uint8_t> take_rest() { return std::move(rest_); }

 private:
  net::Task<std::optional<RelayEnd>> pass(ByteSpan input);
  bool too_slow(TimePoint now) const;

  net::Channel& from_;
  net::Channel& to_;
  body::Reader reader_;
  body::Writer writer_;
  RelayLimits limits_;
  bool small_reads_ = false;
  std::uint64_t bytes_ = 0;
  std::size_t consumed_ = 0;
  TimePoint started_;
  TimePoint last_progress_;
  std::vector<std::uint8_t> rest_;
};

}  // namespace roomgate::router::session

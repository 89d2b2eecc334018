// The one counter that numbers every RTP packet to an endpoint: audio, video, RTX and padding alike (shard
// rule 12). Off until an estimator reads the feedback: then extension 5 is simply not written. On the
// endpoint's worker.
#pragma once

#include <cstdint>
#include <optional>

namespace roomgate::sfu::send {

class TransportWideSequence {
 public:
  explicit TransportWideSequence(bool enabled = false) : enabled_(enabled) {}

  bool enabled() const { return enabled_; }
  void enable(bool enabled) { enabled_ = enabled; }
  // Take it last, for a packet that is certain to be sent: feedback would count a hole as loss.
  std::optional<std::uint16_t> next() {
    if (!enabled_) return std::nullopt;
    return next_++;
  }

 private:
  bool enabled_;
  std::uint16_t next_ = 0;
};

}  // namespace roomgate::sfu::send

// Arrivals by transport-wide number since the last feedback, and the transport-cc packets that tell them:
// every 100 ms, or 50 ms when there is much to tell. One per receiver.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "sfu/rtp/sequence.hpp"

namespace roomgate::bench::roomload::media {

class ArrivalLog {
 public:
  ArrivalLog();
  void on_packet(std::uint16_t number, TimePoint arrival);
  // Empty (the far future) when there is nothing to tell.
  TimePoint due() const;
  // Writes one feedback packet; 0 when nothing is left. Call until it is.
  std::size_t build(std::uint32_t sender_ssrc, std::uint32_t media_ssrc, TimePoint now, ByteSpan out);
  std::uint64_t overflowed() const { return overflowed_; }

 private:
  static constexpr std::size_t kMaxArrivals = 2048;  // of one interval
  static constexpr std::size_t kManyArrivals = 20;

  struct Arrival {
    std::int64_t number = 0;
    std::int64_t ticks = 0;  // 250 us since the epoch
  };

  sfu::rtp::SequenceExtender extender_;
  std::vector<Arrival> arrivals_;
  bool sorted_ = true;
  std::size_t told_ = 0;             // of arrivals_, while building
  std::int64_t next_expected_ = -1;  // first number no feedback has told of
  TimePoint last_built_{};
  std::uint8_t feedback_count_ = 0;
  std::uint64_t overflowed_ = 0;
};

}  // namespace roomgate::bench::roomload::media

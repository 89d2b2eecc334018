#include "sfu/forward/source_layers.hpp"

#include <algorithm>

namespace roomgate::sfu::forward {

SourceLayers::SourceLayers(std::size_t count, int top_height)
    : count_(std::clamp<std::size_t>(count, 1, kMaxLayers)) {
  int height = top_height;
  for (std::size_t i = count_; i > 0; --i, height /= 2) layers_[i - 1].height = height;
}

void SourceLayers::on_packet(std::size_t layer, std::uint32_t timestamp, TimePoint now) {
  if (layer >= count_) return;
  Layer& own = layers_[layer];
  if (!own.seen || own.timestamp != timestamp) {
    for (std::size_t i = 0; i < count_; ++i) {
      if (i != layer) ++layers_[i].missed;
    }
  }
  own.seen = true;
  own.timestamp = timestamp;
  own.last = now;
  own.missed = 0;
}

void SourceLayers::on_sender_report(std::size_t layer, std::uint64_t ntp, std::uint32_t rtp_timestamp) {
  if (layer < count_) layers_[layer].clock = RtpClock{ntp, rtp_timestamp};
}

bool SourceLayers::alive(std::size_t layer, TimePoint now) const {
  const Layer& own = layers_[layer];
  return own.seen && (now - own.last <= kLayerDeadAfter || own.missed < kLayerDeadFrames);
}

std::uint32_t map_timestamp(std::uint32_t timestamp, const RtpClock& from, const RtpClock& to,
                            std::uint32_t clock_rate) {
  const std::int64_t since_report = rtp::timestamp_distance(timestamp, from.rtp);
  const std::int64_t between_reports = rtp::ntp_distance_in_ticks(from.ntp, to.ntp, clock_rate);
  return to.rtp + static_cast<std::uint32_t>(since_report + between_reports);
}

}  // namespace roomgate::sfu::forward

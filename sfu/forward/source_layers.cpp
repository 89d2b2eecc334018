#include "sfu/forward/source_layers.hpp"

#include <algorithm>

namespace roomgate::sfu::forward {

SourceLayers::SourceLayers(std::size_t count, int top_height)
    : count_(std::clamp<std::size_t>(count, 1, kMaxLayers)) {
  int height = top_height;
  for (std::size_t i = count_; i > 0; --i, height /= 2) layers_[i - 1].height = height;
}

void SourceLayers::on_packet(const VideoPacket& packet, std::size_t wire_bytes, TimePoint now) {
  if (packet.layer >= count_) return;
  Layer& own = layers_[packet.layer];
  const bool new_frame = !own.seen || own.timestamp != packet.timestamp;
  if (new_frame) {
    for (std::size_t i = 0; i < count_; ++i) {
      if (i != packet.layer) ++layers_[i].missed;
    }
  }
  rates_.on_packet(packet.layer, packet.temporal, wire_bytes, false, new_frame, now);
  own.seen = true;
  own.timestamp = packet.timestamp;
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

Target SourceLayers::target_for(int height) const {
  if (height == kNoVideo) return {};
  Target target{.spatial = 0};
  for (std::size_t layer = 1; layer < count_; ++layer) {
    if (height < 0 || layers_[layer].height <= height) target.spatial = static_cast<std::int8_t>(layer);
  }
  return target;
}

std::uint32_t SourceLayers::bitrate(std::size_t spatial, std::size_t temporal, TimePoint now) const {
  const LayerRates::Counts counts = rates_.counts(spatial, temporal, now);
  const double bytes = double(counts.own) + double(counts.shared);
  const double covered = std::chrono::duration<double>(rates_.covered(now)).count();
  return static_cast<std::uint32_t>(bytes * 8 / covered);
}

double SourceLayers::frame_rate(std::size_t spatial, std::size_t temporal, TimePoint now) const {
  return rates_.counts(spatial, temporal, now).frames /
         std::chrono::duration<double>(rates_.covered(now)).count();
}

std::uint32_t map_timestamp(std::uint32_t timestamp, const RtpClock& from, const RtpClock& to,
                            std::uint32_t clock_rate) {
  const std::int64_t since_report = rtp::timestamp_distance(timestamp, from.rtp);
  const std::int64_t between_reports = rtp::ntp_distance_in_ticks(from.ntp, to.ntp, clock_rate);
  return to.rtp + static_cast<std::uint32_t>(since_report + between_reports);
}

}  // namespace roomgate::sfu::forward

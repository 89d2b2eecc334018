#include "sfu/forward/source_layers.hpp"

#include <algorithm>

namespace roomgate::sfu::forward {

SourceLayers::SourceLayers(std::size_t count, int top_height)
    : streams_(std::clamp<std::size_t>(count, 1, kMaxLayers)), top_height_(top_height), count_(streams_) {
  set_nominal();
}

void SourceLayers::set_screen(bool screen) {
  if (screen_ == screen) return;
  screen_ = screen;
  if (nominal_) set_nominal();
  changed_ = true;
}

void SourceLayers::set_nominal() {
  int height = top_height_;
  for (std::size_t i = count_; i > 0; --i, height = screen_ ? height : height / 2)
    layers_[i - 1].height = height;
}

// A key frame: what the stream consists of from here on.
void SourceLayers::set_layers(const VideoPacket& packet, TimePoint now) {
  if (!packet.layers) {
    if (!packet.starts_keyframe || nominal_) return;
    nominal_ = true;
    scalable_ = false;
    count_ = streams_;
    set_nominal();
    changed_ = true;
    return;
  }
  const StreamLayers& said = *packet.layers;
  const bool scalable = said.count > 1;
  if (!scalable && streams_ > 1 && nominal_) return;  // one of several streams: as announced
  const std::size_t end = std::min(packet.stream + said.count, kMaxLayers);
  const std::size_t count = scalable ? end : std::max(streams_, end);
  const bool was_nominal = std::exchange(nominal_, false);
  changed_ |= was_nominal || scalable != scalable_ || count != count_;
  scalable_ = scalable;
  scalable_stream_ = packet.stream;
  count_ = count;
  if (was_nominal || changed_) set_nominal();
  for (std::size_t layer = packet.stream; layer < end; ++layer) {
    Layer& own = layers_[layer];
    const std::size_t spatial = layer - packet.stream;
    if (said.heights[spatial] != 0 && own.height != said.heights[spatial]) {
      own.height = said.heights[spatial];
      changed_ = true;
    }
    // All layers begin with the key frame, so a receiver may count on them before their first packet.
    own.seen = (said.active >> spatial & 1) != 0;
    own.last = now;
    own.missed = 0;
  }
}

void SourceLayers::on_packet(const VideoPacket& packet, std::size_t wire_bytes, TimePoint now) {
  set_layers(packet, now);
  const std::size_t layer = packet.layer();
  if (layer >= count_) return;
  Layer& own = layers_[layer];
  const bool new_frame = !own.seen || own.timestamp != packet.timestamp;
  if (new_frame) {
    for (std::size_t i = 0; i < count_; ++i) {
      if (i != layer) ++layers_[i].missed;
    }
  }
  const bool shared = scalable_ && packet.needed_by.has_above(packet.spatial);
  rates_.on_packet(layer, packet.temporal, wire_bytes, shared, new_frame, now);
  own.seen = true;
  own.timestamp = packet.timestamp;
  own.last = now;
  own.missed = 0;
}

void SourceLayers::on_sender_report(std::size_t stream, std::uint64_t ntp, std::uint32_t rtp_timestamp) {
  if (stream < kMaxLayers) clocks_[stream] = RtpClock{ntp, rtp_timestamp};
}

bool SourceLayers::alive(std::size_t layer, TimePoint now) const {
  const Layer& own = layers_[layer];
  if (!own.seen) return false;
  if (scalable_) return own.missed < kLayerDeadFrames * count_;
  return now - own.last <= kLayerDeadAfter || own.missed < kLayerDeadFrames;
}

Target SourceLayers::target_for(int height) const {
  if (height == kNoVideo) return {};
  // What a stream of its own consists of is known with its first key frame, which would be too late to
  // choose.
  if (nominal_ && streams_ == 1 && (height < 0 || height >= top_height_)) return kEverything;
  Target target{.spatial = 0};
  for (std::size_t layer = 1; layer < count_; ++layer) {
    if (height < 0 || layers_[layer].height <= height) target.spatial = static_cast<std::int8_t>(layer);
  }
  return target;
}

std::uint32_t SourceLayers::bitrate(std::size_t spatial, std::size_t temporal, TimePoint now) const {
  const LayerRates::Counts counts = rates_.counts(spatial, temporal, now);
  double bytes = static_cast<double>(counts.own) + static_cast<double>(counts.shared);
  for (std::size_t below = 0; scalable_ && below < spatial; ++below) {
    bytes += static_cast<double>(rates_.counts(below, temporal, now).shared);
  }
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

#include "sfu/forward/layer_selector.hpp"

#include <algorithm>

#include "sfu/rtp/sequence.hpp"

namespace roomgate::sfu::forward {

std::optional<std::size_t> LayerSelector::best(const SourceLayers& layers, TimePoint now) const {
  if (target_.spatial < 0) return std::nullopt;
  std::optional<std::size_t> best;
  for (std::size_t layer = 0; layer < layers.count(); ++layer) {
    if (!layers.alive(layer, now)) continue;
    // The lowest alive layer always does: more than wanted is better than no picture.
    if (!best || static_cast<int>(layer) <= target_.spatial) best = layer;
  }
  return best;
}

LayerSelector::Verdict LayerSelector::on_packet(const SourceLayers& layers, const VideoPacket& packet,
                                                TimePoint now) {
  if (target_.spatial < 0) {
    selection_.reset();
    return Verdict::drop;
  }
  bool switched = false;
  if (packet.starts_keyframe) switched = begin_at(layers, packet, now);
  if (!selection_ || selection_->stream != packet.stream || codec_ != packet.codec) return Verdict::drop;
  if (rtp::timestamp_newer(packet.timestamp, picture_)) {
    picture_ = packet.timestamp;
    picture_top_ = 0;
    torn_ = 0;
    selection_->temporal = std::min(selection_->temporal, wanted_temporal());
  }
  lower_spatial(layers, packet, now);
  raise_temporal(packet);
  if (selection_->includes(packet)) {
    note_forwarded(packet);
    return switched ? Verdict::switched : Verdict::forward;
  }
  if (packet.timestamp == picture_) torn_ |= static_cast<std::uint8_t>(1u << packet.spatial);
  if (packet.temporal <= selection_->temporal) whole_ &= static_cast<std::uint8_t>(~(1u << packet.spatial));
  return Verdict::drop;
}

// A key frame: true when another stream begins with it.
bool LayerSelector::begin_at(const SourceLayers& layers, const VideoPacket& packet, TimePoint now) {
  const auto wanted = best(layers, now);
  if (!wanted || layers.stream_of(*wanted) != packet.stream) return false;
  const bool same = selection_ && selection_->stream == packet.stream && codec_ == packet.codec;
  // Of a picture already under way, or late: nothing begins.
  if (same && !rtp::timestamp_newer(packet.timestamp, picture_)) return false;
  selection_ = Selection{.stream = static_cast<std::uint8_t>(packet.stream),
                         .spatial = static_cast<std::uint8_t>(*wanted - packet.stream),
                         .temporal = wanted_temporal()};
  codec_ = packet.codec;
  picture_ = packet.timestamp;
  picture_top_ = 0;
  torn_ = 0;
  whole_ = 0xff;
  if (!same) frames_ = 0;
  return !same;
}

// A lower layer can be had at once where its frames came along all the time. Those above it come later in
// each picture.
void LayerSelector::lower_spatial(const SourceLayers& layers, const VideoPacket& packet, TimePoint now) {
  if (packet.spatial >= selection_->spatial || !packet.starts_frame || packet.timestamp != picture_) return;
  if (picture_top_ > packet.spatial || !is_whole(packet.spatial)) return;
  const auto wanted = best(layers, now);
  if (!wanted || layers.stream_of(*wanted) != packet.stream || *wanted != packet.layer()) return;
  if (had_references(packet)) {
    selection_->spatial = packet.spatial;
  } else {
    // It may still be on its way to us, too late for that receiver.
    whole_ &= static_cast<std::uint8_t>(~(1u << packet.spatial));
  }
}

void LayerSelector::raise_temporal(const VideoPacket& packet) {
  const std::uint8_t wanted = wanted_temporal();
  if (!packet.starts_frame || selection_->temporal >= wanted || packet.timestamp != picture_) return;
  // A frame that came in another order may have lost a part already.
  if ((torn_ >> packet.spatial & 1) != 0) return;
  if (packet.switch_from > selection_->temporal || !had_references(packet)) return;
  for (std::uint8_t t = wanted; t > selection_->temporal; --t) {
    if (packet.switches.has(selection_->spatial, t)) selection_->temporal = t;
  }
}

bool LayerSelector::had_references(const VideoPacket& packet) const {
  if (!packet.references || !packet.frame) return true;
  if (packet.references->far) return false;
  // Numbers in frames_ count from frame_; references from the packet's own.
  const auto ahead = static_cast<std::uint16_t>(packet.frame->number - frame_);
  if (ahead == 0 || ahead > 64) return packet.references->near == 0;
  const std::uint64_t had = ahead == 64 ? frames_ << 63 : frames_ << (ahead - 1);
  return (packet.references->near & ~had) == 0;
}

void LayerSelector::note_forwarded(const VideoPacket& packet) {
  if (packet.timestamp == picture_) picture_top_ = std::max(picture_top_, packet.spatial);
  if (!packet.frame) return;
  const std::int16_t ahead = rtp::sequence_distance(packet.frame->number, frame_);
  if (frames_ == 0 || ahead >= 64) {
    frame_ = packet.frame->number;
    frames_ = 1;
  } else if (ahead > 0) {
    frame_ = packet.frame->number;
    frames_ = frames_ << ahead | 1;
  } else if (ahead > -64) {
    frames_ |= std::uint64_t{1} << -ahead;
  }
}

std::optional<std::size_t> LayerSelector::wanted_keyframe(const SourceLayers& layers, TimePoint now) const {
  const auto wanted = best(layers, now);
  if (!wanted) return std::nullopt;
  const std::size_t stream = layers.stream_of(*wanted);
  if (!selection_) return stream;
  if (*wanted == selection_->layer() && stream == selection_->stream) return std::nullopt;
  // The next picture will do.
  const bool lower = stream == selection_->stream && *wanted < selection_->layer();
  if (lower && is_whole(*wanted - stream)) return std::nullopt;
  return stream;
}

std::uint8_t LayerSelector::wanted_temporal() const {
  return static_cast<std::uint8_t>(std::clamp<int>(target_.temporal, 0, kMaxTemporals - 1));
}

}  // namespace roomgate::sfu::forward

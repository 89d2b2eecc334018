#include "sfu/forward/forwarder.hpp"

#include <algorithm>
#include <cstdlib>

#include "sfu/forward/sr_rewrite.hpp"

namespace roomgate::sfu::forward {
namespace {

constexpr std::int64_t kClockRate = 90000;
// Sender reports that disagree with our own clock by more are not believed.
constexpr std::int32_t kMaxDisagreement = 90000;
constexpr std::uint16_t kPictureIdMask = 0x7fff;
constexpr std::uint8_t kTemplateIdMask = 0x3f;

// A selection within its stream, as a range of numbers keeps it.
struct Unpacked {
  std::uint8_t spatial;
  std::uint8_t temporal;
};
std::uint8_t pack(const LayerSelector::Selection& selection) {
  return static_cast<std::uint8_t>(selection.spatial << 4 | selection.temporal);
}
Unpacked unpack(std::uint8_t packed) {
  return {static_cast<std::uint8_t>(packed >> 4), static_cast<std::uint8_t>(packed & 0x0f)};
}

// Of what a receiver of SVC gets of a picture.
bool ends_picture(SequenceMap::Mark mark, const VideoPacket& packet) {
  return packet.ends_frame && packet.spatial == unpack(mark.selection).spatial;
}

std::int64_t ticks(Duration duration) {
  return std::chrono::duration_cast<microseconds>(duration).count() * kClockRate / 1'000'000;
}

}  // namespace

Forwarder::Forwarder(std::uint32_t ssrc, std::optional<OutgoingState> previous) : ssrc_(ssrc) {
  if (!previous) return;
  sequences_.continue_after(previous->sequence);
  last_ = *previous;
  last_filled_ = previous->sequence;
  packets_ = previous->packets;
  octets_ = previous->octets;
  sent_any_ = true;
}

void Forwarder::set_muted(bool muted) {
  muted_ = muted;
  if (muted) selector_.reset();
}

std::optional<Projected> Forwarder::forward(const SourceLayers& layers, const VideoPacket& packet,
                                            TimePoint now) {
  if (muted_ || packet.stream >= kMaxLayers) return std::nullopt;
  const auto before = selector_.selection();
  const auto verdict = selector_.on_packet(layers, packet, now);
  const auto& selection = selector_.selection();
  if (!selection) return std::nullopt;
  if (verdict == LayerSelector::Verdict::switched) {
    mark_ = {.pictures_left_out = 0, .selection = pack(*selection)};
    seen_.reset();
    begin_epoch(sequences_.begin(packet.stream, packet.sequence, mark_), layers, packet, now);
  } else if (before && before != selection) {
    mark_.selection = pack(*selection);
    sequences_.mark_from(packet.sequence, mark_);
    tell_targets_ = true;
  }
  bool fits = verdict != LayerSelector::Verdict::drop && packet.payload_size > 0;
  if (!fits && packet.stream == selection->stream && leave_out(packet)) return std::nullopt;

  // A packet of another stream than the current one finds a place only if it is late, from before the switch.
  const SequenceMap::Mapped mapped = sequences_.forward(packet.stream, packet.sequence);
  if (mapped.outcome == SequenceMap::Outcome::dropped) return std::nullopt;
  if (mapped.outcome == SequenceMap::Outcome::restarted) begin_epoch(mapped.epoch, layers, packet, now);
  const Epoch* held = epoch(mapped.epoch);
  if (held == nullptr) return std::nullopt;

  if (!mapped.newest) fits = fits_late(*held, mapped.mark, packet);
  Projected projected = project(*held, mapped.mark, mapped.sequence, packet);
  projected.empty = !fits;
  projected.marker = fits && layers.scalable() && ends_picture(mapped.mark, packet);
  const std::size_t place = projected.sequence % SequenceMap::kWindow;
  marked_.set(place, projected.marker);
  emptied_.set(place, projected.empty);
  if (fits) tell_targets(projected, mapped.mark, packet, mapped.newest && tell_targets_);
  if (projected.descriptor && projected.descriptor->targets > 0) tell_targets_ = false;
  if (mapped.newest && fits) {
    seen_ = Seen{.timestamp = packet.timestamp, .spatial = packet.spatial, .left_out = false};
  }
  note_sent(*held, projected, packet, now);
  return projected;
}

// A packet of the current stream that is not for this receiver; false when it is late and its place is kept.
bool Forwarder::leave_out(const VideoPacket& packet) {
  if (packet.payload_size == 0) {
    return sequences_.leave_out(packet.stream, packet.sequence, false, mark_);
  }
  // What is missing between two packets of one frame is of that frame.
  const bool same_picture = seen_ && seen_->left_out && seen_->timestamp == packet.timestamp;
  const bool same_frame = same_picture && seen_->spatial == packet.spatial;
  SequenceMap::Mark next = mark_;
  if (packet.codec == rtp::Codec::vp8 && !same_picture) ++next.pictures_left_out;
  if (!sequences_.leave_out(packet.stream, packet.sequence, same_frame, next)) return false;
  mark_ = next;
  seen_ = Seen{.timestamp = packet.timestamp, .spatial = packet.spatial, .left_out = true};
  if (!same_frame) cut_[next_cut_++ % cut_.size()] = *seen_;
  return true;
}

bool Forwarder::is_cut(const VideoPacket& packet) const {
  return std::any_of(cut_.begin(), cut_.end(), [&packet](const Seen& frame) {
    return frame.left_out && frame.timestamp == packet.timestamp && frame.spatial == packet.spatial;
  });
}

// Late ones are judged by what was forwarded when their place was kept. What was not even then, nor is a
// probe, fills its place without a payload: a receiver asks for what is missing, and waits.
bool Forwarder::fits_late(const Epoch& epoch, SequenceMap::Mark mark, const VideoPacket& packet) const {
  const Unpacked then = unpack(mark.selection);
  return packet.payload_size > 0 && packet.needed_by.has(then.spatial, then.temporal) && !is_cut(packet) &&
         !is_after_end(epoch, packet);
}

// A picture that begins only now, of a stream that was left: the one joined to it has its picture id.
bool Forwarder::is_after_end(const Epoch& epoch, const VideoPacket& packet) const {
  return epoch.number != last_epoch_ &&
         rtp::timestamp_newer(packet.timestamp + epoch.timestamp_offset, epoch.end);
}

// By its number, not by when it came: what is late is the newest where all behind it was left out or empty.
void Forwarder::note_sent(const Epoch& held, const Projected& projected, const VideoPacket& packet,
                          TimePoint now) {
  if (!sent_any_ || rtp::sequence_newer(projected.sequence, last_.sequence)) {
    last_.sequence = projected.sequence;
  }
  if (projected.empty || (sent_any_ && !rtp::sequence_newer(projected.sequence, last_filled_))) return;
  last_filled_ = projected.sequence;
  if (!sent_any_ || rtp::timestamp_newer(projected.timestamp, last_.timestamp)) {
    last_.timestamp = projected.timestamp;
    last_.at = now;
  }
  if (packet.picture) {
    const rtp::PictureFields& fields = projected.picture ? *projected.picture : *packet.picture;
    last_.picture_id = fields.picture_id;
    last_.tl0 = fields.tl0;
  }
  if (packet.frame) {
    last_.frame_number = static_cast<std::uint16_t>(packet.frame->number + held.frame_offset);
    last_.template_end = static_cast<std::uint8_t>(packet.frame->template_end + held.template_offset);
  }
  sent_any_ = true;
}

std::optional<std::size_t> Forwarder::wanted_keyframe(const SourceLayers& layers, TimePoint now) const {
  if (muted_) return std::nullopt;
  return selector_.wanted_keyframe(layers, now);
}

bool Forwarder::left_behind(const SourceLayers& layers, std::size_t stream, TimePoint now) const {
  if (target() == Target{}) return true;
  const auto awaited = wanted_keyframe(layers, now);
  const auto kept = awaited ? awaited : current_stream();
  return kept && stream > *kept;
}

std::optional<Forwarder::Retransmission> Forwarder::find_sent(std::uint16_t outgoing) const {
  const auto origin = sequences_.origin(outgoing);
  if (!origin) return std::nullopt;
  return Retransmission{origin->stream, origin->sequence, origin->epoch, origin->mark, origin->sent};
}

std::optional<Projected> Forwarder::reproject(const Retransmission& found, std::uint16_t outgoing,
                                              const VideoPacket& packet) const {
  const Epoch* held = epoch(found.epoch);
  if (held == nullptr) return std::nullopt;
  Projected projected = project(*held, found.mark, outgoing, packet);
  const std::size_t place = outgoing % SequenceMap::kWindow;
  if (found.sent) {
    projected.marker = marked_.test(place);
    projected.empty = emptied_.test(place);
  } else {
    projected.empty = !fits_late(*held, found.mark, packet);
    projected.marker = !projected.empty && ends_picture(found.mark, packet);
  }
  if (!projected.empty) tell_targets(projected, found.mark, packet, false);
  return projected;
}

std::optional<std::size_t> Forwarder::current_layer() const {
  const auto& selection = selector_.selection();
  return selection ? std::optional(selection->layer()) : std::nullopt;
}

std::optional<std::size_t> Forwarder::current_stream() const {
  const auto& selection = selector_.selection();
  return selection ? std::optional<std::size_t>(selection->stream) : std::nullopt;
}

std::optional<rtp::SenderReport> Forwarder::sender_report(std::size_t stream,
                                                          const rtp::SenderReport& report) const {
  const Epoch* held = epoch(last_epoch_);
  if (held == nullptr || held->stream != stream || current_stream() != stream) return std::nullopt;
  return rewrite_sender_report(report, ssrc_, held->timestamp_offset, {packets_, octets_});
}

std::optional<OutgoingState> Forwarder::state() const {
  if (!sent_any_) return std::nullopt;
  OutgoingState state = last_;
  state.packets = packets_;
  state.octets = octets_;
  return state;
}

const Forwarder::Epoch* Forwarder::epoch(std::uint32_t number) const {
  const Epoch& held = epochs_[number % kEpochs];
  return number != 0 && held.number == number ? &held : nullptr;
}

void Forwarder::begin_epoch(std::uint32_t number, const SourceLayers& layers, const VideoPacket& packet,
                            TimePoint now) {
  Epoch next{.number = number, .stream = static_cast<std::uint8_t>(packet.stream)};
  if (sent_any_) {
    next.timestamp_offset = join_timestamp(layers, packet, now) - packet.timestamp;
    if (packet.picture) {
      next.picture_id_offset =
          static_cast<std::uint16_t>((last_.picture_id + 1 - packet.picture->picture_id) & kPictureIdMask);
      next.tl0_offset = static_cast<std::uint8_t>(last_.tl0 + 1 - packet.picture->tl0);
    }
    const Epoch* before = epoch(last_epoch_);
    if (packet.frame && packet.starts_keyframe) {
      next.frame_offset = static_cast<std::uint16_t>(last_.frame_number + 1 - packet.frame->number);
      next.template_offset =
          static_cast<std::uint8_t>((last_.template_end - packet.frame->template_offset) & kTemplateIdMask);
    } else if (before != nullptr && before->stream == packet.stream) {
      // The stream's numbers jumped; what its frames refer to did not.
      next.frame_offset = before->frame_offset;
      next.template_offset = before->template_offset;
    }
  }
  epochs_[last_epoch_ % kEpochs].end = last_.timestamp;
  // Ids of the stream itself count again from here.
  mark_.pictures_left_out = 0;
  epochs_[number % kEpochs] = next;
  last_epoch_ = number;
}

// Where the first packet of a new epoch lies on the outgoing clock. Layers have clocks of their own: sender
// reports relate them exactly; without, the time that passed here must do.
std::uint32_t Forwarder::join_timestamp(const SourceLayers& layers, const VideoPacket& packet,
                                        TimePoint now) const {
  const std::uint32_t by_time = last_.timestamp + static_cast<std::uint32_t>(ticks(now - last_.at));
  std::uint32_t joined = by_time;
  if (const Epoch* before = epoch(last_epoch_)) {
    std::optional<std::uint32_t> by_report;
    if (before->stream == packet.stream) {
      by_report = packet.timestamp + before->timestamp_offset;
    } else {
      const auto from = layers.clock(packet.stream);
      const auto to = layers.clock(before->stream);
      if (from && to) by_report = map_timestamp(packet.timestamp, *from, *to) + before->timestamp_offset;
    }
    if (by_report) {
      const std::int32_t disagreement = rtp::timestamp_distance(*by_report, by_time);
      if (disagreement > -kMaxDisagreement && disagreement < kMaxDisagreement) joined = *by_report;
    }
  }
  // A key frame may be of an instant already shown from the other layer; time still has to go on.
  return rtp::timestamp_newer(joined, last_.timestamp) ? joined : last_.timestamp + 1;
}

Projected Forwarder::project(const Epoch& epoch, SequenceMap::Mark mark, std::uint16_t sequence,
                             const VideoPacket& packet) {
  Projected projected{.sequence = sequence, .timestamp = packet.timestamp + epoch.timestamp_offset};
  if (packet.picture) {
    rtp::PictureFields fields = *packet.picture;
    fields.picture_id = static_cast<std::uint16_t>(
        (fields.picture_id + epoch.picture_id_offset - mark.pictures_left_out) & kPictureIdMask);
    fields.tl0 = static_cast<std::uint8_t>(fields.tl0 + epoch.tl0_offset);
    if (fields != *packet.picture) projected.picture = fields;
  }
  if (packet.frame && (epoch.frame_offset != 0 || epoch.template_offset != 0)) {
    projected.descriptor = rtp::DescriptorRewrite{.template_shift = epoch.template_offset,
                                                  .frame_shift = epoch.frame_offset,
                                                  .places = packet.frame->places};
  }
  return projected;
}

// AV1 RTP A.4.4: with each structure, and after each change, the receiver is told which targets it can
// decode.
void Forwarder::tell_targets(Projected& projected, SequenceMap::Mark mark, const VideoPacket& packet,
                             bool changed) {
  if (!packet.frame || packet.frame->structure == nullptr) return;
  const FrameNumbers& frame = *packet.frame;
  if (!frame.places.has_structure && !(changed && packet.starts_frame)) return;
  const Unpacked selection = unpack(mark.selection);
  std::uint32_t targets = 0;
  for (std::size_t target = 0; target < frame.structure->targets; ++target) {
    const auto& layer = frame.structure->layers[target];
    const bool fast =
        layer.temporal > selection.temporal && selection.temporal + std::size_t{1} < kMaxTemporals;
    if (layer.spatial <= selection.spatial && !fast) targets |= std::uint32_t{1} << target;
  }
  targets &= frame.active_targets;
  if (targets == frame.active_targets && !changed) return;
  if (!projected.descriptor) projected.descriptor = rtp::DescriptorRewrite{.places = frame.places};
  projected.descriptor->active_targets = targets;
  projected.descriptor->targets = frame.structure->targets;
}

}  // namespace roomgate::sfu::forward

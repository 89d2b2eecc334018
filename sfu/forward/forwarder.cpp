#include "sfu/forward/forwarder.hpp"

#include <cstdlib>

#include "sfu/forward/sr_rewrite.hpp"

namespace roomgate::sfu::forward {
namespace {

constexpr std::int64_t kClockRate = 90000;
// Sender reports that disagree with our own clock by more are not believed.
constexpr std::int32_t kMaxDisagreement = 90000;
constexpr std::uint16_t kPictureIdMask = 0x7fff;

std::int64_t ticks(Duration duration) {
  return std::chrono::duration_cast<microseconds>(duration).count() * kClockRate / 1'000'000;
}

}  // namespace

Forwarder::Forwarder(std::uint32_t ssrc, std::optional<OutgoingState> previous) : ssrc_(ssrc) {
  if (!previous) return;
  sequences_.continue_after(previous->sequence);
  last_ = *previous;
  sent_any_ = true;
}

void Forwarder::set_muted(bool muted) {
  muted_ = muted;
  if (muted) selector_.reset();
}

std::optional<Projected> Forwarder::forward(const SourceLayers& layers, const VideoPacket& packet,
                                            TimePoint now) {
  if (muted_ || packet.layer >= layers.count()) return std::nullopt;
  const auto verdict = selector_.on_packet(layers, packet.layer, packet.starts_keyframe, now);
  if (!selector_.current()) return std::nullopt;
  if (verdict == LayerSelector::Verdict::switched) {
    begin_epoch(sequences_.begin(packet.layer, packet.sequence), layers, packet, now);
  }
  // Probes are not for receivers; one whose number was already kept must fill it.
  if (packet.payload_size == 0 && sequences_.leave_out(packet.layer, packet.sequence)) return std::nullopt;
  // A packet of another layer than the current one finds a place only if it is late, from before the switch.
  const SequenceMap::Mapped mapped = sequences_.forward(packet.layer, packet.sequence);
  if (mapped.outcome == SequenceMap::Outcome::dropped) return std::nullopt;
  if (mapped.outcome == SequenceMap::Outcome::restarted) begin_epoch(mapped.epoch, layers, packet, now);
  const Epoch* held = epoch(mapped.epoch);
  if (held == nullptr) return std::nullopt;

  const Projected projected = project(*held, mapped.sequence, packet);
  if (mapped.newest) {
    last_.sequence = projected.sequence;
    if (!sent_any_ || rtp::timestamp_newer(projected.timestamp, last_.timestamp)) {
      last_.timestamp = projected.timestamp;
      last_.at = now;
    }
    if (packet.vp8) {
      last_.picture_id = (packet.vp8->picture_id + held->picture_id_offset) & kPictureIdMask;
      last_.tl0 = static_cast<std::uint8_t>(packet.vp8->tl0 + held->tl0_offset);
    }
    sent_any_ = true;
  }
  return projected;
}

std::optional<std::size_t> Forwarder::wanted_keyframe(const SourceLayers& layers, TimePoint now) const {
  if (muted_) return std::nullopt;
  return selector_.wanted_keyframe(layers, now);
}

std::optional<Forwarder::Retransmission> Forwarder::find_sent(std::uint16_t outgoing) const {
  const auto origin = sequences_.origin(outgoing);
  if (!origin) return std::nullopt;
  return Retransmission{origin->stream, origin->sequence, origin->epoch};
}

std::optional<Projected> Forwarder::reproject(const Retransmission& found, std::uint16_t outgoing,
                                              const VideoPacket& packet) const {
  const Epoch* held = epoch(found.epoch);
  if (held == nullptr) return std::nullopt;
  return project(*held, outgoing, packet);
}

std::optional<rtp::SenderReport> Forwarder::sender_report(std::size_t layer,
                                                          const rtp::SenderReport& report) const {
  const Epoch* held = epoch(last_epoch_);
  if (held == nullptr || held->layer != layer || selector_.current() != layer) return std::nullopt;
  return rewrite_sender_report(report, ssrc_, held->timestamp_offset, {packets_, octets_});
}

std::optional<OutgoingState> Forwarder::state() const {
  if (!sent_any_) return std::nullopt;
  return last_;
}

const Forwarder::Epoch* Forwarder::epoch(std::uint32_t number) const {
  const Epoch& held = epochs_[number % kEpochs];
  return number != 0 && held.number == number ? &held : nullptr;
}

void Forwarder::begin_epoch(std::uint32_t number, const SourceLayers& layers, const VideoPacket& packet,
                            TimePoint now) {
  Epoch next{.number = number, .layer = packet.layer};
  if (sent_any_) {
    next.timestamp_offset = join_timestamp(layers, packet, now) - packet.timestamp;
    if (packet.vp8) {
      next.picture_id_offset =
          static_cast<std::uint16_t>((last_.picture_id + 1 - packet.vp8->picture_id) & kPictureIdMask);
      next.tl0_offset = static_cast<std::uint8_t>(last_.tl0 + 1 - packet.vp8->tl0);
    }
  }
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
    if (before->layer == packet.layer) {
      by_report = packet.timestamp + before->timestamp_offset;
    } else {
      const auto from = layers.clock(packet.layer);
      const auto to = layers.clock(before->layer);
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

Projected Forwarder::project(const Epoch& epoch, std::uint16_t sequence, const VideoPacket& packet) {
  Projected projected{
      .sequence = sequence, .timestamp = packet.timestamp + epoch.timestamp_offset, .vp8 = std::nullopt};
  if (packet.vp8 && (epoch.picture_id_offset != 0 || epoch.tl0_offset != 0)) {
    projected.vp8 = rtp::Vp8Rewrite{
        static_cast<std::uint16_t>((packet.vp8->picture_id + epoch.picture_id_offset) & kPictureIdMask),
        static_cast<std::uint8_t>(packet.vp8->tl0 + epoch.tl0_offset)};
  }
  return projected;
}

}  // namespace roomgate::sfu::forward

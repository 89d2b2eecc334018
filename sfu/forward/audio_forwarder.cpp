#include "sfu/forward/audio_forwarder.hpp"

#include <algorithm>
#include <utility>

#include "sfu/forward/sr_rewrite.hpp"

namespace roomgate::sfu::forward {
namespace {

constexpr std::size_t kStream = 0;
constexpr std::int64_t kClockRate = 48000;
constexpr std::int64_t kPacket = 960;  // of 20 ms: two sources' packets are at least that far apart

}  // namespace

AudioForwarder::AudioForwarder(std::uint32_t ssrc, std::uint16_t last) : ssrc_(ssrc) {
  sequences_.continue_after(last);
}

AudioForwarder::AudioForwarder(std::uint32_t ssrc, const OutgoingAudio& previous)
    : ssrc_(ssrc),
      quiet_(true),
      joining_(true),
      last_timestamp_(previous.timestamp),
      last_at_(previous.at),
      packets_(previous.packets),
      octets_(previous.octets) {
  sequences_.continue_after(previous.sequence);
}

std::optional<AudioForwarder::Sent> AudioForwarder::forward(std::uint16_t sequence, std::uint32_t timestamp,
                                                            bool wanted, TimePoint now) {
  if (!wanted) {
    sequences_.leave_out(kStream, sequence);
    quiet_ = true;
    return std::nullopt;
  }
  if (!sequences_.begun()) sequences_.begin(kStream, sequence);
  if (std::exchange(joining_, false)) {
    const auto passed = std::chrono::duration_cast<microseconds>(now - last_at_).count();
    const std::int64_t ticks = std::max(passed * kClockRate / 1'000'000, kPacket);
    timestamp_offset_ = last_timestamp_ + static_cast<std::uint32_t>(ticks) - timestamp;
  }
  const SequenceMap::Mapped mapped = sequences_.forward(kStream, sequence);
  if (mapped.outcome == SequenceMap::Outcome::dropped) return std::nullopt;
  const Sent sent{.sequence = mapped.sequence,
                  .timestamp = timestamp + timestamp_offset_,
                  .talkspurt = quiet_ && mapped.newest};
  if (mapped.newest) {
    quiet_ = false;
    last_timestamp_ = sent.timestamp;
    last_at_ = now;
  }
  return sent;
}

std::optional<std::uint16_t> AudioForwarder::original(std::uint16_t outgoing) const {
  const auto origin = sequences_.origin(outgoing);
  if (!origin) return std::nullopt;
  return origin->sequence;
}

std::optional<rtp::SenderReport> AudioForwarder::sender_report(const rtp::SenderReport& report) const {
  if (joining_) return std::nullopt;
  return rewrite_sender_report(report, ssrc_, timestamp_offset_, {packets_, octets_});
}

std::optional<OutgoingAudio> AudioForwarder::state() const {
  const auto last = sequences_.last();
  if (!last) return std::nullopt;
  return OutgoingAudio{*last, last_timestamp_, packets_, octets_, last_at_};
}

}  // namespace roomgate::sfu::forward

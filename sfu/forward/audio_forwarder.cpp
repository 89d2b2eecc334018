#include "sfu/forward/audio_forwarder.hpp"

#include "sfu/forward/sr_rewrite.hpp"

namespace roomgate::sfu::forward {
namespace {

constexpr std::size_t kStream = 0;

}  // namespace

AudioForwarder::AudioForwarder(std::uint32_t ssrc, std::uint16_t last) : ssrc_(ssrc) {
  sequences_.continue_after(last);
}

std::optional<AudioForwarder::Sent> AudioForwarder::forward(std::uint16_t sequence, bool wanted) {
  if (!wanted) {
    sequences_.leave_out(kStream, sequence);
    quiet_ = true;
    return std::nullopt;
  }
  if (!sequences_.begun()) sequences_.begin(kStream, sequence);
  const SequenceMap::Mapped mapped = sequences_.forward(kStream, sequence);
  if (mapped.outcome == SequenceMap::Outcome::dropped) return std::nullopt;
  const bool talkspurt = quiet_ && mapped.newest;
  if (mapped.newest) quiet_ = false;
  return Sent{mapped.sequence, talkspurt};
}

std::optional<std::uint16_t> AudioForwarder::original(std::uint16_t outgoing) const {
  const auto origin = sequences_.origin(outgoing);
  if (!origin) return std::nullopt;
  return origin->sequence;
}

rtp::SenderReport AudioForwarder::sender_report(const rtp::SenderReport& report) const {
  return rewrite_sender_report(report, ssrc_, 0, {packets_, octets_});
}

}  // namespace roomgate::sfu::forward

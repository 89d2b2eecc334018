// One audio source towards one receiver: SSRC and timestamps stay; sequence numbers stay until a packet is
// left out (only the loudest few are sent), and from then on close the gap (shard rule 13). On the receiver's
// worker.
#pragma once

#include <cstdint>
#include <optional>

#include "sfu/forward/sequence_map.hpp"
#include "sfu/rtp/rtcp.hpp"

namespace roomgate::sfu::forward {

class AudioForwarder {
 public:
  explicit AudioForwarder(std::uint32_t ssrc) : ssrc_(ssrc) {}
  // After `last` under the same key: a source that was removed and came back.
  AudioForwarder(std::uint32_t ssrc, std::uint16_t last);

  std::uint32_t ssrc() const { return ssrc_; }

  struct Sent {
    std::uint16_t sequence = 0;
    bool talkspurt = false;  // the first after packets were left out: set the marker (RFC 3551 4.1)
  };
  // Empty: leave it out. `wanted` false when the source is not among the loudest.
  std::optional<Sent> forward(std::uint16_t sequence, bool wanted);
  void on_sent(std::size_t bytes) {
    ++packets_;
    octets_ += static_cast<std::uint32_t>(bytes);
  }

  // The original number of an outgoing one, for NACKs.
  std::optional<std::uint16_t> original(std::uint16_t outgoing) const;
  rtp::SenderReport sender_report(const rtp::SenderReport& report) const;
  std::optional<std::uint16_t> last() const { return sequences_.last(); }

 private:
  std::uint32_t ssrc_;
  SequenceMap sequences_;
  bool quiet_ = false;
  std::uint32_t packets_ = 0;
  std::uint32_t octets_ = 0;
};

}  // namespace roomgate::sfu::forward

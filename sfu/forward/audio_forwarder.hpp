// One audio source towards one receiver: sequence numbers stay until a packet is left out (only the loudest
// few are sent), and from then on close the gap (shard rule 13). Timestamps stay too, unless the stream goes
// on from another source under one SSRC of ours. On the receiver's worker.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.hpp"
#include "sfu/forward/sequence_map.hpp"
#include "sfu/rtp/rtcp.hpp"

namespace roomgate::sfu::forward {

// Where an outgoing stream stands, for whoever goes on with its SSRC.
struct OutgoingAudio {
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t packets = 0;
  std::uint32_t octets = 0;
  TimePoint at{};
};

class AudioForwarder {
 public:
  explicit AudioForwarder(std::uint32_t ssrc) : ssrc_(ssrc) {}
  // After `last` under the same key: a source that was removed and came back.
  AudioForwarder(std::uint32_t ssrc, std::uint16_t last);
  // After another source under the same SSRC: time goes on as it passed meanwhile.
  AudioForwarder(std::uint32_t ssrc, const OutgoingAudio& previous);

  std::uint32_t ssrc() const { return ssrc_; }

  struct Sent {
    std::uint16_t sequence = 0;
    std::uint32_t timestamp = 0;
    bool talkspurt = false;  // the first after packets were left out: set the marker (RFC 3551 4.1)
  };
  // Empty: leave it out. `wanted` false when the source is not among the loudest.
  std::optional<Sent> forward(std::uint16_t sequence, std::uint32_t timestamp, bool wanted, TimePoint now);
  void on_sent(std::size_t bytes) {
    ++packets_;
    octets_ += static_cast<std::uint32_t>(bytes);
  }

  // The original number of an outgoing one, for NACKs.
  std::optional<std::uint16_t> original(std::uint16_t outgoing) const;
  // Empty while nothing says where this source's clock lies on the stream's.
  std::optional<rtp::SenderReport> sender_report(const rtp::SenderReport& report) const;
  // Empty before the first packet.
  std::optional<OutgoingAudio> state() const;

 private:
  std::uint32_t ssrc_;
  SequenceMap sequences_;
  bool quiet_ = false;
  bool joining_ = false;                // goes on from another source, and has not begun yet
  std::uint32_t timestamp_offset_ = 0;  // from then on
  std::uint32_t last_timestamp_ = 0;    // of the newest sent, as it was sent
  TimePoint last_at_{};
  std::uint32_t packets_ = 0;
  std::uint32_t octets_ = 0;
};

}  // namespace roomgate::sfu::forward

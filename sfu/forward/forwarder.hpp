// One video source towards one receiver: selects the layer, then projects its packets into one continuous
// stream under the announced SSRC: sequence numbers, timestamps, VP8 picture ids. O(1) per packet, no
// allocation, no payload beyond the descriptor. One per receiver and source, on the receiver's worker.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/clock.hpp"
#include "sfu/forward/layer_selector.hpp"
#include "sfu/forward/sequence_map.hpp"
#include "sfu/forward/source_layers.hpp"
#include "sfu/forward/video_packet.hpp"
#include "sfu/rtp/rtcp.hpp"
#include "sfu/rtp/vp8.hpp"

namespace roomgate::sfu::forward {

// What the packet becomes for this receiver.
struct Projected {
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::optional<rtp::Vp8Rewrite> vp8;
};

// Where an outgoing stream stands, to go on after its source was removed and added again (shard rule 10).
struct OutgoingState {
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint16_t picture_id = 0;
  std::uint8_t tl0 = 0;
  TimePoint at{};
};

class Forwarder {
 public:
  explicit Forwarder(std::uint32_t ssrc, std::optional<OutgoingState> previous = std::nullopt);

  std::uint32_t ssrc() const { return ssrc_; }
  void set_target(Target target) { selector_.set_target(target); }
  Target target() const { return selector_.target(); }
  // Muted: nothing is forwarded, and going on waits for a key frame.
  void set_muted(bool muted);
  bool muted() const { return muted_; }

  // Empty: not for this receiver.
  std::optional<Projected> forward(const SourceLayers& layers, const VideoPacket& packet, TimePoint now);
  // Counts what was sent, for sender reports. `bytes` of payload.
  void on_sent(std::size_t bytes) {
    ++packets_;
    octets_ += static_cast<std::uint32_t>(bytes);
  }

  // The layer to ask for a key frame, if one is waited for.
  std::optional<std::size_t> wanted_keyframe(const SourceLayers& layers, TimePoint now) const;
  std::optional<std::size_t> current_layer() const { return selector_.current(); }

  // For a NACK: which packet of which layer, and how it had been projected.
  struct Retransmission {
    std::size_t layer = 0;
    std::uint16_t original_sequence = 0;
    std::uint32_t epoch = 0;
  };
  std::optional<Retransmission> find_sent(std::uint16_t outgoing) const;
  // The same projection again, for the packet found; empty when its epoch is forgotten. `sequence` is
  // `outgoing`.
  std::optional<Projected> reproject(const Retransmission& found, std::uint16_t outgoing,
                                     const VideoPacket& packet) const;

  // The sender report of `layer` as this receiver is to see it; empty when it is not the layer being
  // forwarded.
  std::optional<rtp::SenderReport> sender_report(std::size_t layer, const rtp::SenderReport& report) const;

  // Empty before the first packet.
  std::optional<OutgoingState> state() const;

 private:
  // What is added to a layer's values between one begin and the next.
  struct Epoch {
    std::uint32_t number = 0;
    std::size_t layer = 0;
    std::uint32_t timestamp_offset = 0;
    std::uint16_t picture_id_offset = 0;
    std::uint8_t tl0_offset = 0;
  };
  static constexpr std::size_t kEpochs = 8;

  const Epoch* epoch(std::uint32_t number) const;
  void begin_epoch(std::uint32_t number, const SourceLayers& layers, const VideoPacket& packet,
                   TimePoint now);
  std::uint32_t join_timestamp(const SourceLayers& layers, const VideoPacket& packet, TimePoint now) const;
  static Projected project(const Epoch& epoch, std::uint16_t sequence, const VideoPacket& packet);

  std::uint32_t ssrc_;
  LayerSelector selector_;
  SequenceMap sequences_;
  std::array<Epoch, kEpochs> epochs_{};
  std::uint32_t last_epoch_ = 0;  // 0: none yet
  bool muted_ = false;
  bool sent_any_ = false;
  OutgoingState last_{};  // newest values sent
  std::uint32_t packets_ = 0;
  std::uint32_t octets_ = 0;
};

}  // namespace roomgate::sfu::forward

// One video source towards one receiver: selects its layers, then projects their packets into one continuous
// stream under the announced SSRC. O(1) per packet, no allocation, no payload beyond the descriptor. One per
// receiver and source, on the receiver's worker.
//
//   what               where streams are joined     where frames are left out
//   sequence number    goes on                      no gap; an empty packet where a place was kept for one
//   timestamp          goes on                      as it is
//   VP8 picture id     goes on                      no gap: a receiver waits for what is missing
//   VP9 picture id     goes on                      as it is: references are differences of picture ids
//   TL0PICIDX          goes on                      as it is: base layers are never left out
//   AV1 frame number,  go on                        as they are, for the same reason; the receiver is told
//   template ids                                    which decode targets it has
//   a picture that     its place is filled without  in its place
//   begins late        a payload: its id is taken
//   marker             as it is                     on the last packet of what a receiver of SVC gets of a picture
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>

#include "base/clock.hpp"
#include "sfu/forward/layer_selector.hpp"
#include "sfu/forward/sequence_map.hpp"
#include "sfu/forward/source_layers.hpp"
#include "sfu/forward/video_packet.hpp"
#include "sfu/rtp/dependency_descriptor.hpp"
#include "sfu/rtp/picture_fields.hpp"
#include "sfu/rtp/rtcp.hpp"

namespace roomgate::sfu::forward {

// What the packet becomes for this receiver.
struct Projected {
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  bool marker = false;  // in addition to the packet's own
  bool empty = false;   // without its payload: it only fills a place that was kept
  std::optional<rtp::PictureFields> picture;
  std::optional<rtp::DescriptorRewrite> descriptor;
};

// Where an outgoing stream stands, to go on after its source was removed and added again (shard rule 10), or
// with another source under the same SSRC of ours (rule 13).
struct OutgoingState {
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint16_t picture_id = 0;
  std::uint8_t tl0 = 0;
  std::uint16_t frame_number = 0;
  std::uint8_t template_end = 0;
  std::uint32_t packets = 0;  // sent, as sender reports tell
  std::uint32_t octets = 0;
  TimePoint at{};
};

class Forwarder {
 public:
  explicit Forwarder(std::uint32_t ssrc, std::optional<OutgoingState> previous = std::nullopt);

  std::uint32_t ssrc() const { return ssrc_; }
  void set_target(Target target) { selector_.set_target(target); }
  Target target() const { return selector_.target(); }
  // Nothing more of what is being forwarded: the next is a key frame of the target.
  void leave() { selector_.reset(); }
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

  // The stream to ask for a key frame, if one is waited for.
  std::optional<std::size_t> wanted_keyframe(const SourceLayers& layers, TimePoint now) const;
  // Nothing of `stream` is worth sending again: the receiver has a lower one, or only waits for its key
  // frame.
  bool left_behind(const SourceLayers& layers, std::size_t stream, TimePoint now) const;
  const std::optional<LayerSelector::Selection>& selection() const { return selector_.selection(); }
  std::optional<std::size_t> current_layer() const;
  std::optional<std::size_t> current_stream() const;

  // For a NACK: which packet of which stream, and how it had been projected.
  struct Retransmission {
    std::size_t stream = 0;
    std::uint16_t original_sequence = 0;
    std::uint32_t epoch = 0;
    SequenceMap::Mark mark;
    bool sent = false;  // else it came while nothing was forwarded, and is judged as what comes late
  };
  std::optional<Retransmission> find_sent(std::uint16_t outgoing) const;
  // The same projection again, for the packet found; empty when its epoch is forgotten. `sequence` is
  // `outgoing`.
  std::optional<Projected> reproject(const Retransmission& found, std::uint16_t outgoing,
                                     const VideoPacket& packet) const;

  // The sender report of `stream` as this receiver is to see it; empty when it is not the one being
  // forwarded.
  std::optional<rtp::SenderReport> sender_report(std::size_t stream, const rtp::SenderReport& report) const;

  // Empty before the first packet.
  std::optional<OutgoingState> state() const;

 private:
  // What is added to a stream's values between one begin and the next.
  struct Epoch {
    std::uint32_t number = 0;
    std::uint8_t stream = 0;
    std::uint8_t tl0_offset = 0;
    std::uint8_t template_offset = 0;
    std::uint32_t timestamp_offset = 0;
    std::uint16_t picture_id_offset = 0;
    std::uint16_t frame_offset = 0;
    std::uint32_t end = 0;  // the newest timestamp sent when the next began
  };
  static constexpr std::size_t kEpochs = 8;

  const Epoch* epoch(std::uint32_t number) const;
  void begin_epoch(std::uint32_t number, const SourceLayers& layers, const VideoPacket& packet,
                   TimePoint now);
  std::uint32_t join_timestamp(const SourceLayers& layers, const VideoPacket& packet, TimePoint now) const;
  bool leave_out(const VideoPacket& packet);
  bool is_cut(const VideoPacket& packet) const;
  bool fits_late(const Epoch& epoch, SequenceMap::Mark mark, const VideoPacket& packet) const;
  bool is_after_end(const Epoch& epoch, const VideoPacket& packet) const;
  static void tell_targets(Projected& projected, SequenceMap::Mark mark, const VideoPacket& packet,
                           bool changed);
  void note_sent(const Epoch& epoch, const Projected& projected, const VideoPacket& packet, TimePoint now);
  static Projected project(const Epoch& epoch, SequenceMap::Mark mark, std::uint16_t sequence,
                           const VideoPacket& packet);

  std::uint32_t ssrc_;
  LayerSelector selector_;
  SequenceMap sequences_;
  std::array<Epoch, kEpochs> epochs_{};
  std::uint32_t last_epoch_ = 0;  // 0: none yet
  bool muted_ = false;
  bool sent_any_ = false;
  bool tell_targets_ = false;  // the selection changed since a receiver was told its decode targets
  SequenceMap::Mark mark_;     // of what is forwarded now
  // The newest packet seen of the current stream, to know what lies between it and the next.
  struct Seen {
    std::uint32_t timestamp = 0;
    std::uint8_t spatial = 0;
    bool left_out = false;
  };
  std::optional<Seen> seen_;
  // The last frames of which something was left out: what else comes of them, late, is left out as well.
  std::array<Seen, 4> cut_{};
  std::size_t next_cut_ = 0;
  // By outgoing number: those that got a marker of ours, and those that went out empty.
  std::bitset<static_cast<std::size_t>(SequenceMap::kWindow)> marked_;
  std::bitset<static_cast<std::size_t>(SequenceMap::kWindow)> emptied_;
  OutgoingState last_{};           // of the newest number sent, and of the newest picture
  std::uint16_t last_filled_ = 0;  // the newest number sent with a payload
  std::uint32_t packets_ = 0;
  std::uint32_t octets_ = 0;
};

}  // namespace roomgate::sfu::forward

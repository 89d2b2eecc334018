// Which layers one receiver gets of one source: the highest alive spatial layer not above its target, and
// temporal layers up to the target's. One per receiver and source, on the receiver's worker.
//
//   current  best     packet                                result
//   none     b        key frame of b's stream               current = b, switched
//   c        b != c   key frame of b's stream, another one  current = b, switched
//   c        b != c   key frame of the same stream (SVC)    current = b, forward
//   c        b < c    first of a frame of b, never left out current = b (SVC that sends lower layers along)
//   c        any      of c's stream and needed for c        forward
//   any      any      other                                 drop
//
// Temporal layers: fewer from the next picture on; more from a frame on that says so and whose references the
// receiver had. Always between frames.
#pragma once

#include <cstddef>
#include <optional>

#include "base/clock.hpp"
#include "sfu/forward/source_layers.hpp"
#include "sfu/forward/target.hpp"
#include "sfu/forward/video_packet.hpp"

namespace roomgate::sfu::forward {

class LayerSelector {
 public:
  enum class Verdict { forward, switched, drop };

  // What is being forwarded.
  struct Selection {
    std::uint8_t stream = 0;
    std::uint8_t spatial = 0;  // within the stream
    std::uint8_t temporal = 0;
    friend bool operator==(const Selection&, const Selection&) = default;

    std::size_t layer() const { return std::size_t{stream} + spatial; }
    bool includes(const VideoPacket& packet) const { return packet.needed_by.has(spatial, temporal); }
  };

  // Nothing is wanted at first.
  void set_target(Target target) { target_ = target; }
  Target target() const { return target_; }

  Verdict on_packet(const SourceLayers& layers, const VideoPacket& packet, TimePoint now);

  // The layer to have; empty when nothing is wanted or nothing is alive.
  std::optional<std::size_t> best(const SourceLayers& layers, TimePoint now) const;
  // The stream whose key frame is waited for, to ask for one. Check each 100 ms or so and after set_target:
  // it also notices that the current layer stopped.
  std::optional<std::size_t> wanted_keyframe(const SourceLayers& layers, TimePoint now) const;

  const std::optional<Selection>& selection() const { return selection_; }
  // The receiver lost its place (or the source its state): start again from a key frame.
  void reset() { selection_.reset(); }

 private:
  std::uint8_t wanted_temporal() const;
  bool begin_at(const SourceLayers& layers, const VideoPacket& packet, TimePoint now);
  void lower_spatial(const SourceLayers& layers, const VideoPacket& packet, TimePoint now);
  void raise_temporal(const VideoPacket& packet);
  bool is_whole(std::size_t spatial) const { return (whole_ >> spatial & 1) != 0; }
  bool had_references(const VideoPacket& packet) const;
  void note_forwarded(const VideoPacket& packet);

  Target target_;
  std::optional<Selection> selection_;
  rtp::Codec codec_ = rtp::Codec::unknown;
  std::uint32_t picture_ = 0;     // timestamp of the newest
  std::uint8_t picture_top_ = 0;  // the highest spatial layer forwarded of it
  std::uint8_t torn_ = 0;         // bit s: of its frame of spatial layer s a packet was left out
  std::uint8_t whole_ = 0;        // bit s: no frame of spatial layer s was left out since the key frame
  // The frames forwarded, by number, where the codec has such: bit d is `frame_` - d.
  std::uint16_t frame_ = 0;
  std::uint64_t frames_ = 0;
};

}  // namespace roomgate::sfu::forward

// What all receivers of one video source share: its spatial layers, which of them are alive, what each costs,
// and their clocks from sender reports. Written by the receive side once per packet, read by every receiver.
// On the conference's worker.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/clock.hpp"
#include "sfu/forward/layer_rates.hpp"
#include "sfu/forward/target.hpp"
#include "sfu/forward/video_packet.hpp"
#include "sfu/rtp/sequence.hpp"

namespace roomgate::sfu::forward {

inline constexpr Duration kLayerDeadAfter = milliseconds(500);
inline constexpr unsigned kLayerDeadFrames = 4;  // that the other layers must have had meanwhile

// NTP and RTP time of one instant, from a sender report.
struct RtpClock {
  std::uint64_t ntp = 0;
  std::uint32_t rtp = 0;
};

class SourceLayers {
 public:
  // `count` streams, low to high. Heights are nominal until the stream says better: each layer twice the one
  // below, the topmost `top_height`.
  explicit SourceLayers(std::size_t count, int top_height = 720);
  // The layers of a screen share differ in sharpness and rate, not in height.
  void set_screen(bool screen);

  // `wire_bytes`: all it takes to send the packet on.
  void on_packet(const VideoPacket& packet, std::size_t wire_bytes, TimePoint now);
  void on_sender_report(std::size_t stream, std::uint64_t ntp, std::uint32_t rtp_timestamp);

  std::size_t count() const { return count_; }
  // The layers are those of one stream, and higher ones build on lower ones (SVC); else each is a stream of
  // its own (simulcast).
  bool scalable() const { return scalable_; }
  // Whose SSRC a layer is sent under; never above the layer.
  std::size_t stream_of(std::size_t layer) const {
    return scalable_ && layer >= scalable_stream_ ? scalable_stream_ : layer;
  }
  // True once after the layers, or their heights, turned out to be others than before.
  bool take_changed() { return std::exchange(changed_, false); }
  int height(std::size_t layer) const { return layers_[layer].height; }
  // Not alive: never seen, or silent for kLayerDeadAfter while other layers went on; a layer of a scalable
  // stream already when some pictures came without it, since nothing else would be forwarded meanwhile. A
  // still screen share, where all layers pause together, stays alive.
  bool alive(std::size_t layer, TimePoint now) const;
  // The target that meets a wish for `height` (target.hpp): the highest layer not above it, or the lowest.
  Target target_for(int height) const;
  // What a receiver of `spatial` costs, in bit/s, with all that it needs of lower layers and temporal layers
  // up to `temporal`; over the last second. 0 of a layer that sent nothing.
  std::uint32_t bitrate(std::size_t spatial, std::size_t temporal, TimePoint now) const;
  // The frames a second that such a receiver sees.
  double frame_rate(std::size_t spatial, std::size_t temporal, TimePoint now) const;
  // By stream.
  std::optional<RtpClock> clock(std::size_t stream) const { return clocks_[stream]; }

 private:
  struct Layer {
    int height = 0;
    bool seen = false;
    TimePoint last{};
    std::uint32_t timestamp = 0;
    unsigned missed = 0;  // frames of other layers since its last packet
  };
  void set_layers(const VideoPacket& packet, TimePoint now);
  void set_nominal();

  std::array<Layer, kMaxLayers> layers_;
  std::array<std::optional<RtpClock>, kMaxLayers> clocks_;
  const std::size_t streams_;
  const int top_height_;
  std::size_t count_;
  bool screen_ = false;
  bool nominal_ = true;  // no stream has said its layers
  bool scalable_ = false;
  std::size_t scalable_stream_ = 0;
  bool changed_ = false;
  LayerRates rates_;
};

// The same instant on the clock of `to`: where timestamp `timestamp` of `from` would be there, at 90 kHz.
std::uint32_t map_timestamp(std::uint32_t timestamp, const RtpClock& from, const RtpClock& to,
                            std::uint32_t clock_rate = 90000);

}  // namespace roomgate::sfu::forward

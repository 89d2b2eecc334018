// One source that a participant sends: plays a Sample as RTP under the source's SSRCs, all simulcast layers
// of it, answers NACKs by RTX and requests for key frames by going to one. Sans I/O: told the time, never
// late by itself. Owned by its participant; one thread.
//
//   next_due() -> poll(now, sink) sends what is due, sender reports among it
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "bench/roomload/media/sample.hpp"
#include "bench/roomload/media/sink.hpp"
#include "bench/roomload/media/stamp.hpp"
#include "bench/roomload/media/totals.hpp"

namespace roomgate::bench::roomload::media {

inline constexpr std::size_t kMaxLayers = 3;

struct LayerSsrcs {
  std::uint32_t ssrc = 0;
  std::uint32_t rtx = 0;  // 0: without
};

struct TrackSettings {
  std::array<LayerSsrcs, kMaxLayers> layers{};  // low to high, as many as the sample has; audio: the first
  std::uint8_t payload_type = 0;
  std::uint8_t rtx_payload_type = 0;       // 0: NACKs go unanswered
  std::uint8_t transport_sequence_id = 5;  // header extensions; 0: not negotiated
  std::uint8_t audio_level_id = 1;
  std::uint8_t dependency_descriptor_id = 11;
  Stamp stamp = Stamp::padding;
  Duration spread{};  // a frame's packets leave over this time; 0: back to back
  // Audio: speaks for `talk_for` of each `talk_every`, first after `talk_after`; silence else. All 0: always.
  Duration talk_after{};
  Duration talk_for{};
  Duration talk_every{};
  std::string cname;
  std::uint32_t seed = 1;  // first sequence numbers, timestamps and picture ids
};

// The transport-wide number (extension 5) of one participant, counted over all its tracks.
struct TransportSequence {
  std::uint16_t next = 1;
};

class Track {
 public:
  // Nothing is sent before `start`. All references outlive the track.
  Track(const Sample& sample, TrackSettings settings, TransportSequence& numbers, Totals& totals,
        TimePoint start);

  TimePoint next_due() const;
  void poll(TimePoint now, Sink& sink);

  // Everything a decrypted RTCP datagram says to this track's SSRCs: PLI, FIR, NACK.
  void on_rtcp(ByteView clear, TimePoint now, Sink& sink);
  // The layer of this SSRC goes on with a key frame. Ignored for other SSRCs.
  void on_keyframe_request(std::uint32_t ssrc);
  void on_nack(std::uint32_t ssrc, std::span<const std::uint16_t> sequences, TimePoint now, Sink& sink);

  // SenderSourceConstraints: layers above are not sent, the lowest always is unless it is 0; below 0: all. A
  // layer that begins again begins with a key frame.
  void set_max_height(int height);
  // Muted video sends nothing; muted audio neither (Chromium's DTX is no matter here).
  void set_muted(bool muted);

  std::size_t layer_count() const { return layers_.size(); }
  bool sends(std::size_t layer) const { return layers_[layer].active; }
  std::uint32_t packets_sent(std::size_t layer) const { return layers_[layer].packets_sent; }

 private:
  struct Sent {  // enough to make the packet once more
    std::uint32_t packet = 0;
    std::uint32_t frame = 0;
    std::uint32_t timestamp = 0;
    std::uint16_t sequence = 0;
    std::uint16_t picture_id = 0;
    std::uint16_t frame_number = 0;
    std::uint8_t tl0 = 0;
    std::uint8_t flags = 0;
    TimePoint at{};
  };
  static constexpr std::size_t kHistory = 512;  // packets a layer can repeat: two seconds of 2.5 Mbit/s

  struct Layer {
    LayerSsrcs ssrcs;
    bool active = false;
    bool restart = true;  // go to a key frame with the next frame
    bool started = false;
    std::uint32_t frame = 0;   // playing, or to play next
    std::uint32_t packet = 0;  // next packet of it to send
    std::uint32_t left = 0;    // packets of it still to send
    std::uint16_t sequence = 0;
    std::uint16_t rtx_sequence = 0;
    std::uint16_t picture_id = 0;
    std::uint16_t frame_number = 0;
    std::uint8_t tl0 = 0;
    std::uint32_t timestamp = 0;
    std::uint32_t packets_sent = 0;
    std::uint32_t octets_sent = 0;
    TimePoint last_keyframe{};
    std::vector<Sent> history;  // by sequence number, kHistory long, when there is an RTX SSRC
  };

  void begin_frame();
  void begin_layer_frame(Layer& layer, const SampleLayer& media);
  void send_next(TimePoint now, TimePoint due, Sink& sink);
  std::size_t write_packet(const SampleLayer& media, const Sent& what, std::uint32_t ssrc,
                           std::uint8_t payload_type, std::uint16_t sequence, bool rtx, ByteSpan out);
  void send_reports(TimePoint now, Sink& sink);
  bool talking(TimePoint at) const;
  std::uint32_t timestamp_at(TimePoint at) const;
  void choose_layers();

  const Sample& sample_;
  TrackSettings settings_;
  TransportSequence& numbers_;
  Totals& totals_;
  std::vector<Layer> layers_;
  TimePoint start_;
  TimePoint frame_due_;    // when the next frame begins
  TimePoint frame_began_;  // the one whose packets are being sent
  TimePoint report_due_;
  std::uint32_t clock_rate_ = 90000;
  std::uint32_t first_timestamp_ = 0;
  std::uint32_t packets_in_frame_ = 0;
  std::uint32_t packets_left_ = 0;
  int max_height_ = -1;
  bool muted_ = false;
};

}  // namespace roomgate::bench::roomload::media

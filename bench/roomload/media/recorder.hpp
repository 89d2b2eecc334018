// Writes one received video stream as a file that ffmpeg reads: IVF for VP8, VP9 and AV1, Annex B for H264.
// Takes packets in clear, in any order, and puts a frame out when the receiver has found it decodable. Bytes
// go to a function, so it does no I/O itself. For tests and `--record`: it copies and allocates. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "base/bytes.hpp"
#include "sfu/rtp/payload_types.hpp"

namespace roomgate::bench::roomload::media {

class Recorder {
 public:
  using Write = std::function<void(ByteView)>;
  // `write` is called with the file's bytes in order.
  Recorder(sfu::rtp::Codec codec, Write write);

  // Called by the receiver. `sequence` is the number without wraps.
  void on_packet(std::int64_t sequence, ByteView payload);
  void on_frame(std::int64_t first, std::int64_t last, std::uint32_t timestamp);

  std::size_t frames() const { return frames_; }
  std::size_t bad_frames() const { return bad_frames_; }  // packets that no depacketiser takes

 private:
  bool depacketise(std::int64_t first, std::int64_t last);
  bool take_h264(ByteView payload);
  bool take_av1(ByteView payload);
  bool end_obu();
  void end_superframe();
  void write_ivf_head();

  sfu::rtp::Codec codec_;
  Write write_;
  std::map<std::int64_t, std::vector<std::uint8_t>> packets_;  // bounded: the oldest go
  std::vector<std::uint8_t> frame_;
  std::vector<std::uint8_t> torn_;         // AV1: an OBU that goes on in the next packet
  std::vector<std::uint32_t> layer_ends_;  // VP9: where each spatial layer's frame ends
  std::size_t frames_ = 0;
  std::size_t bad_frames_ = 0;
  std::uint32_t first_timestamp_ = 0;
  std::int64_t last_pts_ = 0;
};

}  // namespace roomgate::bench::roomload::media

// Prerecorded media, cut into RTP payloads once and played by any number of tracks: immutable after it is
// made, so shared by reference. Made from the recordings built in, from an IVF file, or as the bench's
// neutral load.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "sfu/rtp/payload_types.hpp"

namespace roomgate::bench::roomload::media {

using sfu::rtp::Codec;

struct SamplePacket {
  std::uint32_t at = 0;    // in SampleLayer::bytes
  std::uint16_t size = 0;  // of the payload, descriptor included
};

struct SampleFrame {
  Duration at{};  // after the layer's first
  std::uint32_t first_packet = 0;
  std::uint16_t packets = 0;
  bool keyframe = false;
  std::uint8_t temporal_id = 0;
  bool layer_sync = false;
};

struct SampleLayer {
  int width = 0;
  int height = 0;
  std::vector<SampleFrame> frames;
  std::vector<SamplePacket> packets;
  std::vector<std::uint8_t> bytes;
  std::uint32_t loop_from = 0;  // after the last frame comes this one
};

struct Sample {
  Codec codec = Codec::vp8;
  Duration interval{};  // between frames
  Duration length{};    // of a whole round
  bool has_temporal_layers = false;
  bool decodable = true;            // false: bytes without a picture, which a stamp may overwrite
  std::uint16_t packet_size = 0;    // not 0: every packet is cut to exactly this, header and stamp included
  std::vector<SampleLayer> layers;  // low to high; one for audio
};

enum class SampleError { not_ivf, torn, unknown_codec, no_frames, no_keyframe_first, bad_trace };
std::string_view words(SampleError error);

// The recordings that are part of the program (bench/roomload/samples). VP8 and H264 have three layers, VP9
// and AV1 one.
const Sample& recorded_video(Codec codec);
const Sample& recorded_audio();

// A file of VP8, VP9, AV1 or H264 frames; it must begin with a key frame.
Result<Sample, SampleError> read_ivf(ByteView file);

// What figures of SFUs are taken with: nine packets of 1200 bytes to a frame, 29 frames a second.
Sample neutral_video();
// What an encoder once did: lines of `MILLISECONDS BYTES [key]`, one a frame, in VP8 without a picture.
Result<Sample, SampleError> read_trace(std::string_view text);

}  // namespace roomgate::bench::roomload::media

// The recordings built in: their bytes are in the program (an assembler's .incbin), read once when first
// asked for.
#include <array>
#include <span>
#include <stdexcept>

#include "bench/roomload/media/packetise.hpp"
#include "bench/roomload/media/sample.hpp"

// ROOMLOAD_SAMPLES is the folder, from the build.
#define RECORDING(name, file)                                                                              \
  asm(".section .rodata\nrecording_" #name ": .incbin \"" ROOMLOAD_SAMPLES "/" file "\"\nrecording_" #name \
      "_end: .byte 0\n.previous\n");                                                                       \
  extern const std::uint8_t recording_##name[] asm("recording_" #name);                                    \
  extern const std::uint8_t recording_##name##_end[] asm("recording_" #name "_end")

RECORDING(vp8_180, "vp8_180.ivf");
RECORDING(vp8_360, "vp8_360.ivf");
RECORDING(vp8_720, "vp8_720.ivf");
RECORDING(h264_180, "h264_180.h264");
RECORDING(h264_360, "h264_360.h264");
RECORDING(h264_720, "h264_720.h264");
RECORDING(vp9_720, "vp9_720.ivf");
RECORDING(av1_720, "av1_720.ivf");
RECORDING(opus, "opus_80.bin");
#undef RECORDING

namespace roomgate::bench::roomload::media {
namespace {

ByteView between(const std::uint8_t* begin, const std::uint8_t* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

constexpr Duration kInterval = std::chrono::nanoseconds(1'000'000'000 / 30);
constexpr std::uint32_t kLoopFrom = 32;  // samples/make.sh: the second round of the picture
constexpr std::size_t kOpusBytes = 80;

std::vector<ByteView> ivf_frames(ByteView file) {
  std::vector<ByteView> frames;
  for (ByteView left = file.subspan(32); left.size() > 12;) {
    const std::size_t size = left[0] | left[1] << 8 | left[2] << 16;
    frames.push_back(left.subspan(12, size));
    left = left.subspan(12 + size);
  }
  return frames;
}

// One slice to a frame, as make.sh has them: a frame ends with NAL unit 1 or 5.
std::vector<ByteView> h264_frames(ByteView file) {
  std::vector<ByteView> frames;
  std::size_t begin = 0;
  bool complete = false;
  for (std::size_t i = 0; i + 4 <= file.size(); ++i) {
    if (file[i] != 0 || file[i + 1] != 0 || file[i + 2] != 1) continue;
    const std::size_t code = i > 0 && file[i - 1] == 0 ? i - 1 : i;
    if (complete) {
      frames.push_back(file.subspan(begin, code - begin));
      begin = code;
    }
    const unsigned type = file[i + 3] & 0x1fu;
    complete = type == 1 || type == 5;
  }
  frames.push_back(file.subspan(begin));
  return frames;
}

// make.sh codes VP8 in the order 0 2 1 2; the first of each layer after a 0 refers to nothing but it
// (libvpx's layering mode 3).
struct Temporal {
  std::uint8_t id = 0;
  bool sync = false;
};
constexpr std::array<Temporal, 4> kPattern = {{{0, false}, {2, true}, {1, true}, {2, false}}};

SampleLayer make_layer(Codec codec, std::span<const ByteView> frames, int height) {
  SampleLayer layer;
  layer.height = height;
  layer.width = height * 16 / 9;
  const bool temporal = codec == Codec::vp8;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const Temporal at = temporal ? kPattern[i % kPattern.size()] : Temporal{};
    const CodedFrame frame{.bytes = frames[i],
                           .at = kInterval * static_cast<std::int64_t>(i),
                           .temporal_id = at.id,
                           .layer_sync = at.sync};
    if (!append_frame(layer, codec, frame, temporal)) throw std::logic_error("a recording is torn");
  }
  // AV1 counts its references by numbers that go round after 128 frames: it begins anew with its key frame.
  layer.loop_from = codec == Codec::av1 ? 0 : kLoopFrom;
  return layer;
}

Sample make_video(Codec codec) {
  Sample sample;
  sample.codec = codec;
  sample.interval = kInterval;
  sample.has_temporal_layers = codec == Codec::vp8;
  const auto add = [&](ByteView file, int height) {
    const auto frames = codec == Codec::h264 ? h264_frames(file) : ivf_frames(file);
    sample.layers.push_back(make_layer(codec, frames, height));
    sample.length = kInterval * static_cast<std::int64_t>(frames.size());
  };
  switch (codec) {
    case Codec::h264:
      add(between(recording_h264_180, recording_h264_180_end), 180);
      add(between(recording_h264_360, recording_h264_360_end), 360);
      add(between(recording_h264_720, recording_h264_720_end), 720);
      break;
    case Codec::vp9: add(between(recording_vp9_720, recording_vp9_720_end), 720); break;
    case Codec::av1: add(between(recording_av1_720, recording_av1_720_end), 720); break;
    default:
      add(between(recording_vp8_180, recording_vp8_180_end), 180);
      add(between(recording_vp8_360, recording_vp8_360_end), 360);
      add(between(recording_vp8_720, recording_vp8_720_end), 720);
      break;
  }
  return sample;
}

Sample make_audio() {
  Sample sample;
  sample.codec = Codec::opus;
  sample.interval = milliseconds(20);
  SampleLayer& layer = sample.layers.emplace_back();
  const ByteView file = between(recording_opus, recording_opus_end);
  layer.bytes.assign(file.begin(), file.end());
  for (std::size_t at = 0; at + kOpusBytes <= file.size(); at += kOpusBytes) {
    layer.frames.push_back({.at = sample.length,
                            .first_packet = static_cast<std::uint32_t>(layer.packets.size()),
                            .packets = 1,
                            .keyframe = true});
    layer.packets.push_back({static_cast<std::uint32_t>(at), kOpusBytes});
    sample.length += sample.interval;
  }
  return sample;
}

}  // namespace

const Sample& recorded_video(Codec codec) {
  static const Sample vp8 = make_video(Codec::vp8);
  static const Sample h264 = make_video(Codec::h264);
  static const Sample vp9 = make_video(Codec::vp9);
  static const Sample av1 = make_video(Codec::av1);
  switch (codec) {
    case Codec::h264: return h264;
    case Codec::vp9: return vp9;
    case Codec::av1: return av1;
    default: return vp8;
  }
}

const Sample& recorded_audio() {
  static const Sample audio = make_audio();
  return audio;
}

}  // namespace roomgate::bench::roomload::media

#include "bench/roomload/media/sample.hpp"

#include <doctest/doctest.h>

#include <string>

#include "bench/roomload/media/packetise.hpp"
#include "sfu/rtp/keyframe.hpp"
#include "sfu/rtp/vp8.hpp"

using namespace roomgate;
using namespace roomgate::bench::roomload::media;

namespace {

ByteView payload(const SampleLayer& layer, std::size_t packet) {
  return ByteView(layer.bytes).subspan(layer.packets[packet].at, layer.packets[packet].size);
}

void little32(std::string& out, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

std::string ivf(const std::string& fourcc, const std::vector<std::string>& frames) {
  std::string out = "DKIF";
  out += std::string({0, 0, 32, 0}) + fourcc + std::string({64, 1, static_cast<char>(180), 0});
  little32(out, 30);
  little32(out, 1);
  little32(out, static_cast<std::uint32_t>(frames.size()));
  little32(out, 0);
  std::uint32_t pts = 0;
  for (const std::string& frame : frames) {
    little32(out, static_cast<std::uint32_t>(frame.size()));
    little32(out, pts++);
    little32(out, 0);
    out += frame;
  }
  return out;
}

const std::string kKey = std::string("\x10\x02\x00\x9d\x01\x2a\x40\x01\xb4\x00", 10) + std::string(3000, 'k');
const std::string kDelta = std::string("\x11\x02\x00", 3) + std::string(500, 'd');

}  // namespace

TEST_CASE("the recorded video has its layers, sizes, rates, and a key frame only at the beginning") {
  struct Case {
    Codec codec;
    std::vector<int> heights;
    double kilobits_at_most;
  };
  for (const Case& c : {Case{Codec::vp8, {180, 360, 720}, 2800}, Case{Codec::h264, {180, 360, 720}, 2200},
                        Case{Codec::vp9, {720}, 1000}, Case{Codec::av1, {720}, 1000}}) {
    CAPTURE(static_cast<int>(c.codec));
    const Sample& sample = recorded_video(c.codec);
    REQUIRE(sample.layers.size() == c.heights.size());
    CHECK(sample.codec == c.codec);
    double bytes = 0;
    for (std::size_t i = 0; i < sample.layers.size(); ++i) {
      const SampleLayer& layer = sample.layers[i];
      CHECK(layer.height == c.heights[i]);
      CHECK(layer.frames.size() == 64);
      for (std::size_t f = 0; f < layer.frames.size(); ++f) {
        CHECK(layer.frames[f].keyframe == (f == 0));
        const bool starts =
            sfu::rtp::starts_keyframe(c.codec, payload(layer, layer.frames[f].first_packet), std::nullopt);
        CHECK(starts == (f == 0));
      }
      for (const SamplePacket& packet : layer.packets) CHECK(packet.size <= kMaxPayload);
      bytes += static_cast<double>(layer.bytes.size());
    }
    CHECK(bytes * 8 / 1000 / (64.0 / 30) < c.kilobits_at_most);
  }
}

TEST_CASE("the recorded sound is 20 ms packets of 80 bytes") {
  const Sample& sample = recorded_audio();

  CHECK(sample.interval == milliseconds(20));
  CHECK(sample.layers[0].packets.size() >= 60);
  for (const SamplePacket& packet : sample.layers[0].packets) CHECK(packet.size == 80);
}

TEST_CASE("RFC 7741: a VP8 frame is cut in near equal parts, the first marked as its beginning") {
  const std::string file = ivf("VP80", {kKey, kDelta});

  const auto sample = read_ivf(as_bytes(file));

  REQUIRE(sample);
  const SampleLayer& layer = sample->layers[0];
  REQUIRE(layer.frames.size() == 2);
  REQUIRE(layer.frames[0].packets == 3);
  CHECK(layer.width == 320);
  std::string together;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto descriptor = sfu::rtp::read_vp8(payload(layer, i));
    REQUIRE(descriptor);
    CHECK(descriptor->start_of_partition == (i == 0));
    CHECK(descriptor->keyframe == (i == 0));
    CHECK(descriptor->long_picture_id);
    CHECK(descriptor->picture_id_at == kVp8PictureIdAt);
    CHECK(descriptor->tl0_at == kVp8Tl0At);
    together += as_text(payload(layer, i).subspan(descriptor->size));
    CHECK(layer.packets[i].size >= 3010 / 3);
  }
  CHECK(together == kKey);
}

TEST_CASE("refuses a file that is none, or torn, or begins in the middle") {
  const std::string good = ivf("VP80", {kKey, kDelta});
  struct Case {
    std::string file;
    SampleError error;
  };
  const Case cases[] = {
      {"", SampleError::not_ivf},
      {"DKIF", SampleError::not_ivf},
      {ivf("XVID", {kKey}), SampleError::unknown_codec},
      {ivf("VP80", {}), SampleError::no_frames},
      {ivf("VP80", {kDelta, kKey}), SampleError::no_keyframe_first},
      {good.substr(0, good.size() - 1), SampleError::torn},
      {good.substr(0, 40), SampleError::torn},
  };
  for (const Case& c : cases) {
    const auto sample = read_ivf(as_bytes(c.file));
    REQUIRE_FALSE(sample);
    CHECK(words(sample.error()) == words(c.error));
  }
}

TEST_CASE("the neutral load is nine packets of 1200 bytes, 29 times a second") {
  const Sample sample = neutral_video();

  for (const SampleFrame& frame : sample.layers[0].frames) CHECK(frame.packets == 9);
  CHECK(sample.packet_size == 1200);
  CHECK(seconds(1) / sample.interval == 29);
  CHECK(sfu::rtp::starts_keyframe(Codec::vp8, payload(sample.layers[0], 0), std::nullopt));
  CHECK_FALSE(sfu::rtp::starts_keyframe(Codec::vp8, payload(sample.layers[0], 9), std::nullopt));
}

TEST_CASE("a trace has the sizes and times of its lines") {
  const auto sample = read_trace("# an encoder's\n100 5000 key\n133.5 700\n160 1300\n");

  REQUIRE(sample);
  const SampleLayer& layer = sample->layers[0];
  REQUIRE(layer.frames.size() == 3);
  CHECK(layer.frames[1].at == std::chrono::microseconds(33'500));
  CHECK(layer.frames[0].packets == 5);
  CHECK(layer.frames[2].packets == 2);
  CHECK(layer.frames[0].keyframe);
  CHECK_FALSE(layer.frames[1].keyframe);
}

TEST_CASE("refuses a trace that is none") {
  for (const char* text : {"abc", "10 100\n5 100\n", "10 -4\n", "10 100 frame\n", "1e99 100\n"}) {
    CAPTURE(text);
    const auto sample = read_trace(text);
    REQUIRE_FALSE(sample);
    CHECK(sample.error() == SampleError::bad_trace);
  }
  CHECK_FALSE(read_trace("# nothing\n"));
}

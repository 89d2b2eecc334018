#include "bench/roomload/media/recorder.hpp"

#include <doctest/doctest.h>

#include <random>

#include "tests/bench/roomload/media/wire.hpp"

using namespace roomgate;
using namespace roomgate::bench::roomload::media;
using namespace roomgate::bench::roomload::media::test;

namespace {

struct Recorded {
  Bytes file;
  std::size_t frames = 0;
  std::size_t bad = 0;
};

Recorded record(Codec codec, unsigned lost_percent) {
  const std::uint8_t payload_type = codec == Codec::vp8    ? 100
                                    : codec == Codec::vp9  ? 101
                                    : codec == Codec::h264 ? 107
                                                           : 41;
  const bool three = recorded_video(codec).layers.size() == 3;
  Wire wire(recorded_video(codec), video_settings(payload_type, sfu::rtp::rtx_payload_type(payload_type)),
            three ? 300 : 100, three ? 310 : 110);
  std::mt19937 random(4);
  wire.pass = [&](Bytes&) { return random() % 100 >= lost_percent; };
  Recorded out;
  Recorder recorder(codec,
                    [&](ByteView bytes) { out.file.insert(out.file.end(), bytes.begin(), bytes.end()); });
  wire.receiver.record(three ? 300 : 100, recorder);
  wire.run(seconds(4));
  out.frames = recorder.frames();
  out.bad = recorder.bad_frames();
  return out;
}

}  // namespace

TEST_CASE("what is recorded is what was played, frame by frame") {
  for (const Codec codec : {Codec::vp8, Codec::vp9, Codec::av1}) {
    CAPTURE(static_cast<int>(codec));
    const Recorded recorded = record(codec, 0);
    CHECK(recorded.frames >= 119);
    CHECK(recorded.bad == 0);

    const auto again = read_ivf(recorded.file);

    REQUIRE(again);
    const SampleLayer& played = recorded_video(codec).layers.back();
    const SampleLayer& read = again->layers[0];
    REQUIRE(read.frames.size() == recorded.frames);
    CHECK(again->codec == codec);
    std::uint32_t from = 0;
    for (const SampleFrame& frame : read.frames) {
      const SampleFrame& original = played.frames[from];
      REQUIRE(frame.packets == original.packets);
      for (std::uint32_t i = 0; i < frame.packets; ++i) {
        const SamplePacket& a = read.packets[frame.first_packet + i];
        const SamplePacket& b = played.packets[original.first_packet + i];
        REQUIRE(a.size == b.size);
        // Behind the descriptor, whose temporal layer a file does not tell.
        REQUIRE(std::equal(&read.bytes[a.at + 6], &read.bytes[a.at] + a.size, &played.bytes[b.at + 6]));
      }
      if (++from == played.frames.size()) from = played.loop_from;
    }
  }
}

TEST_CASE("H264 is recorded as Annex B, parameter sets in front of key frames") {
  const Recorded recorded = record(Codec::h264, 0);

  REQUIRE(recorded.file.size() > 1000);
  CHECK(recorded.bad == 0);
  CHECK(recorded.frames >= 119);
  CHECK(load32(recorded.file.data()) == 1);
  CHECK((recorded.file[4] & 0x1f) == 7);
}

TEST_CASE("with losses and repairs no frame is recorded torn") {
  for (const Codec codec : {Codec::vp8, Codec::vp9, Codec::h264, Codec::av1}) {
    const Recorded recorded = record(codec, 5);

    CHECK(recorded.bad == 0);
    CHECK(recorded.frames > 60);
  }
}

#include "bench/roomload/media/track.hpp"

#include <doctest/doctest.h>

#include <map>

#include "bench/roomload/media/packetise.hpp"
#include "sfu/rtp/extensions.hpp"
#include "sfu/rtp/keyframe.hpp"
#include "sfu/rtp/vp8.hpp"
#include "tests/bench/roomload/media/wire.hpp"

using namespace roomgate;
using namespace roomgate::bench::roomload::media;
using namespace roomgate::bench::roomload::media::test;

namespace {

struct Playing {
  explicit Playing(const Sample& sample, TrackSettings settings)
      : track(sample, settings, numbers, totals, kStart) {}
  std::vector<Bytes> play(Duration length) {
    for (const TimePoint end = now + length; now < end; now += milliseconds(1)) track.poll(now, sink);
    return sink.take_rtp();
  }
  Totals totals;
  TransportSequence numbers;
  Kept sink;
  TimePoint now = kStart;
  Track track;
};

std::vector<Bytes> of_ssrc(const std::vector<Bytes>& packets, std::uint32_t ssrc) {
  std::vector<Bytes> out;
  for (const Bytes& packet : packets) {
    if (view(packet).ssrc() == ssrc) out.push_back(packet);
  }
  return out;
}

std::size_t keyframes(const std::vector<Bytes>& packets) {
  std::size_t count = 0;
  for (const Bytes& packet : packets) {
    const auto descriptor = sfu::rtp::read_vp8(view(packet).payload());
    count += descriptor && descriptor->keyframe ? 1 : 0;
  }
  return count;
}

}  // namespace

TEST_CASE("three layers play at 30 frames a second and 2.6 Mbit/s, with one key frame each and no other") {
  Playing playing(recorded_video(Codec::vp8), video_settings(100, 96));

  const auto packets = playing.play(seconds(10));

  std::size_t bytes = 0;
  for (const Bytes& packet : packets) bytes += packet.size();
  CHECK(static_cast<double>(bytes) * 8 / 10 == doctest::Approx(2.75e6).epsilon(0.1));
  for (const std::uint32_t ssrc : {100u, 200u, 300u}) {
    const auto layer = of_ssrc(packets, ssrc);
    std::size_t frames = 0;
    for (const Bytes& packet : layer) frames += view(packet).marker() ? 1 : 0;
    CHECK(frames >= 299);
    CHECK(frames <= 301);
    CHECK(keyframes(layer) == 1);
  }
}

TEST_CASE("numbers go on over the end of the recording: sequence, timestamp, picture id, TL0PICIDX") {
  Playing playing(recorded_video(Codec::vp8), video_settings(100, 96));

  const auto packets = of_ssrc(playing.play(seconds(6)), 300);

  std::uint16_t sequence = view(packets[0]).sequence();
  auto last = *sfu::rtp::read_vp8(view(packets[0]).payload());
  std::uint32_t timestamp = view(packets[0]).timestamp();
  for (const Bytes& packet : packets) {
    const auto rtp = view(packet);
    REQUIRE(rtp.sequence() == sequence++);
    const auto now = *sfu::rtp::read_vp8(rtp.payload());
    if (rtp.timestamp() != timestamp) {
      REQUIRE(now.picture_id == ((last.picture_id + 1) & 0x7fff));
      REQUIRE(now.tl0 == static_cast<std::uint8_t>(last.tl0 + (now.temporal_id == 0 ? 1 : 0)));
      const std::uint32_t step = rtp.timestamp() - timestamp;
      REQUIRE(step >= 2999);
      REQUIRE(step <= 3001);
    }
    last = now;
    timestamp = rtp.timestamp();
  }
}

TEST_CASE("no packet is longer than 1200 bytes, with any codec") {
  for (const Codec codec : {Codec::vp8, Codec::vp9, Codec::av1, Codec::h264}) {
    Playing playing(recorded_video(codec), video_settings(100, 96));

    for (const Bytes& packet : playing.play(seconds(3))) REQUIRE(packet.size() <= kMaxPacket);
  }
}

TEST_CASE("the transport-wide number counts over tracks without a gap") {
  Totals totals;
  TransportSequence numbers;
  Kept sink;
  Track video(recorded_video(Codec::vp8), video_settings(100, 96), numbers, totals, kStart);
  Track audio(recorded_audio(), {.layers = {{{500, 0}}}, .payload_type = 111}, numbers, totals, kStart);

  for (int ms = 0; ms < 500; ++ms) {
    video.poll(kStart + milliseconds(ms), sink);
    audio.poll(kStart + milliseconds(ms), sink);
  }

  std::uint16_t next = 1;
  for (const Bytes& packet : sink.rtp) REQUIRE(sfu::rtp::transport_sequence(view(packet)) == next++);
  CHECK(next > 100);
}

TEST_CASE(
    "a request for a key frame is answered with the next frame of that layer alone, at most each 300 ms") {
  Playing playing(recorded_video(Codec::vp8), video_settings(100, 96));
  playing.play(seconds(1));

  playing.track.on_keyframe_request(200);
  const auto answered = playing.play(milliseconds(34));
  playing.track.on_keyframe_request(200);
  const auto too_soon = playing.play(milliseconds(100));
  playing.play(milliseconds(300));
  playing.track.on_keyframe_request(200);
  const auto again = playing.play(milliseconds(34));

  CHECK(keyframes(of_ssrc(answered, 200)) == 1);
  CHECK(keyframes(answered) == 1);
  CHECK(keyframes(too_soon) == 0);
  CHECK(keyframes(again) == 1);
}

TEST_CASE("a layer above the wanted height is not sent, and begins again with a key frame") {
  Playing playing(recorded_video(Codec::vp8), video_settings(100, 96));
  playing.play(seconds(1));

  playing.track.set_max_height(360);
  playing.play(milliseconds(40));
  const auto small = playing.play(seconds(1));
  playing.track.set_max_height(0);
  playing.play(milliseconds(40));
  const auto nothing = playing.play(seconds(1));
  playing.track.set_max_height(90);
  const auto lowest = playing.play(seconds(1));
  playing.track.set_max_height(-1);
  const auto all = playing.play(seconds(1));

  CHECK(of_ssrc(small, 300).empty());
  CHECK_FALSE(of_ssrc(small, 200).empty());
  CHECK(nothing.empty());
  CHECK_FALSE(of_ssrc(lowest, 100).empty());
  CHECK(of_ssrc(lowest, 200).empty());
  for (const std::uint32_t ssrc : {200u, 300u}) {
    const auto layer = of_ssrc(all, ssrc);
    REQUIRE_FALSE(layer.empty());
    CHECK(sfu::rtp::read_vp8(view(layer[0]).payload())->keyframe);
  }
}

TEST_CASE("RFC 4588: a NACK is answered with the same payload behind its number, under the RTX SSRC") {
  Playing playing(recorded_video(Codec::vp8), video_settings(100, 96));
  const auto packets = of_ssrc(playing.play(seconds(1)), 300);
  const Bytes& lost = packets[packets.size() - 20];
  const std::uint16_t number = view(lost).sequence();

  playing.track.on_nack(300, std::array{number, static_cast<std::uint16_t>(number + 5000)}, playing.now,
                        playing.sink);

  REQUIRE(playing.sink.rtp.size() == 1);
  const auto repaired = view(playing.sink.rtp[0]);
  CHECK(repaired.ssrc() == 310);
  CHECK(repaired.payload_type() == 96);
  CHECK(load16(repaired.payload().data()) == number);
  const ByteView again = repaired.payload().subspan(2);
  const ByteView before = view(lost).payload();
  CHECK(std::equal(again.begin(), again.end(), before.begin(), before.end()));
  CHECK(repaired.timestamp() == view(lost).timestamp());
  CHECK(read_stamp(playing.sink.rtp[0]) == read_stamp(lost));
}

TEST_CASE("the neutral load: 261 packets of 1200 bytes a second, back to back or spread") {
  for (const Duration spread : {Duration{}, Duration(milliseconds(10))}) {
    TrackSettings settings = video_settings(100, 0);
    settings.spread = spread;
    settings.stamp = Stamp::tail;
    const Sample sample = neutral_video();
    Playing playing(sample, settings);

    std::map<Duration, std::size_t> by_time;
    while (playing.now < kStart + seconds(10)) {
      playing.track.poll(playing.now, playing.sink);
      by_time[playing.now - kStart] += playing.sink.rtp.size();
      for (const Bytes& packet : playing.sink.take_rtp()) {
        REQUIRE(packet.size() == 1200);
        REQUIRE(read_stamp(packet) == playing.now);
        REQUIRE_FALSE(view(packet).has_padding());
      }
      playing.sink.rtcp.clear();
      playing.now = playing.track.next_due();
    }

    std::size_t packets = 0;
    std::size_t largest = 0;
    for (const auto& [at, count] : by_time) {
      packets += count;
      largest = std::max(largest, count);
    }
    // 290 frames, and the one that begins at the end.
    CHECK(packets >= 2610);
    CHECK(packets <= 2619);
    CHECK(largest == (spread == Duration{} ? 9 : 1));
  }
}

TEST_CASE("sound has its level: voice while it talks, silence else") {
  Playing playing(recorded_audio(), {.layers = {{{500, 0}}},
                                     .payload_type = 111,
                                     .talk_after = seconds(1),
                                     .talk_for = seconds(1),
                                     .talk_every = seconds(4)});

  const auto packets = playing.play(seconds(4));

  REQUIRE(packets.size() == 200);
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const auto level = sfu::rtp::find_extension(view(packets[i]), 1);
    REQUIRE(level);
    CAPTURE(i);
    CHECK(((*level)[0] & 0x80) == (i >= 50 && i < 100 ? 0x80 : 0));
  }
}

TEST_CASE("a track that was not polled for long leaves frames out instead of sending a burst") {
  Playing playing(recorded_video(Codec::vp8), video_settings(100, 96));
  playing.play(seconds(1));

  playing.now += seconds(30);
  const auto packets = of_ssrc(playing.play(milliseconds(1)), 100);

  CHECK(packets.size() < 20);
}

TEST_CASE("sender reports say how much was sent, once a second and layer") {
  Playing playing(recorded_video(Codec::vp8), video_settings(100, 96));

  playing.play(milliseconds(1500));

  REQUIRE(playing.sink.rtcp.size() == 3);
  sfu::rtp::RtcpReader reader(playing.sink.rtcp[2]);
  const auto report = sfu::rtp::read_sender_report(*reader.next());
  REQUIRE(report);
  CHECK(report->ssrc == 300);
  CHECK(report->packets > 100);
  CHECK(report->octets > 100'000);
}

TEST_CASE("AV1: the dependency descriptor says where frames and key frames begin") {
  Playing playing(recorded_video(Codec::av1), video_settings(41, 42));

  const auto packets = playing.play(seconds(1));

  bool begins = true;
  std::size_t keys = 0;
  for (const Bytes& packet : packets) {
    const auto descriptor = sfu::rtp::find_extension(view(packet), 11);
    REQUIRE(descriptor);
    CHECK((((*descriptor)[0] & 0x80) != 0) == begins);
    CHECK((((*descriptor)[0] & 0x40) != 0) == view(packet).marker());
    begins = view(packet).marker();
    keys += sfu::rtp::descriptor_starts_keyframe(*descriptor) ? 1 : 0;
  }
  CHECK(keys == 1);
}

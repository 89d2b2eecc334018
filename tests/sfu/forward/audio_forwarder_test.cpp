#include "sfu/forward/audio_forwarder.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace roomgate;
using namespace roomgate::sfu;
using namespace roomgate::sfu::forward;

namespace {

constexpr TimePoint kNow{seconds(1000)};

}  // namespace

TEST_CASE("audio that is never left out keeps its numbers") {
  AudioForwarder audio(1);
  for (std::uint16_t i = 65000; i != 500; ++i) {
    const auto sent = audio.forward(i, 7000u + i, true, kNow);
    REQUIRE(sent);
    REQUIRE(sent->sequence == i);
    REQUIRE(sent->timestamp == 7000u + i);
    REQUIRE_FALSE(sent->talkspurt);
  }
}

TEST_CASE("shard rule 13: limited audio is renumbered without gaps, and begins a talkspurt") {
  AudioForwarder audio(1);
  std::mt19937 random(4);
  std::optional<std::uint16_t> last;
  bool wanted = true;
  bool was_wanted = true;
  for (int i = 0; i < 5000; ++i) {
    if (random() % 50 == 0) wanted = !wanted;
    const auto sent = audio.forward(static_cast<std::uint16_t>(60000 + i), 0, wanted, kNow);
    REQUIRE(sent.has_value() == wanted);
    if (sent) {
      if (last) REQUIRE(sent->sequence == static_cast<std::uint16_t>(*last + 1));
      REQUIRE(sent->talkspurt == !was_wanted);
      REQUIRE(audio.original(sent->sequence) == static_cast<std::uint16_t>(60000 + i));
      last = sent->sequence;
    }
    was_wanted = wanted;
  }
}

TEST_CASE("a loss stays a loss, and the late packet fills it") {
  AudioForwarder audio(1);
  audio.forward(10, 0, true, kNow);
  audio.forward(11, 0, false, kNow);
  CHECK(audio.forward(13, 0, true, kNow)->sequence == 12);
  const auto late = audio.forward(12, 0, true, kNow);
  REQUIRE(late);
  CHECK(late->sequence == 11);
  CHECK_FALSE(audio.forward(12, 0, true, kNow));
  CHECK_FALSE(audio.forward(11, 0, true, kNow));
}

TEST_CASE("shard rule 10: a source that comes back goes on after its last number") {
  AudioForwarder audio(1, 99);
  CHECK_FALSE(audio.forward(5000, 0, false, kNow));
  CHECK(audio.forward(5001, 0, true, kNow)->sequence == 100);
  CHECK(audio.state()->sequence == 100);
}

TEST_CASE("sender reports keep time and SSRC, and tell our counts") {
  AudioForwarder audio(7);
  audio.on_sent(80);
  audio.on_sent(81);
  const auto report =
      *audio.sender_report({.ssrc = 7, .ntp = 5, .rtp_timestamp = 6, .packets = 100, .octets = 1000});
  CHECK(report == rtp::SenderReport{.ssrc = 7, .ntp = 5, .rtp_timestamp = 6, .packets = 2, .octets = 161});
}

TEST_CASE("shard rule 13: after another source under the same SSRC, numbers and time go on") {
  AudioForwarder first(9);
  std::uint16_t sequence = 65530;
  std::uint32_t timestamp = 0xfffffe00;
  for (int i = 0; i < 10; ++i) {
    first.forward(sequence++, timestamp, true, kNow + i * milliseconds(20));
    first.on_sent(100);
    timestamp += 960;
  }
  const auto stands = first.state();
  REQUIRE(stands);

  AudioForwarder second(9, *stands);
  const rtp::SenderReport report{.ssrc = 77, .ntp = 5, .rtp_timestamp = 123'000, .packets = 1, .octets = 1};
  CHECK_FALSE(second.sender_report(report));
  const TimePoint later = stands->at + milliseconds(500);
  const auto joined = second.forward(40'000, 123'456, true, later);
  const auto next = second.forward(40'001, 123'456 + 960, true, later + milliseconds(20));
  second.on_sent(50);

  REQUIRE(joined);
  CHECK(joined->talkspurt);
  CHECK(joined->sequence == static_cast<std::uint16_t>(stands->sequence + 1));
  CHECK(joined->timestamp == stands->timestamp + 24'000);
  REQUIRE(next);
  CHECK_FALSE(next->talkspurt);
  CHECK(next->sequence == static_cast<std::uint16_t>(joined->sequence + 1));
  CHECK(next->timestamp == joined->timestamp + 960);
  const auto told = second.sender_report(report);
  REQUIRE(told);
  CHECK(*told ==
        rtp::SenderReport{
            .ssrc = 9, .ntp = 5, .rtp_timestamp = joined->timestamp - 456, .packets = 11, .octets = 1050});
}

TEST_CASE("however soon another source takes the SSRC, its first packet is later than the last") {
  AudioForwarder first(9);
  first.forward(1, 1000, true, kNow);

  AudioForwarder second(9, *first.state());
  const auto joined = second.forward(500, 3, true, kNow);

  REQUIRE(joined);
  CHECK(joined->timestamp == 1000 + 960);
}

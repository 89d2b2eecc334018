#include "sfu/forward/audio_forwarder.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace roomgate;
using namespace roomgate::sfu;
using namespace roomgate::sfu::forward;

TEST_CASE("audio that is never left out keeps its numbers") {
  AudioForwarder audio(1);
  for (std::uint16_t i = 65000; i != 500; ++i) {
    const auto sent = audio.forward(i, true);
    REQUIRE(sent);
    REQUIRE(sent->sequence == i);
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
    const auto sent = audio.forward(static_cast<std::uint16_t>(60000 + i), wanted);
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
  audio.forward(10, true);
  audio.forward(11, false);
  CHECK(audio.forward(13, true)->sequence == 12);
  const auto late = audio.forward(12, true);
  REQUIRE(late);
  CHECK(late->sequence == 11);
  CHECK_FALSE(audio.forward(12, true));
  CHECK_FALSE(audio.forward(11, true));
}

TEST_CASE("shard rule 10: a source that comes back goes on after its last number") {
  AudioForwarder audio(1, 99);
  CHECK_FALSE(audio.forward(5000, false));
  CHECK(audio.forward(5001, true)->sequence == 100);
  CHECK(audio.last() == 100);
}

TEST_CASE("sender reports keep time and SSRC, and tell our counts") {
  AudioForwarder audio(7);
  audio.on_sent(80);
  audio.on_sent(81);
  const auto report =
      audio.sender_report({.ssrc = 7, .ntp = 5, .rtp_timestamp = 6, .packets = 100, .octets = 1000});
  CHECK(report == rtp::SenderReport{.ssrc = 7, .ntp = 5, .rtp_timestamp = 6, .packets = 2, .octets = 161});
}

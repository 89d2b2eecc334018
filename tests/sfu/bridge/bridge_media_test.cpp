#include <doctest/doctest.h>

#include <set>

#include "tests/sfu/bridge/support/house.hpp"

using namespace roomgate;
using namespace roomgate::sfu::bridge;
using namespace roomgate::test;

TEST_CASE(
    "audio of one endpoint reaches the others, decrypted, under its SSRC, without mid and without gaps") {
  House house;
  Member& a = house.join("room", "aaaaaaaa");
  Member& b = house.join("room", "bbbbbbbb");
  Member& c = house.join("room", "cccccccc");

  std::uint16_t sent = 0;
  REQUIRE(house.until([&] {
    a.client.send_rtp(make_rtp({.sequence = sent,
                                .timestamp = sent * 960u,
                                .ssrc = a.ssrcs.audio,
                                .level = 30,
                                .payload = {1, 2, 3, static_cast<std::uint8_t>(sent)}}));
    ++sent;
    return b.client.rtp.size() >= 50 && c.client.rtp.size() >= 50;
  }));

  for (const Member* receiver : {&b, &c}) {
    CHECK(receiver->client.undecryptable == 0);
    for (std::size_t i = 0; i < receiver->client.rtp.size(); ++i) {
      const ReceivedRtp& packet = receiver->client.rtp[i];
      const auto view = sfu::rtp::RtpPacketView::parse(packet.bytes);
      REQUIRE(view);
      CHECK(packet.ssrc() == a.ssrcs.audio);
      CHECK(packet.sequence() == static_cast<std::uint16_t>(receiver->client.rtp.front().sequence() + i));
      CHECK(!sfu::rtp::find_extension(*view, sfu::rtp::kMidId));
      CHECK(sfu::rtp::find_extension(*view, sfu::rtp::kAudioLevelId));
      CHECK(view->payload()[3] == static_cast<std::uint8_t>(packet.sequence()));
    }
  }
  CHECK(a.client.rtp.empty());
}

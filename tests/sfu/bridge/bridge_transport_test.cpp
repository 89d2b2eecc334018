#include <doctest/doctest.h>

#include "base/random.hpp"
#include "tests/sfu/bridge/support/house.hpp"

using namespace roomgate;
using namespace roomgate::sfu::bridge;
using namespace roomgate::test;

namespace {

const std::string kDropped = "roomshard_dropped_packets_total";

std::string dropped(const std::string& reason) { return kDropped + "{reason=\"" + reason + "\"}"; }

std::vector<std::uint8_t> audio_of(const Member& member, std::uint16_t sequence) {
  return make_rtp({.sequence = sequence,
                   .timestamp = sequence * 960u,
                   .ssrc = member.ssrcs.audio,
                   .level = 25,
                   .payload = {9}});
}

}  // namespace

TEST_CASE("shard rule 5: a client whose certificate signalling did not announce gets no media") {
  House house;
  Member& a = house.join("room", "aaaaaaaa");
  Member& forger = house.enter("room", "ffffffff");
  forger.client.connect(forger.allocated);
  Fingerprint other = forger.client.fingerprint();
  other.value[0] = other.value[0] == 'A' ? 'B' : 'A';
  house.set_transport(forger, {}, other);
  house.announce(forger);

  REQUIRE(house.until([&] { return house.state_of(forger) == EndpointState::failed; }));

  std::uint16_t sequence = 0;
  REQUIRE(house.until([&] {
    a.client.send_rtp(audio_of(a, sequence++));
    if (forger.client.connected()) forger.client.send_rtp(audio_of(forger, sequence));
    return house.metric("roomshard_received_packets_total") >= 50;
  }));
  CHECK(forger.client.rtp.empty());
  CHECK(a.client.rtp.empty());
  CHECK(house.metric("roomshard_fingerprint_mismatches_total") == 1);
}

TEST_CASE("shard rule 5: DTLS from a pair that did not prove itself is dropped and counted") {
  House house;
  Member& a = house.enter("room", "aaaaaaaa");
  a.client.connect(
      a.allocated);  // checks, but the bridge does not know its password yet, so validates nothing
  REQUIRE(house.until([&] { return a.client.ice_answered(); }));

  const std::vector<std::uint8_t> hello = {22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  a.client.send_raw(hello);

  REQUIRE(house.until([&] { return house.metric(dropped("dtls_unvalidated")) >= 1; }));
  CHECK(a.client.dtls_answers == 0);
}

TEST_CASE("media before keys, of unknown sources, forged or replayed is dropped and counted") {
  House house;
  Member& a = house.join("room", "aaaaaaaa");
  Member& b = house.join("room", "bbbbbbbb");
  Member& early = house.enter("room", "eeeeeeee");
  early.client.hold_dtls();
  early.client.connect(early.allocated);
  house.set_transport(early);
  house.announce(early);
  REQUIRE(house.until([&] { return early.client.ice_answered(); }));

  early.client.send_raw(audio_of(early, 1));
  REQUIRE(house.until([&] { return house.metric(dropped("no_keys")) >= 1; }));

  a.client.send_rtp(make_rtp({.sequence = 1, .ssrc = 424242, .level = 1, .payload = {1}}));
  REQUIRE(house.until([&] { return house.metric(dropped("unknown_source")) >= 1; }));

  a.client.send_raw(audio_of(a, 5));
  REQUIRE(house.until([&] { return house.metric(dropped("unauthentic")) >= 1; }));

  MediaClient stranger;
  stranger.connect(a.allocated);
  stranger.send_raw(audio_of(a, 6));
  REQUIRE(house.until([&] { return house.metric(dropped("unknown_address")) >= 1; }));

  const std::vector<std::uint8_t> noise = {255, 1, 2, 3};
  stranger.send_raw(noise);
  REQUIRE(house.until([&] { return house.metric(dropped("not_media")) >= 1; }));

  CHECK(b.client.rtp.empty());
}

TEST_CASE("pitfall 20: somebody else's SSRC is not accepted as a source") {
  House house;
  Member& a = house.join("room", "aaaaaaaa");
  Member& b = house.join("room", "bbbbbbbb");
  Member& thief = house.enter("room", "tttttttt");
  thief.ssrcs.audio = a.ssrcs.audio;
  thief.client.connect(thief.allocated);
  house.set_transport(thief);
  house.announce(thief);
  REQUIRE(house.until([&] { return thief.client.connected(); }));

  thief.client.send_rtp(audio_of(thief, 1));

  REQUIRE(house.until([&] { return house.metric(dropped("unknown_source")) >= 1; }));
  CHECK(house.metric("roomshard_sources_refused_total") == 1);
  CHECK(b.client.rtp.empty());
}

TEST_CASE("shard rule 6: a client whose address changes is heard from the new one, and sent to it") {
  House house;
  Member& a = house.join("room", "aaaaaaaa");
  Member& b = house.join("room", "bbbbbbbb");
  std::uint16_t sequence = 0;
  REQUIRE(house.until([&] {
    a.client.send_rtp(audio_of(a, sequence++));
    return b.client.rtp.size() >= 10;
  }));

  a.client.move();
  const std::size_t before = b.client.rtp.size();
  REQUIRE(house.until([&] {
    a.client.send_rtp(audio_of(a, sequence++));
    return b.client.rtp.size() >= before + 10;
  }));

  std::uint16_t back = 0;
  REQUIRE(house.until([&] {
    a.client.send_rtp(audio_of(a, sequence++));
    b.client.send_rtp(audio_of(b, back++));
    return a.client.rtp.size() >= 10;
  }));
}

TEST_CASE(
    "shard rule 6: media alone, authentic, tells of a client's new address before its next check does") {
  House house;
  Member& a = house.join("room", "aaaaaaaa");
  Member& b = house.join("room", "bbbbbbbb");
  std::uint16_t sequence = 0;
  REQUIRE(house.until([&] {
    a.client.send_rtp(audio_of(a, sequence++));
    return b.client.rtp.size() >= 10;
  }));

  a.client.hold_checks();
  a.client.move();
  const std::size_t before = b.client.rtp.size();
  REQUIRE(house.until([&] {
    a.client.send_rtp(audio_of(a, sequence++));
    return b.client.rtp.size() >= before + 10;
  }));

  const std::size_t heard = a.client.rtp.size();
  std::uint16_t back = 0;
  REQUIRE(house.until([&] {
    a.client.send_rtp(audio_of(a, sequence++));
    b.client.send_rtp(audio_of(b, back++));
    return a.client.rtp.size() >= heard + 10;
  }));
}

TEST_CASE("a client that falls silent is told as interrupted, and as back when it returns") {
  BridgeConfig config = House::default_config();
  config.limits.ice.interrupted = milliseconds(400);
  House house(config);
  Member& a = house.join("room", "aaaaaaaa");
  Member& b = house.join("room", "bbbbbbbb");
  CHECK(!house.got_frame(b, "EndpointConnectivityStatusChangeEvent"));

  a.client.pause(true);
  REQUIRE(house.until([&] { return house.got_frame(b, R"("endpoint":"aaaaaaaa","active":"false")"); }));
  CHECK(house.state_of(a) == EndpointState::interrupted);

  a.client.pause(false);
  REQUIRE(house.until([&] { return house.got_frame(b, R"("endpoint":"aaaaaaaa","active":"true")"); }));
  CHECK(house.state_of(a) == EndpointState::connected);
}

TEST_CASE("another conference hears nothing") {
  House house;
  Member& a = house.join("room", "aaaaaaaa");
  Member& b = house.join("room", "bbbbbbbb");
  Member& other = house.join("elsewhere", "aaaaaaab");
  house.want_video(other, 720);

  std::uint16_t sequence = 0;
  REQUIRE(house.until([&] {
    a.client.send_rtp(audio_of(a, sequence++));
    return b.client.rtp.size() >= 30;
  }));

  CHECK(other.client.rtp.empty());
  CHECK(house.frames_to(other).size() >= 1);
  CHECK(!house.got_frame(other, "aaaaaaaa"));
}

TEST_CASE("an expired endpoint neither sends nor receives, and the last one ends the conference") {
  House house;
  Member& a = house.join("room", "aaaaaaaa");
  Member& b = house.join("room", "bbbbbbbb");
  Member& c = house.join("room", "cccccccc");
  CHECK(house.bridge().conferences() == 1);

  house.bridge().send(Expire{"room", "cccccccc"});
  std::uint16_t sequence = 0;
  REQUIRE(house.until([&] {
    a.client.send_rtp(audio_of(a, sequence++));
    return b.client.rtp.size() >= 20;
  }));
  REQUIRE(house.until([&] { return b.client.rtp.size() == sequence; }));
  c.client.rtp.clear();
  const std::size_t heard = b.client.rtp.size();
  REQUIRE(house.until([&] {
    c.client.send_rtp(audio_of(c, sequence++));
    return house.metric(dropped("unknown_address")) >= 20;
  }));

  CHECK(b.client.rtp.size() == heard);
  CHECK(c.client.rtp.empty());
  house.bridge().send(Expire{"room", "aaaaaaaa"});
  house.bridge().send(Expire{"room", "bbbbbbbb"});
  CHECK(house.bridge().conferences() == 0);
  CHECK(house.bridge().endpoints() == 0);
}

TEST_CASE("an endpoint that is allocated again starts anew") {
  House house;
  Member& a = house.join("room", "aaaaaaaa");
  Member& b = house.join("room", "bbbbbbbb");
  house.events.clear();

  Member& again = house.enter("room", "aaaaaaaa");
  again.ssrcs = a.ssrcs;
  again.client.connect(again.allocated);
  house.set_transport(again);
  house.announce(again);
  REQUIRE(house.until([&] { return again.client.connected(); }));

  CHECK(again.allocated.ufrag != a.allocated.ufrag);
  CHECK(again.allocated.channel_secret != a.allocated.channel_secret);
  std::uint16_t sequence = 100;
  REQUIRE(house.until([&] {
    again.client.send_rtp(audio_of(again, sequence++));
    return b.client.rtp.size() >= 10;
  }));
}

TEST_CASE("limits refuse an endpoint with a reason") {
  BridgeConfig config = House::default_config();
  config.limits.max_endpoints_per_conference = 1;
  House house(config);
  house.enter("room", "aaaaaaaa");

  house.bridge().send(Allocate{99, "room", "bbbbbbbb", ""});

  REQUIRE(house.until([&] {
    return std::any_of(house.events.begin(), house.events.end(), [](const Event& event) {
      const auto* failed = std::get_if<AllocateFailed>(&event);
      return failed && failed->request == 99 && failed->reason == "conference limit";
    });
  }));
}

TEST_CASE("shard rule 3: two workers: endpoints on both hear and see each other, and feedback crosses") {
  BridgeConfig config = House::default_config();
  config.workers = 2;
  config.limits.worker_endpoints = 1;  // so that the second endpoint goes to the other worker
  House house(config);
  Member& a = house.join("room", "aaaaaaaa", 3);
  Member& b = house.join("room", "bbbbbbbb", 1);
  Member& c = house.join("room", "cccccccc");
  REQUIRE(a.allocated.candidates.front().port != b.allocated.candidates.front().port);
  house.want_video(b, 360);
  house.want_video(c, 180);

  std::uint16_t sequence = 0;
  std::uint16_t picture = 0;
  std::size_t seen = 0;
  bool key = true;
  REQUIRE(house.until([&] {
    a.client.send_rtp(audio_of(a, sequence));
    for (; seen < a.client.rtcp.size(); ++seen) {
      sfu::rtp::RtcpReader reader(a.client.rtcp[seen]);
      while (const auto part = reader.next()) key = key || part->is(sfu::rtp::kPictureLoss);
    }
    for (std::size_t layer = 0; layer < 3; ++layer) {
      a.client.send_rtp(make_rtp({.payload_type = 100,
                                  .marker = true,
                                  .sequence = sequence,
                                  .timestamp = sequence * 3000u,
                                  .ssrc = a.ssrcs.video[layer].ssrc,
                                  .payload = make_vp8(key, picture, 1, "layer" + std::to_string(layer))}));
    }
    key = false;
    ++sequence;
    ++picture;
    const auto video_of = [&](const Member& m) {
      return std::count_if(m.client.rtp.begin(), m.client.rtp.end(),
                           [&](const ReceivedRtp& p) { return p.ssrc() == a.ssrcs.video[0].ssrc; });
    };
    const auto audio_count = [&](const Member& m) {
      return std::count_if(m.client.rtp.begin(), m.client.rtp.end(),
                           [&](const ReceivedRtp& p) { return p.ssrc() == a.ssrcs.audio; });
    };
    return video_of(b) > 20 && video_of(c) > 20 && audio_count(b) > 20 && audio_count(c) > 20;
  }));

  CHECK(house.until([&] { return house.metric("roomshard_crossed_packets_total") > 0; }));
  CHECK(house.until([&] { return house.got_frame(a, R"("sourceName":"aaaaaaaa-v0","maxHeight":360)"); }));
  CHECK(house.until([&] { return house.got_frame(b, R"("dominantSpeakerEndpoint":"aaaaaaaa")"); }));
  CHECK(b.client.undecryptable == 0);
  CHECK(c.client.undecryptable == 0);
}

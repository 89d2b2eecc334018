// The pitfalls of jitsi-signalling 12 and the rules of shard.md that show only in packets: a bridge with
// clients over loopback, one test under each number.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "tests/sfu/bridge/support/house.hpp"
#include "tests/sfu/rtp/build_packet.hpp"

using namespace roomgate;
using namespace roomgate::sfu::bridge;
using namespace roomgate::test;
namespace rtp = roomgate::sfu::rtp;

namespace {

// A key frame's dependency descriptor as Chromium writes it (L3T3_KEY), its structure with it: too long for a
// one-byte element. Here the frame is one packet.
const rtp::Bytes kLongDescriptor = {
    0xc0, 0x01, 0xd6, 0x80, 0x08, 0x14, 0x85, 0x21, 0x4e, 0xaa, 0xaa, 0xa8, 0x00, 0x06, 0x00,
    0x00, 0x40, 0x00, 0x10, 0x00, 0x02, 0xaa, 0x80, 0xa8, 0x00, 0x06, 0x00, 0x00, 0x40, 0x00,
    0x10, 0x00, 0x02, 0xa0, 0x00, 0xa8, 0x00, 0x06, 0x00, 0x00, 0x40, 0x00, 0x16, 0xd5, 0x49,
    0x24, 0x1b, 0x55, 0x24, 0x90, 0x6d, 0x54, 0x92, 0x31, 0x57, 0xe0, 0x01, 0x97, 0x4c, 0xa8,
    0x64, 0x33, 0x0e, 0x22, 0x23, 0x96, 0xec, 0xa8, 0x65, 0x53, 0x04, 0x22, 0x43, 0x90, 0xec,
    0xa8, 0x77, 0x53, 0x00, 0xef, 0x00, 0x86, 0x01, 0xdf, 0x01, 0x0d, 0x03, 0xbf, 0x02, 0x1b};

// Everything a browser may put on a packet, `more` besides.
std::vector<rtp::TestExtension> everything(std::vector<rtp::TestExtension> more = {}) {
  more.push_back({rtp::kMidId, {'0'}});
  more.push_back({rtp::kRidId, {'h', 'i'}});
  more.push_back({rtp::kAbsSendTimeId, {1, 2, 3}});
  more.push_back({rtp::kTransportSequenceId, {0, 7}});
  return more;
}

rtp::Bytes vp8_packet(const Member& from, std::uint16_t number, bool key, bool two_byte) {
  return rtp::build({.payload_type = 100,
                     .marker = true,
                     .sequence = number,
                     .timestamp = number * 3000u,
                     .ssrc = from.ssrcs.video.at(0).ssrc,
                     .extensions = everything(),
                     .two_byte = two_byte,
                     .payload = make_vp8(key, number, static_cast<std::uint8_t>(number), "frame")});
}

rtp::Bytes audio_packet(const Member& from, std::uint16_t number, std::uint8_t level, bool two_byte = false) {
  return rtp::build(
      {.payload_type = 111,
       .sequence = number,
       .timestamp = number * 960u,
       .ssrc = from.ssrcs.audio,
       .extensions = everything({{rtp::kAudioLevelId, {static_cast<std::uint8_t>(0x80 | level)}}}),
       .two_byte = two_byte,
       .payload = {1, 2, 3}});
}

void send_nack(Member& receiver, std::uint32_t ssrc, std::uint16_t number) {
  std::array<std::uint8_t, 64> bytes;
  ByteWriter nack(bytes);
  REQUIRE(rtp::write_nack(nack, 1, ssrc, {&number, 1}));
  receiver.client.send_rtcp(nack.written());
}

std::size_t count_of(const Member& receiver, std::uint32_t ssrc) {
  return static_cast<std::size_t>(std::count_if(receiver.client.rtp.begin(), receiver.client.rtp.end(),
                                                [ssrc](const ReceivedRtp& p) { return p.ssrc() == ssrc; }));
}

template <class Kind>
std::size_t feedback_count(const Member& member, Kind kind) {
  std::size_t count = 0;
  for (const auto& bytes : member.client.rtcp) {
    rtp::RtcpReader reader(bytes);
    while (const auto part = reader.next()) count += part->is(kind) ? 1 : 0;
  }
  return count;
}

bool asked_for_keyframe(Member& member, std::size_t& seen) {
  bool asked = false;
  for (; seen < member.client.rtcp.size(); ++seen) {
    rtp::RtcpReader reader(member.client.rtcp[seen]);
    while (const auto part = reader.next()) asked = asked || part->is(rtp::kPictureLoss);
  }
  return asked;
}

void announce_nothing(House& house, const Member& member) {
  house.bridge().send(SetSources{member.conference, member.id, {}});
}

}  // namespace

TEST_CASE(
    "pitfall 6, shard rule 12: mid, rid, send time and the sender's transport sequence are on no packet "
    "that leaves: audio, video and RTX, one- and two-byte headers") {
  House house;
  Member& a = house.join("room", "aaaaaaaa", 1);
  Member& b = house.join("room", "bbbbbbbb");
  house.want_video(b, 720);
  std::uint16_t number = 100;
  std::size_t seen = 0;
  REQUIRE(house.until([&] {
    const bool two_byte = number % 2 == 0;
    a.client.send_rtp(audio_packet(a, number, 30, two_byte));
    a.client.send_rtp(vp8_packet(a, number, number == 100 || asked_for_keyframe(a, seen), two_byte));
    ++number;
    return count_of(b, a.ssrcs.video[0].ssrc) >= 20 && count_of(b, a.ssrcs.audio) >= 20;
  }));
  std::set<std::uint16_t> lost;  // two neighbours: one came with each form of header
  for (const ReceivedRtp& packet : b.client.rtp) {
    if (packet.ssrc() == a.ssrcs.video[0].ssrc && lost.size() < 2) lost.insert(packet.sequence());
  }
  for (const std::uint16_t each : lost) send_nack(b, a.ssrcs.video[0].ssrc, each);
  REQUIRE(house.until([&] { return count_of(b, a.ssrcs.video[0].rtx) >= 2; }));

  std::optional<std::uint16_t> last_transport;
  for (const ReceivedRtp& packet : b.client.rtp) {
    const auto view = rtp::RtpPacketView::parse(packet.bytes);
    REQUIRE(view);
    for (const std::uint8_t id : {rtp::kMidId, rtp::kRidId, rtp::kAbsSendTimeId}) {
      CHECK(!rtp::find_extension(*view, id));
    }
    // In its place is our own, one for all that goes to this receiver.
    const auto transport = rtp::transport_sequence(*view);
    REQUIRE(transport);
    if (last_transport) CHECK(*transport == static_cast<std::uint16_t>(*last_transport + 1));
    last_transport = transport;
  }
}

TEST_CASE(
    "pitfall 7: whoever sends gets feedback for its estimate, transport-wide or REMB, each what it can "
    "read") {
  House house;
  Member& current = house.join("room", "aaaaaaaa", 1);
  Member& old = house.enter("room", "bbbbbbbb");
  old.client.connect(old.allocated);
  house.set_transport(old, {.transport_cc = false, .source_names = false});
  house.announce(old, 1);
  REQUIRE(house.until([&] { return old.client.connected(); }));

  std::uint16_t number = 0;
  REQUIRE(house.until([&] {
    for (Member* member : {&current, &old}) {
      member->client.send_rtp(make_rtp({.payload_type = 100,
                                        .sequence = number,
                                        .ssrc = member->ssrcs.video[0].ssrc,
                                        .transport = number,
                                        .payload = make_vp8(number == 0, number, 1, "x")}));
    }
    ++number;
    return feedback_count(current, rtp::kTransportCc) > 0 && feedback_count(old, rtp::kApplicationLayer) > 0;
  }));
  CHECK(feedback_count(current, rtp::kApplicationLayer) == 0);
}

TEST_CASE("pitfall 11: all layers leave under the first one's SSRC, as one stream") {
  House house;
  Member& a = house.join("room", "aaaaaaaa", 3);
  Member& b = house.join("room", "bbbbbbbb");
  std::uint16_t number = 0;
  std::size_t seen = 0;
  std::set<std::string> layers;
  const auto send_until = [&](const std::string& tag) {
    return house.until([&] {
      const bool key = number == 0 || asked_for_keyframe(a, seen);
      for (std::size_t layer = 0; layer < 3; ++layer) {
        a.client.send_rtp(make_rtp({.payload_type = 100,
                                    .marker = true,
                                    .sequence = static_cast<std::uint16_t>(number + layer * 1000),
                                    .timestamp = number * 3000u,
                                    .ssrc = a.ssrcs.video[layer].ssrc,
                                    .payload = make_vp8(key, number, 1, "layer" + std::to_string(layer))}));
      }
      ++number;
      return std::any_of(b.client.rtp.begin(), b.client.rtp.end(), [&](const ReceivedRtp& packet) {
        const std::string text(packet.bytes.begin(), packet.bytes.end());
        return text.find(tag) != std::string::npos;
      });
    });
  };

  for (const auto& [height, tag] :
       {std::pair(180, "layer0"), std::pair(720, "layer2"), std::pair(360, "layer1")}) {
    house.want_video(b, height);
    REQUIRE(send_until(tag));
  }

  std::optional<std::uint16_t> last;
  for (const ReceivedRtp& packet : b.client.rtp) {
    CHECK(packet.ssrc() == a.ssrcs.video[0].ssrc);
    if (last) CHECK(packet.sequence() == static_cast<std::uint16_t>(*last + 1));
    last = packet.sequence();
  }
}

TEST_CASE(
    "pitfall 12 and 13: a client that names no candidate, ICE controlled and DTLS client, is reached where "
    "its checks came from") {
  House house;
  Member& a = house.enter("room", "aaaaaaaa");
  house.set_transport(a);  // carries no candidates: there is no field for them
  house.announce(a);

  a.client.connect(a.allocated);

  CHECK(house.until([&] { return a.client.connected() && house.state_of(a) == EndpointState::connected; }));
}

TEST_CASE(
    "pitfall 14: AV1 with a long dependency descriptor in a two-byte header is forwarded with it, whole") {
  House house;
  Member& a = house.join("room", "aaaaaaaa", 1);
  Member& b = house.join("room", "bbbbbbbb");
  house.want_video(b, 720);
  std::uint16_t number = 0;
  REQUIRE(house.until([&] {
    a.client.send_rtp(rtp::build({.payload_type = 41,
                                  .marker = true,
                                  .sequence = number,
                                  .timestamp = number * 3000u,
                                  .ssrc = a.ssrcs.video[0].ssrc,
                                  .extensions = everything({{rtp::kDependencyDescriptorId, kLongDescriptor}}),
                                  .two_byte = true,
                                  .payload = {0x18, 1, 2, 3}}));
    ++number;
    return b.client.rtp.size() >= 10;
  }));

  for (const ReceivedRtp& packet : b.client.rtp) {
    const auto view = rtp::RtpPacketView::parse(packet.bytes);
    REQUIRE(view);
    const auto descriptor = rtp::find_extension(*view, rtp::kDependencyDescriptorId);
    REQUIRE(descriptor);
    CHECK(std::equal(descriptor->begin(), descriptor->end(), kLongDescriptor.begin(), kLongDescriptor.end()));
    CHECK(!rtp::find_extension(*view, rtp::kMidId));
  }
}

TEST_CASE("pitfall 19: what a client says on its channel before its answer came holds afterwards") {
  House house;
  Member& a = house.join("room", "aaaaaaaa", 1);
  Member& early = house.enter("room", "eeeeeeee");
  house.open_channel(early);
  house.want_video(early, 720);
  REQUIRE(house.until([&] { return house.got_frame(early, "ServerHello"); }));

  early.client.connect(early.allocated);
  house.set_transport(early);
  std::uint16_t number = 0;
  std::size_t seen = 0;

  CHECK(house.until([&] {
    a.client.send_rtp(vp8_packet(a, number, number == 0 || asked_for_keyframe(a, seen), false));
    ++number;
    return count_of(early, a.ssrcs.video[0].ssrc) >= 5;
  }));
}

TEST_CASE("shard rule 1: a worker whose events nobody reads goes on forwarding, and counts what it lost") {
  BridgeConfig config = House::default_config();
  config.limits.event_queue = 64;
  House house(config);
  Member& a = house.join("room", "aaaaaaaa", 1);
  Member& b = house.join("room", "bbbbbbbb");
  std::uint16_t number = 0;

  // Not house.until: that would read the events.
  const TimePoint deadline = Clock::now() + seconds(10);
  while (house.metric("roomshard_bridge_events_lost_total") == 0 && Clock::now() < deadline) {
    house.want_video(b, ++number % 2 == 0 ? 0 : 720);
    a.client.send_rtp(audio_packet(a, number, 30));
    a.client.turn();
    b.client.turn();
  }
  CHECK(house.metric("roomshard_bridge_events_lost_total") > 0);
  const std::size_t before = b.client.rtp.size();
  while (b.client.rtp.size() < before + 20 && Clock::now() < deadline) {
    a.client.send_rtp(audio_packet(a, ++number, 30));
    a.client.turn();
    b.client.turn();
  }

  CHECK(b.client.rtp.size() >= before + 20);
}

TEST_CASE(
    "shard rule 2: worker w has the w-th port, and an endpoint keeps its worker whatever its address "
    "becomes") {
  // Two neighbouring ports, wherever some are free.
  BridgeConfig config = House::default_config();
  config.workers = 2;
  config.limits.worker_endpoints = 1;
  std::unique_ptr<House> house;
  for (int attempt = 0; attempt < 20 && !house; ++attempt) {
    const auto probe = UdpSocket::open(*Address::parse("127.0.0.1:0"), 1 << 16);
    const auto next = UdpSocket::open(
        *Address::from_ip("127.0.0.1", static_cast<std::uint16_t>(probe->bound().port() + 1)), 1 << 16);
    if (!next) continue;
    config.port = probe->bound().port();
  }
  REQUIRE(config.port != 0);
  house = std::make_unique<House>(config);

  Member& a = house->join("room", "aaaaaaaa");
  Member& b = house->join("room", "bbbbbbbb");

  const std::set<std::uint16_t> ports = {a.allocated.candidates.front().port,
                                         b.allocated.candidates.front().port};
  CHECK(ports == std::set<std::uint16_t>{config.port, static_cast<std::uint16_t>(config.port + 1)});
  std::uint16_t number = 0;
  for (int moves = 0; moves < 3; ++moves) {
    b.client.move();
    const std::size_t before = a.client.rtp.size();
    REQUIRE(house->until([&] {
      b.client.send_rtp(audio_packet(b, number++, 30));
      return a.client.rtp.size() >= before + 10;
    }));
  }
}

TEST_CASE("shard rule 8: the channel's secret is 128 bits of its own, and another one each time") {
  House house;
  std::set<std::string> secrets;
  for (const char* id : {"aaaaaaaa", "bbbbbbbb", "aaaaaaaa"}) {
    const Allocated allocated = house.enter("room", id).allocated;
    CHECK(allocated.channel_secret.size() == 32);
    CHECK(allocated.channel_secret.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(allocated.channel_secret != allocated.pwd);
    secrets.insert(allocated.channel_secret);
  }
  CHECK(secrets.size() == 3);
}

TEST_CASE(
    "shard rule 9: a media socket asks for 8 MiB, and what the kernel drops for lack of buffer is counted") {
  CHECK(BridgeConfig{}.socket_buffer == 8 * 1024 * 1024);
  auto receiver = UdpSocket::open(*Address::parse("127.0.0.1:0"), 4096);
  auto sender = UdpSocket::open(*Address::parse("127.0.0.1:0"), 1 << 20);
  REQUIRE(receiver);
  REQUIRE(sender);
  const std::string text(1000, 'x');
  std::vector<std::uint8_t> memory(UdpSocket::kBatch * 2048);
  std::vector<ByteSpan> buffers;
  for (std::size_t i = 0; i < UdpSocket::kBatch; ++i) buffers.emplace_back(memory.data() + i * 2048, 2048);
  std::array<UdpSocket::Datagram, UdpSocket::kBatch> out;

  // The count comes with the next datagram that is kept.
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 500; ++i) sender->send({receiver->bound(), Address()}, as_bytes(text));
    while (receiver->receive(buffers, out) > 0) {
    }
  }

  CHECK(receiver->counters().overflowed > 0);
  CHECK(receiver->counters().received + receiver->counters().overflowed <= 1000);
}

TEST_CASE("shard rule 10: a source removed and announced again under its SSRC keeps counting") {
  House house;
  Member& a = house.join("room", "aaaaaaaa");
  Member& b = house.join("room", "bbbbbbbb");
  std::uint16_t number = 100;
  const auto talk_until = [&](std::size_t heard) {
    return house.until([&] {
      a.client.send_rtp(audio_packet(a, number++, 30));
      return b.client.rtp.size() >= heard;
    });
  };
  REQUIRE(talk_until(20));

  announce_nothing(house, a);
  REQUIRE(house.until([&] {
    a.client.send_rtp(audio_packet(a, number++, 30));
    return house.metric("roomshard_dropped_packets_total{reason=\"unknown_source\"}") > 0;
  }));
  const std::size_t before = b.client.rtp.size();
  number = static_cast<std::uint16_t>(number + 5000);
  house.announce(a);
  REQUIRE(talk_until(before + 20));

  CHECK(b.client.undecryptable == 0);
  CHECK(house.metric("roomshard_dropped_packets_total{reason=\"protect\"}") == 0);
  CHECK(b.client.rtp[before].sequence() ==
        static_cast<std::uint16_t>(b.client.rtp[before - 1].sequence() + 1));
}

TEST_CASE(
    "shard rule 10 and 11: a NACK is answered under the RTX SSRC only, and numbers never sent are ignored") {
  House house;
  Member& a = house.join("room", "aaaaaaaa", 1);
  Member& b = house.join("room", "bbbbbbbb");
  house.want_video(b, 720);
  std::uint16_t number = 0;
  std::size_t seen = 0;
  REQUIRE(house.until([&] {
    a.client.send_rtp(vp8_packet(a, number, number == 0 || asked_for_keyframe(a, seen), false));
    ++number;
    return b.client.rtp.size() >= 20;
  }));
  const ReceivedRtp lost = b.client.rtp.back();
  const std::uint32_t rtx = a.ssrcs.video[0].rtx;

  send_nack(b, lost.ssrc(), static_cast<std::uint16_t>(lost.sequence() + 5000));
  send_nack(b, 424242, lost.sequence());
  send_nack(b, rtx, lost.sequence());
  send_nack(b, lost.ssrc(), lost.sequence());
  REQUIRE(house.until([&] { return count_of(b, rtx) > 0; }));
  const double rtcp = house.metric("roomshard_rtcp_received_total");
  send_nack(b, lost.ssrc(), static_cast<std::uint16_t>(lost.sequence() + 5000));
  REQUIRE(house.until([&] { return house.metric("roomshard_rtcp_received_total") > rtcp; }));

  CHECK(count_of(b, rtx) == 1);
  std::set<std::uint16_t> numbers;
  for (const ReceivedRtp& packet : b.client.rtp) {
    if (packet.ssrc() == lost.ssrc()) CHECK(numbers.insert(packet.sequence()).second);
  }
  CHECK(b.client.undecryptable == 0);
  CHECK(house.metric("roomshard_retransmitted_packets_total") == 1);
}

TEST_CASE("shard rule 13: a packet that is not authentic counts for nothing, its audio level included") {
  House house;
  Member& first = house.join("room", "bbbbbbbb");
  Member& liar = house.join("room", "aaaaaaaa");
  Member& talker = house.join("room", "cccccccc");
  std::uint16_t number = 0;

  // Louder than anybody, from the liar's own address, but under no key.
  REQUIRE(house.until([&] {
    liar.client.send_raw(audio_packet(liar, number, 1));
    talker.client.send_rtp(audio_packet(talker, number, 40));
    first.client.send_rtp(audio_packet(first, number, 120));
    ++number;
    return house.got_frame(first, R"("dominantSpeakerEndpoint":"cccccccc")") &&
           house.metric("roomshard_dropped_packets_total{reason=\"unauthentic\"}") > 500;
  }));

  for (const Event& event : house.events) {
    const auto* dominant = std::get_if<DominantSpeaker>(&event);
    if (dominant != nullptr) CHECK(dominant->endpoint != "aaaaaaaa");
  }
  CHECK(count_of(first, liar.ssrcs.audio) == 0);
}

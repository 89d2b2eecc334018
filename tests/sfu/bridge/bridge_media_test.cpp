#include <doctest/doctest.h>

#include <set>

#include "sfu/rtp/vp8.hpp"
#include "tests/sfu/bridge/support/house.hpp"

using namespace roomgate;
using namespace roomgate::sfu::bridge;
using namespace roomgate::test;

namespace {

// What a camera with three layers sends, one packet per frame and layer.
struct Camera {
  Member& member;
  std::uint16_t sequence = 100;
  std::uint32_t timestamp = 3000;
  std::uint16_t picture_id = 7;
  std::uint16_t transport = 0;
  int key_frames_asked = 0;
  std::size_t plis_seen = 0;
  std::set<std::uint16_t> skip;  // sequence numbers lost on the way in

  // A key frame on every layer whose PLI came, else delta frames.
  void frame(bool first = false) {
    const std::set<std::uint32_t> asked = plis();
    for (std::size_t layer = 0; layer < member.ssrcs.video.size(); ++layer) {
      const std::uint32_t ssrc = member.ssrcs.video[layer].ssrc;
      const bool key = first || asked.contains(ssrc);
      const auto packet =
          make_rtp({.payload_type = 100,
                    .marker = true,
                    .sequence = sequence,
                    .timestamp = timestamp,
                    .ssrc = ssrc,
                    .transport = transport++,
                    .payload = make_vp8(key, picture_id, static_cast<std::uint8_t>(picture_id),
                                        "layer" + std::to_string(layer))});
      if (!skip.contains(sequence)) member.client.send_rtp(packet);
      if (key) ++key_frames_asked;
    }
    ++sequence;
    timestamp += 3000;
    ++picture_id;
  }

  // SSRCs that PLIs came for since the last call.
  std::set<std::uint32_t> plis() {
    std::set<std::uint32_t> out;
    for (; plis_seen < member.client.rtcp.size(); ++plis_seen) {
      sfu::rtp::RtcpReader reader(member.client.rtcp[plis_seen]);
      while (const auto part = reader.next()) {
        if (!part->is(sfu::rtp::kPictureLoss)) continue;
        out.insert(sfu::rtp::read_feedback(*part)->media_ssrc);
      }
    }
    return out;
  }
};

bool holds(const ReceivedRtp& packet, const std::string& tag) {
  const std::string text(packet.bytes.begin(), packet.bytes.end());
  return text.find(tag) != std::string::npos;
}

std::size_t count_with(const Member& member, const std::string& tag) {
  std::size_t count = 0;
  for (const ReceivedRtp& packet : member.client.rtp) count += holds(packet, tag) ? 1 : 0;
  return count;
}

template <class Kind>
std::size_t feedback_count(const Member& member, Kind kind) {
  std::size_t count = 0;
  for (const auto& bytes : member.client.rtcp) {
    sfu::rtp::RtcpReader reader(bytes);
    while (const auto part = reader.next()) count += part->is(kind) ? 1 : 0;
  }
  return count;
}

void check_gap_free(const Member& receiver, std::uint32_t ssrc) {
  std::optional<std::uint16_t> last;
  for (const ReceivedRtp& packet : receiver.client.rtp) {
    if (packet.ssrc() != ssrc) continue;
    if (last) CHECK(packet.sequence() == static_cast<std::uint16_t>(*last + 1));
    last = packet.sequence();
  }
}

}  // namespace

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

TEST_CASE(
    "video flows only when wanted, at the wanted layer, under the announced SSRC, across a layer switch") {
  House house;
  Member& a = house.join("room", "aaaaaaaa", 3);
  Member& b = house.join("room", "bbbbbbbb");
  Camera camera{a};
  camera.frame(true);
  for (int i = 0; i < 5; ++i) camera.frame();
  REQUIRE(house.until([&] { return house.metric("roomshard_received_packets_total") >= 18; }));
  CHECK(b.client.rtp.empty());

  house.want_video(b, 180);
  REQUIRE(house.until([&] {
    camera.frame();
    return count_with(b, "layer0") >= 20;
  }));
  CHECK(count_with(b, "layer1") == 0);
  CHECK(count_with(b, "layer2") == 0);

  house.want_video(b, 720);
  REQUIRE(house.until([&] {
    camera.frame();
    return count_with(b, "layer2") >= 20;
  }));

  for (const ReceivedRtp& packet : b.client.rtp) CHECK(packet.ssrc() == a.ssrcs.video[0].ssrc);
  check_gap_free(b, a.ssrcs.video[0].ssrc);
  for (std::size_t i = 1; i < b.client.rtp.size(); ++i) {
    const auto before = sfu::rtp::RtpPacketView::parse(b.client.rtp[i - 1].bytes);
    const auto after = sfu::rtp::RtpPacketView::parse(b.client.rtp[i].bytes);
    const auto id_before = sfu::rtp::read_vp8(before->payload())->picture_id;
    const auto id_after = sfu::rtp::read_vp8(after->payload())->picture_id;
    CHECK(static_cast<std::uint16_t>((id_after - id_before) & 0x7fff) == 1);
  }
  CHECK(b.client.undecryptable == 0);
  CHECK(camera.key_frames_asked > 3);  // PLIs reached the sender
  CHECK(feedback_count(a, sfu::rtp::kTransportCc) > 0);
  CHECK(house.got_frame(b, R"("forwardedSources":["aaaaaaaa-v0"])"));
  CHECK(house.got_frame(
      a, R"({"colibriClass":"SenderSourceConstraints","sourceName":"aaaaaaaa-v0","maxHeight":720})"));
}

TEST_CASE("a NACK is answered with RTX that carries the lost packet") {
  House house;
  Member& a = house.join("room", "aaaaaaaa", 1);
  Member& b = house.join("room", "bbbbbbbb");
  Camera camera{a};
  house.want_video(b, 720);
  REQUIRE(house.until([&] {
    camera.frame();
    return b.client.rtp.size() >= 10;
  }));
  const ReceivedRtp lost = b.client.rtp.back();

  std::array<std::uint8_t, 64> bytes;
  ByteWriter nack(bytes);
  const std::uint16_t number = lost.sequence();
  REQUIRE(sfu::rtp::write_nack(nack, 1, lost.ssrc(), {&number, 1}));
  b.client.send_rtcp(nack.written());

  const auto is_rtx = [&](const ReceivedRtp& packet) { return packet.ssrc() == a.ssrcs.video[0].rtx; };
  REQUIRE(house.until([&] { return std::any_of(b.client.rtp.begin(), b.client.rtp.end(), is_rtx); }));
  const ReceivedRtp& rtx = *std::find_if(b.client.rtp.begin(), b.client.rtp.end(), is_rtx);
  CHECK(rtx.payload_type() == 96);
  CHECK(rtx.timestamp() == lost.timestamp());
  const auto payload = sfu::rtp::RtpPacketView::parse(rtx.bytes)->payload();
  const auto original = sfu::rtp::RtpPacketView::parse(lost.bytes)->payload();
  CHECK(load16(payload.data()) == number);
  CHECK(std::equal(payload.begin() + 2, payload.end(), original.begin(), original.end()));
}

TEST_CASE("shard rule 11: a packet lost on the way in is asked for, and its RTX fills the gap") {
  House house;
  Member& a = house.join("room", "aaaaaaaa", 1);
  Member& b = house.join("room", "bbbbbbbb");
  Camera camera{a};
  house.want_video(b, 720);
  REQUIRE(house.until([&] {
    camera.frame();
    return b.client.rtp.size() >= 10;
  }));
  const std::uint16_t lost = camera.sequence;
  camera.skip.insert(lost);
  const std::uint32_t lost_timestamp = camera.timestamp;
  const std::uint16_t lost_picture = camera.picture_id;

  REQUIRE(house.until([&] {
    camera.frame();
    return feedback_count(a, sfu::rtp::kGenericNack) > 0;
  }));
  auto payload = make_vp8(false, lost_picture, static_cast<std::uint8_t>(lost_picture), "repaired");
  payload.insert(payload.begin(), {static_cast<std::uint8_t>(lost >> 8), static_cast<std::uint8_t>(lost)});
  a.client.send_rtp(make_rtp({.payload_type = 96,
                              .marker = true,
                              .sequence = 1,
                              .timestamp = lost_timestamp,
                              .ssrc = a.ssrcs.video[0].rtx,
                              .payload = payload}));

  REQUIRE(house.until([&] { return count_with(b, "repaired") == 1; }));
  std::set<std::uint16_t> numbers;
  for (const ReceivedRtp& packet : b.client.rtp) numbers.insert(packet.sequence());
  const std::uint16_t span = static_cast<std::uint16_t>(*numbers.rbegin() - *numbers.begin());
  CHECK(numbers.size() == static_cast<std::size_t>(span) + 1);
}

TEST_CASE("a client whose address changes gets key frames without asking") {
  House house;
  Member& a = house.join("room", "aaaaaaaa", 1);
  Member& b = house.join("room", "bbbbbbbb");
  Camera camera{a};
  house.want_video(b, 720);
  REQUIRE(house.until([&] {
    camera.frame();
    return b.client.rtp.size() >= 10;
  }));
  const int asked = camera.key_frames_asked;

  b.client.move();

  // Its new address becomes known by what it sends.
  std::uint16_t number = 0;
  REQUIRE(house.until([&] {
    camera.frame();
    b.client.send_rtp(make_rtp({.payload_type = 111, .sequence = number++, .ssrc = b.ssrcs.audio}));
    return camera.key_frames_asked > asked;
  }));
}

TEST_CASE("a muted camera is not forwarded, and comes back with a key frame") {
  House house;
  Member& a = house.join("room", "aaaaaaaa", 1);
  Member& b = house.join("room", "bbbbbbbb");
  Camera camera{a};
  house.want_video(b, 720);
  REQUIRE(house.until([&] {
    camera.frame();
    return b.client.rtp.size() >= 5;
  }));

  house.say(a, R"({"colibriClass":"SourceVideoTypeMessage","sourceName":"aaaaaaaa-v0","videoType":"none"})");
  REQUIRE(house.until(
      [&] { return house.frames_to(b).back().find(R"("forwardedSources":[])") != std::string::npos; }));
  const std::size_t before = b.client.rtp.size();
  const double received = house.metric("roomshard_received_packets_total");
  for (int i = 0; i < 20; ++i) camera.frame();
  REQUIRE(house.until([&] { return house.metric("roomshard_received_packets_total") >= received + 20; }));
  CHECK(b.client.rtp.size() == before);

  house.say(a,
            R"({"colibriClass":"SourceVideoTypeMessage","sourceName":"aaaaaaaa-v0","videoType":"camera"})");
  REQUIRE(house.until([&] {
    camera.frame();
    return b.client.rtp.size() >= before + 5;
  }));
  CHECK(sfu::rtp::read_vp8(sfu::rtp::RtpPacketView::parse(b.client.rtp[before].bytes)->payload())->keyframe);
  check_gap_free(b, a.ssrcs.video[0].ssrc);
}

TEST_CASE("sender reports reach receivers under the forwarded SSRC, and senders get receiver reports") {
  House house;
  Member& a = house.join("room", "aaaaaaaa", 1);
  Member& b = house.join("room", "bbbbbbbb");
  std::uint16_t sequence = 0;
  REQUIRE(house.until([&] {
    a.client.send_rtp(make_rtp({.sequence = sequence++, .ssrc = a.ssrcs.audio, .level = 20, .payload = {1}}));
    std::array<std::uint8_t, 64> bytes;
    ByteWriter report(bytes);
    sfu::rtp::write_sender_report(report, {.ssrc = a.ssrcs.audio, .ntp = 77ull << 32, .rtp_timestamp = 5},
                                  {});
    a.client.send_rtcp(report.written());
    return feedback_count(b, sfu::rtp::kSenderReport) > 0 && feedback_count(a, sfu::rtp::kReceiverReport) > 0;
  }));

  sfu::rtp::RtcpReader reader(b.client.rtcp.front());
  const auto report = sfu::rtp::read_sender_report(*reader.next());
  REQUIRE(report);
  CHECK(report->ssrc == a.ssrcs.audio);
  CHECK(report->ntp == 77ull << 32);
}

TEST_CASE("a client without transport-wide feedback gets REMB") {
  House house;
  Member& a = house.enter("room", "aaaaaaaa");
  a.client.connect(a.allocated);
  house.set_transport(a, {.transport_cc = false, .source_names = false});
  house.announce(a, 1);
  REQUIRE(house.until([&] { return a.client.connected(); }));
  Camera camera{a};

  REQUIRE(house.until([&] {
    camera.frame();
    return feedback_count(a, sfu::rtp::kApplicationLayer) > 0;
  }));

  CHECK(feedback_count(a, sfu::rtp::kTransportCc) == 0);
}

namespace {

// Sends one audio packet of each, until `done`.
bool talk(House& house, std::vector<std::pair<Member*, std::uint8_t>> speakers,
          const std::function<bool()>& done) {
  std::uint16_t sequence = 0;
  return house.until([&] {
    for (const auto& [member, level] : speakers) {
      member->client.send_rtp(
          make_rtp({.sequence = sequence, .ssrc = member->ssrcs.audio, .level = level, .payload = {1}}));
    }
    ++sequence;
    return done();
  });
}

bool last_are_all_of(const Member& receiver, std::size_t count, std::uint32_t ssrc) {
  const auto& rtp = receiver.client.rtp;
  return rtp.size() >= count &&
         std::all_of(rtp.end() - static_cast<std::ptrdiff_t>(count), rtp.end(),
                     [ssrc](const ReceivedRtp& packet) { return packet.ssrc() == ssrc; });
}

}  // namespace

TEST_CASE("shard rule 13: with a limit on speakers only the loudest are forwarded") {
  BridgeConfig config = House::default_config();
  config.limits.loudest.places = 1;
  config.limits.loudest.from = 2;
  House house(config);
  Member& loud = house.join("room", "aaaaaaaa");
  Member& soft = house.join("room", "bbbbbbbb");
  Member& listener = house.join("room", "cccccccc");

  CHECK(talk(house, {{&loud, 10}, {&soft, 70}},
             [&] { return last_are_all_of(listener, 50, loud.ssrcs.audio); }));
  check_gap_free(listener, loud.ssrcs.audio);
}

TEST_CASE("a receiver may leave out somebody's audio") {
  House house;
  Member& a = house.join("room", "aaaaaaaa");
  Member& b = house.join("room", "bbbbbbbb");
  Member& listener = house.join("room", "cccccccc");
  house.say(
      listener,
      R"({"colibriClass":"ReceiverAudioSubscription","all":true,"exclude":["aaaaaaaa-a0"],"include":[]})");

  CHECK(talk(house, {{&a, 10}, {&b, 10}}, [&] { return last_are_all_of(listener, 50, b.ssrcs.audio); }));
  CHECK(!a.client.rtp.empty());
}

#include "bench/roomload/media/receiver.hpp"

#include <doctest/doctest.h>

#include <random>

#include "sfu/rtp/vp8.hpp"
#include "tests/bench/roomload/media/wire.hpp"

using namespace roomgate;
using namespace roomgate::bench::roomload::media;
using namespace roomgate::bench::roomload::media::test;
namespace rtp = roomgate::sfu::rtp;

namespace {

Wire vp8_wire(std::uint32_t seed = 1) {
  TrackSettings settings = video_settings(100, 96);
  settings.seed = seed;
  return {recorded_video(Codec::vp8), settings, 300, 310};
}

// Rewrites one field of the VP8 descriptor.
void change_vp8(Bytes& packet, std::uint16_t picture_id_more, std::uint8_t tl0_more) {
  const std::size_t header = view(packet).header_size();
  const ByteSpan payload = ByteSpan(packet).subspan(header);
  const auto descriptor = *rtp::read_vp8(payload);
  rtp::rewrite_vp8(payload, descriptor,
                   {static_cast<std::uint16_t>((descriptor.picture_id + picture_id_more) & 0x7fff),
                    static_cast<std::uint8_t>(descriptor.tl0 + tl0_more)});
}

bool is_nack(const rtp::RtcpPacketView& p) { return p.is(rtp::kGenericNack); }
bool is_pli(const rtp::RtcpPacketView& p) { return p.is(rtp::kPictureLoss); }
bool is_feedback(const rtp::RtcpPacketView& p) { return p.is(rtp::kTransportCc); }
bool is_report(const rtp::RtcpPacketView& p) { return p.is(rtp::kReceiverReport); }

}  // namespace

TEST_CASE("a whole stream has no loss, no fault, no freeze, and the latency it had") {
  for (const Codec codec : {Codec::vp8, Codec::vp9, Codec::h264, Codec::av1}) {
    CAPTURE(static_cast<int>(codec));
    const std::uint8_t payload_type = codec == Codec::vp8    ? 100
                                      : codec == Codec::vp9  ? 101
                                      : codec == Codec::h264 ? 107
                                                             : 41;
    const bool three = recorded_video(codec).layers.size() == 3;
    Wire wire(recorded_video(codec), video_settings(payload_type, 96), three ? 300 : 100, three ? 310 : 110);

    wire.run(seconds(10));
    wire.receiver.finish(wire.now);

    const StreamTotals& video = wire.got.video;
    CHECK(video.frames >= 299);
    CHECK(video.lost() == 0);
    CHECK(video.continuity_faults() == 0);
    CHECK(video.frames_lost == 0);
    CHECK(video.freezes == 0);
    CHECK(video.nacked == 0);
    CHECK(video.picture_losses == 0);
    CHECK(video.latency.count() == video.packets);
    CHECK(video.latency.quantile(0.5) == milliseconds(7));
    CHECK(wire.got.malformed + wire.got.unknown_ssrc == 0);
  }
}

TEST_CASE("sound is counted without frames") {
  Wire wire(recorded_audio(), {.layers = {{{500, 0}}}, .payload_type = 111, .cname = "someone"}, 500, 0);

  wire.run(seconds(4));

  CHECK(wire.got.audio.packets == 200);
  CHECK(wire.got.audio.lost() == 0);
  CHECK(wire.got.audio.timestamp_faults == 0);
  CHECK(wire.got.audio.latency.quantile(0.99) == milliseconds(7));
  CHECK(wire.got.video.packets == 0);
}

TEST_CASE("reports each second, feedback every 50 to 100 ms") {
  Wire wire = vp8_wire();

  wire.run(seconds(10));

  const std::size_t reports = count_rtcp(wire.feedback, is_report);
  const std::size_t feedback = count_rtcp(wire.feedback, is_feedback);
  CHECK(reports >= 9);
  CHECK(reports <= 11);
  CHECK(feedback >= 95);
  CHECK(feedback <= 205);
}

TEST_CASE("a report tells what was lost, and when the last sender report came") {
  Wire wire = vp8_wire();
  wire.answer = false;
  int number = 0;
  wire.pass = [&](Bytes&) { return ++number % 4 != 0; };

  wire.run(milliseconds(3500));

  rtp::ReportBlock last;
  for (const Bytes& datagram : wire.feedback) {
    rtp::RtcpReader reader(datagram);
    while (const auto packet = reader.next()) {
      if (const auto blocks = rtp::read_report_blocks(*packet); blocks && blocks->count > 0)
        last = blocks->blocks[0];
    }
  }
  CHECK(last.ssrc == 300);
  CHECK(last.fraction_lost > 56);
  CHECK(last.fraction_lost < 72);
  CHECK(last.cumulative_lost > 100);
  CHECK(last.last_sender_report != 0);
  CHECK(last.delay_since_sender_report <= 65536);
}

TEST_CASE("what is lost is asked for at once, repaired by RTX, and no frame is missed") {
  Wire wire = vp8_wire();
  wire.run(seconds(1));
  std::mt19937 random(3);
  wire.pass = [&](Bytes& packet) { return view(packet).ssrc() == 310 || random() % 20 != 0; };

  wire.run(seconds(20));
  wire.pass = [](Bytes&) { return true; };
  wire.run(milliseconds(500));

  const StreamTotals& video = wire.got.video;
  CHECK(video.repaired > 100);
  CHECK(video.keyframes == 1);
  CHECK(video.lost() == 0);
  CHECK(video.repair.count() == video.repaired);
  CHECK(video.continuity_faults() == 0);
  CHECK(video.frames_lost == 0);
  CHECK(video.freezes == 0);
  CHECK(count_rtcp(wire.feedback, is_nack) > 50);
}

TEST_CASE(
    "a lost frame of an upper temporal layer costs no more than its layer until the next switching point") {
  Wire wire = vp8_wire();
  wire.answer = false;
  int lost = 0;
  wire.pass = [&](Bytes& packet) {
    if (view(packet).ssrc() != 300) return true;
    const auto descriptor = *rtp::read_vp8(view(packet).payload());
    // All of one frame of layer 2 each second.
    if (descriptor.temporal_id == 2 && (wire.now - kStart) / seconds(1) != lost && !descriptor.layer_sync) {
      if (view(packet).marker()) ++lost;
      return false;
    }
    return true;
  };

  wire.run(seconds(10));

  CHECK(lost >= 9);
  CHECK(wire.got.video.keyframes == 1);
  CHECK(wire.got.video.frames_lost == static_cast<std::uint64_t>(lost));
  CHECK(wire.got.video.continuity_faults() == 0);
  CHECK(wire.got.video.freezes == 0);
}

TEST_CASE(
    "a lost frame of the lowest temporal layer without repair stops the picture until a key frame is sent") {
  Wire wire = vp8_wire();
  bool dropping = false;
  bool dropped = false;
  wire.pass = [&](Bytes& packet) {
    if (view(packet).ssrc() == 310) return false;
    const bool drop = dropping && rtp::read_vp8(view(packet).payload())->temporal_id == 0;
    dropped = dropped || drop;
    return !drop;
  };
  wire.run(seconds(3));
  CHECK(wire.got.video.keyframes == 1);

  dropping = true;
  while (!dropped) wire.step(), wire.now += milliseconds(1);
  dropping = false;
  wire.run(seconds(10));

  CHECK(count_rtcp(wire.feedback, is_pli) >= 1);
  CHECK(wire.got.video.keyframes == 2);
  CHECK(wire.got.video.freezes == 1);
  CHECK(wire.got.video.frozen >= seconds(2));
  CHECK(wire.got.video.frames_lost > 30);
  CHECK(wire.got.video.continuity_faults() == 0);
}

TEST_CASE("who joins in the middle asks for a key frame after 200 ms, and again until it comes") {
  Wire wire = vp8_wire();
  wire.pass = [&](Bytes&) { return wire.now >= kStart + seconds(2); };
  wire.answer = false;

  wire.run(seconds(3));
  const std::size_t asked = count_rtcp(wire.feedback, is_pli);
  wire.answer = true;
  wire.run(seconds(1));

  CHECK(asked >= 3);
  CHECK(asked <= 5);
  CHECK(wire.got.video.keyframes == 1);
  CHECK(wire.receiver.figures(300)->height == 720);
}

TEST_CASE("a rewriter's faults are found") {
  struct Case {
    const char* what;
    std::function<void(Bytes&)> change;
    std::uint64_t StreamTotals::*counter;
  };
  const Case cases[] = {
      {"a picture id too many", [](Bytes& p) { change_vp8(p, 1, 0); }, &StreamTotals::picture_id_faults},
      {"a TL0PICIDX too many", [](Bytes& p) { change_vp8(p, 0, 1); }, &StreamTotals::tl0_faults},
      {"a timestamp going back", [](Bytes& p) { rtp::set_timestamp(p, view(p).timestamp() - 90000); },
       &StreamTotals::timestamp_faults},
      {"a timestamp ten seconds ahead", [](Bytes& p) { rtp::set_timestamp(p, view(p).timestamp() + 900000); },
       &StreamTotals::timestamp_faults},
      {"sequence numbers that jump",
       [](Bytes& p) { rtp::set_sequence(p, static_cast<std::uint16_t>(view(p).sequence() + 20000)); },
       &StreamTotals::sequence_faults},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    Wire wire = vp8_wire();
    wire.run(seconds(2));
    CHECK(wire.got.video.continuity_faults() == 0);

    // From a frame's beginning on, as after a switch of layers.
    bool began = false;
    wire.pass = [&](Bytes& packet) {
      began = began || rtp::read_vp8(view(packet).payload())->start_of_partition;
      if (began) c.change(packet);
      return true;
    };
    wire.run(seconds(2));

    CHECK(wire.got.video.*c.counter == 1);
    CHECK(wire.got.video.continuity_faults() == 1);
  }
}

TEST_CASE(
    "a frame whose end was cut off without a gap in the numbers is a fault, and a key frame is asked for") {
  Wire wire = vp8_wire();
  wire.run(seconds(1));
  // Numbers closed over the last packet of one frame of the lowest layer, as a wrong forwarder would.
  bool cut = false;
  std::uint16_t less = 0;
  wire.pass = [&](Bytes& packet) {
    if (view(packet).ssrc() != 300) return true;
    if (!cut && view(packet).marker() && rtp::read_vp8(view(packet).payload())->temporal_id == 0) {
      cut = true;
      less = 1;
      return false;
    }
    rtp::set_sequence(packet, static_cast<std::uint16_t>(view(packet).sequence() - less));
    return true;
  };

  wire.run(seconds(2));

  CHECK(wire.got.video.structure_faults == 1);
  CHECK(wire.got.video.keyframes == 2);
}

TEST_CASE("duplicates and reordering are counted, and cost no frame") {
  Wire wire = vp8_wire();
  Bytes held;
  int number = 0;
  wire.pass = [&](Bytes& packet) {
    ++number;
    if (number % 50 == 0) wire.receiver.on_rtp(packet, wire.now + wire.one_way);
    if (number % 31 == 0 && held.empty()) {
      held = packet;
      return false;
    }
    if (!held.empty() && number % 31 == 2) {
      wire.receiver.on_rtp(packet, wire.now + wire.one_way);
      wire.receiver.on_rtp(std::exchange(held, {}), wire.now + wire.one_way);
      return false;
    }
    return true;
  };

  wire.run(seconds(10));

  CHECK(wire.got.video.duplicates > 20);
  CHECK(wire.got.video.reordered > 20);
  CHECK(wire.got.video.lost() <= 1);
  CHECK(wire.got.video.frames_lost == 0);
  CHECK(wire.got.video.continuity_faults() == 0);
}

TEST_CASE("a stream that stands still for a second is a freeze, one that was paused on purpose is not") {
  for (const bool on_purpose : {false, true}) {
    Wire wire = vp8_wire();
    wire.run(seconds(2));

    if (on_purpose) wire.receiver.expect_pause(300, true, wire.now);
    wire.track.set_muted(true);
    wire.run(seconds(1));
    wire.track.set_muted(false);
    wire.run(seconds(1));
    wire.receiver.finish(wire.now);

    CHECK(wire.got.video.freezes == (on_purpose ? 0 : 1));
    CHECK(wire.got.video.continuity_faults() == 0);
  }
}

TEST_CASE("a freeze that lasts to the end is counted at the end") {
  Wire wire = vp8_wire();
  wire.run(seconds(2));
  wire.track.set_muted(true);
  wire.run(seconds(2));
  CHECK(wire.got.video.freezes == 0);

  wire.receiver.finish(wire.now);

  CHECK(wire.got.video.freezes == 1);
  CHECK(wire.got.video.frozen >= milliseconds(1900));
}

TEST_CASE("what is still under way when senders stop makes no freeze of the silence behind it") {
  Wire wire = vp8_wire();
  wire.run(seconds(2));

  wire.receiver.finish(wire.now);
  wire.run(milliseconds(100));
  wire.track.set_muted(true);
  wire.run(seconds(1));
  wire.receiver.finish(wire.now);

  CHECK(wire.got.video.freezes == 0);
}

TEST_CASE("padding alone has a number and nothing else") {
  Wire wire = vp8_wire();
  std::uint16_t more = 0;
  wire.pass = [&](Bytes& packet) {
    if (view(packet).ssrc() != 300) return true;
    rtp::set_sequence(packet, static_cast<std::uint16_t>(view(packet).sequence() + more));
    if (!view(packet).marker()) return true;
    wire.receiver.on_rtp(packet, wire.now + wire.one_way);
    ++more;
    Bytes probe(packet.begin(), packet.begin() + 12);
    probe[0] = 0xa0;
    probe.resize(112);
    probe.back() = 100;
    rtp::set_sequence(probe, static_cast<std::uint16_t>(view(packet).sequence() + 1));
    wire.receiver.on_rtp(probe, wire.now + wire.one_way);
    return false;
  };

  wire.run(seconds(2));

  CHECK(wire.got.video.padding >= 59);
  CHECK(wire.got.video.lost() == 0);
  CHECK(wire.got.video.continuity_faults() == 0);
  CHECK(wire.got.video.frames >= 59);
}

TEST_CASE("a place filled without a payload may stand for a picture of the uppermost layer") {
  Wire wire = vp8_wire();
  int emptied = 0;
  wire.pass = [&](Bytes& packet) {
    if (view(packet).ssrc() != 300) return true;
    const auto descriptor = *rtp::read_vp8(view(packet).payload());
    if (descriptor.temporal_id != 2) return true;
    packet.resize(view(packet).header_size() + 8, 0);
    packet[0] |= 0x20;
    packet.back() = 8;
    ++emptied;
    return true;
  };

  wire.run(seconds(4));

  CHECK(emptied >= 59);
  CHECK(wire.got.video.lost() == 0);
  CHECK(wire.got.video.continuity_faults() == 0);
  CHECK(wire.got.video.frames >= 29);
}

TEST_CASE("places filled between a frame without an end and a key frame may stand for a picture too") {
  Wire wire = vp8_wire();
  wire.run(seconds(1));
  // The end of a picture of the lowest layer and all of the upper one's behind it; then a key frame. So a
  // forwarder fills the places of what came too late, and of what is not for this receiver.
  int ends_emptied = 0;
  std::uint32_t last = 0;
  wire.pass = [&](Bytes& packet) {
    if (view(packet).ssrc() != 300 || ends_emptied == 2) return true;
    const bool end = view(packet).marker();
    const bool continues = std::exchange(last, view(packet).timestamp()) == view(packet).timestamp();
    const auto descriptor = *rtp::read_vp8(view(packet).payload());
    if (ends_emptied == 0 && !(end && continues && descriptor.temporal_id == 0)) return true;
    packet.resize(view(packet).header_size() + 8, 0);
    packet[0] |= 0x20;
    packet[1] &= 0x7f;
    packet.back() = 8;
    if (end && ++ends_emptied == 2) wire.track.on_keyframe_request(300);
    return true;
  };
  const auto keys = wire.got.video.keyframes;

  wire.run(seconds(2));

  CHECK(ends_emptied == 2);
  CHECK(wire.got.video.keyframes == keys + 1);
  CHECK(wire.got.video.continuity_faults() == 0);
}

TEST_CASE("packets of unknown sources and torn packets are counted and harmless") {
  Totals totals;
  Receiver receiver({}, totals);
  Kept sink;
  std::mt19937 random(1);

  for (int i = 0; i < 20000; ++i) {
    if (i == 5000) receiver.add_source({.name = "a-v0", .video = true, .ssrc = 7, .rtx = 8});
    Bytes packet(random() % 60);
    for (auto& byte : packet) byte = static_cast<std::uint8_t>(random());
    if (packet.size() > 12 && random() % 2 == 0) {
      packet[0] = 0x80;
      packet[1] = random() % 2 == 0 ? 100 : 101;
      store32(&packet[8], random() % 2 == 0 ? 7 : 8);
    }
    receiver.on_rtp(packet, kStart + milliseconds(i));
    receiver.on_rtcp(packet, kStart + milliseconds(i));
    receiver.poll(kStart + milliseconds(i), sink);
  }

  CHECK(totals.malformed > 0);
  CHECK(totals.unknown_ssrc > 0);
}

TEST_CASE("a source that was removed is unknown, and its place is used again") {
  Wire wire = vp8_wire();
  wire.run(seconds(1));

  wire.receiver.remove_source(300, wire.now);
  CHECK_FALSE(wire.receiver.knows(300));
  CHECK_FALSE(wire.receiver.knows(310));
  wire.receiver.add_source({.name = "b-v0", .video = true, .ssrc = 900, .rtx = 910});
  wire.run(seconds(1));

  CHECK(wire.got.unknown_ssrc > 100);
  CHECK(wire.receiver.knows(900));
  CHECK_FALSE(wire.receiver.figures(300));
}

#include "bench/sfu/janus.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::bench::janus;

namespace {

// Words of Janus 1.1.2, as it said them to Chromium; ids and attributes that nobody reads are left out.
const std::string kSessionMade = R"({"janus":"success","transaction":"1","data":{"id":4300458497859416}})";
const std::string kAttached =
    R"({"janus":"success","session_id":1,"transaction":"2","data":{"id":7903450383003684}})";
const std::string kRoomMade =
    R"({"janus":"success","plugindata":{"plugin":"janus.plugin.videoroom","data":{"videoroom":"created","room":5,"permanent":false}}})";
const std::string kRoomThere =
    R"({"janus":"success","plugindata":{"plugin":"janus.plugin.videoroom","data":{"videoroom":"event","error_code":427,"error":"Room 5 already exists"}}})";
const std::string kAck = R"({"janus":"ack","session_id":1,"transaction":"4"})";
const std::string kJoined =
    R"({"janus":"event","plugindata":{"plugin":"janus.plugin.videoroom","data":{"videoroom":"joined","room":5,"id":332950611914787,"private_id":3251908536,"publishers":[]}}})";
const std::string kNoFeed =
    R"json({"janus":"event","plugindata":{"plugin":"janus.plugin.videoroom","data":{"videoroom":"event","error_code":428,"error":"No such feed (332950611914787)"}}})json";
const std::string kStarted =
    R"({"janus":"event","plugindata":{"plugin":"janus.plugin.videoroom","data":{"videoroom":"event","room":5,"started":"ok"}}})";
const std::string kFingerprint =
    "05:35:59:69:CC:90:87:82:25:85:3E:B9:AF:20:16:FF:F5:14:5B:43:B6:8A:25:2F:23:FC:ED:C8:E1:65:E1:27";

std::string sdp_of_janus(const std::string& setup, const std::string& streams) {
  return R"(v=0\r\no=- 1795747330052718 1 IN IP4 127.0.0.1\r\ns=VideoRoom 5\r\nt=0 0\r\na=group:BUNDLE 0\r\n)"
         R"(a=fingerprint:sha-256 )" +
         kFingerprint +
         R"(\r\na=msid-semantic: WMS *\r\na=ice-lite\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 127.0.0.1\r\n)"
         R"(a=sendonly\r\na=mid:0\r\na=rtcp-mux\r\na=ice-ufrag:+c4K\r\na=ice-pwd:kWhQO3X30HfMsyB9n7Lies\r\na=setup:)" +
         setup +
         R"(\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 transport-cc\r\n)"
         R"(a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n)"
         R"(a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n)"
         R"(a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n)" +
         streams +
         R"(a=candidate:1 1 udp 2015363327 192.0.2.2 34236 typ host\r\n)"
         R"(a=candidate:2 1 udp 2015363583 fd00::2 30387 typ host\r\na=end-of-candidates\r\n)";
}

std::string answer_of_janus() {
  return R"({"janus":"event","plugindata":{"plugin":"janus.plugin.videoroom","data":{"videoroom":"event","room":5,"configured":"ok","video_codec":"vp8"}},"jsep":{"type":"answer","sdp":")" +
         sdp_of_janus("passive", R"(a=ssrc:3090320324 cname:janus\r\n)") + "\"}}";
}

std::string offer_of_janus() {
  return R"({"janus":"event","plugindata":{"plugin":"janus.plugin.videoroom","data":{"videoroom":"attached","room":5,"streams":[]}},"jsep":{"type":"offer","sdp":")" +
         sdp_of_janus("actpass",
                      R"(a=ssrc-group:FID 865891909 2674780760\r\na=ssrc:865891909 cname:janus\r\n)"
                      R"(a=ssrc:2674780760 cname:janus\r\n)") +
         "\"}}";
}

SdpMedia own_side() {
  return {.ufrag = "abcd",
          .pwd = "abcdefghijklmnopqrstuv",
          .fingerprint = kFingerprint,
          .vp8 = 100,
          .rtx = 101,
          .transport_sequence_id = 5,
          .ssrcs = {1111, 2222}};
}

bool says(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

constexpr TimePoint kStart{seconds(1000)};

// Session, handle and, for a publisher, the room.
void begin(JanusConversation& janus, bool publishes, const std::string& room = kRoomMade) {
  REQUIRE(janus.next_request(kStart)->path.empty());
  janus.on_answer(kSessionMade, kStart);
  REQUIRE(janus.next_request(kStart)->path == "/4300458497859416");
  janus.on_answer(kAttached, kStart);
  if (!publishes) return;
  const auto create = janus.next_request(kStart);
  REQUIRE(create);
  CHECK(create->path == "/4300458497859416/7903450383003684");
  CHECK(says(create->body, R"("request":"create","room":5)"));
  janus.on_answer(room, kStart);
}

}  // namespace

TEST_CASE("a publisher makes the room, joins, and publishes with its offer") {
  JanusConversation janus({.publishes = true, .room = 5, .own = own_side()});
  begin(janus, true);

  const auto join = janus.next_request(kStart);
  REQUIRE(join);
  CHECK(says(join->body, R"("ptype":"publisher")"));
  CHECK_FALSE(janus.next_request(kStart));  // one at a time
  janus.on_answer(kAck, kStart);
  CHECK_FALSE(janus.next_request(kStart));  // the event tells
  janus.on_event(kJoined, kStart);
  CHECK(janus.feed() == 332950611914787u);
  const auto publish = janus.next_request(kStart);
  REQUIRE(publish);
  CHECK(says(publish->body, R"("type":"offer")"));
  CHECK(says(publish->body, R"(a=ssrc-group:FID 1111 2222\r\n)"));
  CHECK(says(publish->body, R"(a=setup:active\r\n)"));
  janus.on_answer(kAck, kStart);
  janus.on_event(answer_of_janus(), kStart);

  REQUIRE(janus.ready());
  CHECK(janus.remote()->ice_lite);
  CHECK(janus.remote()->ufrag == "+c4K");
  CHECK(janus.remote()->fingerprint == kFingerprint);
  REQUIRE(janus.remote()->candidates.size() == 2);
  CHECK(janus.remote()->candidates[0].to_string() == "192.0.2.2:34236");
  CHECK(janus.remote()->transport_sequence_id == 3);
}

TEST_CASE("a room that is there is as good as one that was made") {
  JanusConversation janus({.publishes = true, .room = 5, .own = own_side()});
  begin(janus, true, kRoomThere);

  CHECK(says(janus.next_request(kStart)->body, R"("request":"join")"));
}

TEST_CASE("a subscriber answers the offer with its payload types, and waits until the feed is there") {
  JanusConversation janus({.room = 5, .feed = 332950611914787, .own = own_side()});
  begin(janus, false);
  CHECK(says(janus.next_request(kStart)->body, R"("streams":[{"feed":332950611914787}])"));
  janus.on_answer(kAck, kStart);
  janus.on_event(kNoFeed, kStart);
  CHECK_FALSE(janus.failed());
  CHECK_FALSE(janus.next_request(kStart));

  CHECK(says(janus.next_request(kStart + milliseconds(100))->body, R"("ptype":"subscriber")"));
  janus.on_answer(kAck, kStart);
  janus.on_event(offer_of_janus(), kStart);
  CHECK(janus.remote()->ssrcs == std::vector<std::uint32_t>{865891909, 2674780760});
  const auto start = janus.next_request(kStart + milliseconds(100));
  REQUIRE(start);
  CHECK(says(start->body, R"("type":"answer")"));
  CHECK(says(start->body, R"(a=rtpmap:96 VP8/90000\r\n)"));
  CHECK(says(start->body, R"(a=extmap:3 )"));
  CHECK_FALSE(says(start->body, "a=ssrc:"));
  janus.on_answer(kAck, kStart);
  janus.on_event(kStarted, kStart);

  CHECK(janus.ready());
  CHECK(janus.poll_path() == "/4300458497859416?maxev=1");
  CHECK_FALSE(janus.connected());
  janus.on_event(R"({"janus":"webrtcup","session_id":1})", kStart);
  CHECK(janus.connected());
}

TEST_CASE("what goes wrong is told, once, and ends the conversation") {
  const auto after = [](const std::string& answer) {
    JanusConversation janus({.room = 5, .own = own_side()});
    (void)janus.next_request(kStart);
    janus.on_answer(answer, kStart);
    return janus.problem();
  };
  CHECK(after("<html>") == "Janus answered no JSON");
  CHECK(after("[]") == "Janus answered no JSON");
  CHECK(after(R"({"janus":"error","error":{"code":403,"reason":"Unauthorized request"}})") ==
        "Unauthorized request");
  CHECK(after(R"({"janus":"success"})") == "a session without an id");

  JanusConversation slow({.room = 5, .feed = 1, .own = own_side()});
  begin(slow, false);
  (void)slow.next_request(kStart);
  slow.on_answer(kAck, kStart);
  slow.on_event(kNoFeed, kStart);
  CHECK_FALSE(slow.next_request(kStart + seconds(21)));
  CHECK(slow.problem() == "Janus took too long");
  slow.on_event(R"({"janus":"hangup","reason":"DTLS alert"})", kStart);
  CHECK(slow.problem() == "Janus took too long");
}

TEST_CASE("an SDP that cannot be used says why") {
  const auto why = [](const std::string& sdp) { return read_sdp(sdp).error(); };
  const std::string ice = "a=ice-ufrag:a\r\na=ice-pwd:b\r\n";
  CHECK(why("") == "no ICE credentials");
  CHECK(why(ice) == "no sha-256 fingerprint");
  CHECK(why("m=video 0 UDP/TLS/RTP/SAVPF 96\r\n") == "the video was refused");
  CHECK(why(ice + "a=setup:active\r\n") == "Janus wants to be the DTLS client");
  CHECK(why(ice + "a=fingerprint:sha-256 AA\r\na=rtpmap:96 VP8/90000\r\na=candidate:1 1 tcp 1 192.0.2.2 9 "
                  "typ host\r\n") == "no host candidate over UDP");
}

TEST_CASE("our own SDP is read as it was written") {
  const auto read = read_sdp(write_sdp(own_side(), SdpRole::offer_to_send) +
                             "a=candidate:1 1 udp 1 192.0.2.9 9000 typ host\n");

  // Written for a DTLS client, so a reader that is one as well refuses it.
  CHECK(read.error() == "Janus wants to be the DTLS client");
}

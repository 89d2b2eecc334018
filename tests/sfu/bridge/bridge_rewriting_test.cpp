// Receivers whose SSRCs are the bridge's own (shard rule 13), with clients over loopback.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>

#include "sfu/rtp/rtcp.hpp"
#include "sfu/rtp/vp8.hpp"
#include "tests/sfu/bridge/support/house.hpp"

using namespace roomgate;
using namespace roomgate::sfu::bridge;
using namespace roomgate::test;
namespace json = boost::json;

namespace {

constexpr std::uint8_t kLoud = 30;
constexpr std::uint8_t kSoft = 100;

BridgeConfig config_of(std::size_t videos, std::size_t voices) {
  BridgeConfig config = House::default_config();
  config.limits.rewriting = {.videos = videos, .grace = milliseconds(20), .tell_again = milliseconds(200)};
  config.limits.rewriting.voices = voices;
  config.limits.loudest.places = 3;
  config.limits.loudest.from = 12;
  config.limits.loudest.pause = milliseconds(60);
  return config;
}

// One who shows a camera of one layer and speaks; what it sends says whose it is.
struct Person {
  Member& member;
  bool speaking = false;
  std::uint16_t sequence = static_cast<std::uint16_t>(member.ssrcs.audio * 977);
  std::uint32_t timestamp = member.ssrcs.audio * 123'457u;
  std::uint16_t picture_id = static_cast<std::uint16_t>(member.ssrcs.audio % 0x7fff);
  std::size_t rtcp_seen = 0;
  int key_frames = 0;
  std::set<std::uint32_t> asked_for;

  void step() {
    for (; rtcp_seen < member.client.rtcp.size(); ++rtcp_seen) {
      sfu::rtp::RtcpReader reader(member.client.rtcp[rtcp_seen]);
      while (const auto part = reader.next()) {
        if (part->is(sfu::rtp::kPictureLoss)) asked_for.insert(sfu::rtp::read_feedback(*part)->media_ssrc);
      }
    }
    const std::uint32_t camera = member.ssrcs.video.front().ssrc;
    const bool key = asked_for.erase(camera) > 0;
    key_frames += key ? 1 : 0;
    member.client.send_rtp(make_rtp(
        {.payload_type = 100,
         .marker = true,
         .sequence = sequence,
         .timestamp = timestamp,
         .ssrc = camera,
         .payload = make_vp8(key, picture_id, static_cast<std::uint8_t>(picture_id), "by:" + member.id)}));
    member.client.send_rtp(make_rtp({.sequence = sequence,
                                     .timestamp = timestamp / 2,
                                     .ssrc = member.ssrcs.audio,
                                     .level = speaking ? kLoud : kSoft,
                                     .payload = bytes_of("by:" + member.id)}));
    ++sequence;
    timestamp += 1800;
    picture_id = static_cast<std::uint16_t>((picture_id + 1) & 0x7fff);
  }

  static std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }
};

// Lets people send only what the bridge has room to take: loopback drops what waits too long, and a loss
// would be seen as one.
class Pace {
 public:
  explicit Pace(House& house) : house_(house), due_(received()) {}
  bool ready() const { return received() >= due_; }
  void sent(std::size_t packets) { due_ += static_cast<double>(packets); }

 private:
  double received() const { return house_.metric("roomshard_received_packets_total"); }
  House& house_;
  double due_;
};

std::string owner_of(const ReceivedRtp& packet) {
  const std::string text(packet.bytes.begin(), packet.bytes.end());
  const std::size_t at = text.find("by:");
  return at == std::string::npos ? "" : text.substr(at + 3, 8);
}

// What a client that was told of no sources makes of maps and packets: each packet under an SSRC that a map
// named before, of the source it stands for, and each SSRC one stream that a decoder can follow.
class Audience {
 public:
  explicit Audience(House& house, Member& member) : house_(house), member_(member) {}

  void look() {
    for (; events_ < house_.events.size(); ++events_) {
      const auto* frame = std::get_if<ChannelFrame>(&house_.events[events_]);
      if (frame != nullptr && frame->endpoint == member_.id) read_map(frame->text);
    }
    for (; packets_ < member_.client.rtp.size(); ++packets_) read_packet(member_.client.rtp[packets_]);
  }

  std::set<std::string> heard;  // since cleared
  std::set<std::string> seen;
  std::size_t relabelled = 0;
  std::size_t retransmitted = 0;

  const std::set<std::uint32_t>& ssrcs(bool video) const { return video ? videos_ : voices_; }
  std::optional<std::uint32_t> ssrc_of(const std::string& owner, bool video) const {
    for (const auto& [ssrc, stream] : streams_) {
      if (stream.video == video && !stream.owners.empty() && stream.owners.back() == owner) return ssrc;
    }
    return std::nullopt;
  }
  std::uint32_t rtx_of(std::uint32_t ssrc) const { return streams_.at(ssrc).rtx; }
  std::optional<ReceivedRtp> last_under(std::uint32_t ssrc) const {
    for (auto packet = member_.client.rtp.rbegin(); packet != member_.client.rtp.rend(); ++packet) {
      if (packet->ssrc() == ssrc) return *packet;
    }
    return std::nullopt;
  }

 private:
  struct Stream {
    bool video = false;
    std::uint32_t rtx = 0;
    std::vector<std::string> owners;  // by the maps, in order
    std::size_t owner = 0;            // whose packets come now
    std::optional<std::uint16_t> sequence;
    std::uint32_t timestamp = 0;
    std::uint16_t picture_id = 0;
    std::uint8_t tl0 = 0;
  };

  void read_map(const std::string& text) {
    const json::object message = json::parse(text).as_object();
    const std::string_view name = message.at("colibriClass").as_string();
    const bool video = name == "VideoSourcesMap";
    if (!video && name != "AudioSourcesMap") return;
    std::set<std::string> owners;
    for (const json::value& entry : message.at("mappedSources").as_array()) {
      const json::object& mapped = entry.as_object();
      const std::string owner(mapped.at("owner").as_string());
      CHECK(mapped.at("source").as_string() == owner + (video ? "-v0" : "-a0"));
      CHECK(owner != member_.id);
      CHECK(owners.insert(owner).second);
      const auto ssrc = mapped.at("ssrc").to_number<std::uint32_t>();
      (video ? videos_ : voices_).insert(ssrc);
      Stream& stream = streams_[ssrc];
      stream.video = video;
      if (video) {
        CHECK(mapped.at("videoType").as_string() == "CAMERA");
        stream.rtx = mapped.at("rtx").to_number<std::uint32_t>();
        rtx_[stream.rtx] = ssrc;
      }
      if (!stream.owners.empty() && stream.owners.back() == owner) continue;
      relabelled += stream.owners.empty() ? 0 : 1;
      stream.owners.push_back(owner);
    }
  }

  void read_packet(const ReceivedRtp& packet) {
    if (rtx_.contains(packet.ssrc())) {
      const auto view = sfu::rtp::RtpPacketView::parse(packet.bytes);
      retransmitted += view && view->payload().size() > 2 ? 1 : 0;  // else it is padding
      return;
    }
    const auto found = streams_.find(packet.ssrc());
    REQUIRE_MESSAGE(found != streams_.end(), "no map named " << packet.ssrc());
    Stream& stream = found->second;
    const std::string owner = owner_of(packet);
    bool joined = !stream.sequence;
    while (stream.owners.at(stream.owner) != owner) {
      REQUIRE_MESSAGE(stream.owner + 1 < stream.owners.size(), owner << " came before its map");
      ++stream.owner;
      joined = true;
    }
    (stream.video ? seen : heard).insert(owner);
    if (stream.sequence) {
      CHECK(packet.sequence() == static_cast<std::uint16_t>(*stream.sequence + 1));
      const auto passed = static_cast<std::int32_t>(packet.timestamp() - stream.timestamp);
      CHECK(passed > 0);
      CHECK(passed < 90'000 * 10);
    }
    if (stream.video) {
      const auto view = sfu::rtp::RtpPacketView::parse(packet.bytes);
      const auto vp8 = sfu::rtp::read_vp8(view->payload());
      REQUIRE(vp8);
      if (joined) CHECK(vp8->keyframe);
      if (stream.sequence) {
        CHECK(vp8->picture_id == ((stream.picture_id + 1) & 0x7fff));
        CHECK(vp8->tl0 == static_cast<std::uint8_t>(stream.tl0 + 1));
      }
      stream.picture_id = vp8->picture_id;
      stream.tl0 = vp8->tl0;
    } else if (joined && stream.sequence) {
      CHECK((packet.bytes[1] & 0x80) != 0);  // a talkspurt begins
    }
    stream.sequence = packet.sequence();
    stream.timestamp = packet.timestamp();
  }

  House& house_;
  Member& member_;
  std::size_t events_ = 0;
  std::size_t packets_ = 0;
  std::map<std::uint32_t, Stream> streams_;
  std::map<std::uint32_t, std::uint32_t> rtx_;
  std::set<std::uint32_t> videos_;
  std::set<std::uint32_t> voices_;
};

Member& join_rewriting(House& house, const std::string& id, bool channel = true) {
  Member& member = house.enter("room", id);
  member.client.connect(member.allocated);
  house.set_transport(member, {.ssrc_rewriting = true});
  house.announce(member);
  if (channel) house.open_channel(member);
  REQUIRE(house.until(
      [&] { return member.client.connected() && house.state_of(member) == EndpointState::connected; }));
  return member;
}

void select(House& house, Member& member, const std::set<std::string>& people) {
  json::array names;
  for (const std::string& id : people) names.emplace_back(id + "-v0");
  house.say(member, R"({"colibriClass":"ReceiverVideoConstraints","lastN":)" + std::to_string(people.size()) +
                        R"(,"defaultConstraints":{"maxHeight":180},"selectedSources":)" +
                        json::serialize(names) + "}");
}

std::string id_of(int number) {
  const std::string digits = std::to_string(number);
  return "a" + std::string(7 - digits.size(), '0') + digits;
}

bool has_all(const std::set<std::string>& all, const std::set<std::string>& part) {
  return std::includes(all.begin(), all.end(), part.begin(), part.end());
}

}  // namespace

TEST_CASE(
    "shard rule 13: thirty people under six and four SSRCs: maps before packets, and every SSRC one stream") {
  constexpr int kPeople = 30;
  constexpr int kVideos = 6;
  constexpr int kVoices = 4;
  House house(config_of(kVideos, kVoices));
  std::vector<Person> people;
  for (int i = 0; i < kPeople; ++i) people.push_back({house.join("room", id_of(i), 1)});
  Member& plain = house.join("room", "cccccccc");
  house.want_video(plain, 180);
  Member& receiver = join_rewriting(house, "bbbbbbbb");
  Audience audience(house, receiver);
  Pace pace(house);

  for (int round = 0; round < 12; ++round) {
    std::set<std::string> shown;
    std::set<std::string> speakers;
    for (int i = 0; i < kVideos; ++i) shown.insert(id_of((round * 5 + i) % kPeople));
    for (int i = 0; i < 3; ++i) speakers.insert(id_of((round * 7 + i * 3) % kPeople));
    for (Person& person : people) person.speaking = speakers.contains(person.member.id);
    select(house, receiver, shown);
    audience.seen.clear();
    audience.heard.clear();
    CAPTURE(round);
    REQUIRE(house.until([&] {
      if (pace.ready()) {
        for (Person& person : people) person.step();
        pace.sent(2 * people.size());
      }
      audience.look();
      return has_all(audience.seen, shown) && has_all(audience.heard, speakers);
    }));
  }

  CHECK(receiver.client.undecryptable == 0);
  CHECK(audience.ssrcs(true).size() == kVideos);
  CHECK(audience.ssrcs(false).size() == kVoices);
  CHECK(audience.relabelled > 40);
  // Others get what they were told of, under its own SSRCs.
  std::set<std::uint32_t> announced;
  for (const Person& person : people) {
    announced.insert({person.member.ssrcs.audio, person.member.ssrcs.video.front().ssrc});
  }
  CHECK_FALSE(plain.client.rtp.empty());
  for (const ReceivedRtp& packet : plain.client.rtp) REQUIRE(announced.contains(packet.ssrc()));
  CHECK_FALSE(house.got_frame(plain, "SourcesMap"));
}

TEST_CASE("shard rule 13: without a channel nothing is sent, and what waited comes when it was told") {
  House house(config_of(4, 4));
  Person person{house.join("room", "aaaaaaaa", 1), true};
  Member& receiver = join_rewriting(house, "bbbbbbbb", false);
  house.want_video(receiver, 180);
  Audience audience(house, receiver);
  int steps = 0;
  REQUIRE(house.until([&] {
    person.step();
    return ++steps > 100 && house.metric("roomshard_received_packets_total") >= 200;
  }));
  CHECK(receiver.client.rtp.empty());

  house.open_channel(receiver);
  REQUIRE(house.until([&] {
    person.step();
    audience.look();
    return !audience.seen.empty() && !audience.heard.empty();
  }));
}

TEST_CASE("a channel that opens again is told everything again") {
  House house(config_of(4, 4));
  Person person{house.join("room", "aaaaaaaa", 1), true};
  Member& receiver = join_rewriting(house, "bbbbbbbb");
  house.want_video(receiver, 180);
  Audience audience(house, receiver);
  REQUIRE(house.until([&] {
    person.step();
    audience.look();
    return !audience.seen.empty() && !audience.heard.empty();
  }));

  house.bridge().send(ChannelClosed{"room", "bbbbbbbb"});
  house.events.clear();
  house.open_channel(receiver);

  CHECK(house.until([&] {
    return house.got_frame(receiver, R"("VideoSourcesMap","mappedSources":[{"source":"aaaaaaaa-v0")") &&
           house.got_frame(receiver, R"("AudioSourcesMap","mappedSources":[{"source":"aaaaaaaa-a0")");
  }));
}

TEST_CASE("NACK, PLI and reports of a receiver with SSRCs of ours mean what those stand for") {
  House house(config_of(4, 4));
  Person a{house.join("room", "aaaaaaaa", 1), true};
  Person c{house.join("room", "cccccccc", 1), true};
  Member& receiver = join_rewriting(house, "bbbbbbbb");
  house.want_video(receiver, 180);
  Audience audience(house, receiver);
  const auto step = [&] {
    a.step();
    c.step();
    audience.look();
  };
  REQUIRE(house.until([&] {
    step();
    return audience.seen.size() == 2 && audience.heard.size() == 2;
  }));
  const std::uint32_t ssrc = *audience.ssrc_of("cccccccc", true);
  const ReceivedRtp lost = *audience.last_under(ssrc);
  std::array<std::uint8_t, 64> bytes;

  SUBCASE("what is missing comes again on the RTX stream of the map") {
    ByteWriter nack(bytes);
    const std::uint16_t number = lost.sequence();
    REQUIRE(sfu::rtp::write_nack(nack, 1, ssrc, {&number, 1}));
    receiver.client.send_rtcp(nack.written());
    REQUIRE(house.until([&] {
      step();
      return audience.retransmitted > 0;
    }));
    const ReceivedRtp rtx = *audience.last_under(audience.rtx_of(ssrc));
    const auto payload = sfu::rtp::RtpPacketView::parse(rtx.bytes)->payload();
    const auto original = sfu::rtp::RtpPacketView::parse(lost.bytes)->payload();
    CHECK(load16(payload.data()) == number);
    CHECK(std::equal(payload.begin() + 2, payload.end(), original.begin(), original.end()));
  }

  SUBCASE("a key frame is asked for from whom it stands for, under its own SSRC") {
    const int before_c = c.key_frames;
    ByteWriter loss(bytes);
    REQUIRE(sfu::rtp::write_picture_loss(loss, 1, ssrc));
    receiver.client.send_rtcp(loss.written());
    REQUIRE(house.until([&] {
      step();
      return c.key_frames > before_c;
    }));
  }

  SUBCASE("a sender's report tells the clock of the stream it has become") {
    const std::uint32_t voice = *audience.ssrc_of("cccccccc", false);
    for (const auto& [own, outgoing] :
         {std::pair(c.member.ssrcs.video.front().ssrc, ssrc), std::pair(c.member.ssrcs.audio, voice)}) {
      const bool video = outgoing == ssrc;
      // The newest packet that has arrived, and what its sender called that instant.
      const ReceivedRtp newest = *audience.last_under(outgoing);
      const std::uint32_t original = video ? c.timestamp : c.timestamp / 2;
      ByteWriter out(bytes);
      REQUIRE(sfu::rtp::write_sender_report(
          out, {.ssrc = own, .ntp = 77, .rtp_timestamp = original, .packets = 9, .octets = 9}, {}));
      c.member.client.send_rtcp(out.written());
      std::optional<sfu::rtp::SenderReport> told;
      REQUIRE(house.until([&] {
        for (const auto& datagram : receiver.client.rtcp) {
          sfu::rtp::RtcpReader reader(datagram);
          while (const auto part = reader.next()) {
            const auto report = sfu::rtp::read_sender_report(*part);
            if (report && report->ssrc == outgoing) told = report;
          }
        }
        return told.has_value();
      }));
      CHECK(told->ntp == 77);
      const auto ahead = static_cast<std::int32_t>(told->rtp_timestamp - newest.timestamp());
      CHECK(ahead > 0);
      CHECK(ahead % (video ? 1800 : 900) == 0);
      CHECK(told->packets > 0);
    }
  }
}

TEST_CASE("a receiver whose SSRCs are ours may live on another worker than those it sees") {
  BridgeConfig config = config_of(1, 1);
  config.workers = 2;
  config.limits.worker_endpoints = 1;
  House house(config);
  Person a{house.join("room", "aaaaaaaa", 1), true};
  Member& receiver = join_rewriting(house, "bbbbbbbb");
  Person c{house.join("room", "cccccccc", 1), false};
  REQUIRE(receiver.allocated.candidates.front().port != a.member.allocated.candidates.front().port);
  Audience audience(house, receiver);
  for (Person* shown : {&a, &c, &a}) {
    a.speaking = shown == &a;
    c.speaking = shown == &c;
    select(house, receiver, {shown->member.id});
    audience.seen.clear();
    audience.heard.clear();
    CHECK(house.until([&] {
      a.step();
      c.step();
      audience.look();
      return audience.seen.contains(shown->member.id) && audience.heard.contains(shown->member.id);
    }));
  }
  CHECK(audience.relabelled >= 4);
}

TEST_CASE("a source that leaves gives its SSRC to the next one, and a screen is called a screen") {
  House house(config_of(1, 1));
  Person a{house.join("room", "aaaaaaaa", 1), true};
  Person c{house.join("room", "cccccccc", 1), true};
  Member& receiver = join_rewriting(house, "bbbbbbbb");
  select(house, receiver, {"aaaaaaaa"});
  Audience audience(house, receiver);
  REQUIRE(house.until([&] {
    a.step();
    audience.look();
    return audience.seen.contains("aaaaaaaa");
  }));

  house.bridge().send(Expire{"room", "aaaaaaaa"});
  select(house, receiver, {"cccccccc"});
  REQUIRE(house.until([&] {
    c.step();
    audience.look();
    return audience.seen.contains("cccccccc");
  }));
  CHECK(audience.ssrcs(true).size() == 1);

  house.say(c.member,
            R"({"colibriClass":"SourceVideoTypeMessage","sourceName":"cccccccc-v0","videoType":"desktop"})");
  CHECK(house.until([&] { return house.got_frame(receiver, R"("videoType":"DESKTOP")"); }));
}

TEST_CASE("RED goes on untouched to whoever reads it, and unpacked to everybody else") {
  House house;
  Member& a = house.join("room", "aaaaaaaa");
  Member& plain = house.join("room", "bbbbbbbb");
  Member& reads = house.enter("room", "cccccccc");
  reads.client.connect(reads.allocated);
  house.set_transport(reads, {.opus_red = true});
  house.announce(reads);
  REQUIRE(house.until([&] { return house.state_of(reads) == EndpointState::connected; }));

  // One block of three bytes 960 ticks back, then what is new.
  const std::vector<std::uint8_t> payload = {0xef, 0x0f, 0x00, 0x03, 0x6f, 1, 2, 3, 9, 8, 7, 6};
  std::uint16_t sent = 0;
  REQUIRE(house.until([&] {
    // Now and then one that is torn: it goes nowhere.
    const bool torn = sent % 10 == 9;
    a.client.send_rtp(
        make_rtp({.payload_type = 112,
                  .sequence = sent,
                  .timestamp = sent * 960u,
                  .ssrc = a.ssrcs.audio,
                  .level = kLoud,
                  .payload = torn ? std::vector<std::uint8_t>{0xef, 0xff, 0xff, 0xff} : payload}));
    ++sent;
    return plain.client.rtp.size() >= 25 && reads.client.rtp.size() >= 25;
  }));

  const auto check = [&](const Member& receiver, std::uint8_t type, const std::vector<std::uint8_t>& body) {
    std::optional<std::uint16_t> last;
    for (const ReceivedRtp& packet : receiver.client.rtp) {
      const auto view = sfu::rtp::RtpPacketView::parse(packet.bytes);
      REQUIRE(view);
      CHECK(packet.payload_type() == type);
      CHECK(std::equal(view->payload().begin(), view->payload().end(), body.begin(), body.end()));
      CHECK(sfu::rtp::find_extension(*view, sfu::rtp::kAudioLevelId));
      CHECK(packet.timestamp() == packet.sequence() * 960u);
      if (last)
        CHECK(packet.sequence() == static_cast<std::uint16_t>(*last + (packet.sequence() % 10 == 0 ? 2 : 1)));
      last = packet.sequence();
    }
  };
  check(reads, 112, payload);
  check(plain, 111, {9, 8, 7, 6});
}

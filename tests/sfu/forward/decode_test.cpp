// What receivers get of streams that Chromium made, decoded by ffmpeg: every frame comes out without an
// error, and is bit for bit the frame that its layer has in the whole stream. So nothing that was left out
// was needed, whatever the layers did.
#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <random>
#include <set>

#include "sfu/forward/forwarder.hpp"
#include "sfu/send/write_packet.hpp"
#include "tests/sfu/forward/support/elementary.hpp"
#include "tests/sfu/forward/support/recording.hpp"

using namespace roomgate;
using namespace roomgate::sfu;
using namespace roomgate::sfu::forward;
using namespace roomgate::sfu::forward::test;

namespace {

// A frame of the recording.
struct Key {
  std::size_t stream = 0;
  std::uint32_t timestamp = 0;
  std::uint8_t spatial = 0;
  auto operator<=>(const Key&) const = default;
};

struct Received {
  Key key;
  Bytes bytes;
};

rtp::Codec codec_of(const Recording& recording) {
  const auto view = rtp::RtpPacketView::parse(recording.packets.front().bytes);
  return rtp::payload_type(view->payload_type()).codec;
}

// Frames in the order of numbers; `keys` says which each is.
std::vector<CodedFrame> frames_of(const std::vector<Received>& packets, std::vector<Key>& keys) {
  std::vector<CodedFrame> frames;
  bool ended = false;
  for (const Received& packet : packets) {
    const auto view = rtp::RtpPacketView::parse(packet.bytes);
    REQUIRE(view.ok());
    if (view->payload().empty()) continue;
    if (keys.empty() || keys.back() != packet.key) {
      // A key frame of another stream may come between the packets of a frame; a receiver gives its decoder
      // whole frames only.
      if (!keys.empty() && keys.back().stream != packet.key.stream && !ended) {
        frames.pop_back();
        keys.pop_back();
      }
      const bool same_picture = !keys.empty() && keys.back().stream == packet.key.stream &&
                                keys.back().timestamp == packet.key.timestamp;
      frames.push_back({.new_picture = !same_picture});
      keys.push_back(packet.key);
    }
    frames.back().payloads.emplace_back(view->payload().begin(), view->payload().end());
    ended = view->marker();
  }
  return frames;
}

// What each frame of the recording decodes to when its stream is whole.
class Reference {
 public:
  explicit Reference(const Recording& recording) {
    VideoReader reader;
    std::map<std::size_t, std::vector<Received>> by_stream;
    for (const Recording::Packet& packet : recording.packets) {
      const VideoPacket video = reader.read(*rtp::RtpPacketView::parse(packet.bytes), packet.stream);
      by_stream[packet.stream].push_back({{packet.stream, video.timestamp, video.spatial}, packet.bytes});
    }
    for (const auto& [stream, packets] : by_stream) {
      std::vector<Key> keys;
      std::vector<CodedFrame> frames = frames_of(packets, keys);
      // The recording begins anywhere.
      std::size_t begin = 0;
      while (begin < keys.size() && !is_key(packets, keys[begin])) ++begin;
      frames.erase(frames.begin(), frames.begin() + static_cast<std::ptrdiff_t>(begin));
      keys.erase(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(begin));
      const Decoded decoded = decode(codec_of(recording), frames);
      CHECK(decoded.errors == "");
      REQUIRE(decoded.frames.size() == keys.size());
      for (std::size_t i = 0; i < keys.size(); ++i) frames_[keys[i]] = decoded.frames[i];
    }
  }
  const std::string& operator[](const Key& key) const {
    static const std::string none = "not decodable";
    const auto found = frames_.find(key);
    return found == frames_.end() ? none : found->second;
  }
  std::set<std::string> sizes() const {
    std::set<std::string> sizes;
    for (const auto& [key, text] : frames_) sizes.insert(text.substr(0, text.find(',')));
    return sizes;
  }

 private:
  static bool is_key(const std::vector<Received>& packets, const Key& key) {
    VideoReader reader;
    for (const Received& packet : packets) {
      const VideoPacket video = reader.read(*rtp::RtpPacketView::parse(packet.bytes), packet.key.stream);
      if (packet.key == key && video.starts_keyframe) return true;
    }
    return false;
  }
  std::map<Key, std::string> frames_;
};

struct Conditions {
  unsigned seed = 1;
  bool lossy = false;  // packets are lost and swapped on both sides, and all lost ones sent again
};

struct Result {
  std::vector<Received> packets;  // in the order of outgoing numbers
  std::size_t switches = 0;
  std::set<int> layers;  // that were forwarded at some time
  std::size_t resent = 0;
  std::size_t left_out = 0;
};

// A receiver of the recording whose target changes all the time.
class Player {
 public:
  Player(const Recording& recording, Conditions conditions)
      : recording_(recording),
        conditions_(conditions),
        random_(conditions.seed),
        layers_(recording.streams) {}

  Result play() {
    for (const std::size_t i : order_of_arrival()) {
      const Recording::Packet& packet = recording_.packets[i];
      now_ = TimePoint(seconds(1000)) + milliseconds(packet.ms);
      if (now_ >= next_change_) change_target();
      on_packet(packet);
    }
    resend();
    Result result = std::move(result_);
    for (auto& [number, received] : received_) result.packets.push_back(std::move(received));
    // No gap in what the receiver has: what was lost came again, what was left out never had a number.
    if (!received_.empty()) {
      CHECK(static_cast<std::size_t>(received_.rbegin()->first - received_.begin()->first) + 1 ==
            received_.size());
    }
    return result;
  }

 private:
  static constexpr std::uint32_t kSsrc = 0xabcd;

  // Neighbours swapped, some held back as if lost and sent again; not those of key frames, since a key frame
  // torn on its way to the bridge is asked for anew.
  std::vector<std::size_t> order_of_arrival() {
    std::vector<std::size_t> order;
    std::set<std::uint32_t> key_times;
    VideoReader reader;
    for (const Recording::Packet& packet : recording_.packets) {
      const VideoPacket video = reader.read(*rtp::RtpPacketView::parse(packet.bytes), packet.stream);
      if (video.starts_keyframe) key_times.insert(video.timestamp);
    }
    std::deque<std::pair<std::size_t, std::size_t>> held;  // when, which
    for (std::size_t i = 0; i < recording_.packets.size(); ++i) {
      const auto view = rtp::RtpPacketView::parse(recording_.packets[i].bytes);
      const bool key = key_times.contains(view->timestamp());
      if (conditions_.lossy && !key && random_() % 20 == 0) {
        held.push_back({i + 3 + random_() % 10, i});
      } else {
        order.push_back(i);
        const std::size_t last = order.size() - 1;
        const bool swaps = conditions_.lossy && !key && last > 0 && random_() % 12 == 0;
        const auto before =
            last > 0 ? rtp::RtpPacketView::parse(recording_.packets[order[last - 1]].bytes) : view;
        if (swaps && !key_times.contains(before->timestamp())) std::swap(order[last], order[last - 1]);
      }
      while (!held.empty() && held.front().first <= i) {
        order.push_back(held.front().second);
        held.pop_front();
      }
    }
    for (const auto& [when, which] : held) order.push_back(which);
    return order;
  }

  void change_target() {
    next_change_ = now_ + milliseconds(60 + random_() % 120);
    forwarder_.set_target({.spatial = static_cast<std::int8_t>(random_() % 3),
                           .temporal = static_cast<std::int8_t>(random_() % 3)});
  }

  void on_packet(const Recording::Packet& packet) {
    const auto view = rtp::RtpPacketView::parse(packet.bytes);
    const VideoPacket video = reader_.read(*view, packet.stream);
    if (video.payload_size > 0) layers_.on_packet(video, packet.bytes.size(), now_);
    const auto before = forwarder_.selection();
    const auto projected = forwarder_.forward(layers_, video, now_);
    const auto after = forwarder_.selection();
    if (before && after && before != after) ++result_.switches;
    if (after) result_.layers.insert(static_cast<int>(after->layer() * 10 + after->temporal));
    if (!projected) {
      ++result_.left_out;
      return;
    }
    history_[{packet.stream, view->sequence()}] = &packet;
    keys_[projected->sequence] = {packet.stream, video.timestamp, video.spatial};
    if (conditions_.lossy && random_() % 20 == 0) {
      if (lost_.empty()) lost_at_ = now_;
      lost_.push_back(projected->sequence);
    } else {
      receive(projected->sequence, written(*view, *projected, false));
    }
    if (!lost_.empty() && now_ - lost_at_ > milliseconds(100)) resend();
  }

  // NACKs, answered as the bridge does.
  void resend() {
    for (const std::uint16_t sequence : std::exchange(lost_, {})) {
      const auto found = forwarder_.find_sent(sequence);
      REQUIRE(found);
      const Recording::Packet* packet = history_.at({found->stream, found->original_sequence});
      const auto view = rtp::RtpPacketView::parse(packet->bytes);
      const auto projected = forwarder_.reproject(*found, sequence, reader_.read_again(*view, found->stream));
      REQUIRE(projected);
      receive(sequence, written(*view, *projected, true));
      ++result_.resent;
    }
  }

  Bytes written(const rtp::RtpPacketView& view, const Projected& projected, bool rtx) {
    const rtp::OutgoingHeader header{.ssrc = kSsrc,
                                     .sequence = projected.sequence,
                                     .timestamp = projected.timestamp,
                                     .payload_type = view.payload_type(),
                                     .marker = view.marker() || projected.marker};
    const send::Edit edit{projected.picture, projected.descriptor, projected.empty};
    Bytes out(view.size() + 2 + send::kGrowth);
    if (rtx) {
      out.resize(send::write_rtx(view, header, projected.sequence, edit, {}, out));
      // Unwrapped again: the original number in front of the payload.
      const auto again = rtp::RtpPacketView::parse(out);
      REQUIRE(again.ok());
      REQUIRE(load16(again->payload().data()) == projected.sequence);
      out.erase(out.begin() + static_cast<std::ptrdiff_t>(again->header_size()),
                out.begin() + static_cast<std::ptrdiff_t>(again->header_size() + 2));
    } else {
      out.resize(send::write_media(view, header, edit, {}, out));
    }
    REQUIRE_FALSE(out.empty());
    return out;
  }

  void receive(std::uint16_t sequence, Bytes bytes) {
    newest_ = received_.empty() ? 0x10000 + std::int64_t{sequence}
                                : std::max(newest_, rtp::extend_sequence(newest_, sequence));
    const std::int64_t number = rtp::extend_sequence(newest_, sequence);
    REQUIRE(received_.emplace(number, Received{keys_.at(sequence), std::move(bytes)}).second);
  }

  const Recording& recording_;
  Conditions conditions_;
  std::mt19937 random_;
  SourceLayers layers_;
  VideoReader reader_;
  Forwarder forwarder_{kSsrc};
  TimePoint now_{};
  TimePoint next_change_{};
  std::map<std::pair<std::size_t, std::uint16_t>, const Recording::Packet*> history_;
  std::map<std::uint16_t, Key> keys_;
  std::vector<std::uint16_t> lost_;
  TimePoint lost_at_{};
  std::map<std::int64_t, Received> received_;
  std::int64_t newest_ = 0;
  Result result_;
};

// What a decoder does not see but a receiver's jitter buffer does.
void check_numbers(const std::vector<Received>& packets) {
  std::optional<rtp::PictureFields> picture;
  std::optional<std::uint16_t> frame_number;
  const Received* before = nullptr;
  VideoReader reader;
  for (const Received& received : packets) {
    const auto view = rtp::RtpPacketView::parse(received.bytes);
    if (view->payload().empty()) continue;
    const VideoPacket video = reader.read(*view, 0);
    const bool new_picture = before == nullptr || before->key.stream != received.key.stream ||
                             before->key.timestamp != received.key.timestamp;
    if (before != nullptr) {
      const auto last = rtp::RtpPacketView::parse(before->bytes);
      CHECK((rtp::timestamp_distance(view->timestamp(), last->timestamp()) > 0) == new_picture);
      // The marker stands where a picture ends, and nowhere else.
      if (before->key.stream == received.key.stream) CHECK(last->marker() == new_picture);
    }
    if (video.picture && video.picture->picture_id_at != 0) {
      if (picture) CHECK(((video.picture->picture_id - picture->picture_id) & 0x7fff) < 8);
      picture = video.picture;
    }
    if (video.frame) {
      // Readable by what the receiver was sent, with numbers that only go up.
      CHECK(video.frame->structure != nullptr);
      CHECK(video.spatial == received.key.spatial);
      if (frame_number) CHECK(rtp::sequence_distance(video.frame->number, *frame_number) >= 0);
      frame_number = video.frame->number;
    }
    before = &received;
  }
}

// `times`: so often is the recording played to one receiver, for 50 switches in one stream.
void prove(const std::string& name, std::uint16_t times, std::size_t least_layers,
           std::size_t decoded_sizes) {
  const Recording recording = play_again(load_recording(name), times);
  const rtp::Codec codec = codec_of(recording);
  const Reference reference(recording);
  CHECK(reference.sizes().size() == decoded_sizes);

  for (const bool lossy : {false, true}) {
    std::string switches;  // of each stream
    std::size_t frames = 0;
    std::size_t resent = 0;
    std::size_t left_out = 0;
    std::set<int> layers;
    std::set<std::string> sizes;
    for (unsigned seed = 1; seed <= 2; ++seed) {
      CAPTURE(name);
      CAPTURE(lossy);
      CAPTURE(seed);
      Result result = Player(recording, {seed, lossy}).play();
      if (!lossy) check_numbers(result.packets);
      std::vector<Key> keys;
      const std::vector<CodedFrame> coded = frames_of(result.packets, keys);

      const Decoded decoded = decode(codec, coded);

      CHECK(decoded.errors == "");
      REQUIRE(decoded.frames.size() == coded.size());
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < keys.size(); ++i) {
        if (decoded.frames[i] != reference[keys[i]]) ++wrong;
        sizes.insert(decoded.frames[i].substr(0, decoded.frames[i].find(',')));
      }
      CHECK(wrong == 0);
      CHECK(result.switches >= 50);
      switches += (switches.empty() ? "" : " and ") + std::to_string(result.switches);
      frames += coded.size();
      resent += result.resent;
      left_out += result.left_out;
      layers.merge(result.layers);
    }
    const std::string title = name + (lossy ? ", lossy: " : ": ");
    MESSAGE(title << "two receivers with " << switches << " switches, " << frames << " frames, " << left_out
                  << " packets left out, " << resent << " sent again");
    CHECK(frames > 150);
    CHECK(left_out > 100);
    CHECK(layers.size() >= least_layers);
    CHECK(sizes.size() == decoded_sizes);
    CHECK((resent > 20) == lossy);
  }
}

}  // namespace

TEST_CASE("VP8 simulcast with temporal layers decodes across layer switches") { prove("vp8", 2, 9, 3); }
// At the rate of the recording OpenH264 makes its layers smaller now and then: five sizes.
TEST_CASE("H264 simulcast decodes across layer switches") { prove("h264", 2, 9, 5); }
TEST_CASE("VP9 SVC decodes with layers left out") { prove("vp9", 4, 9, 3); }
TEST_CASE("AV1 SVC decodes with layers left out") { prove("av1", 4, 9, 3); }

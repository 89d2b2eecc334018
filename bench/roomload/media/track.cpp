#include "bench/roomload/media/track.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "bench/roomload/media/packetise.hpp"
#include "sfu/rtp/extensions.hpp"
#include "sfu/rtp/packet.hpp"
#include "sfu/rtp/rtcp.hpp"

namespace roomgate::bench::roomload::media {
namespace {

namespace rtp = sfu::rtp;

constexpr Duration kReportInterval = seconds(1);
// Chromium answers requests for key frames no more often.
constexpr Duration kKeyframeInterval = milliseconds(300);
// So far behind, frames are left out rather than sent as one burst.
constexpr Duration kMaxBehind = seconds(1);
constexpr std::size_t kMaxNacked = 256;            // of one RTCP datagram
constexpr std::uint8_t kTalkingLevel = 0x80 | 32;  // voice, -32 dBov
constexpr std::uint8_t kSilentLevel = 127;

enum SentFlags : std::uint8_t { kMarker = 1, kFirst = 2, kTalking = 4 };

std::uint32_t mix(std::uint32_t seed, std::uint32_t what) {
  std::uint64_t z = (std::uint64_t{seed} << 32 | what) + 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return static_cast<std::uint32_t>(z >> 32);
}

std::uint64_t ntp(TimePoint now) {
  constexpr std::uint64_t kUnixToNtp = 2'208'988'800;
  const auto ns = static_cast<std::uint64_t>(now.time_since_epoch() / std::chrono::nanoseconds(1));
  const std::uint64_t whole = ns / 1'000'000'000;
  return (whole + kUnixToNtp) << 32 | ((ns % 1'000'000'000) << 32) / 1'000'000'000;
}

// AV1's dependency descriptor for one spatial and one temporal layer: template 0 a key frame, template 1 one
// that refers to the frame before. The structure goes with the first packet of each key frame.
struct Descriptor {
  std::array<std::uint8_t, 16> bytes{};
  std::size_t size = 0;
};
Descriptor make_descriptor(bool first, bool last, bool key, std::uint16_t frame_number, int width,
                           int height) {
  Descriptor out;
  std::size_t bit = 0;
  const auto put = [&](std::uint32_t value, unsigned count) {
    for (unsigned i = count; i-- > 0; ++bit) {
      if ((value >> i & 1) != 0) out.bytes[bit / 8] |= static_cast<std::uint8_t>(0x80 >> bit % 8);
    }
  };
  put(first, 1);
  put(last, 1);
  put(key ? 0 : 1, 6);
  put(frame_number, 16);
  if (key && first) {
    put(0x10, 5);                     // a structure, nothing else
    put(0, 6);                        // first template id
    put(0, 5);                        // one decode target
    put(0, 2), put(3, 2);             // two templates of one layer, no more
    put(2, 2), put(2, 2);             // both are switch points
    put(0, 1);                        // template 0 refers to nothing,
    put(1, 1), put(0, 4), put(0, 1);  // template 1 to the frame before
    put(1, 1);                        // one chain
    put(0, 4), put(1, 4);             // and how far back it goes
    put(1, 1);
    put(static_cast<std::uint32_t>(width - 1), 16);
    put(static_cast<std::uint32_t>(height - 1), 16);
  }
  out.size = (bit + 7) / 8;
  return out;
}

}  // namespace

Track::Track(const Sample& sample, TrackSettings settings, TransportSequence& numbers, Totals& totals,
             TimePoint start)
    : sample_(sample),
      settings_(std::move(settings)),
      numbers_(numbers),
      totals_(totals),
      start_(start),
      frame_due_(start),
      report_due_(start + kReportInterval),
      clock_rate_(sample.codec == Codec::opus ? 48000 : 90000),
      first_timestamp_(mix(settings_.seed, 0)) {
  layers_.resize(std::min(sample.layers.size(), kMaxLayers));
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = layers_[i];
    layer.ssrcs = settings_.layers[i];
    const auto number = static_cast<std::uint32_t>(i);
    // In the lower half: a first packet lost before a wrap would be taken for the other side of it.
    layer.sequence = static_cast<std::uint16_t>(mix(settings_.seed, 10 + number) & 0x7fff);
    layer.rtx_sequence = static_cast<std::uint16_t>(mix(settings_.seed, 20 + number) & 0x7fff);
    layer.picture_id = static_cast<std::uint16_t>(mix(settings_.seed, 30 + number) & 0x7fff);
    layer.tl0 = static_cast<std::uint8_t>(mix(settings_.seed, 40 + number));
    if (layer.ssrcs.rtx != 0 && settings_.rtx_payload_type != 0) layer.history.resize(kHistory);
  }
  choose_layers();
}

TimePoint Track::next_due() const {
  TimePoint due = frame_due_;
  if (packets_left_ > 0) {
    due = frame_began_ + settings_.spread * (packets_in_frame_ - packets_left_) / packets_in_frame_;
  }
  return std::min(due, report_due_);
}

void Track::poll(TimePoint now, Sink& sink) {
  for (;;) {
    if (packets_left_ == 0) {
      if (frame_due_ > now) break;
      if (now - frame_due_ > kMaxBehind) frame_due_ = now;
      begin_frame();
      continue;
    }
    const TimePoint due =
        frame_began_ + settings_.spread * (packets_in_frame_ - packets_left_) / packets_in_frame_;
    if (due > now) break;
    send_next(now, due, sink);
  }
  if (report_due_ <= now) send_reports(now, sink);
}

void Track::begin_frame() {
  frame_began_ = frame_due_;
  packets_in_frame_ = 0;
  Duration gap = sample_.interval;
  bool first = true;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = layers_[i];
    layer.left = 0;
    if (!layer.active || muted_) continue;
    const SampleLayer& media = sample_.layers[i];
    begin_layer_frame(layer, media);
    packets_in_frame_ += layer.left;
    // Frames of a recording need not be equally far apart.
    if (first && layer.frame + 1 < media.frames.size()) {
      gap = media.frames[layer.frame + 1].at - media.frames[layer.frame].at;
    }
    first = false;
  }
  packets_left_ = packets_in_frame_;
  frame_due_ += std::max<Duration>(gap, microseconds(100));
}

void Track::begin_layer_frame(Layer& layer, const SampleLayer& media) {
  const auto count = static_cast<std::uint32_t>(media.frames.size());
  std::uint32_t frame = layer.started ? layer.frame + 1 : 0;
  if (frame == count) frame = media.loop_from;
  if (layer.restart) {
    // The next key frame, from the beginning after the end. The first frame is one.
    while (frame < count && !media.frames[frame].keyframe) ++frame;
    if (frame == count) frame = 0;
  }
  const SampleFrame& next = media.frames[frame];
  layer.restart = false;
  layer.started = true;
  layer.frame = frame;
  layer.packet = next.first_packet;
  layer.left = next.packets;
  layer.picture_id = static_cast<std::uint16_t>((layer.picture_id + 1) & 0x7fff);
  if (next.temporal_id == 0) ++layer.tl0;
  // A descriptor's chain begins anew with its structure, its numbers go on.
  ++layer.frame_number;
  layer.timestamp = timestamp_at(frame_began_);
  if (next.keyframe) {
    layer.last_keyframe = frame_began_;
    if (sample_.codec != Codec::opus) ++totals_.sent.keyframes;
  }
}

void Track::send_next(TimePoint now, TimePoint due, Sink& sink) {
  std::size_t number = 0;
  while (layers_[number].left == 0) ++number;
  Layer& layer = layers_[number];
  const SampleLayer& media = sample_.layers[number];
  const SampleFrame& frame = media.frames[layer.frame];

  Sent sent{.packet = layer.packet,
            .frame = layer.frame,
            .timestamp = layer.timestamp,
            .sequence = layer.sequence,
            .picture_id = layer.picture_id,
            .frame_number = layer.frame_number,
            .tl0 = layer.tl0,
            .flags = 0,
            .at = now};
  const bool audio = sample_.codec == Codec::opus;
  if (audio ? layer.packets_sent == 0 : layer.left == 1) sent.flags |= kMarker;
  if (layer.packet == frame.first_packet) sent.flags |= kFirst;
  if (audio && talking(due)) sent.flags |= kTalking;

  const std::size_t size = write_packet(media, sent, layer.ssrcs.ssrc, settings_.payload_type, layer.sequence,
                                        false, sink.space());
  if (!layer.history.empty()) layer.history[layer.sequence % kHistory] = sent;
  ++layer.sequence;
  ++layer.packet;
  --layer.left;
  --packets_left_;
  ++layer.packets_sent;
  layer.octets_sent += media.packets[sent.packet].size;
  ++totals_.sent.packets;
  totals_.sent.bytes += size;
  totals_.sent.late.add(now - due);
  sink.send_rtp(size);
}

std::size_t Track::write_packet(const SampleLayer& media, const Sent& what, std::uint32_t ssrc,
                                std::uint8_t payload_type, std::uint16_t sequence, bool rtx, ByteSpan out) {
  const bool padded = settings_.stamp == Stamp::padding;
  std::uint8_t* const p = out.data();
  std::size_t at = rtp::kFixedHeader;

  // Extensions, all in one-byte elements (RFC 8285 4.2).
  const std::size_t extension_at = at;
  at += 4;
  const auto element = [&](std::uint8_t id, ByteView value) {
    if (id == 0) return;
    p[at++] = static_cast<std::uint8_t>(id << 4 | (value.size() - 1));
    std::copy(value.begin(), value.end(), p + at);
    at += value.size();
  };
  if (sample_.codec == Codec::opus && settings_.audio_level_id != 0) {
    const std::array<std::uint8_t, 1> level = {(what.flags & kTalking) != 0 ? kTalkingLevel : kSilentLevel};
    element(settings_.audio_level_id, level);
  }
  if (settings_.transport_sequence_id != 0) {
    std::array<std::uint8_t, 2> number;
    store16(number.data(), numbers_.next++);
    element(settings_.transport_sequence_id, number);
  }
  if (sample_.codec == Codec::av1 && settings_.dependency_descriptor_id != 0) {
    const Descriptor descriptor =
        make_descriptor((what.flags & kFirst) != 0, (what.flags & kMarker) != 0,
                        media.frames[what.frame].keyframe, what.frame_number, media.width, media.height);
    element(settings_.dependency_descriptor_id, ByteView(descriptor.bytes).first(descriptor.size));
  }
  const bool extended = at > extension_at + 4;
  if (extended) {
    while (at % 4 != 0) p[at++] = 0;
    store16(p + extension_at, rtp::kOneByteProfile);
    store16(p + extension_at + 2, static_cast<std::uint16_t>((at - extension_at - 4) / 4));
  } else {
    at = extension_at;
  }

  p[0] = static_cast<std::uint8_t>(0x80 | (padded ? 0x20 : 0) | (extended ? 0x10 : 0));
  p[1] = static_cast<std::uint8_t>(((what.flags & kMarker) != 0 ? 0x80 : 0) | payload_type);
  store16(p + 2, sequence);
  store32(p + 4, what.timestamp);
  store32(p + 8, ssrc);

  if (rtx) {
    store16(p + at, what.sequence);  // RFC 4588 4: the original's number
    at += 2;
  }
  const SamplePacket& packet = media.packets[what.packet];
  const std::size_t payload_at = at;
  std::size_t size = packet.size;
  // The neutral load: as much of the payload as makes the packet exactly so long.
  if (sample_.packet_size != 0) size = sample_.packet_size - at - (padded ? kStampBytes : 0);
  std::memcpy(p + at, media.bytes.data() + packet.at, size);
  at += size;
  switch (sample_.codec) {
    case Codec::vp8:
      store16(p + payload_at + kVp8PictureIdAt, static_cast<std::uint16_t>(0x8000 | what.picture_id));
      p[payload_at + kVp8Tl0At] = what.tl0;
      break;
    case Codec::vp9:
      store16(p + payload_at + kVp9PictureIdAt, static_cast<std::uint16_t>(0x8000 | what.picture_id));
      p[payload_at + kVp9Tl0At] = what.tl0;
      break;
    default: break;
  }
  if (padded) at += kStampBytes;
  if (settings_.stamp != Stamp::none) write_stamp(out.first(at), what.at);
  return at;
}

void Track::send_reports(TimePoint now, Sink& sink) {
  report_due_ = now + kReportInterval;
  for (const Layer& layer : layers_) {
    if (!layer.active || layer.packets_sent == 0) continue;
    ByteWriter out(sink.space());
    const rtp::SenderReport report{.ssrc = layer.ssrcs.ssrc,
                                   .ntp = ntp(now),
                                   .rtp_timestamp = timestamp_at(now),
                                   .packets = layer.packets_sent,
                                   .octets = layer.octets_sent};
    if (!rtp::write_sender_report(out, report, {})) continue;
    if (!settings_.cname.empty()) rtp::write_cname(out, layer.ssrcs.ssrc, settings_.cname);
    sink.send_rtcp(out.position());
  }
}

void Track::on_rtcp(ByteView clear, TimePoint now, Sink& sink) {
  rtp::RtcpReader reader(clear);
  while (const auto packet = reader.next()) {
    const bool nack = packet->is(rtp::kGenericNack);
    const bool picture_loss = packet->is(rtp::kPictureLoss);
    const bool full_intra = packet->is(rtp::kFullIntraRequest);
    if (!nack && !picture_loss && !full_intra) continue;
    const auto feedback = rtp::read_feedback(*packet);
    if (!feedback) continue;
    if (picture_loss) on_keyframe_request(feedback->media_ssrc);
    if (full_intra)
      rtp::for_each_fir(*feedback, [&](std::uint32_t ssrc, std::uint8_t) { on_keyframe_request(ssrc); });
    if (nack) {
      std::array<std::uint16_t, kMaxNacked> numbers;
      std::size_t count = 0;
      rtp::for_each_nacked(*feedback, numbers.size(),
                           [&](std::uint16_t number) { numbers[count++] = number; });
      on_nack(feedback->media_ssrc, std::span(numbers).first(count), now, sink);
    }
  }
}

void Track::on_keyframe_request(std::uint32_t ssrc) {
  if (sample_.codec == Codec::opus) return;
  for (Layer& layer : layers_) {
    if (layer.ssrcs.ssrc != ssrc) continue;
    ++totals_.sent.keyframe_requests;
    if (!layer.started || frame_due_ - layer.last_keyframe >= kKeyframeInterval) layer.restart = true;
  }
}

void Track::on_nack(std::uint32_t ssrc, std::span<const std::uint16_t> sequences, TimePoint, Sink& sink) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = layers_[i];
    if (layer.ssrcs.ssrc != ssrc || layer.history.empty()) continue;
    for (const std::uint16_t sequence : sequences) {
      const Sent& sent = layer.history[sequence % kHistory];
      if (sent.at == TimePoint{} || sent.sequence != sequence) continue;
      const std::size_t size =
          write_packet(sample_.layers[i], sent, layer.ssrcs.rtx, settings_.rtx_payload_type,
                       layer.rtx_sequence++, true, sink.space());
      ++totals_.sent.repaired;
      totals_.sent.bytes += size;
      sink.send_rtp(size);
    }
  }
}

void Track::set_max_height(int height) {
  max_height_ = height;
  choose_layers();
}

void Track::set_muted(bool muted) {
  if (muted_ && !muted) {
    for (Layer& layer : layers_) layer.restart = true;
  }
  muted_ = muted;
}

void Track::choose_layers() {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const bool wanted =
        max_height_ < 0 || (max_height_ > 0 && (i == 0 || sample_.layers[i].height <= max_height_));
    if (wanted && !layers_[i].active) layers_[i].restart = true;
    layers_[i].active = wanted;
  }
}

bool Track::talking(TimePoint at) const {
  if (settings_.talk_every <= Duration{}) return true;
  const Duration into = at - start_ - settings_.talk_after;
  return into >= Duration{} && into % settings_.talk_every < settings_.talk_for;
}

std::uint32_t Track::timestamp_at(TimePoint at) const {
  const auto us = std::chrono::duration_cast<microseconds>(at - start_).count();
  return first_timestamp_ + static_cast<std::uint32_t>(us * clock_rate_ / 1'000'000);
}

}  // namespace roomgate::bench::roomload::media

#include "bench/roomload/media/sample.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

#include "bench/roomload/media/packetise.hpp"
#include "bench/roomload/media/sink.hpp"

namespace roomgate::bench::roomload::media {
namespace {

constexpr std::size_t kIvfHead = 32;
constexpr std::size_t kIvfFrameHead = 12;
constexpr std::size_t kMaxFrames = 1 << 20;
constexpr std::size_t kMaxBytes = std::size_t{1} << 30;
// Room for a descriptor, a VP8 frame's head, and a stamp over the payload's end.
constexpr std::size_t kStampedPayload = 32;
constexpr Duration kDefaultInterval = microseconds(33'333);

std::uint32_t little32(const std::uint8_t* p) {
  return std::uint32_t{p[0]} | std::uint32_t{p[1]} << 8 | std::uint32_t{p[2]} << 16 |
         std::uint32_t{p[3]} << 24;
}

Codec codec_of(std::string_view fourcc) {
  if (fourcc == "VP80") return Codec::vp8;
  if (fourcc == "VP90") return Codec::vp9;
  if (fourcc == "AV01") return Codec::av1;
  if (fourcc == "H264" || fourcc == "avc1") return Codec::h264;
  return Codec::unknown;
}

// A VP8 payload that any forwarder takes and no decoder would: a descriptor, the P bit, and filling.
void append_blank_frame(SampleLayer& layer, std::span<const std::uint16_t> sizes, bool key, Duration at) {
  SampleFrame frame{.at = at,
                    .first_packet = static_cast<std::uint32_t>(layer.packets.size()),
                    .packets = static_cast<std::uint16_t>(sizes.size()),
                    .keyframe = key};
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::size_t start = layer.bytes.size();
    layer.bytes.resize(start + sizes[i], 0x5a);
    std::uint8_t* p = layer.bytes.data() + start;
    p[0] = static_cast<std::uint8_t>(0x80 | (i == 0 ? 0x10 : 0));
    p[1] = 0xe0;
    p[2] = 0x80;
    p[3] = p[4] = p[5] = 0;
    p[6] = static_cast<std::uint8_t>(i == 0 && key ? 0x10 : 0x11);
    // RFC 6386 9.1, as of a 1280x720 picture.
    constexpr std::uint8_t kStart[] = {0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02};
    if (i == 0 && key && sizes[i] >= 16) std::copy(std::begin(kStart), std::end(kStart), p + 9);
    layer.packets.push_back({static_cast<std::uint32_t>(start), sizes[i]});
  }
  layer.frames.push_back(frame);
}

}  // namespace

std::string_view words(SampleError error) {
  switch (error) {
    case SampleError::not_ivf: return "not an IVF file";
    case SampleError::torn: return "ends within a frame, or has one that is not of its codec";
    case SampleError::unknown_codec: return "holds neither VP8, VP9, AV1 nor H264";
    case SampleError::no_frames: return "has no frames";
    case SampleError::no_keyframe_first: return "does not begin with a key frame";
    case SampleError::bad_trace: return "is not a trace: lines of MILLISECONDS BYTES [key], times rising";
  }
  return "";
}

Result<Sample, SampleError> read_ivf(ByteView file) {
  if (file.size() < kIvfHead || as_text(file.first(4)) != "DKIF") return fail(SampleError::not_ivf);
  if (file.size() > kMaxBytes) return fail(SampleError::torn);
  Sample sample;
  sample.codec = codec_of(as_text(file.subspan(8, 4)));
  if (sample.codec == Codec::unknown) return fail(SampleError::unknown_codec);
  SampleLayer& layer = sample.layers.emplace_back();
  layer.width = file[12] | file[13] << 8;
  layer.height = file[14] | file[15] << 8;
  const std::uint64_t rate = little32(&file[16]);
  const std::uint64_t scale = little32(&file[20]);
  if (rate == 0 || scale == 0) return fail(SampleError::not_ivf);

  std::optional<std::uint64_t> first_pts;
  for (ByteView left = file.subspan(kIvfHead); !left.empty();) {
    if (left.size() < kIvfFrameHead) return fail(SampleError::torn);
    const std::size_t size = little32(left.data());
    const std::uint64_t pts = little32(&left[4]) | std::uint64_t{little32(&left[8])} << 32;
    left = left.subspan(kIvfFrameHead);
    if (size == 0 || size > left.size() || layer.frames.size() >= kMaxFrames) return fail(SampleError::torn);
    if (!first_pts) first_pts = pts;
    const double seconds_in =
        static_cast<double>(pts - *first_pts) * static_cast<double>(scale) / static_cast<double>(rate);
    if (pts < *first_pts || seconds_in > 86400) return fail(SampleError::torn);
    const auto at = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds_in));
    if (!layer.frames.empty() && at < layer.frames.back().at) return fail(SampleError::torn);
    if (!append_frame(layer, sample.codec, {.bytes = left.first(size), .at = at}, false))
      return fail(SampleError::torn);
    left = left.subspan(size);
  }
  if (layer.frames.empty()) return fail(SampleError::no_frames);
  if (!layer.frames.front().keyframe) return fail(SampleError::no_keyframe_first);
  const std::size_t count = layer.frames.size();
  sample.interval =
      count > 1 ? layer.frames.back().at / static_cast<std::int64_t>(count - 1) : kDefaultInterval;
  if (sample.interval <= Duration{}) return fail(SampleError::torn);
  sample.length = layer.frames.back().at + sample.interval;
  return sample;
}

Sample neutral_video() {
  constexpr std::size_t kPacketsOfFrame = 9;
  Sample sample;
  sample.interval = std::chrono::nanoseconds(1'000'000'000 / 29);
  sample.decodable = false;
  sample.packet_size = kMaxPacket;
  SampleLayer& layer = sample.layers.emplace_back();
  layer.width = 1280;
  layer.height = 720;
  const std::vector<std::uint16_t> sizes(kPacketsOfFrame, kMaxPacket);
  append_blank_frame(layer, sizes, true, Duration{});
  append_blank_frame(layer, sizes, false, sample.interval);
  layer.loop_from = 1;  // a key frame only when one is asked for
  sample.length = 2 * sample.interval;
  return sample;
}

Result<Sample, SampleError> read_trace(std::string_view text) {
  Sample sample;
  sample.decodable = false;
  SampleLayer& layer = sample.layers.emplace_back();
  layer.width = 1280;
  layer.height = 720;
  Duration before{-1};
  std::optional<double> first;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line[0] == '#') continue;
    double milliseconds_in = 0;
    std::uint32_t bytes = 0;
    const char* last = line.data() + line.size();
    auto [p, time_error] = std::from_chars(line.data(), last, milliseconds_in);
    while (p != last && *p == ' ') ++p;
    const auto [q, size_error] = std::from_chars(p, last, bytes);
    const std::string_view rest(q, static_cast<std::size_t>(last - q));
    if (time_error != std::errc() || size_error != std::errc() || (rest != "" && rest != " key") ||
        bytes < 16 || bytes > 4'000'000 || !(milliseconds_in >= 0 && milliseconds_in < 86'400'000) ||
        layer.frames.size() >= kMaxFrames) {
      return fail(SampleError::bad_trace);
    }
    if (!first) first = milliseconds_in;
    const auto at = std::chrono::duration_cast<Duration>(
        std::chrono::duration<double, std::milli>(milliseconds_in - *first));
    if (at <= before) return fail(SampleError::bad_trace);
    before = at;
    const std::size_t packets = (bytes + kMaxPayload - 1) / kMaxPayload;
    std::vector<std::uint16_t> sizes;
    for (std::size_t i = 0; i < packets; ++i) {
      const std::size_t part = bytes / packets + (i < bytes % packets ? 1 : 0);
      sizes.push_back(static_cast<std::uint16_t>(std::max<std::size_t>(part, kStampedPayload)));
    }
    append_blank_frame(layer, sizes, layer.frames.empty() || rest == " key", at);
  }
  if (layer.frames.empty()) return fail(SampleError::no_frames);
  const std::size_t count = layer.frames.size();
  sample.interval =
      count > 1 ? layer.frames.back().at / static_cast<std::int64_t>(count - 1) : kDefaultInterval;
  sample.length = layer.frames.back().at + sample.interval;
  return sample;
}

}  // namespace roomgate::bench::roomload::media

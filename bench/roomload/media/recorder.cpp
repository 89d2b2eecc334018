#include "bench/roomload/media/recorder.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "bench/roomload/media/describe.hpp"
#include "sfu/rtp/sequence.hpp"
#include "sfu/rtp/vp8.hpp"

namespace roomgate::bench::roomload::media {
namespace {

using sfu::rtp::Codec;

constexpr std::size_t kMaxPackets = 8192;
constexpr std::array<std::uint8_t, 4> kStartCode = {0, 0, 0, 1};

void little(ByteSpan out, std::uint64_t value) {
  for (std::uint8_t& byte : out) {
    byte = static_cast<std::uint8_t>(value);
    value >>= 8;
  }
}

std::string_view fourcc(Codec codec) {
  switch (codec) {
    case Codec::vp9: return "VP90";
    case Codec::av1: return "AV01";
    default: return "VP80";
  }
}

void append(std::vector<std::uint8_t>& to, ByteView bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

// A variable-length number of AV1; 0 bytes when torn.
struct Leb128 {
  std::uint64_t value = 0;
  std::size_t size = 0;
};
Leb128 read_leb128(ByteView bytes) {
  Leb128 out;
  for (std::size_t i = 0; i < bytes.size() && i < 5; ++i) {
    out.value |= std::uint64_t{bytes[i] & 0x7fu} << (7 * i);
    if ((bytes[i] & 0x80) == 0) {
      out.size = i + 1;
      return out;
    }
  }
  return {};
}

}  // namespace

Recorder::Recorder(Codec codec, Write write) : codec_(codec), write_(std::move(write)) {}

void Recorder::on_packet(std::int64_t sequence, ByteView payload) {
  packets_.emplace(sequence, std::vector<std::uint8_t>(payload.begin(), payload.end()));
  while (packets_.size() > kMaxPackets) packets_.erase(packets_.begin());
}

void Recorder::on_frame(std::int64_t first, std::int64_t last, std::uint32_t timestamp) {
  frame_.clear();
  layer_ends_.clear();
  torn_.clear();
  // AV1 in IVF begins each temporal unit with a delimiter; on the wire there is none.
  if (codec_ == Codec::av1) frame_ = {0x12, 0x00};
  const bool good = depacketise(first, last);
  packets_.erase(packets_.begin(), packets_.upper_bound(last));
  if (!good) {
    ++bad_frames_;
    return;
  }
  if (codec_ == Codec::h264) {
    write_(frame_);
    ++frames_;
    return;
  }
  if (frames_ == 0) {
    first_timestamp_ = timestamp;
    write_ivf_head();
  }
  // Times in 90 kHz, without wraps, from 0.
  const auto before = static_cast<std::uint32_t>(first_timestamp_ + static_cast<std::uint64_t>(last_pts_));
  last_pts_ += sfu::rtp::timestamp_distance(timestamp, before);
  if (codec_ == Codec::vp9 && layer_ends_.size() > 1) end_superframe();
  std::array<std::uint8_t, 12> head{};
  little(ByteSpan(head).first(4), frame_.size());
  little(ByteSpan(head).subspan(4), static_cast<std::uint64_t>(last_pts_));
  write_(head);
  write_(frame_);
  ++frames_;
}

// VP9 bitstream annex B: spatial layers of one picture become one chunk with an index at its end.
void Recorder::end_superframe() {
  const auto marker = static_cast<std::uint8_t>(0xc0 | 3 << 3 | (layer_ends_.size() - 1));
  frame_.push_back(marker);
  std::uint32_t begin = 0;
  for (const std::uint32_t end : layer_ends_) {
    std::array<std::uint8_t, 4> size{};
    little(size, end - begin);
    append(frame_, size);
    begin = end;
  }
  frame_.push_back(marker);
}

bool Recorder::depacketise(std::int64_t first, std::int64_t last) {
  for (auto at = packets_.lower_bound(first); at != packets_.end() && at->first <= last; ++at) {
    const ByteView payload(at->second);
    switch (codec_) {
      case Codec::vp8: {
        const auto descriptor = sfu::rtp::read_vp8(payload);
        if (!descriptor) return false;
        append(frame_, payload.subspan(descriptor->size));
        break;
      }
      case Codec::vp9: {
        const Vp9Facts descriptor = read_vp9(payload);
        if (descriptor.size == 0) return false;
        append(frame_, payload.subspan(descriptor.size));
        if (descriptor.ends_layer_frame && layer_ends_.size() < 8) {
          layer_ends_.push_back(static_cast<std::uint32_t>(frame_.size()));
        }
        break;
      }
      case Codec::h264:
        if (!take_h264(payload)) return false;
        break;
      case Codec::av1:
        if (!take_av1(payload)) return false;
        break;
      default: return false;
    }
  }
  return !frame_.empty() && torn_.empty();
}

bool Recorder::take_h264(ByteView payload) {
  constexpr std::uint8_t kStapA = 24;
  constexpr std::uint8_t kFuA = 28;
  if (payload.size() < 2) return false;
  const std::uint8_t type = payload[0] & 0x1f;
  if (type == kStapA) {
    ByteReader in(payload.subspan(1));
    while (in.left() > 2) {
      const ByteView nal = in.bytes(in.u16());
      if (in.failed() || nal.empty()) return false;
      append(frame_, kStartCode);
      append(frame_, nal);
    }
    return !in.failed();
  }
  if (type == kFuA) {
    if ((payload[1] & 0x80) != 0) {
      append(frame_, kStartCode);
      frame_.push_back(static_cast<std::uint8_t>((payload[0] & 0xe0) | (payload[1] & 0x1f)));
    }
    append(frame_, payload.subspan(2));
    return true;
  }
  if (type == 0 || type > 23) return false;
  append(frame_, kStartCode);
  append(frame_, payload);
  return true;
}

// The aggregation header and OBU elements (AV1 RTP specification 4.3, 4.4).
bool Recorder::take_av1(ByteView payload) {
  if (payload.empty()) return false;
  const std::uint8_t head = payload[0];
  const bool continues = (head & 0x80) != 0;
  const bool goes_on = (head & 0x40) != 0;
  const unsigned told = head >> 4 & 3;  // elements, the last without a length; 0: all with one
  payload = payload.subspan(1);
  if (continues == torn_.empty()) return false;
  for (unsigned i = 1; !payload.empty(); ++i) {
    std::size_t size = payload.size();
    if (told == 0 || i < told) {
      const Leb128 length = read_leb128(payload);
      if (length.size == 0 || length.value > payload.size() - length.size) return false;
      payload = payload.subspan(length.size);
      size = static_cast<std::size_t>(length.value);
    }
    append(torn_, payload.first(size));
    payload = payload.subspan(size);
    if (payload.empty() && goes_on) return true;
    if (!end_obu()) return false;
  }
  return true;
}

// An OBU without a size field becomes one with it.
bool Recorder::end_obu() {
  if (torn_.empty()) return false;
  const std::size_t header = (torn_[0] & 4) != 0 ? 2 : 1;
  const bool sized = (torn_[0] & 2) != 0;
  if (torn_.size() < header) return false;
  if (sized) {
    append(frame_, torn_);
  } else {
    frame_.push_back(static_cast<std::uint8_t>(torn_[0] | 2));
    if (header == 2) frame_.push_back(torn_[1]);
    std::size_t size = torn_.size() - header;
    do {
      frame_.push_back(static_cast<std::uint8_t>((size & 0x7f) | (size > 0x7f ? 0x80 : 0)));
      size >>= 7;
    } while (size > 0);
    append(frame_, ByteView(torn_).subspan(header));
  }
  torn_.clear();
  return true;
}

void Recorder::write_ivf_head() {
  std::array<std::uint8_t, 32> head{};
  const ByteView magic = as_bytes("DKIF");
  std::copy(magic.begin(), magic.end(), head.begin());
  head[6] = 32;
  const ByteView name = as_bytes(fourcc(codec_));
  std::copy(name.begin(), name.end(), head.begin() + 8);
  // Decoders read the size from the stream; the count is not known yet. Both may be 0.
  little(ByteSpan(head).subspan(16, 4), 90000);
  little(ByteSpan(head).subspan(20, 4), 1);
  write_(head);
}

}  // namespace roomgate::bench::roomload::media

#include "bench/roomload/media/packetise.hpp"

#include <algorithm>
#include <array>

namespace roomgate::bench::roomload::media {
namespace {

constexpr std::size_t kMaxPacketsOfFrame = 4096;

// Counts of near equal parts: the first (size % parts) are one byte longer.
std::size_t part_size(std::size_t size, std::size_t parts, std::size_t index) {
  return size / parts + (index < size % parts ? 1 : 0);
}

class Appender {
 public:
  explicit Appender(SampleLayer& layer)
      : layer_(layer), first_(static_cast<std::uint32_t>(layer.packets.size())) {}

  void packet(ByteView head, ByteView body) {
    const std::size_t at = layer_.bytes.size();
    layer_.bytes.insert(layer_.bytes.end(), head.begin(), head.end());
    layer_.bytes.insert(layer_.bytes.end(), body.begin(), body.end());
    layer_.packets.push_back(
        {static_cast<std::uint32_t>(at), static_cast<std::uint16_t>(head.size() + body.size())});
  }

  // One packet after the other, `head(first, last)` before each.
  template <class Head>
  void split(ByteView bytes, std::size_t room, Head&& head) {
    const std::size_t whole = bytes.size();
    const std::size_t parts = std::max<std::size_t>(1, (whole + room - 1) / room);
    for (std::size_t i = 0; i < parts; ++i) {
      const std::size_t size = part_size(whole, parts, i);
      packet(head(i == 0, i + 1 == parts), bytes.first(size));
      bytes = bytes.subspan(size);
    }
  }

  bool finish(SampleFrame frame) {
    const std::size_t count = layer_.packets.size() - first_;
    if (count == 0 || count > kMaxPacketsOfFrame) return false;
    frame.first_packet = first_;
    frame.packets = static_cast<std::uint16_t>(count);
    layer_.frames.push_back(frame);
    return true;
  }

 private:
  SampleLayer& layer_;
  std::uint32_t first_;
};

void append_vp8(Appender& out, const CodedFrame& frame) {
  out.split(frame.bytes, kMaxPayload - kVp8DescriptorBytes, [&](bool first, bool) -> ByteView {
    static thread_local std::array<std::uint8_t, kVp8DescriptorBytes> head;
    head = {static_cast<std::uint8_t>(0x80 | (first ? 0x10 : 0)),
            0xe0,  // picture id, TL0PICIDX, TID
            0x80,
            0,
            0,
            static_cast<std::uint8_t>((frame.temporal_id << 6) | (frame.layer_sync ? 0x20 : 0))};
    return head;
  });
}

void append_vp9(Appender& out, const CodedFrame& frame, bool key, Size size) {
  out.split(frame.bytes, kMaxPayload - 16, [&](bool first, bool last) -> ByteView {
    static thread_local std::array<std::uint8_t, 16> head;
    ByteWriter writer(head);
    const bool structure = key && first;
    // I, P, L, B, E, V: one spatial layer, not flexible.
    writer.u8(static_cast<std::uint8_t>(0x80 | (key ? 0 : 0x40) | 0x20 | (first ? 0x08 : 0) |
                                        (last ? 0x04 : 0) | (structure ? 0x02 : 0)));
    writer.u16(0x8000);
    writer.u8(0);
    writer.u8(0);
    if (structure) {
      // N_S 0, Y, G: one layer of this size, each picture after the one before.
      writer.u8(0x18);
      writer.u16(static_cast<std::uint16_t>(size.width));
      writer.u16(static_cast<std::uint16_t>(size.height));
      writer.u8(1);
      writer.u8(0x04);
      writer.u8(1);
    }
    return writer.written();
  });
}

// Calls f(nal) for each NAL unit of an Annex B access unit, without start codes.
template <class F>
void for_each_nal(ByteView bytes, F&& f) {
  const auto next_code = [&](std::size_t from) {
    for (std::size_t i = from; i + 3 <= bytes.size(); ++i) {
      if (bytes[i] == 0 && bytes[i + 1] == 0 && bytes[i + 2] == 1) return i;
    }
    return bytes.size();
  };
  std::size_t at = next_code(0);
  while (at < bytes.size()) {
    const std::size_t begin = at + 3;
    at = next_code(begin);
    std::size_t end = at;
    while (end > begin && bytes[end - 1] == 0) --end;  // a four-byte code's first zero, trailing zeros
    if (end > begin) f(bytes.subspan(begin, end - begin));
  }
}

enum Nal : std::uint8_t { kIdr = 5, kSps = 7, kPps = 8, kAud = 9, kStapA = 24, kFuA = 28 };

void append_h264(Appender& out, const CodedFrame& frame) {
  std::vector<std::uint8_t> parameters;  // SPS and PPS leave together, as Chromium sends them
  for_each_nal(frame.bytes, [&](ByteView nal) {
    const std::uint8_t type = nal[0] & 0x1f;
    if (type == kAud) return;
    if (type == kSps || type == kPps) {
      if (parameters.empty()) parameters.push_back(static_cast<std::uint8_t>(0x60 | kStapA));
      parameters.push_back(static_cast<std::uint8_t>(nal.size() >> 8));
      parameters.push_back(static_cast<std::uint8_t>(nal.size()));
      parameters.insert(parameters.end(), nal.begin(), nal.end());
      return;
    }
    if (!parameters.empty()) out.packet({}, parameters);
    parameters.clear();
    if (nal.size() <= kMaxPayload) return out.packet({}, nal);
    out.split(nal.subspan(1), kMaxPayload - 2, [&](bool first, bool last) -> ByteView {
      static thread_local std::array<std::uint8_t, 2> head;
      head = {static_cast<std::uint8_t>((nal[0] & 0x60) | kFuA),
              static_cast<std::uint8_t>((first ? 0x80 : 0) | (last ? 0x40 : 0) | type)};
      return head;
    });
  });
}

struct Obu {
  std::uint8_t type = 0;
  ByteView header;  // one or two bytes, as coded
  ByteView payload;
};

enum ObuType : std::uint8_t { kSequenceHeader = 1, kTemporalDelimiter = 2, kTileList = 8, kPaddingObu = 15 };

template <class F>
bool for_each_obu(ByteView bytes, F&& f) {
  while (!bytes.empty()) {
    Obu obu;
    obu.type = (bytes[0] >> 3) & 15;
    const bool extension = (bytes[0] & 4) != 0;
    const bool sized = (bytes[0] & 2) != 0;
    const std::size_t header = extension ? 2 : 1;
    if (bytes.size() < header) return false;
    obu.header = bytes.first(header);
    bytes = bytes.subspan(header);
    std::uint64_t size = bytes.size();
    if (sized) {
      size = 0;
      for (unsigned i = 0;; ++i) {
        if (bytes.empty() || i == 5) return false;
        const std::uint8_t byte = bytes[0];
        bytes = bytes.subspan(1);
        size |= std::uint64_t{byte & 0x7fu} << (7 * i);
        if ((byte & 0x80) == 0) break;
      }
    }
    if (size > bytes.size()) return false;
    obu.payload = bytes.first(static_cast<std::size_t>(size));
    bytes = bytes.subspan(static_cast<std::size_t>(size));
    f(obu);
  }
  return true;
}

bool append_av1(Appender& out, const CodedFrame& frame, bool key) {
  // Elements in the order they leave: OBU headers without size fields, lengths before all of them (W is 0).
  std::vector<std::vector<std::uint8_t>> elements;
  const bool whole = for_each_obu(frame.bytes, [&](const Obu& obu) {
    if (obu.type == kTemporalDelimiter || obu.type == kTileList || obu.type == kPaddingObu) return;
    auto& element = elements.emplace_back(obu.header.begin(), obu.header.end());
    element[0] = static_cast<std::uint8_t>(element[0] & ~2);
    element.insert(element.end(), obu.payload.begin(), obu.payload.end());
  });
  if (!whole || elements.empty()) return false;
  std::vector<std::uint8_t> body;
  bool continues = false;  // Z: the packet's first element goes on from the one before
  bool first = true;
  const auto leave = [&](bool torn) {
    // Z, Y, N: N on the first packet of a coded video sequence.
    const std::array<std::uint8_t, 1> head = {
        static_cast<std::uint8_t>((continues ? 0x80 : 0) | (torn ? 0x40 : 0) | (first && key ? 0x08 : 0))};
    out.packet(head, body);
    body.clear();
    continues = torn;
    first = false;
  };
  constexpr std::size_t kLengthBytes = 2;
  constexpr std::size_t kRoom = kMaxPayload - 1;
  for (const auto& element : elements) {
    ByteView left(element);
    while (!left.empty()) {
      if (body.size() + kLengthBytes + 16 > kRoom) leave(false);
      const std::size_t take = std::min(left.size(), kRoom - body.size() - kLengthBytes);
      if (take >= 0x80) {
        body.push_back(static_cast<std::uint8_t>(0x80 | (take & 0x7f)));
        body.push_back(static_cast<std::uint8_t>(take >> 7));
      } else {
        body.push_back(static_cast<std::uint8_t>(take));
      }
      body.insert(body.end(), left.begin(), left.begin() + static_cast<std::ptrdiff_t>(take));
      left = left.subspan(take);
      if (!left.empty()) leave(true);
    }
  }
  if (!body.empty()) leave(false);
  return true;
}

class Bits {
 public:
  explicit Bits(ByteView bytes) : bytes_(bytes) {}
  unsigned read(unsigned count) {
    unsigned value = 0;
    for (unsigned i = 0; i < count; ++i, ++at_) {
      const unsigned bit = at_ / 8 < bytes_.size() ? bytes_[at_ / 8] >> (7 - at_ % 8) & 1u : 0u;
      value = value << 1 | bit;
    }
    return value;
  }

 private:
  ByteView bytes_;
  std::size_t at_ = 0;
};

// VP9 bitstream 6.2: the uncompressed header up to the frame size.
struct Vp9Header {
  bool key = false;
  Size size;
};
Vp9Header read_vp9_header(ByteView frame) {
  Bits bits(frame);
  Vp9Header header;
  if (bits.read(2) != 2) return header;
  const unsigned profile = bits.read(1) | bits.read(1) << 1;
  if (profile == 3) bits.read(1);
  if (bits.read(1) == 1) return header;  // shows an existing frame
  header.key = bits.read(1) == 0;
  if (!header.key) return header;
  bits.read(2 + 24);  // show, error resilience, sync code
  if (profile >= 2) bits.read(1);
  const unsigned space = bits.read(3);
  if (space != 7) {
    bits.read(1);
    if (profile == 1 || profile == 3) bits.read(3);
  } else if (profile == 1 || profile == 3) {
    bits.read(1);
  }
  header.size = {static_cast<int>(bits.read(16)) + 1, static_cast<int>(bits.read(16)) + 1};
  return header;
}

}  // namespace

bool is_keyframe(Codec codec, ByteView frame) {
  if (frame.empty()) return false;
  switch (codec) {
    case Codec::vp8: return (frame[0] & 1) == 0;
    case Codec::vp9: return read_vp9_header(frame).key;
    case Codec::h264: {
      bool key = false;
      for_each_nal(frame, [&](ByteView nal) { key = key || (nal[0] & 0x1f) == kIdr; });
      return key;
    }
    case Codec::av1: {
      // A sequence header comes with every key frame of a stream made for the wire.
      bool key = false;
      for_each_obu(frame, [&](const Obu& obu) { key = key || obu.type == kSequenceHeader; });
      return key;
    }
    default: return false;
  }
}

Size size_of(Codec codec, ByteView keyframe) {
  if (codec == Codec::vp9) return read_vp9_header(keyframe).size;
  // RFC 6386 9.1: start code, then 14 bits each, little endian.
  if (codec != Codec::vp8 || keyframe.size() < 10) return {};
  if (keyframe[3] != 0x9d || keyframe[4] != 0x01 || keyframe[5] != 0x2a) return {};
  return {(keyframe[6] | keyframe[7] << 8) & 0x3fff, (keyframe[8] | keyframe[9] << 8) & 0x3fff};
}

bool append_frame(SampleLayer& layer, Codec codec, const CodedFrame& frame, bool temporal_layers) {
  if (frame.bytes.empty()) return false;
  const bool key = is_keyframe(codec, frame.bytes);
  const Size size = key ? size_of(codec, frame.bytes) : Size{};
  if (size.height > 0 && layer.height == 0) {
    layer.width = size.width;
    layer.height = size.height;
  }
  Appender out(layer);
  switch (codec) {
    case Codec::vp8: append_vp8(out, frame); break;
    case Codec::vp9: append_vp9(out, frame, key, size); break;
    case Codec::h264: append_h264(out, frame); break;
    case Codec::av1:
      if (!append_av1(out, frame, key)) return false;
      break;
    default: return false;
  }
  return out.finish({.at = frame.at,
                     .keyframe = key,
                     .temporal_id = temporal_layers ? frame.temporal_id : std::uint8_t{0},
                     .layer_sync = temporal_layers && frame.layer_sync});
}

}  // namespace roomgate::bench::roomload::media

// From RTP payloads to what a decoder reads: frames put together again, as IVF (VP8, VP9, AV1) or Annex B
// (H264), and decoded by ffmpeg to one checksum per frame.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "sfu/rtp/payload_types.hpp"
#include "sfu/rtp/vp8.hpp"
#include "sfu/rtp/vp9.hpp"
#include "tests/support/corpora.hpp"

namespace roomgate::sfu::forward::test {

using Bytes = std::vector<std::uint8_t>;

// One frame of one spatial layer, its packets' payloads in order.
struct CodedFrame {
  bool new_picture = true;  // false: a further layer of the picture before
  std::vector<Bytes> payloads;
};

inline void append(Bytes& to, ByteView bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

inline void append_leb128(Bytes& to, std::size_t value) {
  for (; value >= 0x80; value >>= 7) to.push_back(static_cast<std::uint8_t>(value | 0x80));
  to.push_back(static_cast<std::uint8_t>(value));
}

inline std::size_t read_leb128(ByteReader& in) {
  std::size_t value = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    const std::uint8_t byte = in.u8();
    value |= static_cast<std::size_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) break;
  }
  return value;
}

// RFC 6184, packetization mode 1.
inline Bytes h264_frame(const CodedFrame& frame) {
  constexpr std::uint8_t kStart[] = {0, 0, 0, 1};
  Bytes out;
  for (const Bytes& payload : frame.payloads) {
    ByteReader in(payload);
    const std::uint8_t first = in.u8();
    if ((first & 0x1f) == 24) {
      while (in.left() > 2) {
        append(out, kStart);
        append(out, in.bytes(in.u16()));
      }
    } else if ((first & 0x1f) == 28) {
      const std::uint8_t fragment = in.u8();
      if ((fragment & 0x80) != 0) {
        append(out, kStart);
        out.push_back(static_cast<std::uint8_t>((first & 0xe0) | (fragment & 0x1f)));
      }
      append(out, in.rest());
    } else {
      append(out, kStart);
      append(out, payload);
    }
    REQUIRE_FALSE(in.failed());
  }
  return out;
}

// AV1 RTP 4.4 and 4.5: OBUs get the size field that a file needs.
inline Bytes av1_frame(const CodedFrame& frame) {
  constexpr std::uint8_t kDelimiter[] = {0x12, 0x00};
  std::vector<Bytes> units;
  bool open = false;
  for (const Bytes& payload : frame.payloads) {
    ByteReader in(payload);
    const std::uint8_t header = in.u8();
    const unsigned count = header >> 4 & 3;
    REQUIRE(((header & 0x80) != 0) == open);
    for (unsigned i = 1; in.left() > 0; ++i) {
      const bool sized = count == 0 || i < count;
      const ByteView element = sized ? in.bytes(read_leb128(in)) : in.bytes(in.left());
      REQUIRE_FALSE(in.failed());
      if (!open) units.emplace_back();
      append(units.back(), element);
      open = false;
    }
    open = (header & 0x40) != 0;
  }
  REQUIRE_FALSE(open);
  Bytes out;
  if (frame.new_picture) append(out, kDelimiter);
  for (const Bytes& unit : units) {
    REQUIRE_FALSE(unit.empty());
    const std::size_t head = (unit[0] & 0x04) != 0 ? 2 : 1;
    const bool sized = (unit[0] & 0x02) != 0;
    if (((unit[0] >> 3) & 0x0f) == 2) continue;  // a delimiter has no place in RTP
    out.push_back(static_cast<std::uint8_t>(unit[0] | 0x02));
    if (head == 2) out.push_back(unit[1]);
    if (!sized) append_leb128(out, unit.size() - head);
    append(out, ByteView(unit).subspan(head));
  }
  return out;
}

inline Bytes frame_bytes(rtp::Codec codec, const CodedFrame& frame) {
  if (codec == rtp::Codec::h264) return h264_frame(frame);
  if (codec == rtp::Codec::av1) return av1_frame(frame);
  Bytes out;
  for (const Bytes& payload : frame.payloads) {
    std::size_t head = 0;
    if (codec == rtp::Codec::vp8) {
      const auto descriptor = rtp::read_vp8(payload);
      REQUIRE(descriptor);
      head = descriptor->size;
    } else {
      const auto descriptor = rtp::read_vp9(payload);
      REQUIRE(descriptor);
      head = descriptor->size;
    }
    append(out, ByteView(payload).subspan(head));
  }
  return out;
}

inline Bytes file_of(rtp::Codec codec, const std::vector<CodedFrame>& frames) {
  Bytes out;
  const auto little = [&out](std::uint64_t value, int bytes) {
    for (; bytes > 0; --bytes, value >>= 8) out.push_back(static_cast<std::uint8_t>(value));
  };
  const bool ivf = codec != rtp::Codec::h264;
  if (ivf) {
    const char* name = codec == rtp::Codec::vp8 ? "VP80" : codec == rtp::Codec::vp9 ? "VP90" : "AV01";
    append(out, as_bytes("DKIF"));
    little(0, 2);
    little(32, 2);
    append(out, as_bytes(name));
    little(960, 2);
    little(540, 2);
    little(1000, 4);
    little(1, 4);
    little(frames.size(), 4);
    little(0, 4);
  }
  std::uint64_t index = 0;
  for (const CodedFrame& frame : frames) {
    const Bytes bytes = frame_bytes(codec, frame);
    if (ivf) {
      little(bytes.size(), 4);
      little(index++ * 33, 8);
    }
    append(out, bytes);
  }
  return out;
}

struct Decoded {
  std::vector<std::string> frames;  // size in bytes and checksum of each
  std::string errors;
};

// All that ffmpeg makes of the frames, in their order.
inline Decoded decode(rtp::Codec codec, const std::vector<CodedFrame>& frames) {
  std::string folder = (std::filesystem::temp_directory_path() / "roomgate-decode-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const std::string file = folder + (codec == rtp::Codec::h264 ? "/stream.h264" : "/stream.ivf");
  const Bytes bytes = file_of(codec, frames);
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  // One thread: all layers come out in order, and errors are those of this stream.
  const std::string decoder = codec == rtp::Codec::av1 ? " -c:v libdav1d -alllayers 1" : "";
  const std::string command = "ffmpeg -nostdin -v error -err_detect explode -threads 1" + decoder + " -i " +
                              file + " -autoscale 0 -vsync passthrough -f framemd5 " + folder +
                              "/frames 2> " + folder + "/errors";
  const int status = std::system(command.c_str());
  Decoded decoded;
  decoded.errors = tests::read_file(folder + "/errors");
  if (status != 0 && decoded.errors.empty()) decoded.errors = "ffmpeg failed; is it installed?";
  std::istringstream lines(tests::read_file(folder + "/frames"));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    // stream, dts, pts, duration, size, checksum
    std::size_t at = 0;
    for (int comma = 0; comma < 4; ++comma) at = line.find(',', at) + 1;
    decoded.frames.push_back(line.substr(at));
  }
  std::filesystem::remove_all(folder);
  return decoded;
}

}  // namespace roomgate::sfu::forward::test

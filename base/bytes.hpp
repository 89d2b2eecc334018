// Byte views, and a bounds-checked big-endian reader and writer for wire formats.
// Views borrow: valid for the call they are passed to. std::uint8_t and not std::byte, since OpenSSL, sockets
// and arithmetic on header fields all speak unsigned char.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace roomgate {

using ByteView = std::span<const std::uint8_t>;
using ByteSpan = std::span<std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::uint16_t load16(const std::uint8_t* p) { return static_cast<std::uint16_t>((p[0] << 8) | p[1]); }
inline std::uint32_t load24(const std::uint8_t* p) {
  return (std::uint32_t{p[0]} << 16) | (std::uint32_t{p[1]} << 8) | p[2];
}
inline std::uint32_t load32(const std::uint8_t* p) {
  return (std::uint32_t{p[0]} << 24) | (std::uint32_t{p[1]} << 16) | (std::uint32_t{p[2]} << 8) | p[3];
}
inline std::uint64_t load64(const std::uint8_t* p) {
  return (std::uint64_t{load32(p)} << 32) | load32(p + 4);
}
inline void store16(std::uint8_t* p, std::uint16_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 8);
  p[1] = static_cast<std::uint8_t>(v);
}
inline void store24(std::uint8_t* p, std::uint32_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 16);
  store16(p + 1, static_cast<std::uint16_t>(v));
}
inline void store32(std::uint8_t* p, std::uint32_t v) {
  store16(p, static_cast<std::uint16_t>(v >> 16));
  store16(p + 2, static_cast<std::uint16_t>(v));
}
inline void store64(std::uint8_t* p, std::uint64_t v) {
  store32(p, static_cast<std::uint32_t>(v >> 32));
  store32(p + 4, static_cast<std::uint32_t>(v));
}

// Reads past the end return zero and set failed(): check once, after a group of reads.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : bytes_(bytes) {}

  std::uint8_t u8() { return take(1) ? bytes_[at_ - 1] : std::uint8_t{0}; }
  std::uint16_t u16() { return take(2) ? load16(&bytes_[at_ - 2]) : std::uint16_t{0}; }
  std::uint32_t u24() { return take(3) ? load24(&bytes_[at_ - 3]) : 0; }
  std::uint32_t u32() { return take(4) ? load32(&bytes_[at_ - 4]) : 0; }
  std::uint64_t u64() { return take(8) ? load64(&bytes_[at_ - 8]) : 0; }
  ByteView bytes(std::size_t count) { return take(count) ? bytes_.subspan(at_ - count, count) : ByteView{}; }
  void skip(std::size_t count) { take(count); }

  bool failed() const { return failed_; }
  std::size_t position() const { return at_; }
  std::size_t left() const { return bytes_.size() - at_; }
  ByteView rest() const { return bytes_.subspan(at_); }

 private:
  bool take(std::size_t count) {
    if (failed_ || count > left()) {
      failed_ = true;
      return false;
    }
    at_ += count;
    return true;
  }

  ByteView bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

// Writes past the end write nothing and set failed(): check once, before using written().
class ByteWriter {
 public:
  explicit ByteWriter(ByteSpan bytes) : bytes_(bytes) {}

  void u8(std::uint8_t v) {
    if (take(1)) bytes_[at_ - 1] = v;
  }
  void u16(std::uint16_t v) {
    if (take(2)) store16(&bytes_[at_ - 2], v);
  }
  void u24(std::uint32_t v) {
    if (take(3)) store24(&bytes_[at_ - 3], v);
  }
  void u32(std::uint32_t v) {
    if (take(4)) store32(&bytes_[at_ - 4], v);
  }
  void u64(std::uint64_t v) {
    if (take(8)) store64(&bytes_[at_ - 8], v);
  }
  void bytes(ByteView v) {
    if (!v.empty() && take(v.size())) std::memcpy(&bytes_[at_ - v.size()], v.data(), v.size());
  }
  void zeros(std::size_t count) {
    if (count > 0 && take(count)) std::memset(&bytes_[at_ - count], 0, count);
  }

  bool failed() const { return failed_; }
  std::size_t position() const { return at_; }
  std::size_t left() const { return bytes_.size() - at_; }
  ByteSpan written() const { return bytes_.first(at_); }

 private:
  bool take(std::size_t count) {
    if (failed_ || count > bytes_.size() - at_) {
      failed_ = true;
      return false;
    }
    at_ += count;
    return true;
  }

  ByteSpan bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace roomgate

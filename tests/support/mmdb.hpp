// A small GeoIP database, written by the test that reads it: MaxMind's format 2.0, a search tree of 24-bit
// records over IPv6 (IPv4 lies in ::/96), one data record a network, the metadata at the end.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/network.hpp"

namespace roomgate::tests {

struct MmdbLine {
  std::string network;
  std::string country;     // country.iso_code; empty: the record has none
  std::string registered;  // registered_country.iso_code
  std::string flat;        // country_code
};

class MmdbWriter {
 public:
  explicit MmdbWriter(std::string type = "Test-Country", std::uint64_t built = 1'700'000'000)
      : type_(std::move(type)), built_(built) {}

  // The wider network before those within it.
  void add(const MmdbLine& line) {
    const Network network = *Network::parse(line.network);
    std::array<std::uint8_t, 16> bits = network.prefix;
    const bool v4 = line.network.find(':') == std::string::npos;
    if (v4) bits[10] = bits[11] = 0;
    const std::uint32_t record = kData + static_cast<std::uint32_t>(data_.size());
    data_ += record_of(line);
    std::uint32_t node = 0;
    for (int bit = 0;; ++bit) {
      const std::size_t side = bits[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8) & std::uint8_t{1};
      if (bit + 1 == network.bits) {
        nodes_[node][side] = record;
        return;
      }
      const std::uint32_t next = nodes_[node][side];
      if (next == kEmpty || next >= kData) {
        // What has been there holds for both halves.
        nodes_.push_back({next, next});
        nodes_[node][side] = static_cast<std::uint32_t>(nodes_.size() - 1);
      }
      node = nodes_[node][side];
    }
  }

  std::string bytes() const {
    const auto count = static_cast<std::uint32_t>(nodes_.size());
    std::string out;
    for (const auto& node : nodes_) {
      for (const std::uint32_t side : node) {
        const std::uint32_t value = side == kEmpty ? count : side >= kData ? side - kData + count + 16 : side;
        append_number(value, 3, out);
      }
    }
    out.append(16, '\0');
    out += data_;
    out += "\xab\xcd\xefMaxMind.com";
    out += map(9);
    out += text("binary_format_major_version") + number(kUint16, 2, 2);
    out += text("binary_format_minor_version") + number(kUint16, 0, 2);
    out += text("build_epoch") + number(kUint64, built_, 8);
    out += text("database_type") + text(type_);
    out += text("description") + map(1) + text("en") + text("made by a test");
    out += text("ip_version") + number(kUint16, 6, 2);
    out += text("languages") + head(kArray, 0);
    out += text("node_count") + number(kUint32, count, 4);
    out += text("record_size") + number(kUint16, 24, 2);
    return out;
  }

 private:
  static constexpr std::uint32_t kEmpty = 0xffff'ffff;
  static constexpr std::uint32_t kData = 0x8000'0000;  // and up: an offset into the data
  enum Type : unsigned { kString = 2, kUint16 = 5, kUint32 = 6, kMap = 7, kUint64 = 9, kArray = 11 };

  static void append_number(std::uint64_t value, int size, std::string& out) {
    for (int i = size - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
  }
  // Types from 8 on are written in a second byte.
  static std::string head(Type type, std::size_t size) {
    std::string out;
    out.push_back(static_cast<char>((type < 8 ? type << 5 : 0) | (size < 29 ? size : 29)));
    if (type >= 8) out.push_back(static_cast<char>(type - 7));
    if (size >= 29) out.push_back(static_cast<char>(size - 29));
    return out;
  }
  static std::string number(Type type, std::uint64_t value, int size) {
    std::string out = head(type, static_cast<std::size_t>(size));
    append_number(value, size, out);
    return out;
  }
  static std::string text(std::string_view value) { return head(kString, value.size()) + std::string(value); }
  static std::string map(std::size_t pairs) { return head(kMap, pairs); }

  // As databases of cities have it: what is looked for stands among other things.
  static std::string record_of(const MmdbLine& line) {
    std::string pairs = text("continent") + map(1) + text("code") + text("XY");
    std::size_t count = 1;
    for (const auto& [name, code] :
         {std::pair("country", &line.country), std::pair("registered_country", &line.registered)}) {
      if (code->empty()) continue;
      pairs += text(name) + map(2) + text("is_in_european_union") + std::string("\x01\x07", 2) +
               text("iso_code") + text(*code);
      ++count;
    }
    if (!line.flat.empty()) {
      pairs += text("country_code") + text(line.flat);
      ++count;
    }
    return map(count) + pairs;
  }

  std::string type_;
  std::uint64_t built_;
  std::vector<std::array<std::uint32_t, 2>> nodes_ = {{kEmpty, kEmpty}};
  std::string data_;
};

}  // namespace roomgate::tests

// Numbers and texts of packets between gates: varints, and texts with their length. Reading past the end or
// over a bound returns nothing and sets failed(): check once, after a group of reads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/clock.hpp"

namespace roomgate::peers_sync::claim {

void put_number(std::uint64_t value, std::string& out);
void put_text(std::string_view text, std::string& out);
// Whole milliseconds, none below zero.
void put_age(Duration age, std::string& out);

class Taking {
 public:
  explicit Taking(ByteView bytes) : bytes_(bytes) {}

  std::uint64_t number(std::uint64_t most = UINT64_MAX);
  std::uint8_t byte(std::uint8_t most = UINT8_MAX);
  std::string_view text(std::size_t most);  // in the input
  Duration age();

  bool failed() const { return failed_; }
  bool at_end() const { return bytes_.empty(); }
  ByteView rest() const { return bytes_; }
  bool well() const { return !failed_ && at_end(); }

 private:
  ByteView bytes_;
  bool failed_ = false;
};

}  // namespace roomgate::peers_sync::claim

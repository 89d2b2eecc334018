// Arithmetic on numbers that wrap: 16-bit sequence numbers, 32-bit timestamps, NTP time. Pure; any thread.
#pragma once

#include <cstdint>

namespace roomgate::sfu::rtp {

// Signed distance from b to a on the circle: positive when a is newer. Half the circle away counts as older.
constexpr std::int16_t sequence_distance(std::uint16_t a, std::uint16_t b) {
  return static_cast<std::int16_t>(static_cast<std::uint16_t>(a - b));
}
constexpr bool sequence_newer(std::uint16_t a, std::uint16_t b) { return sequence_distance(a, b) > 0; }
constexpr std::int32_t timestamp_distance(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b);
}
constexpr bool timestamp_newer(std::uint32_t a, std::uint32_t b) { return timestamp_distance(a, b) > 0; }

// The 64-bit number nearest to `reference` whose low 16 bits are `sequence`.
constexpr std::int64_t extend_sequence(std::int64_t reference, std::uint16_t sequence) {
  return reference + sequence_distance(sequence, static_cast<std::uint16_t>(reference));
}

// Numbers without wraps, counted from the first packet seen.
class SequenceExtender {
 public:
  std::int64_t extend(std::uint16_t sequence) {
    if (!started_) {
      started_ = true;
      // One turn up, so that packets older than the first never get a negative number.
      highest_ = 0x10000 + std::int64_t{sequence};
      return highest_;
    }
    const std::int64_t extended = extend_sequence(highest_, sequence);
    if (extended > highest_) highest_ = extended;
    return extended;
  }
  bool started() const { return started_; }
  std::int64_t highest() const { return highest_; }

 private:
  std::int64_t highest_ = 0;
  bool started_ = false;
};

// The middle 32 bits of an NTP time: LSR and DLSR units, 1/65536 s (RFC 3550 4).
constexpr std::uint32_t ntp_middle(std::uint64_t ntp) { return static_cast<std::uint32_t>(ntp >> 16); }

// NTP difference (32.32 fixed point, wraps) in ticks of a clock; for differences up to some hours.
constexpr std::int64_t ntp_distance_in_ticks(std::uint64_t a, std::uint64_t b, std::uint32_t clock_rate) {
  const auto difference = static_cast<std::int64_t>(a - b);
  const std::int64_t whole = difference >> 32;
  const std::int64_t fraction = difference & 0xffffffff;
  return whole * static_cast<std::int64_t>(clock_rate) +
         ((fraction * static_cast<std::int64_t>(clock_rate)) >> 32);
}

}  // namespace roomgate::sfu::rtp

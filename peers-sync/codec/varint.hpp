// The integers of HAProxy's peers protocol: one byte below 240, else the low four bits in the first byte and
// seven in each that follows, each further byte standing for one more than its bits (so every number has one
// spelling). Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"

namespace roomgate::peers_sync::codec {

inline constexpr std::size_t kMaxVarintBytes = 10;  // of 64 bits

void append_varint(std::uint64_t value, std::string& out);

// Takes one from the front of `bytes`. nullopt, nothing taken: cut off, or more than 64 bits.
std::optional<std::uint64_t> take_varint(ByteView& bytes);

}  // namespace roomgate::peers_sync::codec

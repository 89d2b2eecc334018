// SipHash-2-4 under a key made at start: hash tables keyed by what strangers send (rooms, addresses) cannot
// be flooded. Values differ from process to process, so never store or send them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"

namespace roomgate {

std::uint64_t siphash(ByteView bytes, const std::array<std::uint64_t, 2>& key);
std::uint64_t siphash(ByteView bytes);  // under the process's own key

// For unordered containers with heterogeneous lookup.
struct SipHasher {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return siphash(as_bytes(text)); }
};

}  // namespace roomgate

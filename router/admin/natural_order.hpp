// The order in which people look for names that end in numbers: shard-2 before shard-10. Pure; any thread.
#pragma once

#include <string_view>

namespace roomgate::router::admin {

// Runs of digits by their value, all else by its bytes; names that only differ in leading zeros by their
// bytes.
bool naturally_before(std::string_view a, std::string_view b);

}  // namespace roomgate::router::admin

// One spelling for every spelling of a room's name. Splitting one name into two keys breaks a meeting,
// merging two names is harmless (they share a shard), so this errs towards merging. Pure functions, any
// thread.
#pragma once

#include <string>
#include <string_view>

namespace roomgate::router::room {

enum class Where { path, query };  // in a query '+' is a space

// Appends the normal form: escapes decoded until none is left (twice-encoded names are in the field; at most
// 8 rounds), Unicode NFKC, case folded. Invalid escapes stay as text; a byte that is not UTF-8 is written as
// its escape, "%ff", so keys are always UTF-8. ASCII names allocate nothing when `out` has room.
void append_normalised(std::string_view text, Where where, std::string& out);
std::string normalised(std::string_view text, Where where);

// An administrator's KEY, "room" or "tenant/room", decoded already.
inline std::string normalised_key(std::string_view key) { return normalised(key, Where::path); }

}  // namespace roomgate::router::room

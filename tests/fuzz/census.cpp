// A shard's list of rooms: bounded, the same however its bytes arrive, and its keys are in normal form.
#include <cstdint>
#include <string_view>

#include "router/census/snapshot.hpp"
#include "router/room/normalise.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::census;

namespace {

constexpr Limits kSmall{.max_bytes = 4096, .max_rooms = 8, .max_name_bytes = 64};

// Whole, or cut after every `step` bytes.
Result<std::vector<Room>, ParseError> parse(std::string_view text, std::size_t step) {
  Parser parser(kSmall);
  for (std::size_t at = 0; at < text.size(); at += step) {
    if (!parser.feed(text.substr(at, step))) break;
  }
  return parser.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto rooms = parse(text, std::max<std::size_t>(size, 1));
  for (const std::size_t step : {1, 2, 7}) {
    const auto again = parse(text, step);
    require(again.ok() == rooms.ok());
    if (rooms) require(*again == *rooms);
  }
  if (!rooms) return 0;
  require(rooms->size() <= kSmall.max_rooms);

  const room::KeySettings keys;
  for (const Room& room : *rooms) {
    require(!room.name.empty() && room.name.size() <= kSmall.max_name_bytes);
    const auto key = key_of(room, keys);
    if (key) require(key->size() <= keys.max_key_bytes);
  }
  const auto said = std::make_shared<const ShardRooms>(*rooms, keys, TimePoint{}, 0);
  const Snapshot one({{"a", said}});
  require(one.splits().empty());
  require(one.seeds().size() == said->rooms().size());
  const Snapshot two({{"a", said}, {"b", said}});
  require(two.splits().size() == said->rooms().size());
  return 0;
}

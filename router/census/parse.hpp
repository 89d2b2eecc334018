// What a shard answers when it is asked which rooms it has: bytes in as they come, rooms out at the end. Two
// forms, told apart by what they say:
//
//   roomshard, /about/rooms       {"shard": "a", "rooms": [{"room": "x", "tenant": "t", "participants": 2,
//                                  "created": "2026-11-22T19:03:39Z"}]}
//   Prosody, mod_muc_census       {"room_census": [{"room_name": "[t]x@conference.meet.example",
//                                  "participants": 2, "created_time": 1795374219414, "leaked": false}]}
//
// Sans-I/O; one answer, one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "router/room/room_key.hpp"

namespace roomgate::router::census {

struct Limits {
  std::size_t max_bytes = 16 * 1024 * 1024;
  std::size_t max_rooms = 50'000;
  std::size_t max_name_bytes = 8 * 1024;  // as long as a request's target may be; longer: left out
};

struct Room {
  std::string tenant;  // empty: none
  std::string name;    // as the shard spells it: its JID's local part
  std::uint64_t participants = 0;
  std::optional<std::int64_t> created;  // milliseconds since 1970, by the shard's clock
  friend bool operator==(const Room&, const Room&) = default;
};

// The key under which requests of that room are known here; nullopt: none can be.
std::optional<std::string> key_of(const Room& room, const room::KeySettings& settings);

enum class ParseError {
  too_long,
  too_many_rooms,
  not_json,
  not_a_census,  // JSON, but of something else
};
std::string_view to_text(ParseError error);

class Parser {
 public:
  explicit Parser(Limits limits = {});
  ~Parser();
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  // False: finish() says why, and nothing more is wanted.
  bool feed(std::string_view piece);
  // Once, at the end of the answer. Rooms without a name are left out.
  Result<std::vector<Room>, ParseError> finish();

 private:
  struct Machine;
  std::unique_ptr<Machine> machine_;
};

}  // namespace roomgate::router::census

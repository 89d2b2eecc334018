// What front doors tell each other of the shards that they know from their settings or DNS (agreement.md 6):
// one word for each shard, named "shard/NAME". A gate speaks of a shard of its own where nobody does, and
// leaves it where another gate has spoken: whoever knows the shard himself does not need the word. Pure; one
// thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/directory/blocks.hpp"

namespace roomgate::router::directory {

// A shard as its word has it. Of its kind: region, release, check, census and, but for the file of its
// authorities, which is another gate's, TLS.
struct PeerShard {
  std::string name;
  std::vector<std::string> addresses;
  std::string announce;
  ShardKind kind;
};

inline constexpr std::string_view kShardWord = "shard/";
inline constexpr std::size_t kMaxShardWord = 4096;  // bytes of a value
inline constexpr std::size_t kMaxPeerShards = 4096;

// 1 to 64 of a-z A-Z 0-9 . _ -: it stands in paths, headers and metrics.
bool is_shard_name(std::string_view name);

// JSON; the same for the same shard. Empty: it would be too long, or has no address, and is not told.
std::string encode_shard(const PeerShard& shard);
// nullopt: whatever that is, it is not to be used.
std::optional<PeerShard> decode_shard(std::string_view name, std::string_view value);

class ShardWords {
 public:
  explicit ShardWords(std::string gate) : gate_(std::move(gate)) {}

  // A word has come; `name` without kShardWord. True: of_others() may be another now.
  bool hear(std::string_view name, std::string_view value, std::string_view by);

  // All that have been spoken of and can be understood, by name: for Directory::set_peer_shards().
  std::vector<PeerShard> of_others() const;

  // Names and values to say now, for what this gate knows itself; an empty value takes a word back. Counts
  // as heard.
  std::vector<std::pair<std::string, std::string>> to_say(const std::vector<PeerShard>& own);

 private:
  struct Heard {
    std::string value;  // empty: taken back
    std::string by;
  };

  std::string gate_;
  std::map<std::string, Heard, std::less<>> heard_;
};

}  // namespace roomgate::router::directory

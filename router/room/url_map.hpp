// What a path means to a conference front door: which requests carry a room, which name a shard, which any
// shard can answer, and which never leave the gate. The default table is that of sharded Jitsi deployments.
// Immutable once made; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace roomgate::router::room {

enum class PathKind : std::uint8_t {
  signalling,    // XMPP, conference requests, room APIs, config.js?room=: must reach the room's shard, makes
                 // its entry real
  unlock,        // /_unlock: signalling, but where the shard answers 404 the gate answers 200
  page,          // /ROOM, /TENANT/ROOM: may create a provisional entry
  asset,         // any shard, never an entry
  named_shard,   // /colibri-ws/SHARD..., /colibri-relay-ws/SHARD...: that shard, no table
  shard_socket,  // /v1/_ws/SHARD/...: the room's shard, if it is this one
  health,        // /about/health, /_health: answered by the gate
  refused,       // never forwarded: 404
};

// A room's own requests, of whose key it may depend what becomes of them.
constexpr bool is_of_room(PathKind kind) {
  switch (kind) {
    case PathKind::signalling:
    case PathKind::unlock:
    case PathKind::page:
    case PathKind::shard_socket: return true;
    case PathKind::asset:
    case PathKind::named_shard:
    case PathKind::health:
    case PathKind::refused: break;
  }
  return false;
}

// Views into the path given to classify().
struct PathInfo {
  PathKind kind = PathKind::asset;
  std::string_view tenant;  // empty: none in the path
  std::string_view room;    // of pages
  std::string_view shard;   // of named_shard (may go on with ".BRIDGE") and shard_socket
};

struct UrlSettings {
  std::vector<std::string> signalling;  // further last segments (or "a/b" pairs) that carry ?room=
  std::vector<std::string> assets;      // further first segments that any shard answers
  std::vector<std::string>
      expose;  // paths and what is below them, let through although they are refused by default
};

class UrlMap {
 public:
  explicit UrlMap(UrlSettings settings = {}) : settings_(std::move(settings)) {}

  // `plain`: http::routed_path().plain. Some room APIs have the names of rooms; they count where the query
  // has a room.
  PathInfo classify(std::string_view plain, std::string_view query) const;

 private:
  UrlSettings settings_;
};

}  // namespace roomgate::router::room

#include "router/room/url_map.hpp"

#include <algorithm>
#include <array>

#include "router/http/syntax.hpp"

namespace roomgate::router::room {
namespace {

// A path's first segments; what lies deeper never matters to the map.
struct Segments {
  static constexpr std::size_t kMax = 8;
  std::array<std::string_view, kMax> text;
  std::size_t kept = 0;
  std::string_view last;
  std::size_t count = 0;

  explicit Segments(std::string_view path) {
    std::size_t at = 0;
    while (at < path.size()) {
      const std::size_t end = std::min(path.find('/', at), path.size());
      if (end > at) {
        last = path.substr(at, end - at);
        if (kept < kMax) text[kept++] = last;
        ++count;
      }
      at = end + 1;
    }
  }
  std::string_view operator[](std::size_t i) const { return i < kept ? text[i] : std::string_view{}; }
};

template <std::size_t N>
bool one_of(std::string_view text, const std::array<std::string_view, N>& list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

constexpr std::array<std::string_view, 9> kAssetFolders = {
    "libs", "css", "static", "images", "fonts", "lang", "sounds", "connection_optimization", ".well-known"};
// Services of their own beside the meeting: a shard's web server has its own way to them.
constexpr std::array<std::string_view, 7> kOwnServices = {"etherpad",
                                                          "pad",
                                                          "socket.io",
                                                          "rtcstats-ws",
                                                          "rtc-visualizer",
                                                          "conferenceMapper",
                                                          "apple-app-site-association"};
constexpr std::array<std::string_view, 21> kAssetEndings = {
    ".js",  ".mjs", ".css",  ".map",  ".html", ".json",  ".txt", ".xml", ".ico", ".svg",        ".png",
    ".jpg", ".gif", ".webp", ".wasm", ".woff", ".woff2", ".ttf", ".mp3", ".wav", ".webmanifest"};
// These carry the room wherever they stand.
constexpr std::array<std::string_view, 2> kSignalling = {"xmpp-websocket", "http-bind"};
// These are names that a room may have too; they are APIs where the query names a room.
constexpr std::array<std::string_view, 8> kRoomApis = {"config.js",
                                                       "room",
                                                       "room-size",
                                                       "room-password",
                                                       "kick-participant",
                                                       "end-meeting",
                                                       "send-system-chat-message",
                                                       "invite-jigasi"};

bool has_asset_ending(std::string_view name) {
  return std::any_of(kAssetEndings.begin(), kAssetEndings.end(), [name](std::string_view ending) {
    return name.size() > ending.size() && name.ends_with(ending);
  });
}

bool below(std::string_view plain, std::string_view prefix) {
  return plain.starts_with(prefix) && (plain.size() == prefix.size() || plain[prefix.size()] == '/');
}

// What would tell strangers about a shard. Shards' web servers strip leading segments as tenants and look
// again, so the names that no room page can be confused with are refused behind any number of them.
bool is_refused(const Segments& path) {
  const std::string_view first = path[0];
  if (first == "about" || first == "metrics" || first == "stats" || first == "room-census" ||
      first == "colibri" || first.starts_with("debug")) {
    return true;
  }
  for (std::size_t i = 1; i < path.kept; ++i) {
    const bool more = i + 1 < path.count;
    if (path.text[i] == "room-census") return true;
    if (more && (path.text[i] == "about" || path.text[i] == "colibri")) return true;
  }
  return path.last == "room-census";
}

}  // namespace

PathInfo UrlMap::classify(std::string_view plain, std::string_view query) const {
  const Segments path(plain);
  const std::string_view first = path[0];
  const std::string_view last = path.last;
  PathInfo info;
  if (path.count == 0 || plain == "*") return info;

  const bool exposed = std::any_of(settings_.expose.begin(), settings_.expose.end(),
                                   [plain](const std::string& prefix) { return below(plain, prefix); });
  if (!exposed) {
    if (path.count == 2 && first == "about" && last == "health") {
      info.kind = PathKind::health;
      return info;
    }
    if (is_refused(path)) {
      info.kind = PathKind::refused;
      return info;
    }
  } else if (is_refused(path)) {
    return info;  // any shard, never a room
  }
  if (path.count == 1 && first == "_health") {
    info.kind = PathKind::health;
    return info;
  }
  if (first == "colibri-ws" || first == "colibri-relay-ws") {
    info.kind = path.count > 1 ? PathKind::named_shard : PathKind::refused;
    info.shard = path[1];
    return info;
  }
  if (first == "v1" && path[1] == "_ws") {
    info.kind = path.count > 3 ? PathKind::shard_socket : PathKind::refused;
    info.shard = path[2];
    return info;
  }
  if (first == "v1" && (path[1] == "_jaas" || path[1] == "_cdn")) return info;

  // From here on the segments before the last (or the last two) are the tenant; it is the first of them.
  const auto tenant_before = [&path](std::size_t own) {
    return path.count > own ? path[0] : std::string_view{};
  };
  const std::string_view before_last =
      path.count > 1 && path.count <= Segments::kMax ? path[path.count - 2] : "";
  const auto signalling = [&info, &tenant_before](PathKind kind, std::size_t own) {
    info.kind = kind;
    info.tenant = tenant_before(own);
    return info;
  };
  if (last == "_unlock") return signalling(PathKind::unlock, 1);
  if (one_of(last, kSignalling)) return signalling(PathKind::signalling, 1);
  if (before_last == "conference-request" && last == "v1") return signalling(PathKind::signalling, 2);
  if (before_last == "_api" && last == "room-info") return signalling(PathKind::signalling, 2);
  for (const std::string& name : settings_.signalling) {
    const std::size_t slash = name.find('/');
    if (slash == std::string::npos ? last == name
                                   : before_last == std::string_view(name).substr(0, slash) &&
                                         last == std::string_view(name).substr(slash + 1)) {
      return signalling(PathKind::signalling, slash == std::string::npos ? 1 : 2);
    }
  }
  if (one_of(last, kRoomApis) && http::query_value(query, "room").has_value()) {
    return signalling(PathKind::signalling, 1);
  }

  const bool asset_folder = (path.count > 1 && one_of(first, kAssetFolders)) ||
                            (path.count > 2 && one_of(path[1], kAssetFolders)) || first == ".well-known";
  const bool listed =
      std::find(settings_.assets.begin(), settings_.assets.end(), first) != settings_.assets.end();
  if (asset_folder || listed || one_of(first, kOwnServices) || has_asset_ending(last)) return info;

  info.kind = PathKind::page;
  info.tenant = tenant_before(1);
  info.room = last;
  return info;
}

}  // namespace roomgate::router::room

// Request -> room key: the name under which the stick table knows a meeting. The sources are asked in their
// order; the first that has a room wins. Extension point: a new source is a Source, its parse, and a case in
// the .cpp. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "router/http/types.hpp"
#include "router/room/url_map.hpp"

namespace roomgate::router::room {

enum class SourceKind : std::uint8_t { query, path, header, cookie, host };
struct Source {
  SourceKind kind = SourceKind::query;
  std::string name;  // of query, header and cookie
};
// "query:room", "path", "header:NAME", "cookie:NAME", "host"; nullopt for anything else.
std::optional<Source> parse_source(std::string_view text);

struct KeySettings {
  std::vector<Source> sources = {{SourceKind::query, "room"}, {SourceKind::path, ""}};
  bool tenants = true;               // the key is TENANT/ROOM
  std::size_t max_key_bytes = 1024;  // of the normal form; longer is refused, never cut
};

enum class KeyError { too_long };

struct Key {
  std::string_view text;  // in the scratch string
  SourceKind source = SourceKind::query;
};

struct KeyInput {
  PathInfo path;
  std::string_view query;
  http::Headers headers;
  std::string_view authority;
};

// `scratch` is overwritten and holds the key; reuse it from request to request. No key: nullopt.
Result<std::optional<Key>, KeyError> room_key(const KeyInput& input, const KeySettings& settings,
                                              std::string& scratch);

}  // namespace roomgate::router::room

// http, https, ws and wss addresses: what a person types, and what a shard names its bridge channel by. A
// value; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace roomgate::bench::roomload::signal {

struct Url {
  bool secure = true;
  std::string host;  // an IPv6 address without its brackets
  std::uint16_t port = 443;
  std::string path = "/";  // as it stands, escapes and all
  std::string query;       // without its question mark

  static std::optional<Url> parse(std::string_view text);

  // "host", "host:8443", "[::1]:80": the Host field, and what errors name.
  std::string authority() const;
  // "https://host:8443": the Origin field.
  std::string origin() const { return (secure ? "https://" : "http://") + authority(); }
  std::string target() const { return query.empty() ? path : path + "?" + query; }
  // The same server.
  Url at(std::string other_path, std::string other_query = "") const;
};

}  // namespace roomgate::bench::roomload::signal

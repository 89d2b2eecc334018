// Where a Redis is and how one gets in. A value; start-up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roomgate::peers_sync::redis {

struct Place {
  std::string host = "127.0.0.1";  // a name, or an address without brackets
  std::uint16_t port = 6379;
  bool tls = false;
  std::string user;      // empty: none; Redis 6 and later
  std::string password;  // empty: no AUTH
  std::uint32_t database = 0;

  std::string to_string() const;  // without secrets
  friend bool operator==(const Place&, const Place&) = default;
};

// "redis://[[USER]:PASSWORD@]HOST[:PORT][/NUMBER]", or rediss:// for TLS. USER and PASSWORD may have
// escapes. nullopt: it is none.
std::optional<Place> parse_place(std::string_view url);
// "HOST:PORT", as sentinels are given.
std::optional<Place> parse_sentinel(std::string_view text);

}  // namespace roomgate::peers_sync::redis

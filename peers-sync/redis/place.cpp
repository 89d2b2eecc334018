#include "peers-sync/redis/place.hpp"

#include <charconv>

#include "base/encoding.hpp"

namespace roomgate::peers_sync::redis {
namespace {

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// HOST, HOST:PORT, [V6], [V6]:PORT.
bool read_host(std::string_view text, Place& place) {
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == text.npos) return false;
    place.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else {
    const auto colon = text.find(':');
    place.host = text.substr(0, colon);
    port = colon == text.npos ? std::string_view() : text.substr(colon);
  }
  if (place.host.empty()) return false;
  if (port.empty()) return true;
  if (port.front() != ':') return false;
  const auto number = number_of<std::uint16_t>(port.substr(1));
  if (!number || *number == 0) return false;
  place.port = *number;
  return true;
}

}  // namespace

std::string Place::to_string() const {
  const bool brackets = host.find(':') != std::string::npos;
  return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<Place> parse_place(std::string_view url) {
  Place place;
  constexpr std::string_view kPlain = "redis://";
  constexpr std::string_view kTls = "rediss://";
  place.tls = url.starts_with(kTls);
  if (!place.tls && !url.starts_with(kPlain)) return std::nullopt;
  url.remove_prefix(place.tls ? kTls.size() : kPlain.size());

  const auto slash = url.rfind('/');
  const auto at = url.rfind('@');
  if (slash != url.npos && (at == url.npos || slash > at)) {
    const std::string_view database = url.substr(slash + 1);
    if (!database.empty()) {
      const auto number = number_of<std::uint32_t>(database);
      if (!number) return std::nullopt;
      place.database = *number;
    }
    url = url.substr(0, slash);
  }
  if (at != url.npos) {
    const std::string_view who = url.substr(0, at);
    const auto colon = who.find(':');
    if (colon == who.npos) return std::nullopt;
    place.user = percent_decode(who.substr(0, colon));
    place.password = percent_decode(who.substr(colon + 1));
    url.remove_prefix(at + 1);
  }
  return read_host(url, place) ? std::optional(place) : std::nullopt;
}

std::optional<Place> parse_sentinel(std::string_view text) {
  Place place{.port = 26379};
  return read_host(text, place) ? std::optional(place) : std::nullopt;
}

}  // namespace roomgate::peers_sync::redis

#include "router/http/syntax.hpp"

#include "base/address.hpp"
#include "base/encoding.hpp"

namespace roomgate::router::http {
namespace {

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5) return false;
  unsigned value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value >= 1 && value <= 65535;
}

}  // namespace

bool is_authority(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || text.substr(1, end - 1).find(':') == std::string_view::npos)
      return false;
    if (!Address::from_ip(text.substr(1, end - 1), 0)) return false;
    const std::string_view rest = text.substr(end + 1);
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
  }
  const std::size_t colon = text.find(':');
  const std::string_view host = text.substr(0, colon);
  // RFC 3986 would allow escapes in a name. No client sends them, and what a server behind us makes of them
  // is unknown.
  if (host.empty() || !detail::all(host, detail::kHost)) return false;
  return colon == std::string_view::npos || is_port(text.substr(colon + 1));
}

std::optional<std::string_view> next_element(std::string_view& list) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view element = trim(list.substr(0, comma));
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    if (!element.empty()) return element;
  }
  return std::nullopt;
}

std::optional<std::string_view> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    const std::size_t equals = pair.find('=');
    const std::string_view pair_name = pair.substr(0, equals);
    const bool matches = pair_name == name ||
                         (pair_name.find('%') != std::string_view::npos && percent_decode(pair_name) == name);
    if (matches) return equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
  }
  return std::nullopt;
}

}  // namespace roomgate::router::http

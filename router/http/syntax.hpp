// Character classes and the smallest grammars of RFC 9110 and 3986, as tables. Pure functions, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace roomgate::router::http {

namespace detail {
enum : std::uint8_t { kToken = 1, kValue = 2, kTarget = 4, kUnreserved = 8, kHost = 16, kPlainName = 32 };

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> table{};
  auto set = [&table](std::string_view characters, std::uint8_t bit) {
    for (char c : characters)
      table[static_cast<unsigned char>(c)] =
          static_cast<std::uint8_t>(table[static_cast<unsigned char>(c)] | bit);
  };
  constexpr std::string_view alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  set(alphanumeric, kToken | kUnreserved | kHost | kPlainName);
  set("-", kPlainName);
  set("!#$%&'*+-.^_`|~", kToken);
  set("-._~", kUnreserved | kHost);
  // RFC 3986 sub-delims, but for the comma: "a,b" is what two Host lines look like after somebody merged
  // them.
  set("!$&'()*+;=", kHost);
  for (unsigned c = 0; c < 256; ++c) {
    // field-value: visible, space, tab and obs-text; no other control.
    if ((c >= 0x20 && c != 0x7f) || c == '\t') table[c] = static_cast<std::uint8_t>(table[c] | kValue);
    // Browsers send some visible bytes that RFC 3986 wants escaped (WHATWG URL); '#' never belongs on the
    // wire.
    if (c > 0x20 && c < 0x7f && c != '#') table[c] = static_cast<std::uint8_t>(table[c] | kTarget);
  }
  return table;
}
inline constexpr std::array<std::uint8_t, 256> kClasses = make_classes();

constexpr bool all(std::string_view text, std::uint8_t bit) {
  for (char c : text) {
    if ((kClasses[static_cast<unsigned char>(c)] & bit) == 0) return false;
  }
  return true;
}
}  // namespace detail

constexpr bool is_token_char(char c) {
  return (detail::kClasses[static_cast<unsigned char>(c)] & detail::kToken) != 0;
}
constexpr bool is_unreserved(char c) {
  return (detail::kClasses[static_cast<unsigned char>(c)] & detail::kUnreserved) != 0;
}
constexpr bool is_token(std::string_view text) { return !text.empty() && detail::all(text, detail::kToken); }
constexpr bool is_field_value(std::string_view text) { return detail::all(text, detail::kValue); }

constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// ASCII only, and without a copy.
constexpr bool same(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

// uri-host [":" port]: one host, no user, no list; a port, where there is a colon, of 1 to 65535.
bool is_authority(std::string_view text);

// The next element of a comma-separated list, trimmed; `list` keeps the rest. Empty elements are skipped;
// nullopt: end.
std::optional<std::string_view> next_element(std::string_view& list);

// The first value of that name in a query ("room=a&x=b"), as sent. Names are compared decoded.
std::optional<std::string_view> query_value(std::string_view query, std::string_view name);

}  // namespace roomgate::router::http

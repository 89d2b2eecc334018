#include "conf/haproxy/values.hpp"

#include <charconv>

#include "base/address.hpp"

namespace roomgate::conf::haproxy {
namespace {

constexpr std::int64_t kYearMs = std::int64_t{366} * 24 * 3600 * 1000;

// A number at the beginning of `text`, which keeps what follows it.
std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t number = 0;
  if (text.empty() || text[0] == '-') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool is_host_name(std::string_view text) {
  constexpr std::string_view kSet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !text.empty() && text.size() <= 253 && text.find_first_not_of(kSet) == text.npos;
}

bool is_status(std::string_view text) {
  return text.size() == 3 && text[0] >= '1' && text[0] <= '5' &&
         text.find_first_not_of("0123456789") == text.npos;
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::optional<std::int64_t> number_of(std::string_view text) {
  const auto number = take_number(text);
  return text.empty() ? number : std::nullopt;
}

std::optional<Duration> time_of(std::string_view text) {
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  std::int64_t ms = 0;
  if (text == "us") return Duration(std::chrono::milliseconds(*number / 1000));
  if (text.empty() || text == "ms") ms = 1;
  if (text == "s") ms = 1000;
  if (text == "m") ms = 60'000;
  if (text == "h") ms = 3'600'000;
  if (text == "d") ms = 24 * 3'600'000;
  if (ms == 0) return std::nullopt;
  return Duration(std::chrono::milliseconds(*number > kYearMs / ms ? kYearMs : *number * ms));
}

std::optional<std::int64_t> size_of(std::string_view text) {
  const auto number = take_number(text);
  if (!number || text.size() > 1) return std::nullopt;
  int shift = 0;
  if (!text.empty()) {
    const char unit = text[0];
    shift = unit == 'k' || unit == 'K' ? 10 : unit == 'm' || unit == 'M' ? 20 : 30;
    if (shift == 30 && unit != 'g' && unit != 'G') return std::nullopt;
  }
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  return *number > (kMost >> shift) ? kMost : *number << shift;
}

std::string Place::to_string() const {
  const bool brackets = !is_name && host.find(':') != std::string::npos;
  return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<Place> place_of(std::string_view text) {
  bool v6 = false;
  for (const std::string_view family : {"ipv4@", "ipv6@", "tcp@", "tcp4@", "tcp6@"}) {
    if (!text.starts_with(family)) continue;
    text.remove_prefix(family.size());
    v6 = family.find('6') != family.npos;
    break;
  }
  const auto colon = text.rfind(':');
  if (colon == text.npos) return std::nullopt;
  const auto port = number_of(text.substr(colon + 1));
  if (!port || *port < 1 || *port > 65535) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  Place place{.port = static_cast<std::uint16_t>(*port)};
  if (host.empty() || host == "*") host = v6 ? "::" : "0.0.0.0";
  if (const auto address = Address::from_ip(host, place.port)) {
    place.host = address->ip();
    place.is_any_v6 = !address->is_v4() && address->is_unspecified();
    return place;
  }
  if (!is_host_name(host)) return std::nullopt;
  place.host = std::string(host);
  place.is_name = true;
  return place;
}

std::vector<std::string> statuses_of(std::string_view text) {
  std::vector<std::string> found;
  for (const std::string_view part : split(text, ',')) {
    const bool range = part.size() == 7 && part[3] == '-' && is_status(part.substr(0, 3)) &&
                       is_status(part.substr(4)) && part.substr(0, 3) <= part.substr(4);
    if (!range && !is_status(part)) return {};
    found.emplace_back(part);
  }
  return found;
}

std::vector<std::string> statuses_of_expression(std::string_view text) {
  if (text.starts_with('^')) text.remove_prefix(1);
  if (text.ends_with('$')) text.remove_suffix(1);
  // What begins the status: one digit, [234], (2|3), or whole ones between bars.
  std::vector<std::string_view> heads;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == text.npos) return {};
    for (std::size_t i = 1; i < end; ++i) {
      if (text[i] == '-' && i > 1 && i + 1 < end) {
        if (text[i - 1] + 1 != text[i + 1]) return {};  // [2-3] is both; a longer range is rare
        continue;
      }
      heads.push_back(text.substr(i, 1));
    }
    text.remove_prefix(end + 1);
  } else if (text.starts_with('(')) {
    const auto end = text.find(')');
    if (end == text.npos) return {};
    heads = split(text.substr(1, end - 1), '|');
    text.remove_prefix(end + 1);
  } else if (text.find('|') != text.npos) {
    heads = split(text, '|');
    text = {};
  } else {
    const bool whole = is_status(text);
    heads.push_back(text.substr(0, whole ? 3 : 1));
    text.remove_prefix(whole ? 3 : text.empty() ? 0 : 1);
  }
  for (const std::string_view two : {"..", "\\d\\d", "[0-9][0-9]", "[0-9]{2}", "\\d{2}"}) {
    if (text == two) text = {};
  }
  if (!text.empty()) return {};
  std::vector<std::string> found;
  for (const std::string_view head : heads) {
    if (is_status(head)) {
      found.emplace_back(head);
    } else if (head.size() == 1 && head[0] >= '1' && head[0] <= '5') {
      found.push_back(std::string(head) + "xx");
    } else {
      return {};
    }
  }
  return found;
}

}  // namespace roomgate::conf::haproxy

#include "router/http/access_log.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "base/address.hpp"
#include "router/http/syntax.hpp"

namespace roomgate::router::http {
namespace {

// How long the UTF-8 sequence at the front is; 0 where there is none (RFC 3629: no overlong forms, no
// surrogates).
std::size_t utf8_sequence(std::string_view text) {
  const auto at = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  if (first == 0xe0 && at(1) < 0xa0) return 0;
  if (first == 0xed && at(1) > 0x9f) return 0;
  if (first == 0xf0 && at(1) < 0x90) return 0;
  if (first == 0xf4 && at(1) > 0x8f) return 0;
  return length;
}

void append_three_digits(std::uint64_t value, std::string& out) {
  out.push_back(static_cast<char>('0' + value / 100));
  out.push_back(static_cast<char>('0' + value / 10 % 10));
  out.push_back(static_cast<char>('0' + value % 10));
}

bool plain_name(std::string_view name) {
  constexpr std::size_t kLongest = 32;
  return !name.empty() && name.size() <= kLongest && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

// Where to, and which version: nothing that lets anybody in.
constexpr std::array<std::string_view, 8> kHarmless = {"room", "release", "vnode", "v",
                                                       "lang", "region",  "limit", "prefix"};

class Line {
 public:
  explicit Line(std::string& out) : out_(out) { out_.push_back('{'); }

  void text(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    name(key);
    append_json_string(value, out_);
  }
  void number(std::string_view key, std::uint64_t value) {
    name(key);
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    out_.append(digits.data(), static_cast<std::size_t>(end.ptr - digits.data()));
  }
  // Three decimals, made of whole microseconds: this runs eight times for each request.
  void milliseconds(std::string_view key, double value) {
    if (!(value >= 0)) return;
    const auto micro = static_cast<std::uint64_t>((value < 1e12 ? value : 1e12) * 1000 + 0.5);
    number(key, micro / 1000);
    out_.push_back('.');
    append_three_digits(micro % 1000, out_);
  }
  void flag(std::string_view key, bool value) {
    name(key);
    out_.append(value ? "true" : "false");
  }
  void name(std::string_view key) {
    if (out_.back() != '{') out_.push_back(',');
    out_.push_back('"');
    out_.append(key);
    out_.append("\":");
  }

 private:
  std::string& out_;
};

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  out.push_back('"');
  while (!text.empty()) {
    const std::size_t length = utf8_sequence(text);
    if (length == 0) {
      out.append("\\ufffd");
      text.remove_prefix(1);
      continue;
    }
    const auto c = static_cast<unsigned char>(text.front());
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(text.front());
    } else if (c < 0x20 || c == 0x7f) {
      out.append("\\u00");
      out.push_back(kHex[c >> 4]);
      out.push_back(kHex[c & 15]);
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
  out.push_back('"');
}

std::string truncated_ip(std::string_view ip) {
  const auto address = Address::from_ip(ip, 0);
  if (!address) return {};
  if (address->is_v4()) {
    auto v4 = *reinterpret_cast<const sockaddr_in*>(address->data());
    v4.sin_addr.s_addr &= htonl(0xffffff00u);
    return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&v4), sizeof(v4))
        .value_or(Address())
        .ip();
  }
  auto v6 = *reinterpret_cast<const sockaddr_in6*>(address->data());
  for (std::size_t i = 6; i < 16; ++i) v6.sin6_addr.s6_addr[i] = 0;
  return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&v6), sizeof(v6)).value_or(Address()).ip();
}

void append_rfc3339(std::chrono::system_clock::time_point time, std::string& out) {
  const auto since = time.time_since_epoch();
  const auto whole = std::chrono::floor<std::chrono::seconds>(since);
  const auto part = std::chrono::duration_cast<std::chrono::milliseconds>(since - whole).count();
  // Thousands of lines share a second.
  thread_local std::chrono::seconds written{-1};
  thread_local std::array<char, 96> text{};
  thread_local std::size_t length = 0;
  if (whole != written || length == 0) {
    const std::time_t stamp = static_cast<std::time_t>(whole.count());
    std::tm parts{};
    gmtime_r(&stamp, &parts);
    length = static_cast<std::size_t>(
        std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.", parts.tm_year + 1900,
                      parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec));
    written = whole;
  }
  out.append(text.data(), length);
  append_three_digits(static_cast<std::uint64_t>(part), out);
  out.push_back('Z');
}

void append_redacted_query(std::string_view query, std::string& out) {
  constexpr std::size_t kLongest = 256;
  const std::size_t start = out.size();
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    query = end == query.npos ? std::string_view() : query.substr(end + 1);
    if (pair.empty()) continue;
    if (out.size() > start) out.push_back('&');
    if (out.size() - start >= kLongest) {
      out.append("...");
      return;
    }
    const auto equals = pair.find('=');
    const auto name = pair.substr(0, equals);
    // A pair without a name may be the token itself.
    if (equals == pair.npos || !plain_name(name)) {
      out.push_back('*');
      continue;
    }
    out.append(name);
    out.push_back('=');
    const auto value = pair.substr(equals + 1);
    const bool shown = std::find(kHarmless.begin(), kHarmless.end(), name) != kHarmless.end();
    if (!shown) {
      out.push_back('*');
    } else if (value.size() > kLongest) {
      out.append(value.substr(0, kLongest)).append("...");
    } else {
      out.append(value);
    }
  }
}

void write_access_line(const AccessLine& line, bool full_addresses, std::string& out) {
  Line json(out);
  json.name("time");
  out.push_back('"');
  append_rfc3339(line.time, out);
  out.push_back('"');
  if (full_addresses) {
    json.text("client", line.client_ip);
  } else {
    json.text("client", truncated_ip(line.client_ip));
  }
  json.text("method", line.method);
  json.text("host", line.host);
  json.text("path", line.path);
  if (!line.query.empty()) {
    json.text("query_room", query_value(line.query, "room").value_or(std::string_view{}));
    thread_local std::string redacted;
    redacted.clear();
    append_redacted_query(line.query, redacted);
    json.text("query", redacted);
  }
  json.text("protocol", line.protocol);
  json.text("tls", line.tls);
  if (!line.tls.empty()) json.flag("tls_resumed", line.tls_resumed);
  json.number("status", line.status < 0 ? 0 : static_cast<std::uint64_t>(line.status));
  json.number("bytes_in", line.bytes_in);
  json.number("bytes_out", line.bytes_out);
  json.milliseconds("accept_ms", line.accept_ms);
  json.milliseconds("tls_ms", line.tls_ms);
  json.milliseconds("head_ms", line.head_ms);
  json.milliseconds("decide_ms", line.decide_ms);
  json.milliseconds("wait_ms", line.wait_ms);
  json.milliseconds("connect_ms", line.connect_ms);
  json.milliseconds("first_byte_ms", line.answer_ms);
  json.milliseconds("total_ms", line.total_ms);
  json.text("room", line.room);
  json.text("shard", line.shard);
  json.text("why", line.why);
  json.text("reason", line.reason);
  if (line.retries > 0) json.number("retries", line.retries);
  json.text("request_id", line.request_id);
  if (line.tunnel) json.flag("tunnel", true);
  out.append("}\n");
}

}  // namespace roomgate::router::http

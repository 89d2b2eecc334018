#include "router/http/types.hpp"

#include <cstring>

#include "router/http/syntax.hpp"

namespace roomgate::router::http {

namespace {

// Eight bytes (or four) in the machine's order, for comparison only.
template <class Word>
Word word(const char* at) {
  Word value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Is `name`, of that size, `known` in any case? Setting bit 5 makes letters small and leaves digits and the
// dash as they are, and no other token character becomes one of them.
template <std::size_t Size>
bool is(const char* name, const char (&known)[Size]) {
  constexpr std::size_t size = Size - 1;
  if constexpr (size >= 8) {
    constexpr std::uint64_t bit = 0x2020202020202020;
    for (std::size_t i = 0; i + 8 < size; i += 8) {
      if ((word<std::uint64_t>(name + i) | bit) != word<std::uint64_t>(known + i)) return false;
    }
    return (word<std::uint64_t>(name + size - 8) | bit) == word<std::uint64_t>(known + size - 8);
  } else if constexpr (size >= 4) {
    constexpr std::uint32_t bit = 0x20202020;
    return (word<std::uint32_t>(name) | bit) == word<std::uint32_t>(known) &&
           (word<std::uint32_t>(name + size - 4) | bit) == word<std::uint32_t>(known + size - 4);
  } else {
    return same({name, size}, {known, size});
  }
}

}  // namespace

HeaderId header_id(std::string_view name) {
  const char* const n = name.data();
  switch (name.size()) {
    case 2: return is(n, "te") ? HeaderId::te : HeaderId::other;
    case 4: return is(n, "host") ? HeaderId::host : HeaderId::other;
    case 5: return is(n, "proxy") ? HeaderId::proxy : HeaderId::other;
    case 6:
      if (is(n, "cookie")) return HeaderId::cookie;
      return is(n, "expect") ? HeaderId::expect : HeaderId::other;
    case 7:
      if (is(n, "upgrade")) return HeaderId::upgrade;
      return is(n, "trailer") ? HeaderId::trailer : HeaderId::other;
    case 8: return is(n, "location") ? HeaderId::location : HeaderId::other;
    case 9:
      if (is(n, "x-real-ip")) return HeaderId::x_real_ip;
      return is(n, "forwarded") ? HeaderId::forwarded : HeaderId::other;
    case 10:
      if (is(n, "connection")) return HeaderId::connection;
      return is(n, "keep-alive") ? HeaderId::keep_alive : HeaderId::other;
    case 12: return is(n, "x-request-id") ? HeaderId::x_request_id : HeaderId::other;
    case 13:
      if (is(n, "x-rewrite-url")) return HeaderId::path_override;
      if (is(n, "x-client-cert")) return HeaderId::x_client_cert;
      return is(n, "x-jitsi-shard") ? HeaderId::x_jitsi_shard : HeaderId::other;
    case 14:
      if (is(n, "content-length")) return HeaderId::content_length;
      if (is(n, "x-proxy-region")) return HeaderId::x_proxy_region;
      if (is(n, "x-roomgate-why")) return HeaderId::x_roomgate_why;
      if (is(n, "x-jitsi-region")) return HeaderId::x_jitsi_region;
      if (is(n, "x-original-url")) return HeaderId::path_override;
      return is(n, "http2-settings") ? HeaderId::http2_settings : HeaderId::other;
    case 15:
      if (is(n, "x-forwarded-for")) return HeaderId::x_forwarded_for;
      break;
    case 16:
      if (is(n, "x-forwarded-host")) return HeaderId::x_forwarded_host;
      if (is(n, "proxy-connection")) return HeaderId::proxy_connection;
      break;
    case 17:
      if (is(n, "transfer-encoding")) return HeaderId::transfer_encoding;
      if (is(n, "x-forwarded-proto")) return HeaderId::x_forwarded_proto;
      if (is(n, "sec-websocket-key")) return HeaderId::sec_websocket_key;
      break;
    case 18:
      if (is(n, "proxy-authenticate")) return HeaderId::proxy_authenticate;
      break;
    case 19:
      if (is(n, "proxy-authorization")) return HeaderId::proxy_authorization;
      break;
    case 20:
      if (is(n, "sec-websocket-accept")) return HeaderId::sec_websocket_accept;
      break;
    case 21:
      if (is(n, "sec-websocket-version")) return HeaderId::sec_websocket_version;
      break;
    default: break;
  }
  if (name.size() > 14 && is(n, "x-client-cert-")) return HeaderId::x_client_cert;
  constexpr std::size_t prefix = 12;
  return name.size() > prefix && is(n, "x-forwarded-") ? HeaderId::x_forwarded_any : HeaderId::other;
}

namespace {

// The two ways to read a name with odd characters in it: each stands for a dash, or for nothing.
struct Readings {
  static constexpr std::size_t kLongest = 64;  // longer names are like no other
  std::array<char, kLongest> dashed;
  std::array<char, kLongest> bare;
  std::size_t dashed_size = 0;
  std::size_t bare_size = 0;

  explicit Readings(std::string_view name) {
    if (name.size() > kLongest) return;
    for (char c : name) {
      const bool plain = (detail::kClasses[static_cast<unsigned char>(c)] & detail::kPlainName) != 0;
      dashed[dashed_size++] = plain ? c : '-';
      if (plain) bare[bare_size++] = c;
    }
  }
  std::string_view as_dashes() const { return {dashed.data(), dashed_size}; }
  std::string_view as_nothing() const { return {bare.data(), bare_size}; }
};

}  // namespace

HeaderId look_alike(const HeaderView& header) {
  if (header.plain_name || header.id != HeaderId::other) return header.id;
  const Readings read(header.name);
  const HeaderId id = header_id(read.as_dashes());
  return id != HeaderId::other ? id : header_id(read.as_nothing());
}

bool looks_like(const HeaderView& header, std::string_view name) {
  if (header.name.size() < name.size()) return false;  // no reading is longer than what is read
  if (header.plain_name || detail::all(header.name, detail::kPlainName)) return same(header.name, name);
  const Readings read(header.name);
  return same(read.as_dashes(), name) || same(read.as_nothing(), name);
}

const HeaderView* find_header(Headers headers, HeaderId id) {
  for (const HeaderView& header : headers) {
    if (header.id == id) return &header;
  }
  return nullptr;
}

const HeaderView* find_header(Headers headers, std::string_view name) {
  for (const HeaderView& header : headers) {
    if (same(header.name, name)) return &header;
  }
  return nullptr;
}

std::size_t count_headers(Headers headers, HeaderId id) {
  std::size_t count = 0;
  for (const HeaderView& header : headers) count += header.id == id ? 1 : 0;
  return count;
}

bool names_field(Headers headers, std::string_view name) {
  for (const HeaderView& header : headers) {
    if (header.id != HeaderId::connection) continue;
    std::string_view list = header.value;
    while (const auto element = next_element(list)) {
      if (same(*element, name)) return true;
    }
  }
  return false;
}

namespace {
bool keeps_alive(int minor_version, const ConnectionOptions& connection) {
  if (connection.close) return false;
  return minor_version >= 1 || connection.keep_alive;
}
}  // namespace

bool keeps_alive(const RequestHead& head) { return keeps_alive(head.minor_version, head.connection); }
bool keeps_alive(const ResponseHead& head) { return keeps_alive(head.minor_version, head.connection); }

std::string_view label(ParseError error) {
  switch (error) {
    case ParseError::line_end: return "line_end";
    case ParseError::empty_lines: return "empty_lines";
    case ParseError::request_line: return "request_line";
    case ParseError::method_unknown: return "method_unknown";
    case ParseError::method_refused: return "method_refused";
    case ParseError::target_syntax: return "target_syntax";
    case ParseError::target_too_long: return "target_too_long";
    case ParseError::version_syntax: return "version_syntax";
    case ParseError::version_unsupported: return "version_unsupported";
    case ParseError::status_line: return "status_line";
    case ParseError::field_name: return "field_name";
    case ParseError::field_value: return "field_value";
    case ParseError::field_folded: return "field_folded";
    case ParseError::too_many_fields: return "too_many_fields";
    case ParseError::head_too_large: return "head_too_large";
    case ParseError::host_missing: return "host_missing";
    case ParseError::host_repeated: return "host_repeated";
    case ParseError::host_syntax: return "host_syntax";
    case ParseError::both_lengths: return "both_lengths";
    case ParseError::content_length: return "content_length";
    case ParseError::transfer_encoding: return "transfer_encoding";
    case ParseError::transfer_encoding_version: return "transfer_encoding_version";
    case ParseError::switching_protocols: return "switching_protocols";
    case ParseError::chunk_size: return "chunk_size";
    case ParseError::chunk_extension: return "chunk_extension";
    case ParseError::chunk_end: return "chunk_end";
    case ParseError::trailer: return "trailer";
  }
  return "";
}

}  // namespace roomgate::router::http

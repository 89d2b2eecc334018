#include "router/http/framing.hpp"

#include <optional>

#include "router/http/syntax.hpp"

namespace roomgate::router::http {
namespace {

struct Lengths {
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
};

std::optional<std::uint64_t> parse_length(std::string_view text) {
  if (text.empty() || text.size() > 18) return std::nullopt;
  std::uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

Result<Lengths, ParseError> lengths_of(Headers headers, int minor_version) {
  Lengths lengths;
  bool any_coding = false;
  bool bad_coding = false;
  bool bad_length = false;
  for (const HeaderView& header : headers) {
    if (header.id == HeaderId::content_length) {
      // Equal copies are harmless to us, not to whoever reads the first or the last: RFC 9110 8.6 lets us
      // refuse.
      bad_length = bad_length || lengths.content_length.has_value();
      lengths.content_length = parse_length(header.value);
      bad_length = bad_length || !lengths.content_length;
    } else if (header.id == HeaderId::transfer_encoding) {
      bad_coding = bad_coding || any_coding || !same(header.value, "chunked");
      any_coding = true;
    }
  }
  if (any_coding && (lengths.content_length || bad_length)) return fail(ParseError::both_lengths);
  if (any_coding && minor_version < 1) return fail(ParseError::transfer_encoding_version);
  if (bad_coding) return fail(ParseError::transfer_encoding);
  if (bad_length) return fail(ParseError::content_length);
  lengths.chunked = any_coding;
  return lengths;
}

}  // namespace

Result<Framing, ParseError> framing_of(const RequestHead& head) {
  const auto lengths = lengths_of(head.headers, head.minor_version);
  if (!lengths) return fail(lengths.error());
  if (lengths->chunked) return Framing{Framing::Kind::chunked, 0};
  if (lengths->content_length) return Framing{Framing::Kind::length, *lengths->content_length};
  return Framing{};
}

Result<Framing, ParseError> framing_of(const ResponseHead& head, Method request_method, bool upgrading) {
  const auto lengths = lengths_of(head.headers, head.minor_version);
  if (!lengths) return fail(lengths.error());
  if (head.status == 101) {
    if (!upgrading) return fail(ParseError::switching_protocols);
    return Framing{Framing::Kind::tunnel, 0};
  }
  if (head.status < 200 || head.status == 204 || head.status == 304 || request_method == Method::head)
    return Framing{};
  if (lengths->chunked) return Framing{Framing::Kind::chunked, 0};
  if (lengths->content_length) return Framing{Framing::Kind::length, *lengths->content_length};
  return Framing{Framing::Kind::until_close, 0};
}

bool leaves_connection_clean(const ResponseHead& head, const Framing& framing) {
  switch (framing.kind) {
    case Framing::Kind::until_close:
    case Framing::Kind::tunnel: return false;
    case Framing::Kind::none:
    case Framing::Kind::length:
    case Framing::Kind::chunked: break;
  }
  if (!keeps_alive(head)) return false;
  const bool bodiless = head.status < 200 || head.status == 204 || head.status == 304;
  if (!bodiless) return true;
  if (find_header(head.headers, HeaderId::transfer_encoding) != nullptr) return false;
  // 304 tells the length of what is not sent (RFC 9110 8.6); 1xx and 204 have nothing to tell.
  return head.status == 304 || find_header(head.headers, HeaderId::content_length) == nullptr;
}

Framing framing_towards(Framing from_upstream, int client_minor_version) {
  switch (from_upstream.kind) {
    case Framing::Kind::none:
    case Framing::Kind::length:
    case Framing::Kind::tunnel: return from_upstream;
    case Framing::Kind::chunked:
    case Framing::Kind::until_close: break;
  }
  return {client_minor_version >= 1 ? Framing::Kind::chunked : Framing::Kind::until_close, 0};
}

}  // namespace roomgate::router::http

// An XMPP address, RFC 7622: local@domain/resource. A value; any thread. Local and domain are lower-cased
// (ASCII), so that two spellings of one room are one room; the resource is taken as it is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace roomgate::sfu::xmpp {

struct Jid {
  std::string local;  // may be empty, as may the resource
  std::string domain;
  std::string resource;

  // nullopt: empty or over-long parts, characters that RFC 7622 3.3.1 keeps out of local parts, controls
  // anywhere.
  static std::optional<Jid> parse(std::string_view text);

  std::string bare() const;
  std::string full() const;
  friend bool operator==(const Jid&, const Jid&) = default;
};

}  // namespace roomgate::sfu::xmpp

// One WebSocket message -> exactly one Element, or the reason why not. Pure; any thread. Expat is the judge:
// what it refuses (duplicate attributes, unbound prefixes, &#1;) would end the connection of every browser it
// is relayed to. RFC 7395 3.3, RFC 6120 11.1 (no doctype, entities, comments or processing instructions).
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.hpp"
#include "sfu/xmpp/element.hpp"

namespace roomgate::sfu::xmpp {

enum class ParseError {
  too_large,
  too_deep,
  too_many_attributes,
  too_many_elements,
  too_wide,  // short names of long namespaces, which would grow when written out
  not_utf8,
  forbidden_markup,
  not_well_formed,
};

struct ParseLimits {
  std::size_t bytes = 256 * 1024;
  std::size_t depth = 32;
  std::size_t attributes = 128;  // of one element, namespace declarations included
  std::size_t elements = 8192;
  std::size_t namespace_bytes = 256 * 1024;  // in all xmlns attributes that writing the element takes
};

Result<Element, ParseError> parse_stanza(std::string_view message, const ParseLimits& limits = {});

std::string_view to_text(ParseError error);  // "too_large", for logs and counters

}  // namespace roomgate::sfu::xmpp

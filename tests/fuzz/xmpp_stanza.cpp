// Whatever parses must be written so that it parses again, to the same element.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sfu/xmpp/parser.hpp"

using namespace roomgate::sfu::xmpp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto first = parse_stanza({reinterpret_cast<const char*>(data), size});
  if (!first) return 0;
  // Escapes and declarations make it longer, by no more than this.
  const ParseLimits wide{.bytes = 16 * 1024 * 1024, .attributes = 1024, .namespace_bytes = 16 * 1024 * 1024};
  const auto second = parse_stanza(first->serialize(), wide);
  if (!second || !(*first == *second)) std::abort();
  return 0;
}

// A PROXY header: the verdict is the same however the bytes arrive, what is taken is bounded, and every view
// lies inside of it.
#include <cstdlib>

#include "router/proxy_protocol/header.hpp"

using namespace roomgate;
using namespace roomgate::router;

namespace {

bool inside(std::string_view view, ByteView bytes) {
  if (view.empty()) return true;
  const auto* begin = reinterpret_cast<const std::uint8_t*>(view.data());
  return begin >= bytes.data() && begin + view.size() <= bytes.data() + bytes.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const proxy_protocol::Limits limits;
  const ByteView bytes(data, size);
  const auto whole = proxy_protocol::parse(bytes, limits);
  if (whole && whole->has_value()) {
    const proxy_protocol::Header& header = **whole;
    if (header.size == 0 || header.size > size || header.size > limits.max_bytes) std::abort();
    if (!inside(header.authority, bytes.first(header.size)) || !inside(header.alpn, bytes.first(header.size)))
      std::abort();
    if (header.source.has_value() != header.destination.has_value()) std::abort();
    if (header.source && header.source->to_string().empty()) std::abort();
  }
  // Growing: incomplete, until it is what the whole is.
  for (std::size_t have = 0; have <= size && have <= limits.max_bytes; ++have) {
    const auto part = proxy_protocol::parse(bytes.first(have), limits);
    if (part && !part->has_value()) {
      if (have > limits.max_bytes) std::abort();
      continue;
    }
    if (part.ok() != whole.ok()) std::abort();
    if (!part && part.error() != whole.error()) std::abort();
    if (part && (!whole->has_value() || (*part)->size != (*whole)->size || (*part)->size != have))
      std::abort();
    break;
  }
  return 0;
}

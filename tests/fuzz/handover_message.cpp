// Messages of a handover: what is read, written again, is read as the same.
#include "router/handover/message.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::router::handover;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView bytes(data, size);
  while (true) {
    const auto parsed = parse(bytes);
    if (!parsed || parsed->size == 0) return 0;
    require(parsed->size <= bytes.size());
    bytes = bytes.subspan(parsed->size);
    if (!parsed->message) continue;
    std::string once;
    append(*parsed->message, once);
    const auto again = parse(as_bytes(once));
    require(again.ok() && again->size == once.size() && again->message.has_value());
    std::string twice;
    append(*again->message, twice);
    require(once == twice);
  }
}

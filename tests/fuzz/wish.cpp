// The wish in a claim: what is read is within its bounds, and written again it is read as the same.
#include "router/route/wish.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate::router::route;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto wish = decode_wish({reinterpret_cast<const char*>(data), size});
  if (!wish) return 0;
  require(wish->shards.size() <= Wish::kMostShards);
  require(wish->says == Wish::Says::shards || wish->shards.empty());
  const std::string once = encode(*wish);
  require(once.size() <= size);
  require(decode_wish(once) == *wish);
  return 0;
}

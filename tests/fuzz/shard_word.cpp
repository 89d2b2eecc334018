// What another front door says of a shard: "NAME VALUE". What is understood is said again in the same words.
#include <cstdint>
#include <string_view>

#include "router/directory/shard_word.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate::router::directory;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto space = std::min(text.find(' '), size);
  const auto shard = decode_shard(text.substr(0, space), text.substr(std::min(space + 1, size)));
  if (!shard) return 0;
  require(is_shard_name(shard->name) && !shard->addresses.empty());

  const std::string said = encode_shard(*shard);
  if (said.empty()) return 0;  // it fits only as it came
  const auto again = decode_shard(shard->name, said);
  require(again && again->addresses == shard->addresses && again->announce == shard->announce);
  require(again->kind == shard->kind);
  require(encode_shard(*again) == said);
  return 0;
}

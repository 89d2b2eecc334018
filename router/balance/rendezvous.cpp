#include "router/balance/rendezvous.hpp"

#include "base/siphash.hpp"

namespace roomgate::router::balance {

std::uint64_t shard_hash(std::string_view name) {
  return siphash(as_bytes(name), {0x726f6f6d67617465, 0x2f7368617264732f});
}

std::uint64_t room_hash(std::string_view key) {
  return siphash(as_bytes(key), {0x726f6f6d67617465, 0x2f726f6f6d732f2f});
}

}  // namespace roomgate::router::balance

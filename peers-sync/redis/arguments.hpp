// What commands to Redis are made of, and numbers out of its replies. Pure; any thread.
#pragma once

#include <charconv>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "peers-sync/redis/protocol.hpp"

namespace roomgate::peers_sync::redis {

inline constexpr std::size_t kBatch = 200;  // rooms of one call

inline std::vector<std::string> words(std::initializer_list<std::string_view> list) {
  return {list.begin(), list.end()};
}

inline std::string ms_text(Duration duration) {
  return std::to_string(std::chrono::duration_cast<milliseconds>(duration).count());
}

inline std::int64_t number_of(const Reply& reply) {
  if (reply.kind == Reply::Kind::number) return reply.number;
  std::int64_t number = 0;
  std::from_chars(reply.text.data(), reply.text.data() + reply.text.size(), number);
  return number;
}

}  // namespace roomgate::peers_sync::redis

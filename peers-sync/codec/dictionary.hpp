// Names of servers travel once per session and direction, then as a number. One of each kind per session;
// both are empty when it begins. Its thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "peers-sync/codec/update.hpp"

namespace roomgate::peers_sync::codec {

// For what we send: 128 places, filled in turn; after that the oldest is used again.
class SendDictionary {
 public:
  // With the text where the peer does not have it yet.
  Reference refer(std::string_view text);

 private:
  std::array<std::string, kDictionarySize> texts_;
  std::unordered_map<std::string, std::uint64_t> ids_;
  std::size_t next_ = 0;
};

// For what we get.
class ReceiveDictionary {
 public:
  // nullopt: a number whose text never came, which is no value. The view holds until the next call.
  std::optional<std::string_view> resolve(const Reference& reference);

 private:
  std::array<std::optional<std::string>, kDictionarySize> texts_;
};

}  // namespace roomgate::peers_sync::codec

// Rooms that nobody may enter: single ones, those whose key begins with something, those of a tenant. A look
// costs about as much as reading the key, however many bans there are. An immutable value, from the settings
// and the operator's word, which the gate publishes anew whenever it changes; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/siphash.hpp"

namespace roomgate::router::route {

struct Ban {
  enum class Kind : std::uint8_t { room, prefix, tenant };
  Kind kind = Kind::room;
  std::string text;  // ROOM or TENANT/ROOM, what a key begins with, or TENANT
  int status = 403;  // or 429
  bool from_settings = false;
  bool local = false;  // the operator's, for this front door alone
};

class Bans {
 public:
  static constexpr std::size_t kMost = 10'000;
  static constexpr std::size_t kLongest = 8192;  // bytes of a text: no key is longer (rooms.max_key_bytes)

  // As they stand in a Bans: the text in the normal form of keys.
  static Ban normalised(Ban ban);

  Bans() = default;
  // A later one replaces an earlier one of the same pattern. What is beyond kMost is left out: whoever takes
  // bans in must refuse before.
  explicit Bans(std::vector<Ban> bans);
  Bans(Bans&&) = default;
  Bans& operator=(Bans&&) = default;

  // nullptr: the room is not banned. Where several fit: the room's own, its longest prefix, its tenant.
  // `key`: in its normal form.
  const Ban* find(std::string_view key) const;
  const Ban* find(Ban::Kind kind, std::string_view normal_text) const;

  // By kind and text.
  const std::vector<Ban>& all() const { return bans_; }

 private:
  using Place = std::uint32_t;  // in bans_
  static constexpr Place kNone = 0xffff'ffff;
  using ByText = std::unordered_map<std::string_view, Place, SipHasher>;

  const Ban* longest_prefix(std::string_view key) const;

  std::vector<Ban> bans_;
  ByText rooms_;  // views into bans_
  ByText tenants_;
  std::vector<Place> prefixes_;  // by text
  // Of each of those the longest that it begins with itself, or kNone: all that a key can begin with are one
  // such chain.
  std::vector<Place> wider_;  // in prefixes_
};

}  // namespace roomgate::router::route

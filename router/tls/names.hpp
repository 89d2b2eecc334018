// Which certificate a host name gets: one look in a hash table for the name, one for the wildcard above it,
// however many certificates there are. Immutable once filled; any thread. RFC 6125 6.4.3: a wildcard stands
// for exactly one left-most label.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/siphash.hpp"

namespace roomgate::router::tls {

class NameIndex {
 public:
  // "meet.example.org" or "*.example.org", in any case. False: the name was there already, and stays with
  // whom it was given first.
  bool add(std::string_view name, std::uint32_t value);

  // In any case, with or without a dot at its end. An exact name goes before a wildcard.
  std::optional<std::uint32_t> find(std::string_view host) const;

  std::size_t size() const { return exact_.size() + wildcards_.size(); }

 private:
  using Map = std::unordered_map<std::string, std::uint32_t, SipHasher, std::equal_to<>>;
  Map exact_;
  Map wildcards_;  // by ".example.org"
};

}  // namespace roomgate::router::tls

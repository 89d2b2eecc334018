// Names of regions to numbers, so that a million entries can say where they were wanted in two bytes. Names
// come from clients' countries and from fronts: beyond `kMost` of them the rest is "none". Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

namespace roomgate::router::stick {

class RegionNames {
 public:
  using Id = std::uint16_t;
  static constexpr Id kNone = 0;
  static constexpr std::size_t kMost = 1024;

  // kNone: an empty name, or one too many.
  Id id_of(std::string_view name);
  std::string name_of(Id id) const;

 private:
  mutable std::shared_mutex mutex_;
  std::map<std::string, Id, std::less<>> ids_;
  std::vector<std::string> names_;  // by id - 1
};

}  // namespace roomgate::router::stick

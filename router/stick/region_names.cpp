#include "router/stick/region_names.hpp"

#include <mutex>

namespace roomgate::router::stick {

RegionNames::Id RegionNames::id_of(std::string_view name) {
  if (name.empty()) return kNone;
  {
    const std::shared_lock lock(mutex_);
    if (const auto found = ids_.find(name); found != ids_.end()) return found->second;
    if (names_.size() >= kMost) return kNone;
  }
  const std::unique_lock lock(mutex_);
  if (const auto found = ids_.find(name); found != ids_.end()) return found->second;
  if (names_.size() >= kMost) return kNone;
  names_.emplace_back(name);
  return ids_.emplace(name, static_cast<Id>(names_.size())).first->second;
}

std::string RegionNames::name_of(Id id) const {
  const std::shared_lock lock(mutex_);
  return id == kNone || id > names_.size() ? std::string() : names_[id - 1U];
}

}  // namespace roomgate::router::stick

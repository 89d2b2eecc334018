#include "peers-sync/haproxy/hints.hpp"

namespace roomgate::peers_sync::haproxy {

void Hints::put(std::string_view key, std::string_view shard, TimePoint until) {
  auto [hint, fresh] = hints_.try_emplace(std::string(key));
  hint->second = {std::string(shard), until};
  if (!fresh) return;
  in_turn_.emplace_back(key);
  if (in_turn_.size() <= kMax) return;
  hints_.erase(in_turn_.front());
  in_turn_.pop_front();
}

std::optional<std::string_view> Hints::find(std::string_view key, TimePoint now) const {
  const auto found = hints_.find(key);
  if (found == hints_.end() || now >= found->second.until) return std::nullopt;
  return std::string_view(found->second.shard);
}

}  // namespace roomgate::peers_sync::haproxy

#include "router/route/pins.hpp"

#include <algorithm>

#include "router/http/syntax.hpp"
#include "router/room/normalise.hpp"

namespace roomgate::router::route {

Pins::Pins(std::vector<Pin> pins, std::string live, bool overridable)
    : pins_(std::move(pins)), live_(std::move(live)), overridable_(overridable) {
  for (Pin& pin : pins_) {
    pin.tenant = room::normalised_key(pin.tenant);
    pin.prefix = room::normalised_key(pin.prefix);
  }
}

std::string_view Pins::of_room(std::string_view key) const {
  if (pins_.empty()) return live_;
  const std::size_t slash = key.find('/');
  const bool has_tenant = slash != std::string_view::npos;
  const std::string_view tenant = has_tenant ? key.substr(0, slash) : std::string_view();
  const std::string_view room = has_tenant ? key.substr(slash + 1) : key;
  for (const Pin& pin : pins_) {
    if (!pin.tenant.empty() && pin.tenant != tenant) continue;
    if (room.starts_with(pin.prefix)) return pin.release;
  }
  return live_;
}

std::string_view Pins::of_tenant(std::string_view tenant) const {
  if (pins_.empty() || tenant.empty()) return live_;
  const std::string normal = room::normalised_key(tenant);
  for (const Pin& pin : pins_) {
    if (pin.tenant == normal && pin.prefix.empty()) return pin.release;
  }
  return live_;
}

std::string_view Pins::asked_for(std::string_view query, const balance::ShardSet& shards) const {
  if (!overridable_ || query.empty()) return {};
  const auto asked = http::query_value(query, "release");
  if (!asked || asked->empty()) return {};
  const auto& all = shards.all();
  const auto known = std::find_if(all.begin(), all.end(),
                                  [&asked](const balance::Shard& shard) { return shard.release == *asked; });
  return known == all.end() ? std::string_view() : known->release;
}

}  // namespace roomgate::router::route

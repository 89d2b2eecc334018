// Which release of the shards' software a new room goes to: what the request asks for (?release=, for
// testing), else the first pin that fits its key, else the live release. A wish: where none of its shards
// takes rooms, the live release's do, and then any. Immutable, made from settings; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "router/balance/shard_set.hpp"

namespace roomgate::router::route {

struct Pin {
  std::string release;
  std::string tenant;  // empty: of any or none
  std::string prefix;  // of the room's name, behind the tenant; empty: all
};

class Pins {
 public:
  Pins() = default;
  // Tenants and prefixes as people write them: they are normalised here, as keys are. `live`: of rooms that
  // no pin fits; empty: any shard. `overridable`: ?release= counts.
  Pins(std::vector<Pin> pins, std::string live, bool overridable);

  // Of a room's key, "ROOM" or "TENANT/ROOM". Empty: any release.
  std::string_view of_room(std::string_view key) const;
  // Of what has no room: that tenant's pin, if one is for all its rooms. `tenant` as the path has it.
  std::string_view of_tenant(std::string_view tenant) const;
  // What the query asks for, where that is allowed and a shard of that release is known; a view into that
  // shard. The name is compared as it is written, without escapes.
  std::string_view asked_for(std::string_view query, const balance::ShardSet& shards) const;

  std::string_view live() const { return live_; }

 private:
  std::vector<Pin> pins_;
  std::string live_;
  bool overridable_ = false;
};

}  // namespace roomgate::router::route

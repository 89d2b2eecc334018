// Who is in the mesh: a name, and where it may be. A value, any thread.
#pragma once

#include <string>
#include <vector>

#include "base/address.hpp"

namespace roomgate::peers_sync::mesh {

struct Member {
  std::string name;
  std::vector<Address> addresses;  // tried in turn; at least one
  friend bool operator==(const Member&, const Member&) = default;
};

// What a peer has shown itself to be.
enum class PeerKind : std::uint8_t { unknown, gate, haproxy };

}  // namespace roomgate::peers_sync::mesh

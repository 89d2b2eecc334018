// Who is meant: a gate by its name, and which life of it. Values, any thread.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace roomgate::peers_sync::claim {

struct GateId {
  std::string name;
  std::uint64_t life = 0;  // grows with every start of that gate; Unix ms of its start will do
  friend auto operator<=>(const GateId&, const GateId&) = default;
};

using View = std::vector<GateId>;  // sorted by name; one life of each

// Of all gates alike, for all time: codec::kGateHash names it in the handshake.
// Index in the view of the gate that owns the key; the view must not be empty.
std::size_t owner_of(const View& view, std::string_view key);

// Rules of docs/agreement.md that a simulation switches off to see that it would find them missing: lease and
// membership (2), inheritance and joining (4), generations (10), release by all (11), moves by majority (13).
struct Rules {
  bool lease = true;
  bool inheritance = true;
  bool generations = true;
  bool release_by_all = true;
  bool majority_moves = true;
};

}  // namespace roomgate::peers_sync::claim

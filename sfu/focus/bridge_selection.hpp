// Which bridge a participant's media goes to. Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace roomgate::sfu::focus {

struct BridgeView {
  std::string region;
  double stress = 0;  // 0 idle .. 1 full
};

// The least stressed bridge of the region, or of all when the region has none below `full_at`; the first of
// equals, so that the choice does not flutter. Empty only when there is no bridge: a full one is better than
// no media.
inline std::optional<std::size_t> choose(std::span<const BridgeView> bridges, std::string_view region,
                                         double full_at = 0.95) {
  std::optional<std::size_t> near;
  std::optional<std::size_t> any;
  for (std::size_t i = 0; i < bridges.size(); ++i) {
    if (!any || bridges[i].stress < bridges[*any].stress) any = i;
    if (bridges[i].region == region && (!near || bridges[i].stress < bridges[*near].stress)) near = i;
  }
  return near && bridges[*near].stress < full_at ? near : any;
}

}  // namespace roomgate::sfu::focus

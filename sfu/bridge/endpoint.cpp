#include "sfu/bridge/endpoint.hpp"

#include <algorithm>

namespace roomgate::sfu::bridge {

IncomingStream* Endpoint::find_stream(std::uint32_t ssrc) {
  const auto found =
      std::lower_bound(streams.begin(), streams.end(), ssrc,
                       [](const IncomingStream& s, std::uint32_t value) { return s.ssrc < value; });
  return found != streams.end() && found->ssrc == ssrc ? &*found : nullptr;
}

bool Endpoint::wants_audio(const std::string& source) const {
  if (exclude_audio.contains(source)) return false;
  return all_audio || include_audio.contains(source);
}

}  // namespace roomgate::sfu::bridge

#include "sfu/bridge/endpoint.hpp"

#include <algorithm>

namespace roomgate::sfu::bridge {

IncomingStream* Endpoint::find_stream(std::uint32_t ssrc) {
  const auto found =
      std::lower_bound(streams.begin(), streams.end(), ssrc,
                       [](const IncomingStream& s, std::uint32_t value) { return s.ssrc < value; });
  return found != streams.end() && found->ssrc == ssrc ? &*found : nullptr;
}

std::optional<double> Endpoint::video_budget() const {
  if (!ready()) return std::nullopt;  // nothing goes there yet, so senders may begin with what is wished for
  // Reports, and packets sent again.
  constexpr double kOverhead = 0.05;
  std::optional<double> budget = bandwidth.estimate();
  if (budget) budget = std::max(0.0, *budget * (1 - kOverhead) - audio_rate.rate());
  // A client may say that its path carries less. That it carries more would be for others to suffer from.
  if (wishes.assumed_bandwidth) {
    budget = budget ? std::min(*budget, *wishes.assumed_bandwidth) : *wishes.assumed_bandwidth;
  }
  return budget;
}

bool Endpoint::wants_audio(const std::string& source) const {
  if (exclude_audio.contains(source)) return false;
  return all_audio || include_audio.contains(source);
}

}  // namespace roomgate::sfu::bridge

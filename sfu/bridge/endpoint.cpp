#include "sfu/bridge/endpoint.hpp"

#include <algorithm>

namespace roomgate::sfu::bridge {
namespace {

TrafficReport traffic(const TrafficCount& now, const TrafficCount& before, Duration elapsed, double loss) {
  const double passed = std::chrono::duration<double>(elapsed).count();
  if (passed <= 0) return {.loss = loss};
  return {.bits_per_second = 8.0 * static_cast<double>(now.bytes - before.bytes) / passed,
          .packets_per_second = static_cast<double>(now.packets - before.packets) / passed,
          .loss = loss};
}

}  // namespace

EndpointReport Endpoint::report(TimePoint now) {
  EndpointReport made;
  const Duration elapsed = reported.at == TimePoint{} ? Duration() : now - reported.at;
  made.key = key;
  made.in = traffic(traffic_in, reported.in, elapsed, loss_in);
  made.out = traffic(traffic_out, reported.out, elapsed, features.transport_cc ? bandwidth.loss() : loss_out);
  made.round_trip = round_trip;
  made.estimate = bandwidth.estimate().value_or(-1);
  made.wanted_videos = wanted_videos;
  made.limited = limited;
  made.dropped = over_allowance;
  made.rewritten = own != nullptr;
  if (own) made.relabelled = own->relabelled;
  reported = {traffic_in, traffic_out, now};
  return made;
}

IncomingStream* Endpoint::find_stream(std::uint32_t ssrc) {
  const auto found =
      std::lower_bound(streams.begin(), streams.end(), ssrc,
                       [](const IncomingStream& s, std::uint32_t value) { return s.ssrc < value; });
  return found != streams.end() && found->ssrc == ssrc ? &*found : nullptr;
}

std::optional<double> Endpoint::video_budget() const {
  if (!ready()) return std::nullopt;  // nothing goes there yet, so senders may begin with what is wished for
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

#include "bench/roomload/session/sources.hpp"

#include <algorithm>
#include <array>

namespace roomgate::bench::roomload::session {
namespace {

using sfu::bridge::Media;
using sfu::focus::GroupKind;

constexpr std::string_view kBridge = "jvb";

}  // namespace

std::vector<media::RemoteSource> remote_sources(const sfu::focus::RawByOwner& sources) {
  std::vector<media::RemoteSource> out;
  for (const auto& [owner, raw] : sources) {
    if (owner == kBridge) continue;
    std::map<std::uint32_t, std::uint32_t> rtx_of;
    std::vector<std::uint32_t> secondary;  // RTX, and the upper layers of a simulcast that is signalled whole
    for (const auto& group : raw.groups) {
      if (group.ssrcs.size() < 2) continue;
      if (group.kind == GroupKind::retransmission) rtx_of[group.ssrcs[0]] = group.ssrcs[1];
      secondary.insert(secondary.end(), group.ssrcs.begin() + 1, group.ssrcs.end());
    }
    for (const auto& ssrc : raw.ssrcs) {
      if (std::find(secondary.begin(), secondary.end(), ssrc.ssrc) != secondary.end()) continue;
      const auto rtx = rtx_of.find(ssrc.ssrc);
      const bool video = ssrc.media == Media::video;
      media::RemoteSource source;
      source.name = ssrc.name.empty() ? owner + (video ? "-v0" : "-a0") : ssrc.name;
      source.video = video;
      source.ssrc = ssrc.ssrc;
      source.rtx = rtx == rtx_of.end() ? 0 : rtx->second;
      out.push_back(std::move(source));
    }
  }
  return out;
}

signal::WantedVideo Audience::wanted() {
  signal::WantedVideo out;
  out.last_n = plan_.last_n;
  if (plan_.view != View::stage) {
    constexpr std::array kHeights = {720, 180, 360};
    out.default_height = plan_.view == View::tiles      ? 360
                         : plan_.view == View::changing ? kHeights[turns_ % kHeights.size()]
                                                        : 720;
    return out;
  }
  if (sources_.count(on_stage_) == 0) {
    on_stage_.clear();
    for (auto at = sources_.upper_bound(own_video_); at != sources_.end() && on_stage_.empty(); ++at) {
      if (at->second.video) on_stage_ = at->first;
    }
    for (auto at = sources_.begin(); at != sources_.end() && on_stage_.empty(); ++at) {
      if (at->second.video) on_stage_ = at->first;
    }
  }
  if (!on_stage_.empty()) {
    out.on_stage.push_back(on_stage_);
    out.heights.emplace_back(on_stage_, 720);
  }
  return out;
}

}  // namespace roomgate::bench::roomload::session

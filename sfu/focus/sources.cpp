#include "sfu/focus/sources.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace roomgate::sfu::focus {
namespace {

constexpr std::size_t kMaxLayers = 3;
constexpr std::size_t kMaxEndpoint = 64;
constexpr std::size_t kMaxName = 80;
constexpr std::size_t kMaxMsid = 256;

// Names and msids end up as lines of every receiver's SDP: nothing that could end a line, or start another
// attribute.
bool printable(std::string_view text, bool spaces) {
  return std::all_of(text.begin(), text.end(),
                     [spaces](char c) { return (c > ' ' && c <= '~') || (spaces && c == ' '); });
}

bool valid_name(std::string_view name, std::string_view endpoint) {
  if (name.size() > kMaxName || name.size() < endpoint.size() + 2 || !name.starts_with(endpoint))
    return false;
  if (name[endpoint.size()] != '-') return false;
  const std::string_view rest = name.substr(endpoint.size() + 1);
  return std::all_of(rest.begin(), rest.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  });
}

struct Cluster {
  bridge::Media media = bridge::Media::audio;
  bridge::VideoType video_type = bridge::VideoType::camera;
  std::string name;
  std::string msid;
  std::vector<std::uint32_t> ssrcs;
  std::vector<std::uint32_t> simulcast;
  std::map<std::uint32_t, std::uint32_t> rtx_of;  // primary -> rtx
};

using Checked = Result<void, SignallingError>;

Checked add_ssrc(const RawSsrc& raw, std::string_view endpoint, std::vector<Cluster>& clusters) {
  if (!raw.name.empty() && !valid_name(raw.name, endpoint)) {
    return fail(raw.name.starts_with(endpoint) ? SignallingError::bad_name : SignallingError::foreign_source);
  }
  if (raw.name.empty() && raw.msid.empty()) return fail(SignallingError::bad_msid);
  if (raw.msid.size() > kMaxMsid || !printable(raw.msid, true)) return fail(SignallingError::bad_msid);
  auto at = std::find_if(clusters.begin(), clusters.end(), [&](const Cluster& c) {
    if (raw.name.empty()) return c.name.empty() && c.media == raw.media && c.msid == raw.msid;
    return c.name == raw.name;
  });
  if (at == clusters.end()) {
    at = clusters.insert(
        at, Cluster{.media = raw.media, .video_type = raw.video_type, .name = raw.name, .msid = raw.msid});
  }
  if (at->media != raw.media) return fail(SignallingError::bad_name);
  if (at->msid.empty()) at->msid = raw.msid;
  if (!raw.msid.empty() && raw.msid != at->msid) return fail(SignallingError::bad_msid);
  at->ssrcs.push_back(raw.ssrc);
  return {};
}

bool contains(const std::vector<std::uint32_t>& list, std::uint32_t ssrc) {
  return std::find(list.begin(), list.end(), ssrc) != list.end();
}

Checked add_group(const RawGroup& group, std::vector<Cluster>& clusters) {
  if (group.ssrcs.empty()) return fail(SignallingError::bad_group);
  const auto at = std::find_if(clusters.begin(), clusters.end(),
                               [&](const Cluster& c) { return contains(c.ssrcs, group.ssrcs.front()); });
  if (at == clusters.end()) return fail(SignallingError::bad_group);
  if (at->media == bridge::Media::audio) return fail(SignallingError::bad_audio_source);
  const std::set<std::uint32_t> distinct(group.ssrcs.begin(), group.ssrcs.end());
  const bool inside =
      std::all_of(distinct.begin(), distinct.end(), [&](std::uint32_t s) { return contains(at->ssrcs, s); });
  if (distinct.size() != group.ssrcs.size() || !inside) return fail(SignallingError::bad_group);
  switch (group.kind) {
    case GroupKind::retransmission:
      if (group.ssrcs.size() != 2 || !at->rtx_of.emplace(group.ssrcs[0], group.ssrcs[1]).second) {
        return fail(SignallingError::bad_group);
      }
      return {};
    case GroupKind::simulcast:
      if (!at->simulcast.empty() || group.ssrcs.size() > kMaxLayers) return fail(SignallingError::bad_group);
      at->simulcast = group.ssrcs;
      return {};
  }
  return fail(SignallingError::bad_group);
}

Result<std::vector<bridge::Layer>, SignallingError> layers_of(const Cluster& cluster) {
  if (cluster.media == bridge::Media::audio) {
    if (cluster.ssrcs.size() != 1) return fail(SignallingError::bad_audio_source);
    return std::vector<bridge::Layer>{{.ssrc = cluster.ssrcs.front()}};
  }
  std::set<std::uint32_t> retransmissions;
  for (const auto& [primary, rtx] : cluster.rtx_of) {
    if (!retransmissions.insert(rtx).second) return fail(SignallingError::bad_group);
  }
  std::vector<std::uint32_t> primaries = cluster.simulcast;
  if (primaries.empty()) {
    // No SIM group: what is not RTX is a layer, in the order listed (Firefox has no such groups of its own).
    for (const std::uint32_t ssrc : cluster.ssrcs) {
      if (!retransmissions.contains(ssrc)) primaries.push_back(ssrc);
    }
  }
  if (primaries.empty() || primaries.size() > kMaxLayers) return fail(SignallingError::bad_group);
  std::vector<bridge::Layer> layers;
  std::size_t used = 0;
  for (const std::uint32_t ssrc : primaries) {
    if (retransmissions.contains(ssrc)) return fail(SignallingError::bad_group);
    const auto rtx = cluster.rtx_of.find(ssrc);
    layers.push_back({.ssrc = ssrc, .rtx = rtx == cluster.rtx_of.end() ? 0 : rtx->second});
    used += rtx == cluster.rtx_of.end() ? 1 : 2;
  }
  // Every SSRC is a layer or the RTX of one.
  if (used != cluster.ssrcs.size()) return fail(SignallingError::bad_group);
  return layers;
}

bool name_taken(const std::string& name, const std::vector<NamedSource>& existing,
                const std::vector<Cluster>& clusters) {
  return std::any_of(existing.begin(), existing.end(),
                     [&](const NamedSource& s) { return s.source.name == name; }) ||
         std::any_of(clusters.begin(), clusters.end(), [&](const Cluster& c) { return c.name == name; });
}

std::string made_up_name(std::string_view endpoint, bridge::Media media,
                         const std::vector<NamedSource>& existing, const std::vector<Cluster>& clusters) {
  const char* kind = media == bridge::Media::audio ? "-a" : "-v";
  for (std::size_t i = 0;; ++i) {  // ends: there are fewer names taken than numbers
    std::string name = std::string(endpoint) + kind + std::to_string(i);
    if (!name_taken(name, existing, clusters)) return name;
  }
}

}  // namespace

Result<std::vector<NamedSource>, SignallingError> assemble(const RawSources& raw, std::string_view endpoint,
                                                           const std::vector<NamedSource>& existing) {
  // Names are made from it, also where the client names none.
  if (endpoint.empty() || endpoint.size() > kMaxEndpoint || !printable(endpoint, false)) {
    return fail(SignallingError::bad_name);
  }
  std::vector<Cluster> clusters;
  std::set<std::uint32_t> seen;
  for (const RawSsrc& ssrc : raw.ssrcs) {
    if (!seen.insert(ssrc.ssrc).second) return fail(SignallingError::duplicate_ssrc);
    if (auto added = add_ssrc(ssrc, endpoint, clusters); !added) return fail(added.error());
  }
  for (const RawGroup& group : raw.groups) {
    if (auto added = add_group(group, clusters); !added) return fail(added.error());
  }
  std::set<std::string> msids;
  for (const NamedSource& source : existing) msids.insert(source.msid);
  std::vector<NamedSource> out;
  for (Cluster& cluster : clusters) {
    auto layers = layers_of(cluster);
    if (!layers) return fail(layers.error());
    if (cluster.name.empty()) {
      cluster.name = made_up_name(endpoint, cluster.media, existing, clusters);
    } else if (name_taken(cluster.name, existing, {})) {
      return fail(SignallingError::name_in_use);
    }
    // Receivers find no track without an msid, so a named source that came without gets one.
    if (cluster.msid.empty()) cluster.msid = cluster.name + " " + cluster.name + "-track";
    if (!msids.insert(cluster.msid).second) return fail(SignallingError::msid_in_use);
    out.push_back({.source = {.name = cluster.name,
                              .media = cluster.media,
                              .video_type = cluster.video_type,
                              .layers = std::move(layers).value()},
                   .msid = cluster.msid});
  }
  return out;
}

Announced announce(const NamedSource& source) {
  const bridge::Layer& first = source.source.layers.front();
  return {.name = source.source.name,
          .msid = source.msid,
          .media = source.source.media,
          .desktop = source.source.video_type == bridge::VideoType::desktop,
          .ssrc = first.ssrc,
          .rtx = first.rtx};
}

AnnouncedList bridge_sources(std::uint32_t audio_ssrc, std::uint32_t video_ssrc) {
  return {{.name = "jvb-v0",
           .msid = "mixedmslabel mixedlabelvideo0",
           .media = bridge::Media::video,
           .ssrc = video_ssrc},
          {.name = "jvb-a0",
           .msid = "mixedmslabel mixedlabelaudio0",
           .media = bridge::Media::audio,
           .ssrc = audio_ssrc}};
}

Result<void, SignallingError> ConferenceSources::add(const std::string& endpoint, const RawSources& raw) {
  const auto owner = owners_.find(endpoint);
  std::vector<NamedSource> all = owner == owners_.end() ? std::vector<NamedSource>{} : owner->second.sources;
  if (raw.ssrcs.size() > limits_.ssrcs_per_participant) return fail(SignallingError::too_many_ssrcs);
  auto added = assemble(raw, endpoint, all);
  if (!added) return fail(added.error());
  for (const RawSsrc& ssrc : raw.ssrcs) {
    if (owner_of_.contains(ssrc.ssrc) || reserved_.contains(ssrc.ssrc))
      return fail(SignallingError::ssrc_in_use);
  }
  if (count_ + added->size() > limits_.sources_per_conference) return fail(SignallingError::too_many_sources);
  std::size_t ssrcs = raw.ssrcs.size();
  for (const NamedSource& source : all) {
    for (const bridge::Layer& layer : source.source.layers) ssrcs += layer.rtx == 0 ? 1 : 2;
  }
  if (ssrcs > limits_.ssrcs_per_participant) return fail(SignallingError::too_many_ssrcs);
  all.insert(all.end(), added->begin(), added->end());
  store(endpoint, std::move(all));
  return {};
}

Result<void, SignallingError> ConferenceSources::remove(const std::string& endpoint, const RawSources& raw) {
  const auto owner = owners_.find(endpoint);
  std::set<std::uint32_t> gone;
  for (const RawSsrc& ssrc : raw.ssrcs) {
    const auto known = owner_of_.find(ssrc.ssrc);
    if (known == owner_of_.end()) return fail(SignallingError::unknown_ssrc);
    if (known->second != endpoint || owner == owners_.end()) return fail(SignallingError::foreign_source);
    gone.insert(ssrc.ssrc);
  }
  if (gone.empty()) return {};
  std::vector<NamedSource> left;
  for (NamedSource source : owner->second.sources) {
    // A layer goes with its primary SSRC; a source goes with its last layer.
    std::erase_if(source.source.layers,
                  [&](const bridge::Layer& layer) { return gone.contains(layer.ssrc); });
    for (bridge::Layer& layer : source.source.layers) {
      if (gone.contains(layer.rtx)) layer.rtx = 0;
    }
    if (!source.source.layers.empty()) left.push_back(std::move(source));
  }
  store(endpoint, std::move(left));
  return {};
}

bool ConferenceSources::drop(const std::string& endpoint) {
  if (!owners_.contains(endpoint)) return false;
  store(endpoint, {});
  return true;
}

void ConferenceSources::store(const std::string& endpoint, std::vector<NamedSource> sources) {
  const auto each = [this](const std::vector<NamedSource>& list, auto&& what) {
    for (const NamedSource& source : list) {
      for (const bridge::Layer& layer : source.source.layers) {
        what(layer.ssrc);
        if (layer.rtx != 0) what(layer.rtx);
      }
    }
  };
  if (const auto owner = owners_.find(endpoint); owner != owners_.end()) {
    each(owner->second.sources, [this](std::uint32_t ssrc) { owner_of_.erase(ssrc); });
    count_ -= owner->second.sources.size();
    owners_.erase(owner);
  }
  if (sources.empty()) return;
  each(sources, [this, &endpoint](std::uint32_t ssrc) { owner_of_[ssrc] = endpoint; });
  count_ += sources.size();
  AnnouncedList announced;
  for (const NamedSource& source : sources) announced.push_back(announce(source));
  owners_[endpoint] = {std::move(sources), std::make_shared<const AnnouncedList>(std::move(announced))};
}

bool ConferenceSources::reserve(std::uint32_t audio_ssrc, std::uint32_t video_ssrc) {
  if (owner_of_.contains(audio_ssrc) || owner_of_.contains(video_ssrc)) return false;
  ++reserved_[audio_ssrc];
  ++reserved_[video_ssrc];
  return true;
}

void ConferenceSources::release(std::uint32_t audio_ssrc, std::uint32_t video_ssrc) {
  for (const std::uint32_t ssrc : {audio_ssrc, video_ssrc}) {
    const auto found = reserved_.find(ssrc);
    if (found != reserved_.end() && --found->second == 0) reserved_.erase(found);
  }
}

ConferenceSources::Snapshot ConferenceSources::announced(const std::string& owner) const {
  const auto found = owners_.find(owner);
  return found == owners_.end() ? nullptr : found->second.announced;
}

std::map<std::string, ConferenceSources::Snapshot> ConferenceSources::all_but(
    const std::string& endpoint) const {
  std::map<std::string, Snapshot> out;
  for (const auto& [owner, entry] : owners_) {
    if (owner != endpoint) out.emplace(owner, entry.announced);
  }
  return out;
}

std::vector<bridge::Source> ConferenceSources::of(const std::string& endpoint) const {
  std::vector<bridge::Source> out;
  if (const auto found = owners_.find(endpoint); found != owners_.end()) {
    for (const NamedSource& source : found->second.sources) out.push_back(source.source);
  }
  return out;
}

}  // namespace roomgate::sfu::focus

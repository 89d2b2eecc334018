#include "sfu/bridge/conference.hpp"

#include <algorithm>

#include "sfu/bridge/allocation.hpp"

namespace roomgate::sfu::bridge {
namespace {

constexpr Duration kSilenceAfter = seconds(3);  // with nobody louder than a quiet room

}  // namespace

Conference::Conference(ConferenceKey key, std::size_t this_worker, std::size_t workers,
                       const BridgeLimits& limits, std::vector<ConferenceKey>& due)
    : key_(key),
      this_worker_(this_worker),
      workers_(workers),
      limits_(limits),
      due_(due),
      speakers_(limits.speakers),
      loudest_(limits.loudest) {}

void Conference::want_allocation(Endpoint& receiver) {
  receiver.allocation_due = true;
  join_due();
}

void Conference::set_parts(std::size_t home, std::uint64_t parts) {
  home_ = home;
  parts_ = parts;
}

void Conference::add_receiver(Endpoint& endpoint) {
  receivers_.push_back(&endpoint);
  for (const auto& source : sources_) source->audio_outs_due = true;
  want_allocation();
}

void Conference::remove_receiver(Endpoint& endpoint) {
  std::erase(receivers_, &endpoint);
  std::erase(rewritten_, &endpoint);
  for (const auto& source : sources_) source->remove_receiver(endpoint);
  want_allocation();
}

void Conference::set_sources(const SetEndpointSources& message, Endpoint* sender) {
  const auto same = [](const Source& a, const Source& b) {
    return a.name == b.name && a.media == b.media && a.layers == b.layers;
  };
  std::erase_if(sources_, [&](const std::unique_ptr<SourceState>& held) {
    if (held->owner != message.endpoint) return false;
    for (const Source& source : message.sources) {
      if (same(held->announced, source)) return false;
    }
    forget(*held);
    return true;
  });
  for (const Source& source : message.sources) {
    const auto held = std::find_if(sources_.begin(), sources_.end(), [&](const auto& s) {
      return s->owner == message.endpoint && same(s->announced, source);
    });
    if (held == sources_.end()) {
      add_source(message, source, sender);
    } else if ((*held)->announced.video_type != source.video_type) {
      // Only a change counts: repeating an old type must not undo what the channel said since.
      (*held)->announced.video_type = source.video_type;
      set_video_type(message.endpoint, source.name, source.video_type);
    }
  }
  mark_first_video(message.endpoint);
  count_microphones();
  if (sender != nullptr) {
    sender->streams.clear();
    for (const auto& source : sources_) {
      if (source->owner != message.endpoint) continue;
      for (std::size_t layer = 0; layer < source->streams.size(); ++layer) {
        const Layer& ids = source->streams[layer].ids;
        sender->streams.push_back({ids.ssrc, source.get(), layer, false});
        if (ids.rtx != 0) sender->streams.push_back({ids.rtx, source.get(), layer, true});
      }
    }
    std::sort(sender->streams.begin(), sender->streams.end(),
              [](const IncomingStream& a, const IncomingStream& b) { return a.ssrc < b.ssrc; });
  }
  want_allocation();
}

void Conference::add_source(const SetEndpointSources& message, const Source& source, Endpoint* sender) {
  if (source.layers.empty() || source.layers.size() > forward::kMaxLayers) return;
  auto state = std::make_unique<SourceState>(message.endpoint, message.id, message.worker,
                                             message.worker == this_worker_, source, workers_, limits_);
  state->sender = sender;
  for (std::size_t layer = 0; layer < source.layers.size(); ++layer) {
    by_ssrc_[source.layers[layer].ssrc] = {state.get(), layer};
  }
  sources_.push_back(std::move(state));
  if (!sources_.back()->is_video()) label_voice_if_free(*sources_.back());
}

void Conference::forget(SourceState& source) {
  source.stop_outs();
  loudest_.remove(source.voice);
  for (const LayerState& layer : source.streams) {
    const auto found = by_ssrc_.find(layer.ids.ssrc);
    if (found != by_ssrc_.end() && found->second.source == &source) by_ssrc_.erase(found);
  }
}

void Conference::remove_sources_of(EndpointKey owner) {
  std::erase_if(sources_, [&](const std::unique_ptr<SourceState>& source) {
    if (source->owner != owner) return false;
    forget(*source);
    return true;
  });
  count_microphones();
  speakers_.remove(owner);
  std::erase(speaker_order_, owner);
  want_allocation();
}

void Conference::mark_first_video(EndpointKey owner) {
  bool first = true;
  for (const auto& source : sources_) {
    if (source->owner != owner || !source->is_video()) continue;
    source->first_of_owner = std::exchange(first, false);
  }
}

void Conference::set_video_type(EndpointKey owner, const std::string& name, VideoType type) {
  for (const auto& source : sources_) {
    if (source->owner != owner || !source->is_video() || source->announced.name != name) continue;
    const bool was_screen = source->is_screen();
    source->type = type;
    source->layers.set_screen(source->is_screen());
    for (VideoOut& out : source->video_outs) source->update_muted(out);
    if (source->is_screen() != was_screen) describe_again(*source);
    want_allocation();
  }
}

Conference::Found Conference::find_layer(std::uint32_t ssrc) const {
  const auto found = by_ssrc_.find(ssrc);
  return found == by_ssrc_.end() ? Found{} : found->second;
}

SourceState* Conference::find_announced(std::uint32_t ssrc) const {
  const Found found = find_layer(ssrc);
  return found && found.layer == 0 ? found.source : nullptr;
}

// By importance.
std::vector<Conference::Wanted> Conference::wanted_video(const Endpoint& receiver) const {
  std::vector<VideoCandidate> candidates;
  std::vector<SourceState*> states;
  for (const auto& source : sources_) {
    if (!source->is_video() || source->owner == receiver.key || source->muted()) continue;
    candidates.push_back({source->announced.name, source->owner_id, source->owner, source->first_of_owner});
    states.push_back(source.get());
  }
  const std::vector<std::size_t> order = video_order(receiver.wishes, candidates, speaker_order_);
  const std::vector<int> heights = wanted_heights(receiver.wishes, candidates, order);
  std::vector<Wanted> wanted;
  for (const std::size_t i : order) {
    if (heights[i] == 0) continue;
    wanted.push_back({states[i], heights[i], on_stage(receiver.wishes, candidates[i])});
  }
  return wanted;
}

bool Conference::allocate(Endpoint& receiver, int last_n, TimePoint now) {
  std::vector<Wanted> wanted = wanted_video(receiver);
  receiver.wanted_videos = static_cast<int>(wanted.size());
  if (last_n >= 0 && receiver.wanted_videos > last_n) wanted.erase(wanted.begin() + last_n, wanted.end());
  if (receiver.own) label_wanted(receiver, wanted, now);
  for (const auto& source : sources_) {
    VideoOut* out = source->is_video() ? source->find_video_out(receiver) : nullptr;
    if (out == nullptr) continue;
    const auto same = [&](const Wanted& each) { return each.source == source.get(); };
    if (std::any_of(wanted.begin(), wanted.end(), same)) continue;
    out->wanted_height = 0;
    out->forwarder.set_target({});
  }
  std::vector<std::string> suspended;
  if (const std::optional<double> budget = receiver.video_budget()) {
    suspended = spend_on(receiver, wanted, budget, now);
  } else {
    receiver.limited = false;
    for (const Wanted& each : wanted) {
      give(receiver, each, {each.source->layers.target_for(each.height), each.height, 0});
    }
  }
  std::vector<std::string> forwarded;
  for (const auto& source : sources_) {
    const VideoOut* out = source->is_video() ? source->find_video_out(receiver) : nullptr;
    if (out != nullptr && out->forwarder.target() != forward::Target{})
      forwarded.push_back(source->announced.name);
  }
  if (forwarded == receiver.forwarded && suspended == receiver.suspended) return false;
  receiver.forwarded = std::move(forwarded);
  receiver.suspended = std::move(suspended);
  return true;
}

std::vector<std::string> Conference::spend_on(Endpoint& receiver, std::span<const Wanted> wanted,
                                              std::optional<double> budget, TimePoint now) {
  std::vector<Claim> claims;
  claims.reserve(wanted.size());
  for (const Wanted& each : wanted) {
    const SourceState& source = *each.source;
    Claim& claim = claims.emplace_back(
        Claim{layer_options(source.layers, each.height, source.is_screen(), source.layer_watch, now),
              each.on_stage});
    if (const VideoOut* out = each.source->find_video_out(receiver)) {
      claim.held = claim.options.position(out->forwarder.target());
    }
  }
  const Spending spending = spend(claims, {.bitrate = budget,
                                           .may_rise = receiver.rise_hold.may_rise(now),
                                           .untried = receiver.bandwidth.untried(now)});
  receiver.rise_hold.on_spent(spending, now);
  receiver.spent = std::min(spending.spent, budget.value_or(spending.spent));
  receiver.limited = !spending.complete;
  // A probe has to show that there is room for the best, with the margin of a rise.
  receiver.bandwidth.set_goal(spending.complete ? 0 : receiver.estimate_for(kRiseMargin * spending.ideal));
  std::vector<std::string> suspended;
  for (std::size_t i = 0; i < claims.size(); ++i) {
    const int chosen = spending.chosen[i];
    if (chosen < 0) suspended.push_back(wanted[i].source->announced.name);
    // Without room for it its sender goes on with the least, so that it is there again at once.
    LayerOption option = claims[i].options[static_cast<std::size_t>(std::max(chosen, 0))];
    if (chosen < 0) option.target = {};
    give(receiver, wanted[i], option);
    if (budget) leave_what_drowns(receiver, *wanted[i].source, *budget, now);
  }
  return suspended;
}

void Conference::give(Endpoint& receiver, const Wanted& wanted, const LayerOption& option) {
  VideoOut& out = wanted.source->video_out(receiver);
  out.wanted_height = option.height;
  out.forwarder.set_target(option.target);
}

// Until its key frame comes, the lower layer of a simulcast is waited for with the higher one going on. Where
// the path carries far less than that one costs, hardly a frame of it arrives whole, and it would drown the
// key frame as well: so that is asked for when the queue has drained.
void Conference::leave_what_drowns(Endpoint& receiver, SourceState& source, double budget, TimePoint now) {
  constexpr double kFarTooMuch = 1.5;
  constexpr Duration kLongestWait = milliseconds(300);
  VideoOut& out = *source.find_video_out(receiver);
  const auto current = out.forwarder.current_layer();
  const auto awaited = out.forwarder.wanted_keyframe(source.layers, now);
  if (!current || !awaited || *awaited >= *current) return;
  if (source.layers.bitrate(*current, forward::kMaxTemporals - 1, now) <= kFarTooMuch * budget) return;
  out.forwarder.leave();
  const Duration drains = std::clamp<Duration>(receiver.bandwidth.queued(), Duration(), kLongestWait);
  receiver.keyframes_from = now + drains;
  receiver.bandwidth.hold(now + drains);
}

bool Conference::on_audio(SourceState& source, std::optional<std::uint8_t> level, TimePoint now) {
  const bool was_on_air = on_air(source);
  const TimePoint spoke_before = source.voice.spoke;
  // Without a level it may be speech: heard while there is room, and in nobody's way.
  loudest_.on_level(source.voice, level.value_or(limits_.loudest.voice - 1), now);
  const bool spoke = source.voice.spoke != spoke_before;
  const bool begins = !was_on_air || now - spoke_before > limits_.loudest.pause || now >= source.label_again;
  const bool labelled = spoke && begins && on_air(source) && !rewritten_.empty();
  if (labelled) label_speaker(source, now);
  judge_speaker(source, level, now);
  return labelled;
}

void Conference::judge_speaker(const SourceState& source, std::optional<std::uint8_t> level, TimePoint now) {
  if (!is_home() || !level) return;
  speakers_.on_level(source.owner, *level, now);
  if (*level < limits_.loudest.voice || !heard_any_) last_voice_ = now;
  heard_any_ = true;
}

bool Conference::decide_speakers(TimePoint now) {
  if (!is_home() || !heard_any_) return false;
  bool changed = now >= speakers_.next() && speakers_.tick(now);
  if (changed) speaker_order_.assign(speakers_.recent().begin(), speakers_.recent().end());
  const bool silent = now - last_voice_ > kSilenceAfter;
  if (silent != std::exchange(silence_, silent) && !speaker_order_.empty()) changed = true;
  return changed;
}

std::vector<EndpointReport> Conference::report(int last_n, TimePoint now) const {
  std::vector<EndpointReport> reports;
  std::unordered_map<EndpointKey, std::size_t> at;
  for (Endpoint* receiver : receivers_) {
    at[receiver->key] = reports.size();
    reports.push_back(receiver->report(now));
    reports.back().last_n = last_n;
  }
  for (const auto& source : sources_) {
    for (const VideoOut& out : source->video_outs) {
      const forward::Target target = out.forwarder.target();
      if (out.wanted_height == 0) continue;
      reports[at.at(out.receiver->key)].videos.push_back({.ssrc = source->announced_ssrc(),
                                                          .source = {},
                                                          .wanted_height = out.wanted_height,
                                                          .spatial = target.spatial,
                                                          .temporal = target.temporal});
    }
  }
  return reports;
}

void Conference::count_microphones() {
  loudest_.set_microphones(static_cast<std::size_t>(
      std::count_if(sources_.begin(), sources_.end(), [](const auto& s) { return !s->is_video(); })));
}

}  // namespace roomgate::sfu::bridge

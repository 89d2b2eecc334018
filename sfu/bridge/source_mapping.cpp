// A conference towards receivers whose SSRCs are ours (shard rule 13): which source has which of them.
// Whoever is not in the map is not sent; a slot goes from one source to another by ending the one's outgoing
// stream and letting the other's go on from there, so nothing of this is met by a packet.
#include <algorithm>

#include "sfu/bridge/conference.hpp"

namespace roomgate::sfu::bridge {
namespace {

constexpr Duration kTryAgain = milliseconds(100);

std::optional<TimePoint> stays(const SsrcPool::Slot&) { return std::nullopt; }

}  // namespace

void Conference::own_ssrcs_of(Endpoint& receiver, std::vector<std::uint32_t> taken) {
  const auto in_use = [this, &receiver, taken = std::move(taken)](std::uint32_t ssrc) {
    return std::find(taken.begin(), taken.end(), ssrc) != taken.end() || find_layer(ssrc) ||
           receiver.find_stream(ssrc) != nullptr;
  };
  const RewritingLimits& limits = limits_.rewriting;
  for (const auto& source : sources_) source->remove_receiver(receiver);
  receiver.own =
      std::make_unique<OwnSsrcs>(OwnSsrcs{.audio = SsrcPool({limits.voices, false, limits.grace}, in_use),
                                          .video = SsrcPool({limits.videos, true, limits.grace}, in_use)});
  rewritten_.push_back(&receiver);
  // Whoever is on air first: nobody is to wait for the end of a sentence.
  for (const bool on_air : {true, false}) {
    for (const auto& source : sources_) {
      if (!source->is_video() && source->voice.has_place == on_air) label_voice(receiver, *source, stays);
    }
  }
  want_allocation();
}

SourceState* Conference::find_outgoing(const Endpoint& receiver, std::uint32_t ssrc) const {
  return find_announced(receiver.own ? receiver.own->holder_of(ssrc) : ssrc);
}

bool Conference::label(Endpoint& receiver, const SourceState& source, const SsrcPool::Since& since) {
  const auto taken = receiver.own->of(source.announced.media).take(source.announced_ssrc(), since);
  if (!taken) return false;
  if (taken->evicted == 0) return true;
  ++receiver.own->relabelled;
  if (SourceState* before = find_announced(taken->evicted)) before->stop_out(receiver);
  return true;
}

// False: it is wanted, and there is no place.
bool Conference::label_voice(Endpoint& receiver, SourceState& source, const SsrcPool::Since& since) {
  if (source.owner == receiver.key || source.find_audio_out(receiver) != nullptr) return true;
  if (!receiver.wants_audio(source.announced.name)) return true;
  if (!label(receiver, source, since)) return false;
  source.audio_out(receiver);
  return true;
}

// While there are free ones, without anybody having said a word: the client then knows the SSRC when it is
// needed.
void Conference::label_voice_if_free(SourceState& source) {
  for (Endpoint* receiver : rewritten_) label_voice(*receiver, source, stays);
}

// Somebody began to speak: in the place of whoever has been quiet for the longest. Where all speak, once more
// when one of them may have ceased to.
void Conference::label_speaker(SourceState& source, TimePoint now) {
  source.label_again = TimePoint::max();
  for (Endpoint* receiver : rewritten_) {
    const bool has =
        label_voice(*receiver, source, [&](const SsrcPool::Slot& slot) -> std::optional<TimePoint> {
          const SourceState* holder = find_announced(slot.holder);
          if (holder == nullptr || !receiver->wants_audio(holder->announced.name)) return TimePoint{};
          const bool speaking = on_air(*holder) && now - holder->voice.spoke <= limits_.loudest.pause;
          return speaking ? std::nullopt : std::optional(holder->voice.spoke);
        });
    if (!has) source.label_again = now + kTryAgain;
  }
}

// By importance: what has no place is not sent.
void Conference::label_wanted(Endpoint& receiver, std::vector<Wanted>& wanted, TimePoint now) {
  SsrcPool& pool = receiver.own->video;
  if (wanted.size() > pool.most())
    wanted.erase(wanted.begin() + static_cast<long>(pool.most()), wanted.end());
  for (const Wanted& each : wanted) pool.want(each.source->announced_ssrc(), now);
  const auto unwanted_since = [&](const SsrcPool::Slot& slot) -> std::optional<TimePoint> {
    const bool is_wanted = std::any_of(wanted.begin(), wanted.end(), [&](const Wanted& each) {
      return each.source->announced_ssrc() == slot.holder;
    });
    return is_wanted ? std::nullopt : std::optional(slot.last_wanted);
  };
  const auto has_none = [&pool](const Wanted& each) {
    return pool.held_by(each.source->announced_ssrc()) == nullptr;
  };
  for (const Wanted& each : wanted) {
    if (has_none(each)) label(receiver, *each.source, unwanted_since);
  }
  std::erase_if(wanted, has_none);
}

void Conference::describe_again(const SourceState& source) {
  for (Endpoint* receiver : rewritten_) {
    SsrcPool& pool = receiver->own->of(source.announced.media);
    if (pool.held_by(source.announced_ssrc()) != nullptr) pool.say_again();
  }
}

std::vector<MappedSource> Conference::map_of(const Endpoint& receiver, Media media) const {
  std::vector<MappedSource> map;
  for (const SsrcPool::Slot& slot : receiver.own->of(media).slots()) {
    const SourceState* holder = find_announced(slot.holder);
    if (holder == nullptr) continue;
    map.push_back({.source = holder->announced.name,
                   .owner = holder->owner_id,
                   .ssrc = slot.ids.ssrc,
                   .rtx = slot.ids.rtx,
                   .desktop = holder->is_screen()});
  }
  return map;
}

}  // namespace roomgate::sfu::bridge

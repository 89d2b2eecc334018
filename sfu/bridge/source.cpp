#include "sfu/bridge/source.hpp"

#include <algorithm>

#include "base/random.hpp"
#include "sfu/rtp/payload_types.hpp"

namespace roomgate::sfu::bridge {
namespace {

template <class Out>
auto lower_bound_of(std::vector<Out>& outs, const Endpoint& receiver) {
  return std::lower_bound(outs.begin(), outs.end(), receiver.key,
                          [](const Out& out, EndpointKey key) { return out.receiver->key < key; });
}

template <class Out>
Out* find_out(std::vector<Out>& outs, const Endpoint& receiver) {
  const auto at = lower_bound_of(outs, receiver);
  return at != outs.end() && at->receiver == &receiver ? &*at : nullptr;
}

StoppedStream* stopped_of(Endpoint& receiver, std::uint32_t ssrc) {
  const auto found = receiver.stopped.find(ssrc);
  return found == receiver.stopped.end() ? nullptr : &found->second;
}

void remember(Endpoint& receiver, std::uint32_t ssrc, StoppedStream&& stopped) {
  if (receiver.stopped.size() >= Endpoint::kMaxStopped && !receiver.stopped.contains(ssrc)) return;
  receiver.stopped[ssrc] = std::move(stopped);
}

void remember(const VideoOut& out) {
  remember(*out.receiver, out.forwarder.ssrc(),
           {.video = out.forwarder.state(), .audio = {}, .rtx = out.last_rtx});
}

void remember(const AudioOut& out) {
  remember(*out.receiver, out.forwarder.ssrc(), {.video = {}, .audio = out.forwarder.state(), .rtx = 0});
}

forward::AudioForwarder audio_forwarder(std::uint32_t ssrc, const StoppedStream* before, bool same_source) {
  if (before == nullptr || !before->audio) return forward::AudioForwarder(ssrc);
  if (same_source) return forward::AudioForwarder(ssrc, before->audio->sequence);
  return forward::AudioForwarder(ssrc, *before->audio);
}

}  // namespace

SourceState::SourceState(EndpointKey owner_key, std::string owner_name, std::size_t owner_worker, bool local,
                         const Source& source, std::size_t workers, const BridgeLimits& bridge_limits)
    : limits(bridge_limits),
      owner(owner_key),
      owner_id(std::move(owner_name)),
      worker(owner_worker),
      is_local(local),
      announced(source),
      type(source.video_type),
      layers(source.layers.size()),
      wanted(workers, 0) {
  const bool video = source.media == Media::video;
  layers.set_screen(is_screen());
  for (const Layer& layer : source.layers) {
    LayerState& state = streams.emplace_back();
    state.ids = layer;
    state.keyframes = receive::KeyframeRequester(limits.keyframes);
    if (video) state.history = std::make_unique<receive::PacketRing>(limits.history);
    if (!local) continue;
    state.statistics.emplace(layer.ssrc, video ? 90000u : 48000u);
    if (video) state.nack = std::make_unique<receive::NackGenerator>(limits.nack);
  }
}

VideoOut* SourceState::find_video_out(const Endpoint& receiver) { return find_out(video_outs, receiver); }
AudioOut* SourceState::find_audio_out(const Endpoint& receiver) { return find_out(audio_outs, receiver); }

Layer SourceState::outgoing_ids(Endpoint& receiver) const {
  if (!receiver.own) return announced.layers.front();
  const SsrcPool::Slot* slot = receiver.own->of(announced.media).held_by(announced_ssrc());
  return slot == nullptr ? Layer{} : slot->ids;
}

VideoOut& SourceState::video_out(Endpoint& receiver) {
  const auto at = lower_bound_of(video_outs, receiver);
  if (at != video_outs.end() && at->receiver == &receiver) return *at;
  const Layer ids = outgoing_ids(receiver);
  const StoppedStream* before = stopped_of(receiver, ids.ssrc);
  VideoOut out{.receiver = &receiver,
               .forwarder = forward::Forwarder(ids.ssrc, before ? before->video : std::nullopt),
               .rtx = {},
               .held = receiver.own != nullptr};
  if (ids.rtx != 0) {
    // RFC 3711 9.1's advice: below 2^15, so that the receiver does not take early loss for a roll-over.
    out.last_rtx = before ? before->rtx : static_cast<std::uint16_t>(random_u32() & 0x3fff);
    out.rtx.emplace(ids.rtx, static_cast<std::uint16_t>(out.last_rtx + 1), limits.rtx);
    out.rtx->on_round_trip(receiver.round_trip);
  }
  update_muted(out);
  return *video_outs.insert(at, std::move(out));
}

AudioOut& SourceState::audio_out(Endpoint& receiver) {
  const auto at = lower_bound_of(audio_outs, receiver);
  if (at != audio_outs.end() && at->receiver == &receiver) return *at;
  const std::uint32_t ssrc = outgoing_ids(receiver).ssrc;
  AudioOut out{.receiver = &receiver,
               .forwarder = audio_forwarder(ssrc, stopped_of(receiver, ssrc), !receiver.own),
               .subscribed = !receiver.own && receiver.wants_audio(announced.name)};
  return *audio_outs.insert(at, std::move(out));
}

void SourceState::set_held(Endpoint& receiver, bool held) {
  if (VideoOut* out = find_video_out(receiver)) {
    out->held = held;
    update_muted(*out);
  }
  if (AudioOut* out = find_audio_out(receiver)) {
    out->subscribed = !held && receiver.wants_audio(announced.name);
  }
}

int SourceState::wanted_here() const {
  int height = 0;
  for (const VideoOut& out : video_outs) height = higher(height, out.wanted_height);
  return height;
}

int SourceState::wanted_by_all() const {
  int height = 0;
  for (const int each : wanted) height = higher(height, each);
  return height;
}

void SourceState::watch_layers(TimePoint now) {
  const int height = wanted_here();
  layer_watch.update(layers, height == 0 ? -1 : layers.target_for(height).spatial, now);
}

void SourceState::stop_outs() {
  const auto stop = [this](const auto& out) {
    remember(out);
    if (out.receiver->own) out.receiver->own->of(announced.media).release(announced_ssrc());
  };
  std::for_each(video_outs.begin(), video_outs.end(), stop);
  std::for_each(audio_outs.begin(), audio_outs.end(), stop);
  video_outs.clear();
  audio_outs.clear();
}

void SourceState::stop_out(Endpoint& receiver) {
  if (const VideoOut* out = find_video_out(receiver)) remember(*out);
  if (const AudioOut* out = find_audio_out(receiver)) remember(*out);
  remove_receiver(receiver);
}

void SourceState::remove_receiver(const Endpoint& receiver) {
  if (VideoOut* out = find_video_out(receiver))
    video_outs.erase(video_outs.begin() + (out - video_outs.data()));
  if (AudioOut* out = find_audio_out(receiver))
    audio_outs.erase(audio_outs.begin() + (out - audio_outs.data()));
}

}  // namespace roomgate::sfu::bridge

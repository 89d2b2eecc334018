// One source of a conference as one worker has it: its layers, and one forwarder per receiver on this worker.
// On the sender's own worker also what is known of the incoming streams. Owned by the worker's part of the
// conference.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sfu/bridge/config.hpp"
#include "sfu/bridge/endpoint.hpp"
#include "sfu/forward/audio_forwarder.hpp"
#include "sfu/forward/forwarder.hpp"
#include "sfu/receive/keyframe_requester.hpp"
#include "sfu/receive/nack_generator.hpp"
#include "sfu/receive/packet_ring.hpp"
#include "sfu/receive/receiver_statistics.hpp"
#include "sfu/send/rtx_sender.hpp"

namespace roomgate::sfu::bridge {

// Towards one receiver.
struct VideoOut {
  Endpoint* receiver = nullptr;
  forward::Forwarder forwarder;
  std::optional<send::RtxSender> rtx;
  std::uint16_t last_rtx = 0;
  int wanted_height = 0;  // what it is to get, by which the sender is told how high to send
  bool held = false;      // its client does not know yet what the SSRC stands for
};
struct AudioOut {
  Endpoint* receiver = nullptr;
  forward::AudioForwarder forwarder;
  bool subscribed = true;  // and not held, likewise
};

struct LayerState {
  Layer ids;
  receive::KeyframeRequester keyframes;          // video, sender's worker
  std::unique_ptr<receive::PacketRing> history;  // video
  // Sender's worker only.
  std::optional<receive::ReceiverStatistics> statistics;
  std::unique_ptr<receive::NackGenerator> nack;  // video
  bool torn = false;  // some of it was left out here, so that decoders need a key frame
};

struct SourceState {
  SourceState(EndpointKey owner_key, std::string owner_name, std::size_t owner_worker, bool local,
              const Source& source, std::size_t workers, const BridgeLimits& bridge_limits);

  const BridgeLimits& limits;

  const EndpointKey owner;
  const std::string owner_id;
  const std::size_t worker;
  const bool is_local;  // the sender is on this worker
  Source announced;
  VideoType type;               // changes with the channel's messages
  Endpoint* sender = nullptr;   // on its own worker
  bool first_of_owner = false;  // the endpoint's first video source
  forward::SourceLayers layers;
  forward::VideoReader reader;
  std::vector<LayerState> streams;  // as announced.layers

  std::vector<VideoOut> video_outs;  // sorted by the receiver's key; made when first wanted
  std::vector<AudioOut> audio_outs;  // made with the first packet, so that the silent cost nothing
  bool audio_outs_due = true;        // a receiver came since they were made

  // ---- sender's worker: how high it should send
  std::vector<int> wanted;  // by each worker's receivers
  std::optional<int> told_height;
  TimePoint lower_at = TimePoint::max();

  // ---- other workers
  int told_wanted = 0;  // what the sender's worker was last told

  LayerWatch layer_watch;

  receive::LoudestFew::Voice voice;          // audio
  TimePoint label_again = TimePoint::max();  // a receiver with SSRCs of ours had none left for it

  std::uint32_t announced_ssrc() const { return announced.layers.front().ssrc; }
  bool is_video() const { return announced.media == Media::video; }
  bool is_screen() const { return type == VideoType::desktop; }
  bool muted() const { return is_video() && type == VideoType::none; }

  VideoOut* find_video_out(const Endpoint& receiver);
  AudioOut* find_audio_out(const Endpoint& receiver);
  // Made when missing, going on where a stream of this SSRC stopped. A receiver with SSRCs of ours has given
  // one to this source before.
  VideoOut& video_out(Endpoint& receiver);
  AudioOut& audio_out(Endpoint& receiver);
  // For a receiver with SSRCs of ours: its client knows now (or not yet) which one this is.
  void set_held(Endpoint& receiver, bool held);
  void update_muted(VideoOut& out) const { out.forwarder.set_muted(muted() || out.held); }
  // Of this worker's receivers.
  int wanted_here() const;
  int wanted_by_all() const;
  // Now and then, after an allocation.
  void watch_layers(TimePoint now);
  // Ends outgoing streams, all or to one, and remembers where they stopped.
  void stop_outs();
  void stop_out(Endpoint& receiver);
  void remove_receiver(const Endpoint& receiver);

 private:
  Layer outgoing_ids(Endpoint& receiver) const;
};

}  // namespace roomgate::sfu::bridge

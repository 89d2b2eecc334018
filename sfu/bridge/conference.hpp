// One worker's part of a conference: its receivers here, everybody's sources, and who speaks (decided on the
// home worker, told to the others). Owned by the worker, on its thread. Sends nothing itself: the worker asks
// it who gets what and carries it out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "sfu/bridge/source.hpp"
#include "sfu/receive/dominant_speaker.hpp"

namespace roomgate::sfu::bridge {

class Conference {
 public:
  // Asks for an allocation by adding its key to `due`, which outlives it.
  Conference(ConferenceKey key, std::size_t this_worker, std::size_t workers, const BridgeLimits& limits,
             std::vector<ConferenceKey>& due);

  ConferenceKey key() const { return key_; }
  void set_parts(std::size_t home, std::uint64_t parts);
  bool is_home() const { return home_ == this_worker_; }
  std::uint64_t other_parts() const { return parts_ & ~(std::uint64_t{1} << this_worker_); }

  void add_receiver(Endpoint& endpoint);
  void remove_receiver(Endpoint& endpoint);
  const std::vector<Endpoint*>& receivers() const { return receivers_; }

  // The endpoint's whole list: what is not in it is gone. `sender` when the endpoint is on this worker.
  void set_sources(const SetEndpointSources& message, Endpoint* sender);
  void remove_sources_of(EndpointKey owner);
  void set_video_type(EndpointKey owner, const std::string& source, VideoType type);
  const std::vector<std::unique_ptr<SourceState>>& sources() const { return sources_; }

  struct Found {
    SourceState* source = nullptr;
    std::size_t layer = 0;
    explicit operator bool() const { return source != nullptr; }
  };
  Found find_layer(std::uint32_t ssrc) const;             // any layer's own SSRC
  SourceState* find_announced(std::uint32_t ssrc) const;  // as receivers know it

  // As this receiver knows it now.
  SourceState* find_outgoing(const Endpoint& receiver, std::uint32_t ssrc) const;

  // ---- receivers whose SSRCs are ours (source_mapping.cpp)
  // Before anything was sent to it. `taken`: what the client knows of the bridge itself.
  void own_ssrcs_of(Endpoint& receiver, std::vector<std::uint32_t> taken);
  const std::vector<Endpoint*>& rewritten() const { return rewritten_; }
  std::vector<MappedSource> map_of(const Endpoint& receiver, Media media) const;
  // A receiver wants this voice now; it gets an SSRC while there are free ones.
  void label_voice_if_free(SourceState& source);

  // Runs the allocation of one receiver, of at most `last_n` videos (negative: any number); true when the
  // sources it gets have changed.
  bool allocate(Endpoint& receiver, int last_n, TimePoint now);

  // How the receivers here fare; the rates are since the last call.
  std::vector<EndpointReport> report(int last_n, TimePoint now) const;
  TimePoint next_report{};

  // ---- speakers
  // `level` is empty for a client that tells none. True: receivers whose SSRCs are ours have another map.
  bool on_audio(SourceState& source, std::optional<std::uint8_t> level, TimePoint now);
  // Among the loudest few, or the room is small.
  bool on_air(const SourceState& source) const { return loudest_.on_air(source.voice); }
  // Home: true when the order or the silence changed.
  bool decide_speakers(TimePoint now);
  void set_speakers(std::vector<EndpointKey> order) { speaker_order_ = std::move(order); }
  const std::vector<EndpointKey>& speaker_order() const { return speaker_order_; }
  bool silence() const { return silence_; }

  // ---- whatever changes who should get what asks for an allocation, of all receivers or of one; the worker
  // makes it at the end of its turn, once for all that asked
  void want_allocation() {
    all_due_ = true;
    join_due();
  }
  void want_allocation(Endpoint& receiver);
  // It is being made: true when it is of all.
  bool begin_allocation() {
    is_due_ = false;
    return std::exchange(all_due_, false);
  }

 private:
  void join_due() {
    if (!std::exchange(is_due_, true)) due_.push_back(key_);
  }

  const ConferenceKey key_;
  const std::size_t this_worker_;
  const std::size_t workers_;
  const BridgeLimits& limits_;
  std::vector<ConferenceKey>& due_;
  bool is_due_ = false;
  bool all_due_ = false;
  std::size_t home_ = 0;
  std::uint64_t parts_ = 0;
  std::vector<Endpoint*> receivers_;
  std::vector<Endpoint*> rewritten_;                   // those with SSRCs of ours
  std::vector<std::unique_ptr<SourceState>> sources_;  // in the order they came
  std::unordered_map<std::uint32_t, Found> by_ssrc_;

  receive::DominantSpeaker speakers_;
  receive::LoudestFew loudest_;
  std::vector<EndpointKey> speaker_order_;
  TimePoint last_voice_{};
  bool heard_any_ = false;
  bool silence_ = false;

  struct Wanted {
    SourceState* source = nullptr;
    int height = 0;
    bool on_stage = false;
  };
  void judge_speaker(const SourceState& source, std::optional<std::uint8_t> level, TimePoint now);
  std::vector<Wanted> wanted_video(const Endpoint& receiver) const;
  bool label(Endpoint& receiver, const SourceState& source, const SsrcPool::Since& since);
  bool label_voice(Endpoint& receiver, SourceState& source, const SsrcPool::Since& since);
  void label_speaker(SourceState& source, TimePoint now);
  void label_wanted(Endpoint& receiver, std::vector<Wanted>& wanted, TimePoint now);
  void describe_again(const SourceState& source);
  void give(Endpoint& receiver, const Wanted& wanted, const LayerOption& option);
  static void leave_what_drowns(Endpoint& receiver, SourceState& source, double budget, TimePoint now);
  // The names of those for which there is no room.
  std::vector<std::string> spend_on(Endpoint& receiver, std::span<const Wanted> wanted,
                                    std::optional<double> budget, TimePoint now);
  void add_source(const SetEndpointSources& message, const Source& source, Endpoint* sender);
  void forget(SourceState& source);
  void mark_first_video(EndpointKey owner);
  void count_microphones();
};

}  // namespace roomgate::sfu::bridge

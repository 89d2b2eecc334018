// Which video sources a receiver wants, how high and in which order: from its own wishes and the order in
// which people spoke. Pure; on the receiver's worker. What its path carries of that is spending.hpp's, and
// what arrives of it forward/layer_selector.hpp's.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sfu/bridge/channel_messages.hpp"
#include "sfu/bridge/messages.hpp"

namespace roomgate::sfu::bridge {

// A receiver's wishes, kept up to date from its messages.
struct Wishes {
  bool asked = false;  // nothing is sent before the first message
  int last_n = kUnlimited;
  std::optional<double> assumed_bandwidth;  // bit/s, at most
  int default_max_height = 180;
  std::vector<std::string> selected;
  std::vector<std::string> on_stage;
  std::unordered_map<std::string, int> max_heights;

  void apply(const ReceiverVideoConstraints& constraints);
};

// Others' video sources, in the order they joined. Muted ones are left out by the caller: they take no place.
struct VideoCandidate {
  std::string_view source;
  std::string_view owner;
  EndpointKey owner_key = 0;
  bool first_of_owner = false;  // what a client of 2021 means by the endpoint's id
};

// The candidates by importance: who is on stage first, then who is selected, then whoever spoke last, then
// who joined first.
std::vector<std::size_t> video_order(const Wishes& wishes, std::span<const VideoCandidate> candidates,
                                     std::span<const EndpointKey> speakers);

// A height per candidate: 0 nothing, negative as much as there is. Beyond lastN, in that order, nothing.
std::vector<int> wanted_heights(const Wishes& wishes, std::span<const VideoCandidate> candidates,
                                std::span<const std::size_t> order);

bool on_stage(const Wishes& wishes, const VideoCandidate& candidate);

// Of two wishes the larger one.
int higher(int a, int b);

}  // namespace roomgate::sfu::bridge

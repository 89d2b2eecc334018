// Which video sources a receiver gets, and how high: from its own wishes and the order in which people spoke.
// Pure; on the receiver's worker. (What arrives decides how much of a wish can be met:
// forward/layer_selector.hpp.)
#pragma once

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

// A height per candidate: 0 nothing, negative as much as there is.
std::vector<int> allocate_video(const Wishes& wishes, std::span<const VideoCandidate> candidates,
                                std::span<const EndpointKey> speakers);

// Of two wishes the larger one.
int higher(int a, int b);

}  // namespace roomgate::sfu::bridge

// The bridge channel's JSON as a client writes and reads it (colibriClass ...). Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace roomgate::bench::roomload::signal {

// ReceiverVideoConstraints. Heights below 0: unlimited.
struct WantedVideo {
  int last_n = -1;
  std::vector<std::string> on_stage;
  int default_height = 180;
  std::vector<std::pair<std::string, int>> heights;
};
std::string receiver_video_constraints(const WantedVideo& wanted);
std::string source_video_type(std::string_view source, std::string_view type);

struct SenderConstraints {
  std::string source;  // empty: the first video source (a bridge of 2021)
  int max_height = -1;
};
struct ForwardedSources {
  std::vector<std::string> sources;
};
struct DominantSpeaker {
  std::string endpoint;
};
// VideoSourcesMap, AudioSourcesMap: what the bridge's own SSRCs stand for from now on.
struct SourcesMap {
  struct Entry {
    std::string source;
    std::uint32_t ssrc = 0;
    std::uint32_t rtx = 0;  // 0: none
  };
  bool video = false;
  std::vector<Entry> entries;
};
using FromBridge = std::variant<SenderConstraints, ForwardedSources, DominantSpeaker, SourcesMap>;
// Nothing: a class that does not matter here, or no such JSON.
std::optional<FromBridge> read_channel_message(std::string_view text);

}  // namespace roomgate::bench::roomload::signal

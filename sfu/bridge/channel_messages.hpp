// The bridge channel's JSON (jitsi clients, colibriClass ...) to values and back. Pure functions, signalling
// thread: workers never see JSON. Two vocabularies are read, since clients of 2021 speak of endpoints and not
// of sources (an endpoint id stands for that endpoint's first video source); unknown classes are not an
// error, only counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "sfu/bridge/control/control.hpp"

namespace roomgate::sfu::bridge {

struct ChannelLimits {
  std::size_t max_text = 64 * 1024;
  std::size_t max_depth = 16;
  std::size_t max_names = 512;  // of each list of sources or endpoints
  std::size_t max_name_length = 128;
};

inline constexpr int kUnlimited = -1;  // lastN and heights

// ---- client -> bridge. A field that is absent leaves what was said before.

struct ReceiverVideoConstraints {
  std::optional<int> last_n;
  std::optional<double> assumed_bandwidth;           // bit/s; negative: by our own estimate alone
  std::optional<std::vector<std::string>> selected;  // names: sources, or endpoints of a client of 2021
  std::optional<std::vector<std::string>> on_stage;
  std::optional<int> default_max_height;
  std::optional<std::vector<std::pair<std::string, int>>> max_heights;
  friend bool operator==(const ReceiverVideoConstraints&, const ReceiverVideoConstraints&) = default;
};
struct LastNChanged {
  int last_n = kUnlimited;
  friend bool operator==(const LastNChanged&, const LastNChanged&) = default;
};
// Both SourceVideoTypeMessage and VideoTypeMessage; the latter names no source: the sender's first video
// source.
struct VideoTypeChanged {
  std::string source;
  VideoType type = VideoType::camera;
  friend bool operator==(const VideoTypeChanged&, const VideoTypeChanged&) = default;
};
struct ReceiverAudioSubscription {
  bool all = true;
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  friend bool operator==(const ReceiverAudioSubscription&, const ReceiverAudioSubscription&) = default;
};
// EndpointMessage and EndpointStats: `text` is the whole message with `from` set by us.
struct Relayed {
  enum class Kind { message, stats };
  Kind kind = Kind::message;
  std::string to;  // empty: all others
  std::string text;
  friend bool operator==(const Relayed&, const Relayed&) = default;
};
struct ClientHello {
  friend bool operator==(const ClientHello&, const ClientHello&) = default;
};

using FromClient = std::variant<ReceiverVideoConstraints, LastNChanged, VideoTypeChanged,
                                ReceiverAudioSubscription, Relayed, ClientHello>;

enum class ChannelError { too_large, not_json, no_class, unknown_class, bad_field };
std::string_view name_of(ChannelError error);

// `from` is the endpoint whose channel the text came on; it overwrites what the text claims.
Result<FromClient, ChannelError> parse_channel_message(std::string_view text, std::string_view from,
                                                       const ChannelLimits& limits = {});

// ---- bridge -> client

std::string server_hello(std::string_view version);
// `suspended`: wanted, and no room for them on the client's path. A word of ours, which others pass over.
std::string forwarded_sources(const std::vector<std::string>& sources,
                              const std::vector<std::string>& suspended);
std::string last_n_endpoints_changed(const std::vector<std::string>& endpoints);  // 2021
// `previous`: newest first.
std::string dominant_speaker_changed(std::string_view endpoint, const std::vector<std::string>& previous,
                                     bool silence);
std::string sender_source_constraints(std::string_view source, int max_height);
std::string sender_video_constraints(int ideal_height);  // 2021
std::string connectivity_changed(std::string_view endpoint, bool active);
// What the SSRCs stand for that the bridge owns towards this client (jitsi-signalling 6.4).
struct MappedSource {
  std::string source;
  std::string owner;
  std::uint32_t ssrc = 0;
  std::uint32_t rtx = 0;  // 0: none
  bool desktop = false;
  friend bool operator==(const MappedSource&, const MappedSource&) = default;
};
std::string sources_map(Media media, const std::vector<MappedSource>& sources);
// `limited`, a word of ours: that is less than the video it wants.
std::string connection_stats(std::uint64_t estimated_downlink_bps, bool limited);

}  // namespace roomgate::sfu::bridge

#include "bench/roomload/signal/channel.hpp"

#include <boost/json.hpp>

namespace roomgate::bench::roomload::signal {
namespace {

namespace json = boost::json;

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(json::string_view(key.data(), key.size()));
  return found != nullptr && found->is_string() ? std::string(std::string_view(found->get_string())) : "";
}

int number_of(const json::object& object, std::string_view key, int otherwise) {
  const json::value* found = object.if_contains(json::string_view(key.data(), key.size()));
  if (found == nullptr || !found->is_int64()) return otherwise;
  const std::int64_t value = found->get_int64();
  return value < -1 || value > 100'000 ? otherwise : static_cast<int>(value);
}

std::uint32_t ssrc_of(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(json::string_view(key.data(), key.size()));
  if (found == nullptr || !found->is_int64()) return 0;
  const std::int64_t value = found->get_int64();
  return value < 0 || value > UINT32_MAX ? 0 : static_cast<std::uint32_t>(value);
}

SourcesMap map_of(const json::object& object, bool video) {
  SourcesMap out{.video = video, .entries = {}};
  const json::value* list = object.if_contains("mappedSources");
  if (list == nullptr || !list->is_array()) return out;
  for (const json::value& entry : list->get_array()) {
    if (!entry.is_object()) continue;
    const json::object& mapped = entry.get_object();
    out.entries.push_back({text_of(mapped, "source"), ssrc_of(mapped, "ssrc"), ssrc_of(mapped, "rtx")});
  }
  return out;
}

}  // namespace

std::string receiver_video_constraints(const WantedVideo& wanted) {
  json::object heights;
  for (const auto& [source, height] : wanted.heights) heights[source] = json::object{{"maxHeight", height}};
  json::array on_stage;
  for (const std::string& source : wanted.on_stage) on_stage.emplace_back(source);
  return json::serialize(
      json::object{{"colibriClass", "ReceiverVideoConstraints"},
                   {"lastN", wanted.last_n},
                   {"assumedBandwidthBps", -1},
                   {"selectedSources", json::array()},
                   {"onStageSources", std::move(on_stage)},
                   {"defaultConstraints", json::object{{"maxHeight", wanted.default_height}}},
                   {"constraints", std::move(heights)}});
}

std::string source_video_type(std::string_view source, std::string_view type) {
  return json::serialize(json::object{{"colibriClass", "SourceVideoTypeMessage"},
                                      {"sourceName", json::string(source.data(), source.size())},
                                      {"videoType", json::string(type.data(), type.size())}});
}

std::optional<FromBridge> read_channel_message(std::string_view text) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = 16;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error, {}, options);
  if (error || !value.is_object()) return std::nullopt;
  const json::object& object = value.get_object();
  const std::string name = text_of(object, "colibriClass");
  if (name == "SenderSourceConstraints") {
    return SenderConstraints{text_of(object, "sourceName"), number_of(object, "maxHeight", -1)};
  }
  if (name == "SenderVideoConstraints") {
    const json::value* wanted = object.if_contains("videoConstraints");
    if (wanted == nullptr || !wanted->is_object()) return std::nullopt;
    return SenderConstraints{"", number_of(wanted->get_object(), "idealHeight", -1)};
  }
  if (name == "ForwardedSources") {
    ForwardedSources out;
    if (const json::value* list = object.if_contains("forwardedSources");
        list != nullptr && list->is_array()) {
      for (const json::value& source : list->get_array()) {
        if (source.is_string()) out.sources.emplace_back(std::string_view(source.get_string()));
      }
    }
    return out;
  }
  if (name == "VideoSourcesMap" || name == "AudioSourcesMap") return map_of(object, name[0] == 'V');
  if (name == "DominantSpeakerEndpointChangeEvent") {
    return DominantSpeaker{text_of(object, "dominantSpeakerEndpoint")};
  }
  return std::nullopt;
}

}  // namespace roomgate::bench::roomload::signal

#include "sfu/bridge/channel_messages.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace roomgate::sfu::bridge {
namespace {

namespace json = boost::json;
using Parsed = Result<FromClient, ChannelError>;

constexpr int kMaxHeight = 100'000;  // anything beyond is as good as unlimited, and must not overflow an int

// Heights and lastN: negative means unlimited. Fractions come from layouts that divide; they are cut.
std::optional<int> bounded_number(const json::value& value) {
  if (!value.is_number()) return std::nullopt;
  if (value.is_uint64()) return kMaxHeight;
  const double number = value.is_int64() ? static_cast<double>(value.get_int64()) : value.get_double();
  if (!(number >= 0)) return kUnlimited;
  return static_cast<int>(std::min<double>(number, kMaxHeight));
}

bool read_number(const json::object& object, std::string_view key, std::optional<int>& out) {
  const json::value* found = object.if_contains(key);
  if (found == nullptr || found->is_null()) return true;
  out = bounded_number(*found);
  return out.has_value();
}

bool read_bandwidth(const json::object& object, std::optional<double>& out) {
  const json::value* found = object.if_contains("assumedBandwidthBps");
  if (found == nullptr || found->is_null()) return true;
  if (!found->is_number()) return false;
  const double bits = found->to_number<double>();
  out = bits >= 0 ? bits : -1.0;
  return true;
}

bool read_names(const json::object& object, std::string_view key, const ChannelLimits& limits,
                std::optional<std::vector<std::string>>& out) {
  const json::value* found = object.if_contains(key);
  if (found == nullptr || found->is_null()) return true;
  if (!found->is_array() || found->get_array().size() > limits.max_names) return false;
  std::vector<std::string> names;
  for (const json::value& item : found->get_array()) {
    if (!item.is_string() || item.get_string().size() > limits.max_name_length) return false;
    names.emplace_back(item.get_string().data(), item.get_string().size());
  }
  out = std::move(names);
  return true;
}

Parsed parse_constraints(const json::object& object, const ChannelLimits& limits) {
  ReceiverVideoConstraints out;
  // The two vocabularies differ in these keys only; a client sends one of them.
  if (!read_names(object, "selectedEndpoints", limits, out.selected) ||
      !read_names(object, "selectedSources", limits, out.selected) ||
      !read_names(object, "onStageEndpoints", limits, out.on_stage) ||
      !read_names(object, "onStageSources", limits, out.on_stage) ||
      !read_number(object, "lastN", out.last_n) || !read_bandwidth(object, out.assumed_bandwidth)) {
    return fail(ChannelError::bad_field);
  }
  if (const json::value* all = object.if_contains("defaultConstraints"); all != nullptr && !all->is_null()) {
    if (!all->is_object()) return fail(ChannelError::bad_field);
    if (!read_number(all->get_object(), "maxHeight", out.default_max_height))
      return fail(ChannelError::bad_field);
  }
  if (const json::value* each = object.if_contains("constraints"); each != nullptr && !each->is_null()) {
    if (!each->is_object() || each->get_object().size() > limits.max_names)
      return fail(ChannelError::bad_field);
    out.max_heights.emplace();
    for (const auto& [name, constraint] : each->get_object()) {
      if (name.size() > limits.max_name_length || !constraint.is_object())
        return fail(ChannelError::bad_field);
      std::optional<int> height;
      if (!read_number(constraint.get_object(), "maxHeight", height)) return fail(ChannelError::bad_field);
      out.max_heights->emplace_back(std::string(name.data(), name.size()), height.value_or(kUnlimited));
    }
  }
  return FromClient(std::move(out));
}

Parsed parse_video_type(const json::object& object, bool names_source, const ChannelLimits& limits) {
  VideoTypeChanged out;
  if (names_source) {
    const json::value* source = object.if_contains("sourceName");
    if (source == nullptr || !source->is_string() || source->get_string().empty() ||
        source->get_string().size() > limits.max_name_length) {
      return fail(ChannelError::bad_field);
    }
    out.source.assign(source->get_string().data(), source->get_string().size());
  }
  const json::value* type = object.if_contains("videoType");
  if (type == nullptr || !type->is_string()) return fail(ChannelError::bad_field);
  const std::string_view name = type->get_string();
  if (name == "camera") {
    out.type = VideoType::camera;
  } else if (name == "desktop" || name == "desktop_high_fps") {
    out.type = VideoType::desktop;
  } else if (name == "none") {
    out.type = VideoType::none;
  } else {
    return fail(ChannelError::bad_field);
  }
  return FromClient(std::move(out));
}

Parsed parse_audio_subscription(const json::object& object, const ChannelLimits& limits) {
  ReceiverAudioSubscription out;
  std::optional<std::vector<std::string>> include, exclude;
  if (!read_names(object, "include", limits, include) || !read_names(object, "exclude", limits, exclude)) {
    return fail(ChannelError::bad_field);
  }
  if (const json::value* all = object.if_contains("all"); all != nullptr) {
    if (!all->is_bool()) return fail(ChannelError::bad_field);
    out.all = all->get_bool();
  }
  if (include) out.include = std::move(*include);
  if (exclude) out.exclude = std::move(*exclude);
  return FromClient(std::move(out));
}

Parsed parse_relayed(json::object& object, Relayed::Kind kind, std::string_view from,
                     const ChannelLimits& limits) {
  Relayed out{.kind = kind};
  if (kind == Relayed::Kind::message) {
    const json::value* to = object.if_contains("to");
    if (to != nullptr && !to->is_null()) {
      if (!to->is_string() || to->get_string().size() > limits.max_name_length)
        return fail(ChannelError::bad_field);
      out.to.assign(to->get_string().data(), to->get_string().size());
    }
  }
  object["from"] = from;
  out.text = json::serialize(object);
  return FromClient(std::move(out));
}

json::object message(std::string_view colibri_class) {
  json::object object;
  object["colibriClass"] = colibri_class;
  return object;
}

json::array names(const std::vector<std::string>& list) {
  json::array array;
  for (const std::string& name : list) array.emplace_back(std::string_view(name));
  return array;
}

}  // namespace

std::string_view name_of(ChannelError error) {
  switch (error) {
    case ChannelError::too_large: return "too_large";
    case ChannelError::not_json: return "not_json";
    case ChannelError::no_class: return "no_class";
    case ChannelError::unknown_class: return "unknown_class";
    case ChannelError::bad_field: return "bad_field";
  }
  return "unknown";
}

Parsed parse_channel_message(std::string_view text, std::string_view from, const ChannelLimits& limits) {
  if (text.size() > limits.max_text) return fail(ChannelError::too_large);
  json::error_code error;
  json::parse_options options;
  options.max_depth = limits.max_depth;
  json::value parsed = json::parse(json::string_view(text.data(), text.size()), error, {}, options);
  if (error || !parsed.is_object()) return fail(ChannelError::not_json);

  json::object& object = parsed.get_object();
  const json::value* found = object.if_contains("colibriClass");
  if (found == nullptr || !found->is_string()) return fail(ChannelError::no_class);
  const std::string_view name = found->get_string();

  if (name == "ReceiverVideoConstraints") return parse_constraints(object, limits);
  if (name == "SourceVideoTypeMessage") return parse_video_type(object, true, limits);
  if (name == "VideoTypeMessage") return parse_video_type(object, false, limits);
  if (name == "EndpointMessage") return parse_relayed(object, Relayed::Kind::message, from, limits);
  if (name == "EndpointStats") return parse_relayed(object, Relayed::Kind::stats, from, limits);
  if (name == "ReceiverAudioSubscription") return parse_audio_subscription(object, limits);
  if (name == "ClientHello") return FromClient(ClientHello{});
  if (name == "LastNChangedEvent") {
    std::optional<int> last_n;
    if (!read_number(object, "lastN", last_n) || !last_n) return fail(ChannelError::bad_field);
    return FromClient(LastNChanged{*last_n});
  }
  return fail(ChannelError::unknown_class);
}

std::string server_hello(std::string_view version) {
  json::object object = message("ServerHello");
  object["version"] = version;
  return json::serialize(object);
}

std::string forwarded_sources(const std::vector<std::string>& sources,
                              const std::vector<std::string>& suspended) {
  json::object object = message("ForwardedSources");
  object["forwardedSources"] = names(sources);
  if (!suspended.empty()) object["suspendedSources"] = names(suspended);
  return json::serialize(object);
}

std::string last_n_endpoints_changed(const std::vector<std::string>& endpoints) {
  json::object object = message("LastNEndpointsChangeEvent");
  object["lastNEndpoints"] = names(endpoints);
  return json::serialize(object);
}

std::string dominant_speaker_changed(std::string_view endpoint, const std::vector<std::string>& previous,
                                     bool silence) {
  json::object object = message("DominantSpeakerEndpointChangeEvent");
  object["dominantSpeakerEndpoint"] = endpoint;
  object["previousSpeakers"] = names(previous);
  object["silence"] = silence;
  return json::serialize(object);
}

std::string sender_source_constraints(std::string_view source, int max_height) {
  json::object object = message("SenderSourceConstraints");
  object["sourceName"] = source;
  object["maxHeight"] = max_height;
  return json::serialize(object);
}

std::string sender_video_constraints(int ideal_height) {
  json::object inner;
  inner["idealHeight"] = ideal_height;
  json::object object = message("SenderVideoConstraints");
  object["videoConstraints"] = std::move(inner);
  return json::serialize(object);
}

std::string connectivity_changed(std::string_view endpoint, bool active) {
  json::object object = message("EndpointConnectivityStatusChangeEvent");
  object["endpoint"] = endpoint;
  object["active"] = active ? "true" : "false";  // clients compare with the strings
  return json::serialize(object);
}

std::string sources_map(Media media, const std::vector<MappedSource>& sources) {
  const bool video = media == Media::video;
  json::array mapped;
  for (const MappedSource& source : sources) {
    json::object entry;
    entry["source"] = std::string_view(source.source);
    entry["owner"] = std::string_view(source.owner);
    entry["ssrc"] = source.ssrc;
    if (video && source.rtx != 0) entry["rtx"] = source.rtx;
    if (video && source.rtx == 0) entry["rtx"] = -1;
    if (video) entry["videoType"] = source.desktop ? "DESKTOP" : "CAMERA";
    mapped.push_back(std::move(entry));
  }
  json::object object = message(video ? "VideoSourcesMap" : "AudioSourcesMap");
  object["mappedSources"] = std::move(mapped);
  return json::serialize(object);
}

std::string connection_stats(std::uint64_t estimated_downlink_bps, bool limited) {
  json::object object = message("ConnectionStats");
  object["estimatedDownlinkBandwidth"] = estimated_downlink_bps;
  object["limited"] = limited;
  return json::serialize(object);
}

}  // namespace roomgate::sfu::bridge

#include "sfu/focus/source_wire.hpp"

#include <boost/json.hpp>
#include <charconv>
#include <utility>

namespace roomgate::sfu::focus {
namespace {

namespace json = boost::json;

constexpr std::string_view kSourceNs = "urn:xmpp:jingle:apps:rtp:ssma:0";
constexpr std::string_view kJitMeetNs = "http://jitsi.org/jitmeet";
constexpr std::size_t kMaxJson = 64 * 1024;
constexpr std::size_t kMaxItems = 1000;
constexpr std::size_t kMaxGroup = 16;

std::uint32_t ssrc_of(std::string_view text) {
  std::uint32_t ssrc = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ssrc);
  return error == std::errc() && end == text.data() + text.size() ? ssrc : 0;  // 0 is not a usable SSRC
}

std::uint32_t ssrc_of(const json::value& value) {
  if (value.is_string()) return ssrc_of(std::string_view(value.get_string()));
  if (value.is_int64() && value.get_int64() > 0 && value.get_int64() <= 0xFFFFFFFF) {
    return static_cast<std::uint32_t>(value.get_int64());
  }
  return 0;
}

// An optional string member. False: there, and not a string.
bool read_text(const json::object& object, std::string_view key, std::string& out) {
  const json::value* found = object.if_contains(key);
  if (found == nullptr || found->is_null()) return true;
  if (!found->is_string()) return false;
  out = std::string(std::string_view(found->get_string()));
  return true;
}

using Parsed = Result<void, SignallingError>;

Parsed read_ssrcs(const json::value& list, bridge::Media media, RawSources& out) {
  if (!list.is_array()) return fail(SignallingError::bad_json);
  for (const json::value& item : list.get_array()) {
    if (!item.is_object()) return fail(SignallingError::bad_json);
    const json::object& object = item.get_object();
    const json::value* ssrc = object.if_contains("s");
    RawSsrc read{.ssrc = ssrc != nullptr ? ssrc_of(*ssrc) : 0, .media = media};
    if (read.ssrc == 0) return fail(SignallingError::bad_ssrc);
    std::string type;
    if (!read_text(object, "n", read.name) || !read_text(object, "m", read.msid) ||
        !read_text(object, "v", type)) {
      return fail(SignallingError::bad_json);
    }
    if (type == "d") read.video_type = bridge::VideoType::desktop;
    if (out.ssrcs.size() >= kMaxItems) return fail(SignallingError::too_many_ssrcs);
    out.ssrcs.push_back(std::move(read));
  }
  return {};
}

Parsed read_groups(const json::value& list, bridge::Media media, RawSources& out) {
  if (!list.is_array()) return fail(SignallingError::bad_json);
  for (const json::value& item : list.get_array()) {
    if (!item.is_array() || item.get_array().empty()) return fail(SignallingError::bad_json);
    const json::array& members = item.get_array();
    if (members.size() > kMaxGroup || out.groups.size() >= kMaxItems) return fail(SignallingError::bad_group);
    RawGroup group{.media = media};
    if (members[0] == "f") {
      group.kind = GroupKind::retransmission;
    } else if (members[0] == "s") {
      group.kind = GroupKind::simulcast;
    } else {
      return fail(SignallingError::bad_group);
    }
    for (std::size_t i = 1; i < members.size(); ++i) {
      const std::uint32_t ssrc = ssrc_of(members[i]);
      if (ssrc == 0) return fail(SignallingError::bad_ssrc);
      group.ssrcs.push_back(ssrc);
    }
    out.groups.push_back(std::move(group));
  }
  return {};
}

// [VIDEO, VGROUPS, AUDIO, AGROUPS], trailing ones left out.
Parsed read_owner(const json::value& value, RawSources& out) {
  if (!value.is_array() || value.get_array().size() > 4) return fail(SignallingError::bad_json);
  const json::array& parts = value.get_array();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bridge::Media media = i < 2 ? bridge::Media::video : bridge::Media::audio;
    if (auto read = i % 2 == 0 ? read_ssrcs(parts[i], media, out) : read_groups(parts[i], media, out);
        !read) {
      return fail(read.error());
    }
  }
  return {};
}

json::object written(const Announced& source, std::uint32_t ssrc) {
  json::object out{{"s", std::to_string(ssrc)}, {"n", source.name}, {"m", source.msid}};
  if (source.desktop) out["v"] = "d";
  return out;
}

xmpp::Element xml_source(const Announced& source, std::uint32_t ssrc, const std::string& owner) {
  xmpp::Element out("source", std::string(kSourceNs));
  out.set("ssrc", std::to_string(ssrc)).set("name", source.name);
  if (source.media == bridge::Media::video) out.set("videoType", source.desktop ? "desktop" : "camera");
  out.add(xmpp::Element("parameter", std::string(kSourceNs))).set("name", "msid").set("value", source.msid);
  out.add(xmpp::Element("ssrc-info", std::string(kJitMeetNs))).set("owner", owner);
  return out;
}

}  // namespace

Result<RawByOwner, SignallingError> parse_json_sources(std::string_view text) {
  if (text.size() > kMaxJson) return fail(SignallingError::bad_json);
  json::error_code error;
  json::parse_options options;
  options.max_depth = 8;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error, {}, options);
  if (error || !value.is_object()) return fail(SignallingError::bad_json);
  const json::value* sources = value.get_object().if_contains("sources");
  if (sources == nullptr || !sources->is_object()) return fail(SignallingError::bad_json);
  if (sources->get_object().size() > kMaxItems) return fail(SignallingError::too_many_sources);
  RawByOwner out;
  for (const auto& [owner, list] : sources->get_object()) {
    RawSources read;
    if (auto parsed = read_owner(list, read); !parsed) return fail(parsed.error());
    out.insert_or_assign(std::string(std::string_view(owner)), std::move(read));
  }
  return out;
}

Result<void, SignallingError> parse_xml_sources(const xmpp::Element& description, bridge::Media media,
                                                RawSources& out) {
  for (const xmpp::Element* source : description.children("source", kSourceNs)) {
    RawSsrc read{.ssrc = ssrc_of(source->attribute_or("ssrc", "")), .media = media};
    if (read.ssrc == 0) return fail(SignallingError::bad_ssrc);
    read.name = source->attribute_or("name", "");
    if (source->attribute_or("videoType", "camera") == "desktop")
      read.video_type = bridge::VideoType::desktop;
    for (const xmpp::Element* parameter : source->children("parameter", kSourceNs)) {
      if (parameter->attribute_or("name", "") == "msid") read.msid = parameter->attribute_or("value", "");
    }
    if (out.ssrcs.size() >= kMaxItems) return fail(SignallingError::too_many_ssrcs);
    out.ssrcs.push_back(std::move(read));
  }
  for (const xmpp::Element* listed : description.children("ssrc-group", kSourceNs)) {
    RawGroup group{.media = media};
    const std::string_view semantics = listed->attribute_or("semantics", "");
    if (semantics == "FID") {
      group.kind = GroupKind::retransmission;
    } else if (semantics == "SIM") {
      group.kind = GroupKind::simulcast;
    } else {
      return fail(SignallingError::bad_group);
    }
    const auto members = listed->children("source", kSourceNs);
    if (members.size() > kMaxGroup || out.groups.size() >= kMaxItems) return fail(SignallingError::bad_group);
    for (const xmpp::Element* member : members) {
      const std::uint32_t ssrc = ssrc_of(member->attribute_or("ssrc", ""));
      if (ssrc == 0) return fail(SignallingError::bad_ssrc);
      group.ssrcs.push_back(ssrc);
    }
    out.groups.push_back(std::move(group));
  }
  return {};
}

std::string to_json(const AnnouncedByOwner& sources) {
  json::object owners;
  for (const auto& [owner, list] : sources) {
    json::array video;
    json::array groups;
    json::array audio;
    for (const Announced& source : list) {
      const bool is_video = source.media == bridge::Media::video;
      (is_video ? video : audio).push_back(written(source, source.ssrc));
      if (!is_video || source.rtx == 0) continue;
      // The group names every SSRC of the source, or the client attaches it to none.
      video.push_back(written(source, source.rtx));
      groups.push_back(json::array{"f", std::to_string(source.ssrc), std::to_string(source.rtx)});
    }
    json::array
        parts;  // not in braces: compilers differ on whether {array} is a list of one or the array itself
    parts.push_back(std::move(video));
    if (!groups.empty() || !audio.empty()) parts.push_back(std::move(groups));
    if (!audio.empty()) parts.push_back(std::move(audio));
    owners[owner] = std::move(parts);
  }
  return json::serialize(json::object{{"sources", std::move(owners)}});
}

xmpp::Element json_message(const AnnouncedByOwner& sources) {
  xmpp::Element out("json-message", std::string(kJitMeetNs));
  out.add_text(to_json(sources));
  return out;
}

void add_xml_sources(const AnnouncedByOwner& sources, const std::string& room, bridge::Media media,
                     xmpp::Element& description) {
  for (const auto& [owner, list] : sources) {
    // The bridge is nobody in the room: its name stands alone.
    const std::string address = owner == "jvb" ? owner : room + "/" + owner;
    for (const Announced& source : list) {
      if (source.media != media) continue;
      description.add(xml_source(source, source.ssrc, address));
      if (source.rtx == 0) continue;
      description.add(xml_source(source, source.rtx, address));
      xmpp::Element group("ssrc-group", std::string(kSourceNs));
      group.set("semantics", "FID");
      group.add(xmpp::Element("source", std::string(kSourceNs))).set("ssrc", std::to_string(source.ssrc));
      group.add(xmpp::Element("source", std::string(kSourceNs))).set("ssrc", std::to_string(source.rtx));
      description.add(std::move(group));
    }
  }
}

}  // namespace roomgate::sfu::focus

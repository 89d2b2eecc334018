// Sources on the wire, both encodings both ways: the compact JSON of json-message and the XML of source and
// ssrc-group (jitsi-signalling 5.4). Pure functions; what a client sends is only read here, sources.hpp
// judges it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "sfu/bridge/control/control.hpp"
#include "sfu/focus/errors.hpp"
#include "sfu/xmpp/element.hpp"

namespace roomgate::sfu::focus {

// ---- from a client

struct RawSsrc {
  std::uint32_t ssrc = 0;
  bridge::Media media = bridge::Media::audio;
  std::string name;  // empty: a client of 2021
  std::string msid;
  bridge::VideoType video_type = bridge::VideoType::camera;
};

enum class GroupKind { retransmission, simulcast };  // FID, SIM

struct RawGroup {
  GroupKind kind = GroupKind::retransmission;
  bridge::Media media = bridge::Media::video;
  std::vector<std::uint32_t> ssrcs;
};

struct RawSources {
  std::vector<RawSsrc> ssrcs;
  std::vector<RawGroup> groups;
};

using RawByOwner = std::map<std::string, RawSources, std::less<>>;

// The text of one json-message. Bounded: 64 KiB, 1000 owners, 1000 SSRCs, 1000 groups.
Result<RawByOwner, SignallingError> parse_json_sources(std::string_view text);

// Appends the <source> and <ssrc-group> children of one <description>.
Result<void, SignallingError> parse_xml_sources(const xmpp::Element& description, bridge::Media media,
                                                RawSources& out);

// ---- to a client

// A source as receivers are told of it: one SSRC and its RTX, no simulcast.
struct Announced {
  std::string name;
  std::string msid;
  bridge::Media media = bridge::Media::audio;
  bool desktop = false;
  std::uint32_t ssrc = 0;
  std::uint32_t rtx = 0;  // 0: none
  friend bool operator==(const Announced&, const Announced&) = default;
};
using AnnouncedList = std::vector<Announced>;
using AnnouncedByOwner = std::map<std::string, AnnouncedList, std::less<>>;

std::string to_json(const AnnouncedByOwner& sources);
xmpp::Element json_message(const AnnouncedByOwner& sources);

// Adds the sources of `media` to a <description>. `room`: bare JID, for the owner's address.
void add_xml_sources(const AnnouncedByOwner& sources, const std::string& room, bridge::Media media,
                     xmpp::Element& description);

}  // namespace roomgate::sfu::focus

// What a client of a Jitsi deployment must know before it can speak XMPP: domains, the WebSocket's address,
// and how a conference is asked for. Read from /config.json (roomshard) or /config.js (Jitsi), as far as
// options do not say it. The reading is pure; the asking is on a core.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bench/roomload/signal/network.hpp"

namespace roomgate::bench::roomload::signal {

struct Settings {
  std::string domain;              // meet.jitsi
  std::string muc;                 // conference.meet.jitsi
  std::string focus;               // focus.meet.jitsi: whom the conference request goes to
  std::string websocket;           // wss://...; empty: the page's own host, /xmpp-websocket
  std::string conference_request;  // https://...; empty: by XMPP
};

// Empty fields are those that the text does not tell; nothing at all when it is no such text.
std::optional<Settings> read_config_json(std::string_view text);
std::optional<Settings> read_config_js(std::string_view text);

// `given` wins over what the deployment says; its usual names fill what neither tells.
net::Task<Result<Settings, Problem>> find_settings(Network& network, net::Core& core, Url page,
                                                   Settings given, std::string room_key, TimePoint deadline);

// A room of a run: its number behind the name that the URL gives.
struct RoomName {
  std::string tenant;  // first path segment of two; may be empty
  std::string room;    // as it stands in the MUC address: lower case, percent-encoded
};
// Of https://host/[TENANT/]PREFIX. Nothing: the path has more than two segments.
std::optional<RoomName> room_prefix(const Url& page);

std::string room_jid(const Settings& settings, const RoomName& name);
Url websocket_url(const Settings& settings, const Url& page, const RoomName& name);

}  // namespace roomgate::bench::roomload::signal

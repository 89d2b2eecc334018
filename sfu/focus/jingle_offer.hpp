// The Jingle elements the focus sends: the complete session-initiate (jitsi-signalling 5.3), source-add,
// source-remove, session-terminate. Pure: values in, one <jingle/> out.
#pragma once

#include <string>
#include <string_view>

#include "sfu/bridge/control/control.hpp"
#include "sfu/focus/config.hpp"
#include "sfu/focus/source_wire.hpp"
#include "sfu/xmpp/element.hpp"

namespace roomgate::sfu::focus {

struct Offer {
  std::string room;  // bare JID
  std::string sid;
  std::string initiator;       // full JID of the focus; free text to the client
  std::string bridge_session;  // comes back in a restart request
  std::string channel_url;     // empty: no bridge channel
  bool transport_cc = true;    // false: goog-remb instead, for a client that answered without it
  bool opus_red = false;
  SourceEncoding encoding = SourceEncoding::json;
  AnnouncedByOwner others;  // current sources of everybody else; the bridge's own are added here
};

xmpp::Element session_initiate(const Offer& offer, const bridge::Allocated& allocated);

enum class SourceAction { add, remove };
xmpp::Element source_change(SourceAction action, const std::string& sid, const std::string& room,
                            const AnnouncedByOwner& sources, SourceEncoding encoding);

// `reason`: a condition of XEP-0166 7.4, "general-error", "connectivity-error".
xmpp::Element session_terminate(const std::string& sid, std::string_view reason, std::string_view text);

// CHANNEL_BASE/colibri-ws/BRIDGE/CONFERENCE/ENDPOINT?pwd=SECRET, every part percent-encoded.
std::string channel_url(std::string_view channel_base, std::string_view bridge, std::string_view conference,
                        std::string_view endpoint, std::string_view secret);

}  // namespace roomgate::sfu::focus

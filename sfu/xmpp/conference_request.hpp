// The client's request for a conference before it joins, in its XMPP form (an IQ to the focus domain) and its
// HTTP form (JSON): jitsi-signalling 3. Pure; any thread. Whether the room can be had is asked of `request`.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "sfu/xmpp/element.hpp"
#include "sfu/xmpp/types.hpp"

namespace roomgate::sfu::xmpp {

// Room by bare JID -> it exists now, the focus in it.
using RequestRoom = std::function<bool(const std::string& room)>;

// Always an answer: to conference requests, pings, disco, and errors to the rest. `iq` is a get or set.
Element answer_focus_iq(const Element& iq, const Config& config, const RequestRoom& request);

struct HttpAnswer {
  unsigned status = 200;
  std::string body;  // application/json
};

HttpAnswer answer_conference_request(std::string_view body, const Config& config, const RequestRoom& request);

}  // namespace roomgate::sfu::xmpp

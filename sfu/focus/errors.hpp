// What can be wrong with a client's Jingle request, its words, and the stanza error it is answered with.
// Values.
#pragma once

#include <string_view>

#include "sfu/xmpp/room_service.hpp"

namespace roomgate::sfu::focus {

enum class SignallingError {
  no_sid,
  no_transport,
  bad_credentials,
  no_fingerprint,
  bad_fingerprint,
  bad_setup,
  no_sources,
  bad_json,
  bad_ssrc,
  duplicate_ssrc,
  ssrc_in_use,
  unknown_ssrc,
  foreign_source,
  bad_name,
  name_in_use,
  bad_msid,
  msid_in_use,
  bad_group,
  bad_audio_source,
  too_many_ssrcs,
  too_many_sources,
};

std::string_view describe(SignallingError error);

// wait/resource-constraint for the two "too many", cancel/bad-request for all others.
xmpp::StanzaError stanza_error(SignallingError error);

// cancel/item-not-found with unknown-session.
xmpp::StanzaError unknown_session();
// wait/unexpected-request with out-of-order: an action that does not fit the session's state.
xmpp::StanzaError out_of_order();

}  // namespace roomgate::sfu::focus

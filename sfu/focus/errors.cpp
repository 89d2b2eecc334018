#include "sfu/focus/errors.hpp"

#include <string>

namespace roomgate::sfu::focus {

std::string_view describe(SignallingError error) {
  switch (error) {
    case SignallingError::no_sid: return "a jingle element needs a sid";
    case SignallingError::no_transport: return "no content has an ICE transport with ufrag and pwd";
    case SignallingError::bad_credentials:
      return "ufrag or pwd is too short, too long, or has characters that ICE does not allow";
    case SignallingError::no_fingerprint: return "the transport has no DTLS fingerprint";
    case SignallingError::bad_fingerprint:
      return "the DTLS fingerprint is not a sha-256, sha-384 or sha-512 in hex with colons";
    case SignallingError::bad_setup: return "setup must be active: this side is the DTLS server";
    case SignallingError::no_sources: return "no sources in the request";
    case SignallingError::bad_json: return "the json-message is not a list of sources";
    case SignallingError::bad_ssrc: return "an SSRC must be a number from 1 to 4294967295";
    case SignallingError::duplicate_ssrc: return "an SSRC is listed twice";
    case SignallingError::ssrc_in_use: return "an SSRC is in use in this conference";
    case SignallingError::unknown_ssrc: return "an SSRC was never announced by this endpoint";
    case SignallingError::foreign_source: return "a source belongs to another endpoint";
    case SignallingError::bad_name:
      return "a source name must be the endpoint id, a hyphen and a few letters or digits";
    case SignallingError::name_in_use: return "a source name is in use";
    case SignallingError::bad_msid:
      return "an msid is missing, too long, not printable, or differs within one source";
    case SignallingError::msid_in_use: return "an msid is in use by another source";
    case SignallingError::bad_group: return "an SSRC group does not fit the sources";
    case SignallingError::bad_audio_source: return "an audio source has one SSRC and no group";
    case SignallingError::too_many_ssrcs: return "too many SSRCs for one endpoint";
    case SignallingError::too_many_sources: return "too many sources in this conference";
  }
  return "";
}

xmpp::StanzaError stanza_error(SignallingError error) {
  const bool too_many =
      error == SignallingError::too_many_ssrcs || error == SignallingError::too_many_sources;
  return {.type = too_many ? "wait" : "cancel",
          .condition = too_many ? "resource-constraint" : "bad-request",
          .text = std::string(describe(error)),
          .application = std::nullopt};
}

xmpp::StanzaError unknown_session() {
  return {.type = "cancel",
          .condition = "item-not-found",
          .text = "no session with this sid",
          .application = xmpp::Element("unknown-session", "urn:xmpp:jingle:errors:1")};
}

xmpp::StanzaError out_of_order() {
  return {.type = "wait",
          .condition = "unexpected-request",
          .text = "the session is not in a state for this action",
          .application = xmpp::Element("out-of-order", "urn:xmpp:jingle:errors:1")};
}

}  // namespace roomgate::sfu::focus

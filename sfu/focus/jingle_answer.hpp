// What clients send to the focus, as values: session-accept, source-add, source-remove, session-terminate,
// session-info, transport-info (jitsi-signalling 5.5 to 5.7). Pure; hostile input gives a SignallingError,
// never a half-read value.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "sfu/bridge/control/control.hpp"
#include "sfu/focus/source_wire.hpp"
#include "sfu/xmpp/element.hpp"

namespace roomgate::sfu::focus {

inline constexpr std::string_view kJingleNs = "urn:xmpp:jingle:1";

enum class Action {
  session_accept,
  session_info,
  session_terminate,
  source_add,
  source_remove,
  transport_info,
  unsupported,  // known to Jingle or its extensions, not to us: feature-not-implemented
  unknown,      // bad-request
};
Action action_of(std::string_view text);

struct SessionAccept {
  std::string ufrag;
  std::string pwd;
  bridge::Fingerprint fingerprint;
  RawSources sources;
  bool transport_cc = true;  // false only when feedback is listed for video, and transport-cc is not among it
  bool opus_red = false;     // its answer has RED
  bool source_names = true;  // false: sources came, and one had no name
};
Result<SessionAccept, SignallingError> parse_session_accept(const xmpp::Element& jingle,
                                                            std::string_view endpoint);

// source-add and source-remove, either encoding; at least one SSRC.
Result<RawSources, SignallingError> parse_source_change(const xmpp::Element& jingle,
                                                        std::string_view endpoint);

struct SessionTerminate {
  std::string reason;
  std::string text;
  std::optional<std::string> bridge_session;
  bool restart = false;
};
SessionTerminate parse_session_terminate(const xmpp::Element& jingle);

struct SessionInfo {
  enum class Kind { ping, ice_state, ice_restart, other };
  Kind kind = Kind::other;
  std::string ice_state;
};
SessionInfo parse_session_info(const xmpp::Element& jingle);

}  // namespace roomgate::sfu::focus

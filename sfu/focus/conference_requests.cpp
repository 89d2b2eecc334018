// Requests of clients to room/focus: Jingle and mute. Every path through here answers the IQ exactly once,
// and a result is sent before anything that follows from the request (the client runs nothing else until it
// has it).
#include <algorithm>
#include <array>
#include <utility>

#include "base/log.hpp"
#include "sfu/focus/conference.hpp"
#include "sfu/focus/errors.hpp"
#include "sfu/focus/jingle_answer.hpp"
#include "sfu/focus/jingle_offer.hpp"

namespace roomgate::sfu::focus {
namespace {

xmpp::StanzaError error_of(std::string type, std::string condition, std::string text = "") {
  return {.type = std::move(type),
          .condition = std::move(condition),
          .text = std::move(text),
          .application = std::nullopt};
}

constexpr std::array<std::string_view, 3> kMuteNamespaces = {
    "http://jitsi.org/jitmeet/audio", "http://jitsi.org/jitmeet/video", "http://jitsi.org/jitmeet/desktop"};

const xmpp::Element* mute_of(const xmpp::Element& iq) {
  for (const std::string_view ns : kMuteNamespaces) {
    if (const xmpp::Element* found = iq.child("mute", ns); found != nullptr) return found;
  }
  return nullptr;
}

}  // namespace

void Conference::answer(const std::string& nick, const xmpp::Element& iq) {
  context_.rooms.reply_result(room_, nick, iq);
}

void Conference::refuse(const std::string& nick, const xmpp::Element& iq, xmpp::StanzaError error) {
  context_.metrics.refused_requests.add();
  LOG(info, "request_refused", {"room", room_}, {"endpoint", nick}, {"condition", error.condition},
      {"text", error.text});
  context_.rooms.reply_error(room_, nick, iq, std::move(error));
}

void Conference::iq(const std::string& nick, const xmpp::Element& iq, TimePoint now) {
  const xmpp::Element* jingle = iq.child("jingle", kJingleNs);
  const xmpp::Element* mute = mute_of(iq);
  if (jingle == nullptr && mute == nullptr)
    return refuse(nick, iq, error_of("cancel", "service-unavailable"));
  if (iq.attribute_or("type", "") != "set")
    return refuse(nick, iq, error_of("cancel", "bad-request", "must be a set"));
  if (jingle == nullptr) return this->mute(nick, iq, *mute);
  Participant* who = find(nick);
  if (who == nullptr) return refuse(nick, iq, unknown_session());
  this->jingle(*who, iq, *jingle, now);
}

void Conference::jingle(Participant& who, const xmpp::Element& iq, const xmpp::Element& jingle,
                        TimePoint now) {
  const std::string& nick = who.info.nick;
  const Action action = action_of(jingle.attribute_or("action", ""));
  if (action == Action::unknown)
    return refuse(nick, iq, error_of("cancel", "bad-request", "no such Jingle action"));
  if (action == Action::unsupported) return refuse(nick, iq, error_of("cancel", "feature-not-implemented"));
  const std::string_view sid = jingle.attribute_or("sid", "");
  if (sid.empty()) return refuse(nick, iq, stanza_error(SignallingError::no_sid));
  if (!who.has_session() || sid != who.sid) return refuse(nick, iq, unknown_session());
  switch (action) {
    case Action::session_accept: return session_accept(who, iq, jingle, now);
    case Action::session_terminate: return session_terminate(who, iq, jingle, now);
    case Action::session_info: return session_info(who, iq, jingle);
    case Action::source_add:
    case Action::source_remove: return source_change(who, iq, jingle, action == Action::source_add, now);
    case Action::transport_info:
      return answer(nick, iq);  // candidates we do not need: addresses are learnt from the client's checks
    case Action::unsupported:
    case Action::unknown: return;
  }
}

void Conference::session_accept(Participant& who, const xmpp::Element& iq, const xmpp::Element& jingle,
                                TimePoint now) {
  const std::string& nick = who.info.nick;
  if (who.phase != Phase::invited) return refuse(nick, iq, out_of_order());
  auto accept = parse_session_accept(jingle, nick);
  if (!accept) return refuse(nick, iq, stanza_error(accept.error()));
  if (!accept->transport_cc && who.transport_cc) {
    // It was offered transport-cc only and cannot do it: without feedback its video would stay at the lowest
    // layer. Once more, with goog-remb. Happens once, since the next offer has no transport-cc to leave out.
    who.transport_cc = false;
    answer(nick, iq);
    terminate_at_client(who, "success", "offer with goog-remb follows");
    return restart(who, "client without transport-cc", now, now);
  }
  if (!accept->sources.ssrcs.empty()) {
    if (auto added = sources_.add(nick, accept->sources); !added)
      return refuse(nick, iq, stanza_error(added.error()));
  }
  context_.metrics.accepts.add();
  answer(nick, iq);
  step(who, Step::accept);
  who.invite_failures = 0;
  const bool named = accept->sources.ssrcs.empty() ? !who.old_presence : accept->source_names;
  send(who, bridge::SetTransport{.conference = id_,
                                 .endpoint = nick,
                                 .ufrag = std::move(accept->ufrag),
                                 .pwd = std::move(accept->pwd),
                                 .fingerprint = std::move(accept->fingerprint),
                                 .features = {.transport_cc = who.transport_cc,
                                              .source_names = named,
                                              .opus_red = accept->opus_red,
                                              .ssrc_rewriting = who.rewriting}});
  send(who, bridge::SetSources{.conference = id_, .endpoint = nick, .sources = sources_.of(nick)});
  flush(who);  // what came up since its session-initiate; one message, so not worth batching
  if (sources_.announced(nick) != nullptr) sources_changed(nick, now);
}

void Conference::session_terminate(Participant& who, const xmpp::Element& iq, const xmpp::Element& jingle,
                                   TimePoint now) {
  const std::string nick = who.info.nick;
  const SessionTerminate request = parse_session_terminate(jingle);
  if (request.bridge_session && *request.bridge_session != who.bridge_session) {
    return refuse(nick, iq, error_of("cancel", "item-not-found", "no such bridge session"));
  }
  const std::string why = request.reason + (request.text.empty() ? "" : ": " + request.text);
  LOG(info, "terminated_by_client", {"room", room_}, {"endpoint", nick}, {"restart", request.restart},
      {"reason", why});
  if (request.restart && who.restarts.admits(now)) {
    answer(nick, iq);
    return restart(who, why, who.restarts.take(now), now);
  }
  if (request.restart) {
    refuse(nick, iq, error_of("wait", "resource-constraint", "too many restarts"));
  } else {
    answer(nick, iq);
  }
  end_session(who, now);  // refused or not, the client has closed its side
  step(who, Step::end);
}

void Conference::session_info(Participant& who, const xmpp::Element& iq, const xmpp::Element& jingle) {
  const std::string& nick = who.info.nick;
  const SessionInfo info = parse_session_info(jingle);
  switch (info.kind) {
    case SessionInfo::Kind::ping: return answer(nick, iq);
    case SessionInfo::Kind::ice_state:
      LOG(info, "client_ice_state", {"room", room_}, {"endpoint", nick}, {"state", info.ice_state});
      return answer(nick, iq);
    case SessionInfo::Kind::ice_restart:
      // The client falls back to terminate with restart='true', which is the one path we support.
      return refuse(nick, iq, error_of("cancel", "feature-not-implemented", "ask for a session restart"));
    case SessionInfo::Kind::other: {
      xmpp::StanzaError error = error_of("modify", "feature-not-implemented");
      error.application = xmpp::Element("unsupported-info", "urn:xmpp:jingle:errors:1");
      return refuse(nick, iq, std::move(error));
    }
  }
}

void Conference::source_change(Participant& who, const xmpp::Element& iq, const xmpp::Element& jingle,
                               bool add, TimePoint now) {
  const std::string& nick = who.info.nick;
  if (who.phase != Phase::accepted) return refuse(nick, iq, out_of_order());
  const auto raw = parse_source_change(jingle, nick);
  if (!raw) return refuse(nick, iq, stanza_error(raw.error()));
  const auto changed = add ? sources_.add(nick, *raw) : sources_.remove(nick, *raw);
  if (!changed) return refuse(nick, iq, stanza_error(changed.error()));
  answer(nick, iq);
  send(who, bridge::SetSources{.conference = id_, .endpoint = nick, .sources = sources_.of(nick)});
  sources_changed(nick, now);
}

// jitsi-signalling 5.7: from a moderator, only "true", passed on to the target as from the focus.
void Conference::mute(const std::string& nick, const xmpp::Element& iq, const xmpp::Element& mute) {
  const std::string_view jid = mute.attribute_or("jid", "");
  const std::string prefix = room_ + "/";
  if (mute.text() != "true" || !jid.starts_with(prefix)) {
    return refuse(nick, iq,
                  error_of("cancel", "bad-request", "mute is 'true' and names an occupant of this room"));
  }
  const std::string target(jid.substr(prefix.size()));
  const auto occupants = context_.rooms.occupants(room_);
  const auto has = [&occupants](const std::string& wanted) {
    return std::find_if(occupants.begin(), occupants.end(), [&](const auto& o) { return o.nick == wanted; });
  };
  const auto actor = has(nick);
  if (actor == occupants.end() || !actor->moderator) return refuse(nick, iq, error_of("auth", "forbidden"));
  if (has(target) == occupants.end())
    return refuse(nick, iq, error_of("cancel", "item-not-found", "no such occupant"));
  answer(nick, iq);
  xmpp::Element order("mute", mute.ns());
  order.set("actor", prefix + nick).add_text("true");
  context_.rooms.send_focus_iq(room_, target, std::move(order));
}

}  // namespace roomgate::sfu::focus

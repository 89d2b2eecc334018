#include "sfu/xmpp/server.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "base/random.hpp"
#include "sfu/xmpp/iq_router.hpp"
#include "sfu/xmpp/jid.hpp"
#include "sfu/xmpp/namespaces.hpp"
#include "sfu/xmpp/stanza.hpp"

namespace roomgate::sfu::xmpp {
namespace {

constexpr std::uint16_t kNormal = 1000;  // RFC 6455 7.4.1
constexpr std::uint16_t kGoingAway = 1001;
constexpr std::uint16_t kPolicy = 1008;
constexpr std::uint16_t kTryLater = 1013;

Element not_found() {
  return Element("failed", ns::kStreamManagement).with(Element("item-not-found", ns::kStanzaErrors));
}

StreamFailure handled_too_much(std::uint32_t h, std::uint32_t sent) {
  Element detail("handled-count-too-high", ns::kStreamManagement);
  detail.set("h", std::to_string(h)).set("send-count", std::to_string(sent));
  return {"undefined-condition", kPolicy, std::move(detail)};
}

}  // namespace

Server::Server(Config config, Connections& connections)
    : config_(std::move(config)), sockets_(connections), muc_(config_, *this, counters_) {
  // JIDs are compared as parsed, in lower case.
  for (std::string* name : {&config_.domains.domain, &config_.domains.muc, &config_.domains.focus}) {
    if (const auto jid = Jid::parse(*name)) *name = jid->full();
  }
}

Server::~Server() = default;

void Server::set_listener(RoomListener& listener) { muc_.set_listener(listener); }

void Server::set_room_watcher(std::function<void(bool, const RoomCensus&)> watcher) {
  muc_.set_watcher(std::move(watcher));
}

// ---- sockets

void Server::connected(ConnectionId id, ConnectionInfo info, TimePoint now) {
  if (connections_.size() >= config_.limits.connections) {
    sockets_.close(id, kTryLater);
    return;
  }
  ++counters_.connections;
  connections_.insert_or_assign(
      id, Connection{std::move(info), Stream(config_.domains.domain, config_.stream_management),
                     now + config_.limits.login, nullptr});
}

void Server::received(ConnectionId id, std::string_view text, TimePoint now) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  if (Session* session = found->second.session) {
    const Limits& limits = config_.limits;
    const bool within = session->stanzas.take(1, limits.stanzas_per_second, limits.stanza_burst, now) &&
                        session->bytes.take(static_cast<double>(text.size()), limits.bytes_per_second,
                                            limits.byte_burst, now);
    if (!within) {
      ++counters_.rate_limited;
      fail_stream(id, {"policy-violation", kPolicy, {}}, now);
      return settle(now);
    }
  }
  auto element = parse_stanza(text, config_.limits.parse);
  if (!element) {
    ++counters_.ill_formed;
    LOG(info, "xmpp_message_refused", {"reason", to_text(element.error())},
        {"remote", found->second.info.remote});
    fail_stream(id, failure_of(element.error()), now);
    return settle(now);
  }
  const Step step = found->second.stream.received(*element);
  act(id, step, *element, text.size(), now);
  settle(now);
}

void Server::closed(ConnectionId id, TimePoint now, Duration silent) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Session* session = found->second.session;
  connections_.erase(found);
  if (session != nullptr) {
    session->connection.reset();
    session->dropped_at = now - silent;
    // A dead WebSocket without stream management is a participant gone.
    if (!session->management.resumable()) end_session(*session, LeaveReason::connection_lost, now);
  }
  settle(now);
}

void Server::tick(TimePoint now) {
  std::vector<ConnectionId> late;
  for (const auto& [id, connection] : connections_) {
    if (connection.session == nullptr && connection.login_by <= now) late.push_back(id);
  }
  for (ConnectionId id : late) fail_stream(id, {"connection-timeout", kPolicy, {}}, now);
  for (auto& [id, session] : sessions_) {
    if (session->connection) {
      ask(*session, true);
      continue;
    }
    const seconds kept =
        session->media_alive ? config_.limits.kept_with_media : config_.limits.kept_without_media;
    if (session->failed || now - session->dropped_at < kept) continue;
    ++counters_.expired;
    session->failed = true;
    failed_.push_back(id);
  }
  muc_.tick(now);
  settle(now);
}

HttpAnswer Server::conference_request(std::string_view body, std::string_view address, TimePoint now) {
  HttpAnswer answer = answer_conference_request(body, config_, [&](const std::string& room) {
    ++counters_.conference_requests;
    const bool ready = muc_.request_room(room, nullptr, address, now);
    counters_.conference_requests_refused += ready ? 0 : 1;
    return ready;
  });
  settle(now);
  return answer;
}

void Server::shut_down(TimePoint now) {
  muc_.drain(true);
  muc_.end_all(now);
  std::vector<ConnectionId> ids;
  for (const auto& [id, connection] : connections_) ids.push_back(id);
  for (ConnectionId id : ids) {
    send(id, Element("close", ns::kFraming));
    Session* session = connections_.at(id).session;
    forget(id, kGoingAway);
    if (session != nullptr) end_session(*session, LeaveReason::left, now);
  }
  std::vector<std::uint64_t> rest;
  for (const auto& [id, session] : sessions_) rest.push_back(id);
  for (std::uint64_t id : rest) end_session(*sessions_.at(id), LeaveReason::connection_lost, now);
  settle(now);
}

void Server::media_alive(const std::string& full_jid, bool alive) {
  if (const auto found = by_jid_.find(full_jid); found != by_jid_.end()) found->second->media_alive = alive;
}

std::size_t Server::dropped_session_count() const {
  return static_cast<std::size_t>(std::count_if(sessions_.begin(), sessions_.end(),
                                                [](const auto& each) { return !each.second->connection; }));
}

// ---- streams

void Server::act(ConnectionId id, const Step& step, const Element& element, std::size_t bytes,
                 TimePoint now) {
  for (const Element& answer : step.send) send(id, answer);
  Session* session = connections_.at(id).session;
  switch (step.want) {
    case Want::nothing: return;
    case Want::bind: return bind(id, element, now);
    case Want::enable: return enable(id, step.resumable);
    case Want::resume: return resume(id, step, now);
    case Want::acknowledge:
      if (!session->management.enabled())
        return fail_stream(id, {"unsupported-stanza-type", kPolicy, {}}, now);
      return send(
          id, Element("a", ns::kStreamManagement).set("h", std::to_string(session->management.handled())));
    case Want::acknowledged:
      if (!session->management.acknowledge(step.h)) {
        return fail_stream(id, handled_too_much(step.h, session->management.sent()), now);
      }
      return;
    case Want::stanza:
      ++counters_.stanzas_in;
      session->management.count_received();
      return route(*session, element, bytes, now);
    case Want::end:
      forget(id, kNormal);
      if (session != nullptr) end_session(*session, LeaveReason::left, now);
      return;
    case Want::failure: return fail_stream(id, step.failure, now);
  }
}

void Server::bind(ConnectionId id, const Element& request, TimePoint now) {
  Connection& connection = connections_.at(id);
  if (sessions_.size() >= config_.limits.sessions) {
    send(id, error_of(request, {"wait", "resource-constraint", "", {}}));
    LOG(warn, "xmpp_sessions_full", {"sessions", sessions_.size()});
    return fail_stream(id, {"resource-constraint", kTryLater, {}}, now);
  }
  auto session = std::make_unique<Session>();
  session->id = next_session_++;
  // The client takes the first eight hex digits of a UUID for its nick, which is its endpoint id.
  session->bare_jid = random_uuid() + "@" + config_.domains.domain;
  session->full_jid = session->bare_jid + "/" + random_hex(6);
  session->info = connection.info;
  session->connection = id;
  Session& bound = *session;
  by_jid_.emplace(bound.full_jid, &bound);
  sessions_.emplace(bound.id, std::move(session));
  connection.session = &bound;
  connection.stream.bound();
  ++counters_.sessions;

  Element answer = result_of(request);
  Element& binding = answer.add(Element("bind", ns::kBind));
  binding.add(text_element("jid", ns::kBind, bound.full_jid));
  send(id, answer);
}

void Server::enable(ConnectionId id, bool resumable) {
  Session& session = *connections_.at(id).session;
  if (session.management.enabled()) {
    send(id, Element("failed", ns::kStreamManagement).with(Element("unexpected-request", ns::kStanzaErrors)));
    return;
  }
  Element answer("enabled", ns::kStreamManagement);
  std::string secret;
  if (resumable) {
    secret = random_hex(16);  // a bearer secret
    by_resumption_.emplace(secret, &session);
    answer.set("resume", "true").set("id", secret);
    answer.set("max", std::to_string(config_.limits.kept_with_media.count()));
  }
  session.management.enable(std::move(secret));
  send(id, answer);
}

// The login before this was anonymous again: `previd` alone says whose session it is.
void Server::resume(ConnectionId id, const Step& step, TimePoint now) {
  const auto found = by_resumption_.find(step.previd);
  if (found == by_resumption_.end() || found->second->failed) {
    ++counters_.resume_failed;
    return send(id, not_found());
  }
  Session& session = *found->second;
  if (!session.management.acknowledge(step.h)) {
    ++counters_.resume_failed;
    return fail_stream(id, handled_too_much(step.h, session.management.sent()), now);
  }
  if (session.connection) {
    // The old socket is dead and nobody knows yet.
    const ConnectionId old = *session.connection;
    Connection& connection = connections_.at(old);
    connection.session = nullptr;
    for (const Element& last : connection.stream.farewell({"conflict", kPolicy, {}})) send(old, last);
    forget(old, kPolicy);
  }
  Connection& connection = connections_.at(id);
  connection.session = &session;
  connection.stream.bound();
  session.connection = id;
  session.info = connection.info;
  session.management.resumed();
  ++counters_.resumed;

  Element answer("resumed", ns::kStreamManagement);
  answer.set("h", std::to_string(session.management.handled())).set("previd", step.previd);
  send(id, answer);
  for (const std::string& stanza : session.management.unacked()) sockets_.send(id, stanza);
  ask(session, true);
}

// ---- stanzas

void Server::route(Session& session, const Element& stanza, std::size_t bytes, TimePoint now) {
  const Limits& limits = config_.limits;
  const bool presence = stanza.name() == "presence";
  const bool message = stanza.name() == "message";
  if (!presence && !message) return route_iq(session, stanza, now);
  if ((presence && bytes > limits.presence_bytes) || (message && bytes > limits.message_bytes)) {
    return refuse(session, stanza, {"modify", "policy-violation", "", {}});
  }
  const std::string* to = stanza.attribute("to");
  if (to == nullptr) {
    // Presence to nobody is to everybody: gone from here is gone from all rooms.
    if (presence && stanza.attribute_or("type", "") == "unavailable") {
      muc_.leave_all(session, LeaveReason::left, now);
    }
    return;
  }
  const auto jid = Jid::parse(*to);
  if (!jid) return refuse(session, stanza, {"modify", "jid-malformed", "", {}});
  if (!config_.domains.is_room_service(jid->domain)) {
    // Nobody is reached but through a room.
    if (message) refuse(session, stanza, {"cancel", "service-unavailable", "", {}});
    return;
  }
  if (presence) {
    muc_.presence(session, stanza, *jid, now);
  } else {
    muc_.message(session, stanza, *jid);
  }
}

void Server::route_iq(Session& session, const Element& iq, TimePoint now) {
  const bool request = is_request(iq);
  if (!request && !is_response(iq)) return refuse(session, iq, {"modify", "bad-request", "", {}});
  if (iq.attribute("id") == nullptr) {
    if (request) refuse(session, iq, {"modify", "bad-request", "an IQ has an id", {}});
    return;
  }
  // RFC 6120 8.2.3: one child says what is asked.
  if (request && iq.children().size() != 1) return refuse(session, iq, {"modify", "bad-request", "", {}});
  const std::string* to = iq.attribute("to");
  const auto jid =
      Jid::parse(to != nullptr ? std::string_view(*to) : std::string_view(config_.domains.domain));
  if (!jid) {
    if (request) refuse(session, iq, {"modify", "jid-malformed", "", {}});
    return;
  }
  if (config_.domains.is_room_service(jid->domain)) return muc_.iq(session, iq, *jid, now);
  if (!request) return;

  std::optional<Element> answer;
  if (jid->domain == config_.domains.focus) {
    answer = answer_focus_iq(iq, config_, [&](const std::string& room) {
      ++counters_.conference_requests;
      const bool ready = muc_.request_room(room, &session, session.info.remote, now);
      counters_.conference_requests_refused += ready ? 0 : 1;
      return ready;
    });
  } else if (jid->full() == config_.domains.domain || jid->bare() == session.bare_jid) {
    answer = answer_domain_iq(iq, config_, config_.unix_milliseconds());
  } else {
    return refuse(session, iq, {"cancel", "service-unavailable", "", {}});
  }
  answer->set("to", session.full_jid);
  deliver(session, answer->serialize());
}

void Server::refuse(Session& session, const Element& stanza, StanzaError error) {
  if (stanza.attribute_or("type", "") == "error") return;
  Element answer = error_of(stanza, error);
  answer.set("to", session.full_jid);
  deliver(session, answer.serialize());
}

// ---- sending and ending

void Server::send(ConnectionId id, const Element& element) { sockets_.send(id, element.serialize()); }

void Server::deliver(Session& session, std::string stanza) {
  if (session.failed) return;
  ++counters_.stanzas_out;
  if (!session.management.keep(stanza, config_.limits.unacked)) {
    // It can no longer be told all that happened: whoever is so far behind starts anew. Rooms may be
    // iterating over their occupants now, hence later, in settle().
    ++counters_.queue_overflows;
    session.failed = true;
    failed_.push_back(session.id);
    return;
  }
  if (!session.connection) return;
  if (session.management.enabled() && !session.touched) {
    session.touched = true;
    touched_.push_back(session.id);
  }
  sockets_.send(*session.connection, std::move(stanza));
}

void Server::ask(Session& session, bool idle) {
  if (!session.connection || session.failed || !session.management.should_ask(idle)) return;
  session.management.asked();
  send(*session.connection, Element("r", ns::kStreamManagement));
}

void Server::settle(TimePoint now) {
  while (!failed_.empty()) {
    const std::uint64_t id = failed_.back();
    failed_.pop_back();
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) continue;
    Session& session = *found->second;
    if (session.connection) {
      fail_stream(*session.connection, {"resource-constraint", kPolicy, {}}, now);
    } else {
      end_session(session, LeaveReason::connection_lost, now);
    }
  }
  for (std::uint64_t id : touched_) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) continue;
    found->second->touched = false;
    ask(*found->second, false);
  }
  touched_.clear();
}

void Server::fail_stream(ConnectionId id, const StreamFailure& failure, TimePoint now) {
  Connection& connection = connections_.at(id);
  Session* session = connection.session;
  ++counters_.stream_errors;
  for (const Element& last : connection.stream.farewell(failure)) send(id, last);
  forget(id, failure.code);
  if (session != nullptr) end_session(*session, LeaveReason::connection_lost, now);
}

void Server::forget(ConnectionId id, std::uint16_t code) {
  const auto found = connections_.find(id);
  if (found->second.session != nullptr) found->second.session->connection.reset();
  connections_.erase(found);
  sockets_.close(id, code);
}

void Server::end_session(Session& session, LeaveReason reason, TimePoint now) {
  session.connection.reset();
  session.failed = true;  // nothing more is kept for it
  muc_.leave_all(session, reason, now);
  by_jid_.erase(session.full_jid);
  if (session.management.resumable()) by_resumption_.erase(session.management.id());
  sessions_.erase(session.id);
}

// ---- RoomService

std::string Server::send_focus_iq(const std::string& room, const std::string& nick, Element payload) {
  return muc_.send_focus_iq(room, nick, "set", std::move(payload));
}

std::string Server::ask_as_focus(const std::string& room, const std::string& nick, Element payload) {
  return muc_.send_focus_iq(room, nick, "get", std::move(payload));
}

void Server::reply_result(const std::string& room, const std::string& nick, const Element& request,
                          std::optional<Element> payload) {
  Element answer = result_of(request);
  if (payload) answer.add(std::move(*payload));
  muc_.reply(room, nick, request, std::move(answer));
}

void Server::reply_error(const std::string& room, const std::string& nick, const Element& request,
                         StanzaError error) {
  muc_.reply(room, nick, request, error_of(request, error));
}

void Server::set_focus_presence(const std::string& room, std::vector<Element> payload) {
  muc_.set_focus_presence(room, std::move(payload));
}

std::vector<OccupantInfo> Server::occupants(const std::string& room) const { return muc_.occupants(room); }

}  // namespace roomgate::sfu::xmpp

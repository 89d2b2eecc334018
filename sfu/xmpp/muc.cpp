#include "sfu/xmpp/muc.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

#include "base/random.hpp"
#include "sfu/xmpp/namespaces.hpp"
#include "sfu/xmpp/stanza.hpp"

namespace roomgate::sfu::xmpp {
namespace {

// Until a focus is there, no room can be had.
class NoFocus final : public RoomListener {
 public:
  bool conference_requested(const std::string&, TimePoint) override { return false; }
  void room_ended(const std::string&, TimePoint) override {}
  void occupant_joined(const std::string&, const OccupantInfo&, const Element&, TimePoint) override {}
  void occupant_presence(const std::string&, const OccupantInfo&, const Element&, TimePoint) override {}
  void occupant_left(const std::string&, const std::string&, LeaveReason, TimePoint) override {}
  void focus_iq(const std::string&, const std::string&, const Element&, TimePoint) override {}
  void focus_iq_answered(const std::string&, const std::string&, const std::string&, bool, const Element&,
                         TimePoint) override {}
};
NoFocus no_focus;

// What an occupant says of itself, relayed as it is. muc#user and <identity> are the server's to say.
std::vector<Element> payload_of(const Element& presence) {
  std::vector<Element> out;
  for (const Element* child : presence.children()) {
    if (child->is("x", ns::kMuc) || child->is("x", ns::kMucUser) || child->is("identity", ns::kClient))
      continue;
    out.push_back(*child);
  }
  return out;
}

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

Muc::Muc(const Config& config, Outbox& outbox, Counters& counters)
    : config_(config), outbox_(outbox), counters_(counters), listener_(&no_focus) {}

Room* Muc::find(std::string_view room) {
  const auto found = rooms_.find(room);
  return found == rooms_.end() ? nullptr : &found->second;
}

const Room* Muc::find(std::string_view room) const {
  const auto found = rooms_.find(room);
  return found == rooms_.end() ? nullptr : &found->second;
}

RoomCensus Muc::census_of(const Room& room) const {
  const std::string_view service = std::string_view(room.jid()).substr(room.jid().find('@') + 1);
  const std::string_view tenant = config_.domains.tenant_of(service).value_or("");
  return {room.jid(), std::string(tenant), room.occupants().size(), room.created()};
}

std::vector<RoomCensus> Muc::census() const {
  std::vector<RoomCensus> out;
  out.reserve(rooms_.size());
  for (const auto& [jid, room] : rooms_) out.push_back(census_of(room));
  return out;
}

bool Muc::request_room(const std::string& room, Session* by, std::string_view address, TimePoint now) {
  if (find(room) != nullptr) return listener_->conference_requested(room, now);
  const Limits& limits = config_.limits;
  if (draining_ || rooms_.size() >= limits.rooms) return false;
  if (by != nullptr && !by->new_rooms.take(1, limits.new_rooms_per_second, limits.new_room_burst, now))
    return false;
  if (!new_rooms_.take(address, now)) return false;

  // The room is there before the focus is asked, so that the focus can set its presence in it.
  rooms_.emplace(room, Room(room, config_.unix_milliseconds(), now));
  if (!listener_->conference_requested(room, now)) {
    rooms_.erase(room);
    return false;
  }
  ++counters_.rooms_created;
  if (watcher_) watcher_(true, census_of(*find(room)));
  return true;
}

void Muc::erase_room(Room& room, TimePoint now) {
  RoomCensus census = census_of(room);
  census.participants = 0;
  listener_->room_ended(census.room, now);
  rooms_.erase(census.room);
  if (watcher_) watcher_(false, census);
}

// ---- presence

void Muc::presence(Session& from, const Element& presence, const Jid& to, TimePoint now) {
  const std::string_view type = presence.attribute_or("type", "");
  Room* room = find(to.bare());
  Occupant* who = room != nullptr ? room->find(from) : nullptr;

  if (type == "unavailable") {
    if (who == nullptr) return;
    Departure departure;
    departure.payload = payload_of(presence);
    depart(*room, *who, departure, now);
    return;
  }
  if (!type.empty()) return;  // subscriptions and probes mean nothing here; errors are never answered
  if (who == nullptr) return join(from, presence, to, now);
  if (to.resource.empty()) return refuse(from, presence, {"modify", "jid-malformed", "", {}});
  if (to.resource != who->nick) return change_nick(*room, *who, presence, to.resource, now);
  update(*room, *who, presence, now);
  // XEP-0045 7.2: <x/> from somebody inside asks for everything once more.
  if (presence.child("x", ns::kMuc) != nullptr) greet(*room, *who);
}

std::optional<StanzaError> Muc::join_refused(const Session& from, const Element& presence, const Jid& to,
                                             const Room* room) const {
  const Limits& limits = config_.limits;
  if (to.local.empty() || to.resource.empty()) return StanzaError{"modify", "jid-malformed", "", {}};
  const Element* x = presence.child("x", ns::kMuc);
  // Somebody kicked who does not know it yet goes on updating: that must not bring him back.
  if (x == nullptr) return StanzaError{"cancel", "not-acceptable", "You are not in this room", {}};
  if (room == nullptr) return StanzaError{"cancel", "not-allowed", "Room creation is restricted", {}};
  if (std::find(room->banned.begin(), room->banned.end(), from.bare_jid) != room->banned.end()) {
    return StanzaError{"auth", "forbidden", "", {}};
  }
  if (to.resource == kFocusNick) return StanzaError{"cancel", "conflict", "", {}};
  if (to.resource.size() > limits.nick_bytes) return StanzaError{"modify", "jid-malformed", "", {}};
  if (!room->password.empty()) {
    const Element* password = x->child("password", ns::kMuc);
    if (password == nullptr || !same_secret(password->text(), room->password)) {
      return StanzaError{"auth", "not-authorized", "", {}};
    }
  }
  if (room->occupants().size() >= limits.occupants_per_room || participants_ >= limits.participants ||
      from.rooms.size() >= limits.rooms_per_session) {
    return StanzaError{"wait", "service-unavailable", "", {}};
  }
  if (room->find(to.resource) != nullptr) return StanzaError{"cancel", "conflict", "", {}};
  return std::nullopt;
}

void Muc::join(Session& from, const Element& presence, const Jid& to, TimePoint now) {
  Room* room = find(to.bare());
  if (const auto error = join_refused(from, presence, to, room)) {
    ++counters_.joins_refused;
    return refuse(from, presence, *error);
  }
  ++counters_.joins;
  ++participants_;
  const bool first = !room->has_moderator();
  Occupant& who = room->add(from, to.resource);
  who.moderator = first;
  who.lang = presence.attribute_or("xml:lang", "");
  who.payload = payload_of(presence);
  from.rooms.push_back(room->jid());

  const Circular news(room->presence_of(who));
  for (const auto& other : room->occupants()) {
    if (other.get() != &who) outbox_.deliver(*other->session, news.to(other->session->full_jid));
  }
  greet(*room, who);
  listener_->occupant_joined(room->jid(), info_of(who), presence, now);
}

// jitsi-signalling 4.1: the focus first, the others, oneself, then the subject.
void Muc::greet(Room& room, Occupant& who) {
  send(*who.session, room.focus_presence(config_.domains.focus_full_jid()));
  for (const auto& other : room.occupants()) {
    if (other.get() != &who && !other->leaving) send(*who.session, room.presence_of(*other));
  }
  send(*who.session, room.presence_of(who, {100, 110}));
  send(*who.session, room.subject_message());
}

void Muc::update(Room& room, Occupant& who, const Element& presence, TimePoint now) {
  who.lang = presence.attribute_or("xml:lang", "");
  who.payload = payload_of(presence);
  announce(room, who);
  listener_->occupant_presence(room.jid(), info_of(who), presence, now);
}

// The nick is the endpoint id: to the focus a new one is somebody who left and somebody who came.
void Muc::change_nick(Room& room, Occupant& who, const Element& presence, const std::string& nick,
                      TimePoint now) {
  if (nick == kFocusNick || room.find(nick) != nullptr) {
    return refuse(*who.session, presence, {"cancel", "conflict", "", {}});
  }
  if (nick.size() > config_.limits.nick_bytes) {
    return refuse(*who.session, presence, {"modify", "jid-malformed", "", {}});
  }
  who.leaving = true;
  listener_->occupant_left(room.jid(), who.nick, LeaveReason::left, now);
  fail_relayed(room, who.nick);
  Departure departure;
  departure.status = 303;
  departure.new_nick = nick;
  const Circular news(room.unavailable_of(who, departure, false));
  for (const auto& other : room.occupants()) {
    if (other.get() != &who) outbox_.deliver(*other->session, news.to(other->session->full_jid));
  }
  send(*who.session, room.unavailable_of(who, departure, true));

  who.leaving = false;
  who.nick = nick;
  who.payload = payload_of(presence);
  announce(room, who);
  listener_->occupant_joined(room.jid(), info_of(who), presence, now);
}

bool Muc::depart(Room& room, Occupant& who, const Departure& departure, TimePoint now) {
  Session& session = *who.session;
  const std::string nick = who.nick;
  who.leaving = true;
  listener_->occupant_left(room.jid(), nick, departure.reason, now);

  const Circular news(room.unavailable_of(who, departure, false));
  for (const auto& other : room.occupants()) {
    if (other.get() != &who) outbox_.deliver(*other->session, news.to(other->session->full_jid));
  }
  if (departure.reason != LeaveReason::connection_lost)
    send(session, room.unavailable_of(who, departure, true));

  std::erase(session.rooms, room.jid());
  room.remove(who);
  --participants_;
  if (room.occupants().empty()) {
    erase_room(room, now);
    return false;
  }
  fail_relayed(room, nick);
  if (!room.has_moderator()) promote(room, *room.occupants().front(), true, now);
  return true;
}

void Muc::announce(Room& room, const Occupant& who) {
  const Circular news(room.presence_of(who));
  for (const auto& other : room.occupants()) {
    if (other.get() != &who) outbox_.deliver(*other->session, news.to(other->session->full_jid));
  }
  send(*who.session, room.presence_of(who, {110}));
}

void Muc::promote(Room& room, Occupant& who, bool moderator, TimePoint now) {
  if (who.moderator == moderator) return;
  who.moderator = moderator;
  announce(room, who);
  listener_->occupant_presence(room.jid(), info_of(who), room.presence_of(who), now);
}

void Muc::leave_all(Session& session, LeaveReason reason, TimePoint now) {
  const std::vector<std::string> rooms = session.rooms;
  for (const std::string& jid : rooms) {
    Room* room = find(jid);
    Occupant* who = room != nullptr ? room->find(session) : nullptr;
    Departure departure;
    departure.reason = reason;
    if (who != nullptr) depart(*room, *who, departure, now);
  }
}

void Muc::end_all(TimePoint now) {
  std::vector<std::string> jids;
  for (const auto& [jid, room] : rooms_) jids.push_back(jid);
  for (const std::string& jid : jids) {
    if (Room* room = find(jid)) destroy(*room, Element("destroy", ns::kMucOwner), now);
  }
}

void Muc::tick(TimePoint now) {
  std::vector<std::string> empty;
  for (auto& [jid, room] : rooms_) {
    if (room.occupants().empty()) {
      if (now - room.empty_since() >= config_.limits.empty_room) empty.push_back(jid);
      continue;
    }
    while (!room.relayed.empty() && room.relayed.front().deadline <= now) {
      const RelayedIq late = std::move(room.relayed.front());
      room.relayed.pop_front();
      Occupant* asker = room.find(late.from);
      if (asker == nullptr) continue;
      Element request("iq", ns::kClient);
      request.set("id", late.id).set("to", room.jid_of(late.to));
      refuse(*asker->session, request, {"wait", "remote-server-timeout", "", {}});
    }
  }
  for (const std::string& jid : empty) erase_room(*find(jid), now);
}

// ---- sending

void Muc::broadcast(Room& room, const Element& stanza) {
  const Circular news(stanza);
  for (const auto& occupant : room.occupants()) {
    if (!occupant->leaving) outbox_.deliver(*occupant->session, news.to(occupant->session->full_jid));
  }
}

void Muc::send(Session& to, Element stanza) {
  stanza.set("to", to.full_jid);
  outbox_.deliver(to, stanza.serialize());
}

// RFC 6120 8.3.1: an error is never answered with an error, and only requests among IQs are.
void Muc::refuse(Session& to, const Element& stanza, const StanzaError& error) {
  if (stanza.attribute_or("type", "") == "error") return;
  Element answer = error_of(stanza, error);
  if (stanza.name() == "presence" && stanza.child("x", ns::kMuc) != nullptr) {
    answer = Element("presence", ns::kClient);
    answer.set("type", "error").set("from", std::string(stanza.attribute_or("to", "")));
    if (const std::string* id = stanza.attribute("id")) answer.set("id", *id);
    answer.add(Element("x", ns::kMuc));
    answer.add(error_element(error));
  }
  send(to, std::move(answer));
}

// ---- the focus' side

std::string Muc::send_focus_iq(const std::string& room_jid, const std::string& nick, std::string type,
                               Element payload) {
  Room* room = find(room_jid);
  Occupant* who = room != nullptr ? room->find(nick) : nullptr;
  if (who == nullptr) return {};
  Element iq("iq", ns::kClient);
  std::string id = random_hex(8);
  iq.set("type", std::move(type)).set("id", id).set("from", room->jid_of(kFocusNick));
  iq.add(std::move(payload));
  send(*who->session, std::move(iq));
  return id;
}

void Muc::reply(const std::string& room_jid, const std::string& nick, const Element& request,
                Element answer) {
  Room* room = find(room_jid);
  Occupant* who = room != nullptr ? room->find(nick) : nullptr;
  if (who == nullptr) return;
  if (request.attribute("to") == nullptr) answer.set("from", room->jid_of(kFocusNick));
  send(*who->session, std::move(answer));
}

void Muc::set_focus_presence(const std::string& room_jid, std::vector<Element> payload) {
  Room* room = find(room_jid);
  if (room == nullptr || room->focus_payload == payload) return;
  room->focus_payload = std::move(payload);
  if (!room->occupants().empty()) broadcast(*room, room->focus_presence(config_.domains.focus_full_jid()));
}

std::vector<OccupantInfo> Muc::occupants(const std::string& room_jid) const {
  std::vector<OccupantInfo> out;
  const Room* room = find(room_jid);
  if (room == nullptr) return out;
  for (const auto& occupant : room->occupants()) {
    if (!occupant->leaving) out.push_back(info_of(*occupant));
  }
  return out;
}

}  // namespace roomgate::sfu::xmpp

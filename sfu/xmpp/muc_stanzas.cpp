// Messages and IQs of rooms: group chat, private messages, IQs between occupants, and what the room itself
// answers.
#include <algorithm>
#include <utility>

#include "base/random.hpp"
#include "sfu/xmpp/muc.hpp"
#include "sfu/xmpp/namespaces.hpp"
#include "sfu/xmpp/stanza.hpp"

namespace roomgate::sfu::xmpp {
namespace {

constexpr std::size_t kMaxIdBytes = 128;

// The relayed copy of a stanza: everything as it came, `from` ours. Roles and delays are the server's to say.
Element relayed(const Element& stanza, std::string from) {
  Element copy = stanza;
  copy.remove_attribute("to");
  copy.set("from", std::move(from));
  copy.remove_children("x", ns::kMucUser);
  copy.remove_children("delay", "urn:xmpp:delay");
  return copy;
}

// Every message has an id that all receivers share (jitsi-signalling 4.4); the sender's own, if it gave a
// sane one, so that it recognises its reflection.
void identify(Element& message) {
  const std::string_view id = message.attribute_or("id", "");
  if (id.empty() || id.size() > kMaxIdBytes) message.set("id", random_hex(8));
}

}  // namespace

void Muc::message(Session& from, const Element& message, const Jid& to) {
  const std::string_view type = message.attribute_or("type", "normal");
  if (type == "error") return;
  Room* room = find(to.bare());
  if (room == nullptr) return refuse(from, message, {"cancel", "item-not-found", "", {}});
  Occupant* by = room->find(from);
  if (by == nullptr)
    return refuse(from, message, {"cancel", "not-acceptable", "You are not in this room", {}});
  if (!to.resource.empty()) {
    if (type == "groupchat") return refuse(from, message, {"modify", "bad-request", "", {}});
    return private_message(*room, *by, message, to.resource);
  }
  if (type != "groupchat") return refuse(from, message, {"cancel", "feature-not-implemented", "", {}});
  if (message.child("subject", ns::kClient) != nullptr && message.child("body", ns::kClient) == nullptr) {
    return change_subject(*room, *by, message);
  }
  Element copy = relayed(message, room->jid_of(by->nick));
  identify(copy);
  broadcast(*room, copy);
}

void Muc::change_subject(Room& room, Occupant& by, const Element& message) {
  if (!by.moderator) return refuse(*by.session, message, {"auth", "forbidden", "", {}});
  room.subject = message.child("subject", ns::kClient)->text();
  room.subject_by = by.nick;
  Element copy = relayed(message, room.jid_of(by.nick));
  identify(copy);
  broadcast(room, copy);
}

void Muc::private_message(Room& room, Occupant& by, const Element& message, const std::string& nick) {
  if (nick == kFocusNick) return;  // the focus does not chat
  Occupant* target = room.find(nick);
  if (target == nullptr) return refuse(*by.session, message, {"cancel", "item-not-found", "", {}});
  Element copy = relayed(message, room.jid_of(by.nick));
  identify(copy);
  send(*target->session, std::move(copy));
}

void Muc::iq(Session& from, const Element& iq, const Jid& to, TimePoint now) {
  if (to.local.empty()) {
    if (is_request(iq)) service_iq(from, iq);
    return;
  }
  Room* room = find(to.bare());
  if (room == nullptr) {
    if (is_request(iq)) refuse(from, iq, {"cancel", "item-not-found", "", {}});
    return;
  }
  if (!to.resource.empty()) return occupant_iq(from, iq, *room, to.resource, now);
  if (is_request(iq)) room_iq(from, iq, *room, now);
}

void Muc::service_iq(Session& from, const Element& iq) {
  const bool get = iq.attribute_or("type", "") == "get";
  Element answer = result_of(iq);
  if (get && iq.child("query", ns::kDiscoInfo) != nullptr) {
    Element& query = answer.add(Element("query", ns::kDiscoInfo));
    query.add(Element("identity", ns::kDiscoInfo).set("category", "conference").set("type", "text"));
    for (const std::string& feature : {ns::kDiscoInfo, ns::kDiscoItems, ns::kMuc, ns::kPing}) {
      query.add(Element("feature", ns::kDiscoInfo).set("var", feature));
    }
  } else if (get && iq.child("query", ns::kDiscoItems) != nullptr) {
    answer.add(Element("query", ns::kDiscoItems));  // rooms are hidden: knowing the name is knowing the room
  } else if (!get || iq.child("ping", ns::kPing) == nullptr) {
    return refuse(from, iq, {"cancel", "service-unavailable", "", {}});
  }
  send(from, std::move(answer));
}

void Muc::room_iq(Session& from, const Element& iq, Room& room, TimePoint now) {
  const bool get = iq.attribute_or("type", "") == "get";
  if (iq.child("query", ns::kMucAdmin) != nullptr) return administer(from, iq, room, now);
  if (iq.child("query", ns::kMucOwner) != nullptr) return configure(from, iq, room, now);
  Element answer = result_of(iq);
  if (get && iq.child("query", ns::kDiscoInfo) != nullptr) {
    if (iq.child("query", ns::kDiscoInfo)->attribute("node") != nullptr) {
      return refuse(from, iq, {"cancel", "item-not-found", "", {}});
    }
    answer.add(room.info());
  } else if (get && iq.child("query", ns::kDiscoItems) != nullptr) {
    answer.add(Element("query", ns::kDiscoItems));
  } else if (!get || iq.child("ping", ns::kPing) == nullptr) {
    return refuse(from, iq, {"cancel", "service-unavailable", "", {}});
  }
  send(from, std::move(answer));
}

void Muc::occupant_iq(Session& from, const Element& iq, Room& room, const std::string& nick, TimePoint now) {
  Occupant* by = room.find(from);
  if (by == nullptr) {
    if (is_request(iq)) refuse(from, iq, {"cancel", "not-acceptable", "You are not in this room", {}});
    return;
  }
  if (nick == kFocusNick) {
    // Copies: the listener may look anything up, and these live for its call.
    const std::string jid = room.jid();
    const std::string sender = by->nick;
    if (is_request(iq)) {
      listener_->focus_iq(jid, sender, iq, now);
    } else {
      listener_->focus_iq_answered(jid, sender, std::string(iq.attribute_or("id", "")),
                                   iq.attribute_or("type", "") == "result", iq, now);
    }
    return;
  }
  if (is_response(iq)) return relay_response(room, *by, iq, nick);
  Occupant* target = room.find(nick);
  if (target == nullptr) return refuse(from, iq, {"cancel", "item-not-found", "", {}});
  if (target == by && iq.child("ping", ns::kPing) != nullptr) return send(from, result_of(iq));  // XEP-0410
  if (room.relayed.size() >= config_.limits.relayed_iqs_per_room) {
    return refuse(from, iq, {"wait", "resource-constraint", "", {}});
  }
  room.relayed.push_back({now + config_.limits.relayed_iq, by->nick, nick, *iq.attribute("id")});
  send(*target->session, relayed(iq, room.jid_of(by->nick)));
}

// Only what was asked for is passed on.
void Muc::relay_response(Room& room, Occupant& by, const Element& iq, const std::string& nick) {
  const std::string_view id = iq.attribute_or("id", "");
  const auto asked = std::find_if(room.relayed.begin(), room.relayed.end(), [&](const RelayedIq& each) {
    return each.from == nick && each.to == by.nick && each.id == id;
  });
  if (asked == room.relayed.end()) return;
  room.relayed.erase(asked);
  if (Occupant* asker = room.find(nick)) send(*asker->session, relayed(iq, room.jid_of(by.nick)));
}

// Somebody is gone: those who wait for an answer from there get one.
void Muc::fail_relayed(Room& room, const std::string& nick) {
  std::deque<RelayedIq> kept;
  std::deque<RelayedIq> lost;
  for (RelayedIq& each : room.relayed) {
    if (each.to == nick) {
      lost.push_back(std::move(each));
    } else if (each.from != nick) {
      kept.push_back(std::move(each));
    }
  }
  room.relayed = std::move(kept);
  for (const RelayedIq& each : lost) {
    Occupant* asker = room.find(each.from);
    if (asker == nullptr) continue;
    Element request("iq", ns::kClient);
    request.set("id", each.id).set("to", room.jid_of(each.to));
    refuse(*asker->session, request, {"cancel", "item-not-found", "", {}});
  }
}

}  // namespace roomgate::sfu::xmpp

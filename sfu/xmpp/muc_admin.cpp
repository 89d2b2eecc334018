// What moderators do to a room: kick, ban, grant and take moderation, lock it, end it (XEP-0045 8 to 10).
#include <algorithm>
#include <utility>

#include "sfu/xmpp/muc.hpp"
#include "sfu/xmpp/namespaces.hpp"
#include "sfu/xmpp/room_form.hpp"
#include "sfu/xmpp/stanza.hpp"

namespace roomgate::sfu::xmpp {
namespace {

enum class Deed { none, kick, ban, grant, revoke };

Deed deed_of(const Element& item) {
  const std::string_view role = item.attribute_or("role", "");
  const std::string_view affiliation = item.attribute_or("affiliation", "");
  if (affiliation == "outcast") return Deed::ban;
  if (affiliation == "owner" || affiliation == "admin") return Deed::grant;
  if (affiliation == "none" || affiliation == "member") return Deed::revoke;
  if (!affiliation.empty()) return Deed::none;
  if (role == "none") return Deed::kick;
  if (role == "moderator") return Deed::grant;
  if (role == "participant") return Deed::revoke;
  return Deed::none;
}

std::string reason_of(const Element& item) {
  const Element* reason = item.child("reason", ns::kMucAdmin);
  return reason != nullptr ? reason->text() : std::string();
}

std::string bare_of(const Element& item) {
  const auto jid = Jid::parse(item.attribute_or("jid", ""));
  return jid ? jid->bare() : std::string();
}

// The nicks an item means: the one it names, or all of a bare JID.
std::vector<std::string> targets_of(const Room& room, const Element& item) {
  std::vector<std::string> out;
  const std::string* nick = item.attribute("nick");
  const std::string bare = nick == nullptr ? bare_of(item) : std::string();
  for (const auto& occupant : room.occupants()) {
    if (nick != nullptr ? occupant->nick == *nick : occupant->session->bare_jid == bare)
      out.push_back(occupant->nick);
  }
  return out;
}

}  // namespace

void Muc::administer(Session& from, const Element& iq, Room& room, TimePoint now) {
  const Occupant* by = room.find(from);
  if (by == nullptr || !by->moderator) return refuse(from, iq, {"auth", "forbidden", "", {}});
  const auto items = iq.child("query", ns::kMucAdmin)->children("item", ns::kMucAdmin);
  if (items.empty() || items.size() > config_.limits.admin_items) {
    return refuse(from, iq, {"modify", "bad-request", "", {}});
  }
  if (iq.attribute_or("type", "") == "get") return list_items(from, iq, room, *items.front());
  // All or nothing: a half-done request could not be told to its sender.
  for (const Element* item : items) {
    if (const auto error = check_item(room, *by, *item)) return refuse(from, iq, *error);
  }
  const std::string actor = by->nick;
  send(from, result_of(iq));
  for (const Element* item : items) {
    if (!apply_item(room, actor, *item, now)) return;
  }
}

std::optional<StanzaError> Muc::check_item(const Room& room, const Occupant& by, const Element& item) const {
  const std::string* nick = item.attribute("nick");
  const Deed deed = deed_of(item);
  if (deed == Deed::none) return StanzaError{"cancel", "feature-not-implemented", "", {}};
  if (nick == nullptr && bare_of(item).empty()) return StanzaError{"modify", "bad-request", "", {}};
  if (nick != nullptr && *nick == kFocusNick) return StanzaError{"cancel", "not-allowed", "", {}};
  if (nick != nullptr && room.find(*nick) == nullptr) return StanzaError{"cancel", "item-not-found", "", {}};
  if (nick == nullptr && bare_of(item) == config_.domains.focus_user) {
    return StanzaError{"cancel", "not-allowed", "", {}};
  }
  const auto targets = targets_of(room, item);
  const bool self = std::find(targets.begin(), targets.end(), by.nick) != targets.end();
  if (self && deed != Deed::grant) return StanzaError{"cancel", "conflict", "", {}};
  if (deed == Deed::ban && room.banned.size() >= config_.limits.bans_per_room) {
    return StanzaError{"wait", "resource-constraint", "", {}};
  }
  return std::nullopt;
}

bool Muc::apply_item(Room& room, const std::string& by, const Element& item, TimePoint now) {
  const Deed deed = deed_of(item);
  const auto targets = targets_of(room, item);
  Departure departure;
  departure.reason = LeaveReason::kicked;
  departure.actor = by;
  departure.text = reason_of(item);
  departure.status = deed == Deed::ban ? 301 : 307;

  std::string bare = bare_of(item);
  if (const Occupant* target = targets.empty() ? nullptr : room.find(targets.front())) {
    bare = target->session->bare_jid;
  }
  if (deed == Deed::ban && room.banned.size() < config_.limits.bans_per_room) room.banned.push_back(bare);
  if (deed == Deed::revoke) std::erase(room.banned, bare);  // affiliation none also lifts a ban

  for (const std::string& nick : targets) {
    Occupant* target = room.find(nick);
    if (target == nullptr) continue;
    if (deed == Deed::grant || deed == Deed::revoke) {
      promote(room, *target, deed == Deed::grant, now);
    } else if (!depart(room, *target, departure, now)) {
      return false;
    }
  }
  return true;
}

void Muc::list_items(Session& from, const Element& iq, const Room& room, const Element& item) {
  const std::string_view role = item.attribute_or("role", "");
  const std::string_view affiliation = item.attribute_or("affiliation", "");
  Element answer = result_of(iq);
  Element& query = answer.add(Element("query", ns::kMucAdmin));
  if (affiliation == "outcast") {
    for (const std::string& jid : room.banned) {
      query.add(Element("item", ns::kMucAdmin).set("affiliation", "outcast").set("jid", jid));
    }
  }
  for (const auto& occupant : room.occupants()) {
    const char* its_role = occupant->moderator ? "moderator" : "participant";
    const char* its_affiliation = occupant->moderator ? "owner" : "none";
    if (role != its_role && affiliation != its_affiliation) continue;
    Element& entry = query.add(Element("item", ns::kMucAdmin));
    entry.set("nick", occupant->nick).set("jid", occupant->session->full_jid);
    entry.set("role", its_role).set("affiliation", its_affiliation);
  }
  send(from, std::move(answer));
}

void Muc::configure(Session& from, const Element& iq, Room& room, TimePoint now) {
  const Occupant* by = room.find(from);
  if (by == nullptr || !by->moderator) return refuse(from, iq, {"auth", "forbidden", "", {}});
  const Element& query = *iq.child("query", ns::kMucOwner);
  Element answer = result_of(iq);
  if (iq.attribute_or("type", "") == "get") {
    answer.add(Element("query", ns::kMucOwner)).add(room_form(room.password));
    return send(from, std::move(answer));
  }
  if (const Element* end = query.child("destroy", ns::kMucOwner)) {
    send(from, std::move(answer));
    return destroy(room, *end, now);
  }
  const Element* form = query.child("x", ns::kDataForms);
  if (form == nullptr) return refuse(from, iq, {"modify", "bad-request", "", {}});
  if (form->attribute_or("type", "") == "cancel") return send(from, std::move(answer));

  const auto password = submitted_password(*form, room.password, config_.limits.password_bytes);
  if (!password) {
    const bool unknown = password.error() == FormError::unknown_form;
    return refuse(from, iq,
                  {unknown ? "modify" : "cancel", unknown ? "bad-request" : "not-acceptable", "", {}});
  }
  const bool changed = *password != room.password;
  room.password = *password;
  send(from, std::move(answer));
  if (changed) broadcast(room, room.config_changed());
}

void Muc::destroy(Room& room, const Element& request, TimePoint now) {
  for (const auto& occupant : room.occupants()) occupant->leaving = true;
  for (const auto& occupant : room.occupants()) {
    listener_->occupant_left(room.jid(), occupant->nick, LeaveReason::room_destroyed, now);
  }
  Element note("destroy", ns::kMucUser);
  note.set("jid", room.jid());
  if (const Element* reason = request.child("reason", ns::kMucOwner)) {
    note.add(text_element("reason", ns::kMucUser, reason->text()));
  }
  for (const auto& occupant : room.occupants()) {
    Element presence("presence", ns::kClient);
    presence.set("type", "unavailable").set("from", room.jid_of(occupant->nick));
    Element& x = presence.add(Element("x", ns::kMucUser));
    x.add(Element("item", ns::kMucUser).set("affiliation", "none").set("role", "none"));
    x.add(note);
    x.add(Element("status", ns::kMucUser).set("code", "110"));
    std::erase(occupant->session->rooms, room.jid());
    send(*occupant->session, std::move(presence));
  }
  participants_ -= room.occupants().size();
  erase_room(room, now);
}

}  // namespace roomgate::sfu::xmpp

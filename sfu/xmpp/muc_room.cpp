#include "sfu/xmpp/muc_room.hpp"

#include <algorithm>
#include <utility>

#include "base/random.hpp"
#include "sfu/xmpp/namespaces.hpp"
#include "sfu/xmpp/stanza.hpp"

namespace roomgate::sfu::xmpp {
namespace {

// Owner and moderator go together here: the client reads the role, the forms ask for the affiliation.
Element item_of(const Occupant& who) {
  Element item("item", ns::kMucUser);
  item.set("jid", who.session->full_jid);
  item.set("affiliation", who.moderator ? "owner" : "none");
  item.set("role", who.moderator ? "moderator" : "participant");
  return item;
}

Element status_of(int code) { return Element("status", ns::kMucUser).set("code", std::to_string(code)); }

Element field(std::string name, std::string value) {
  Element out("field", ns::kDataForms);
  out.set("var", std::move(name));
  out.add(text_element("value", ns::kDataForms, std::move(value)));
  return out;
}

}  // namespace

Room::Room(std::string jid, std::int64_t created, TimePoint now)
    : jid_(std::move(jid)), created_(created), empty_since_(now), meeting_id_(random_uuid()) {}

Occupant* Room::find(std::string_view nick) {
  for (const auto& occupant : occupants_) {
    if (occupant->nick == nick) return occupant.get();
  }
  return nullptr;
}

Occupant* Room::find(const Session& session) {
  for (const auto& occupant : occupants_) {
    if (occupant->session == &session) return occupant.get();
  }
  return nullptr;
}

bool Room::has_moderator() const {
  return std::any_of(occupants_.begin(), occupants_.end(),
                     [](const auto& occupant) { return occupant->moderator; });
}

Occupant& Room::add(Session& session, std::string nick) {
  auto occupant = std::make_unique<Occupant>();
  occupant->session = &session;
  occupant->nick = std::move(nick);
  occupants_.push_back(std::move(occupant));
  return *occupants_.back();
}

void Room::remove(const Occupant& occupant) {
  std::erase_if(occupants_, [&](const auto& each) { return each.get() == &occupant; });
}

Element Room::presence_of(const Occupant& who, std::initializer_list<int> statuses) const {
  Element out("presence", ns::kClient);
  out.set("from", jid_of(who.nick));
  if (!who.lang.empty()) out.set("xml:lang", who.lang);
  for (const Element& child : who.payload) out.add(child);
  Element& x = out.add(Element("x", ns::kMucUser));
  x.add(item_of(who));
  for (int status : statuses) x.add(status_of(status));
  return out;
}

Element Room::unavailable_of(const Occupant& who, const Departure& departure, bool own) const {
  Element out("presence", ns::kClient);
  out.set("type", "unavailable");
  out.set("from", jid_of(who.nick));
  for (const Element& child : departure.payload) out.add(child);
  Element item = item_of(who);
  if (departure.status != 303) item.set("role", "none");
  if (departure.status == 307) item.set("affiliation", "none");
  if (departure.status == 301) item.set("affiliation", "outcast");
  if (!departure.new_nick.empty()) item.set("nick", departure.new_nick);
  if (!departure.actor.empty()) item.add(Element("actor", ns::kMucUser).set("nick", departure.actor));
  if (!departure.text.empty()) item.add(text_element("reason", ns::kMucUser, departure.text));
  Element& x = out.add(Element("x", ns::kMucUser));
  x.add(std::move(item));
  if (departure.status != 0) x.add(status_of(departure.status));
  if (own) x.add(status_of(110));
  return out;
}

Element Room::focus_presence(const std::string& focus_full_jid) const {
  Element out("presence", ns::kClient);
  out.set("from", jid_of(kFocusNick));
  for (const Element& child : focus_payload) out.add(child);
  Element item("item", ns::kMucUser);
  item.set("jid", focus_full_jid).set("affiliation", "owner").set("role", "moderator");
  out.add(Element("x", ns::kMucUser)).add(std::move(item));
  return out;
}

Element Room::subject_message() const {
  Element out("message", ns::kClient);
  out.set("type", "groupchat");
  out.set("from", subject_by.empty() ? jid_ : jid_of(subject_by));
  out.add(text_element("subject", ns::kClient, subject));
  return out;
}

Element Room::config_changed() const {
  Element out("message", ns::kClient);
  out.set("type", "groupchat").set("from", jid_).set("id", random_hex(8));
  out.add(Element("x", ns::kMucUser)).add(status_of(104));
  return out;
}

Element Room::info() const {
  Element query("query", ns::kDiscoInfo);
  query.add(Element("identity", ns::kDiscoInfo).set("category", "conference").set("type", "text"));
  const std::string guarded = password.empty() ? "muc_unsecured" : "muc_passwordprotected";
  for (const std::string& feature :
       {ns::kMuc, std::string("muc_temporary"), std::string("muc_hidden"), std::string("muc_nonanonymous"),
        std::string("muc_unmoderated"), std::string("muc_open"), guarded}) {
    query.add(Element("feature", ns::kDiscoInfo).set("var", feature));
  }
  Element& form = query.add(Element("x", ns::kDataForms).set("type", "result"));
  form.add(field("FORM_TYPE", "http://jabber.org/protocol/muc#roominfo").set("type", "hidden"));
  form.add(field("muc#roominfo_meetingId", meeting_id_));
  form.add(field("muc#roominfo_created_timestamp", std::to_string(created_)));
  form.add(field("muc#roominfo_occupants", std::to_string(occupants_.size() + 1)));  // the focus is one
  return query;
}

OccupantInfo info_of(const Occupant& occupant) {
  const Session& session = *occupant.session;
  return {occupant.nick, session.full_jid, occupant.moderator, session.info.channel_base,
          session.info.region};
}

}  // namespace roomgate::sfu::xmpp

// One MUC room: who is in it, what each last said of itself, subject, password, bans; and the stanzas that
// tell so (XEP-0045 with the rules of jitsi-signalling 4). Owned by Muc; signalling thread. Sends nothing
// itself.
#pragma once

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "sfu/xmpp/element.hpp"
#include "sfu/xmpp/room_service.hpp"
#include "sfu/xmpp/session.hpp"

namespace roomgate::sfu::xmpp {

inline constexpr std::string_view kFocusNick = "focus";

struct Occupant {
  Session* session = nullptr;
  std::string nick;
  bool moderator = false;
  bool leaving = false;  // being told of; no longer counts
  std::string lang;      // xml:lang of its presence
  std::vector<Element> payload;
};

// How somebody leaves, for its unavailable presence.
struct Departure {
  LeaveReason reason = LeaveReason::left;
  int status = 0;                // 307 kicked, 301 banned, 303 new nick
  std::string actor;             // nick of who did it
  std::string text;              // the actor's reason
  std::string new_nick;          // with 303
  std::vector<Element> payload;  // of the leaver's own presence: <status>
};

// An IQ from one occupant to another that awaits its answer.
struct RelayedIq {
  TimePoint deadline;
  std::string from;  // nicks
  std::string to;
  std::string id;
};

class Room {
 public:
  Room(std::string jid, std::int64_t created, TimePoint now);

  const std::string& jid() const { return jid_; }
  std::int64_t created() const { return created_; }
  TimePoint empty_since() const { return empty_since_; }
  std::string jid_of(std::string_view nick) const { return jid_ + "/" + std::string(nick); }

  const std::vector<std::unique_ptr<Occupant>>& occupants() const { return occupants_; }  // oldest first
  Occupant* find(std::string_view nick);
  const Occupant* find(std::string_view nick) const { return const_cast<Room*>(this)->find(nick); }
  Occupant* find(const Session& session);
  bool has_moderator() const;
  Occupant& add(Session& session, std::string nick);
  void remove(const Occupant& occupant);

  Element presence_of(const Occupant& who, std::initializer_list<int> statuses = {}) const;
  Element unavailable_of(const Occupant& who, const Departure& departure, bool own) const;
  Element focus_presence(const std::string& focus_full_jid) const;
  Element subject_message() const;
  Element config_changed() const;  // status 104
  Element info() const;            // disco#info, jitsi-signalling 4.5

  std::string subject;
  std::string subject_by;           // nick
  std::string password;             // empty: open
  std::vector<std::string> banned;  // bare JIDs
  std::vector<Element> focus_payload;
  std::deque<RelayedIq> relayed;

 private:
  std::string jid_;
  std::int64_t created_;
  TimePoint empty_since_;
  std::string meeting_id_;
  std::vector<std::unique_ptr<Occupant>> occupants_;
};

OccupantInfo info_of(const Occupant& occupant);

}  // namespace roomgate::sfu::xmpp

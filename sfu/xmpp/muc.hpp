// The MUC service: routes presences, messages and IQs to rooms, and tells the focus. Owned by Server;
// signalling thread. muc.cpp joins, changes and leaves; muc_stanzas.cpp relays messages and IQs;
// muc_admin.cpp kicks, grants, locks.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/siphash.hpp"
#include "sfu/xmpp/jid.hpp"
#include "sfu/xmpp/muc_room.hpp"
#include "sfu/xmpp/room_service.hpp"
#include "sfu/xmpp/session.hpp"
#include "sfu/xmpp/types.hpp"

namespace roomgate::sfu::xmpp {

class Muc {
 public:
  Muc(const Config& config, Outbox& outbox, Counters& counters);

  void set_listener(RoomListener& listener) { listener_ = &listener; }
  void set_watcher(std::function<void(bool, const RoomCensus&)> watcher) { watcher_ = std::move(watcher); }
  void drain(bool on) { draining_ = on; }

  // A conference request; `by`: nullptr for the HTTP form, whose callers web/ limits by address.
  bool request_room(const std::string& room, Session* by, std::string_view address, TimePoint now);

  // Stanzas to the MUC domain.
  void presence(Session& from, const Element& presence, const Jid& to, TimePoint now);
  void message(Session& from, const Element& message, const Jid& to);
  void iq(Session& from, const Element& iq, const Jid& to, TimePoint now);

  void leave_all(Session& session, LeaveReason reason, TimePoint now);
  void end_all(TimePoint now);
  void tick(TimePoint now);

  std::vector<RoomCensus> census() const;
  std::size_t room_count() const { return rooms_.size(); }
  std::size_t participant_count() const { return participants_; }

  // RoomService, through Server.
  std::string send_focus_iq(const std::string& room, const std::string& nick, std::string type,
                            Element payload);
  void reply(const std::string& room, const std::string& nick, const Element& request, Element answer);
  void set_focus_presence(const std::string& room, std::vector<Element> payload);
  std::vector<OccupantInfo> occupants(const std::string& room) const;

 private:
  Room* find(std::string_view room);
  const Room* find(std::string_view room) const;
  void erase_room(Room& room, TimePoint now);
  RoomCensus census_of(const Room& room) const;

  // muc.cpp
  void join(Session& from, const Element& presence, const Jid& to, TimePoint now);
  std::optional<StanzaError> join_refused(const Session& from, const Element& presence, const Jid& to,
                                          const Room* room) const;
  void greet(Room& room, Occupant& who);
  void update(Room& room, Occupant& who, const Element& presence, TimePoint now);
  void change_nick(Room& room, Occupant& who, const Element& presence, const std::string& nick,
                   TimePoint now);
  // Returns false when the room ended with it.
  bool depart(Room& room, Occupant& who, const Departure& departure, TimePoint now);
  void announce(Room& room, const Occupant& who);
  void promote(Room& room, Occupant& who, bool moderator, TimePoint now);
  void broadcast(Room& room, const Element& stanza);
  void send(Session& to, Element stanza);
  void refuse(Session& to, const Element& stanza, const StanzaError& error);

  // muc_stanzas.cpp
  void change_subject(Room& room, Occupant& by, const Element& message);
  void private_message(Room& room, Occupant& by, const Element& message, const std::string& nick);
  void service_iq(Session& from, const Element& iq);
  void room_iq(Session& from, const Element& iq, Room& room, TimePoint now);
  void occupant_iq(Session& from, const Element& iq, Room& room, const std::string& nick, TimePoint now);
  void relay_response(Room& room, Occupant& by, const Element& iq, const std::string& nick);
  void fail_relayed(Room& room, const std::string& nick);

  // muc_admin.cpp
  void administer(Session& from, const Element& iq, Room& room, TimePoint now);
  std::optional<StanzaError> check_item(const Room& room, const Occupant& by, const Element& item) const;
  // Returns false when the room ended with it.
  bool apply_item(Room& room, const std::string& by, const Element& item, TimePoint now);
  void list_items(Session& from, const Element& iq, const Room& room, const Element& item);
  void configure(Session& from, const Element& iq, Room& room, TimePoint now);
  void destroy(Room& room, const Element& request, TimePoint now);

  const Config& config_;
  Outbox& outbox_;
  Counters& counters_;
  KeyedBuckets new_rooms_{config_.limits.new_rooms_by_address};
  RoomListener* listener_ = nullptr;
  std::function<void(bool, const RoomCensus&)> watcher_;
  bool draining_ = false;
  std::unordered_map<std::string, Room, SipHasher, std::equal_to<>> rooms_;
  std::size_t participants_ = 0;
};

}  // namespace roomgate::sfu::xmpp

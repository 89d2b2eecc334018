// The seam between xmpp/ (streams, MUC: who is in a room) and focus/ (what media they get). xmpp/ implements
// RoomService and calls RoomListener; focus/ the other way round. Signalling thread; nothing here blocks.
// Rooms are named by their bare JID, "alpha@conference.meet.jitsi"; occupants by nick, which is the endpoint
// id.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "sfu/xmpp/element.hpp"

namespace roomgate::sfu::xmpp {

struct OccupantInfo {
  std::string nick;
  std::string full_jid;  // 8fc6a697-...@meet.jitsi/9e824475fd88
  bool moderator = false;
  std::string
      channel_base;    // "wss://host:port" as this client reached us: its bridge channel's URL begins so
  std::string region;  // X-Proxy-Region of its XMPP request, may be empty
};

enum class LeaveReason { left, kicked, connection_lost, room_destroyed };

// Called by xmpp/. Pointers and references live for the call only.
class RoomListener {
 public:
  virtual ~RoomListener() = default;

  // A conference request for a room (both forms, jitsi-signalling 3). False: not now (answered ready=false).
  // True: the room exists from here, the focus in it.
  virtual bool conference_requested(const std::string& room, TimePoint now) = 0;
  // The last occupant is gone and the room with it.
  virtual void room_ended(const std::string& room, TimePoint now) = 0;

  // After all join presences have been sent.
  virtual void occupant_joined(const std::string& room, const OccupantInfo& who, const Element& presence,
                               TimePoint now) = 0;
  virtual void occupant_presence(const std::string& room, const OccupantInfo& who, const Element& presence,
                                 TimePoint now) = 0;
  // Before the unavailable presences are sent, so that source-remove may go first.
  virtual void occupant_left(const std::string& room, const std::string& nick, LeaveReason reason,
                             TimePoint now) = 0;

  // An IQ get or set from an occupant to room/focus (Jingle, mute). The listener answers it, exactly once,
  // through RoomService::reply_result or reply_error; right away or later.
  virtual void focus_iq(const std::string& room, const std::string& nick, const Element& iq,
                        TimePoint now) = 0;
  // An IQ that the focus sent came back.
  virtual void focus_iq_answered(const std::string& room, const std::string& nick, const std::string& id,
                                 bool result, const Element& answer, TimePoint now) = 0;
};

struct StanzaError {
  std::string type;                    // "cancel", "auth", "modify", "wait"
  std::string condition;               // "bad-request", RFC 6120 8.3.3
  std::string text;                    // may be empty
  std::optional<Element> application;  // e.g. <unknown-session xmlns='urn:xmpp:jingle:errors:1'/>
};

// Implemented by xmpp/.
class RoomService {
 public:
  virtual ~RoomService() = default;

  // From room/focus to the occupant's full JID, a set; `from`, `to` and `id` are stamped. Returns the id,
  // empty if the nick is not in the room.
  virtual std::string send_focus_iq(const std::string& room, const std::string& nick, Element payload) = 0;
  // The same as a get.
  virtual std::string ask_as_focus(const std::string& room, const std::string& nick, Element payload) = 0;
  virtual void reply_result(const std::string& room, const std::string& nick, const Element& request,
                            std::optional<Element> payload = std::nullopt) = 0;
  virtual void reply_error(const std::string& room, const std::string& nick, const Element& request,
                           StanzaError error) = 0;
  // The children of the focus' own presence (conference-properties ...); broadcast when the room has
  // occupants.
  virtual void set_focus_presence(const std::string& room, std::vector<Element> payload) = 0;
  virtual std::vector<OccupantInfo> occupants(const std::string& room) const = 0;
};

}  // namespace roomgate::sfu::xmpp

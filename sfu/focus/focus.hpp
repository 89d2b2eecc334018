// The conference focus of a shard: invites whoever joins a room to the bridge and tells everybody of the
// others' sources. Owned by main, signalling thread only. No sockets and no clock: xmpp/ calls RoomListener,
// the control link's events come in through on_event, tick runs every 100 ms, web/ asks for the bridge
// channels. It must outlive nobody: RoomService, Link and ChannelSink outlive it. Neither of them may call
// back into it from inside a call it makes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "sfu/bridge/control/control.hpp"
#include "sfu/focus/channel_sink.hpp"
#include "sfu/focus/conference.hpp"
#include "sfu/focus/config.hpp"
#include "sfu/focus/metrics.hpp"
#include "sfu/xmpp/room_service.hpp"

namespace roomgate::sfu::focus {

enum class ShardState { ready, drain, full };

struct RoomCensus {
  std::string room;  // bare JID
  std::size_t participants = 0;
  TimePoint created{};
};

class Focus final : public xmpp::RoomListener {
 public:
  Focus(xmpp::RoomService& rooms, bridge::Link& link, metrics::Registry& registry, Config config);
  ~Focus() override;

  // Before the first client: web/ is made after the focus.
  void set_channel_sink(ChannelSink& sink) { context_.sink = &sink; }

  // RoomListener.
  bool conference_requested(const std::string& room, TimePoint now) override;
  void room_ended(const std::string& room, TimePoint now) override;
  void occupant_joined(const std::string& room, const xmpp::OccupantInfo& who, const xmpp::Element& presence,
                       TimePoint now) override;
  void occupant_presence(const std::string& room, const xmpp::OccupantInfo& who,
                         const xmpp::Element& presence, TimePoint now) override;
  void occupant_left(const std::string& room, const std::string& nick, xmpp::LeaveReason reason,
                     TimePoint now) override;
  void focus_iq(const std::string& room, const std::string& nick, const xmpp::Element& iq,
                TimePoint now) override;
  void focus_iq_answered(const std::string& room, const std::string& nick, const std::string& id, bool result,
                         const xmpp::Element& answer, TimePoint now) override;

  // The control link.
  void on_event(bridge::Event event, TimePoint now);
  void tick(TimePoint now);

  // The bridge channels. check: constant time in the secret; true from the moment the session-initiate is
  // sent.
  bool channel_check(std::string_view conference, std::string_view endpoint, std::string_view pwd) const;
  void channel_opened(const std::string& conference, const std::string& endpoint);
  void channel_closed(const std::string& conference, const std::string& endpoint);
  void channel_frame(const std::string& conference, const std::string& endpoint, std::string text);

  // Capacity.
  void set_draining(bool draining) { draining_ = draining; }
  ShardState state() const;
  double stress() const;

  // What others ask.
  std::vector<RoomCensus> census() const;
  std::size_t conferences() const { return by_room_.size(); }
  std::size_t participants() const { return participants_; }
  std::string dominant_speaker(const std::string& room) const;  // a nick; empty: nobody yet
  bool media_alive(const std::string& room,
                   const std::string& nick) const;           // its packets arrive at the bridge
  std::string conference_id(const std::string& room) const;  // as in the channel's URL; empty: no such room
  const Conference* conference(const std::string& room) const;

 private:
  Conference* by_room(const std::string& room) const;
  Conference* by_id(std::string_view id) const;
  Conference& create(const std::string& room, TimePoint now);
  void count();

  const Config config_;
  Metrics metrics_;
  Context context_;
  bool draining_ = false;
  bool strained_ = false;         // the bridge has enough to do
  std::size_t participants_ = 0;  // in all conferences
  std::unordered_map<std::string, std::unique_ptr<Conference>> by_room_;
  std::map<std::string, Conference*, std::less<>> by_id_;
};

}  // namespace roomgate::sfu::focus

// One room's media: its participants' sessions, their sources, and every Jingle exchange with them. Owned by
// Focus, signalling thread. Bytes and sockets are elsewhere: it is told what happened and when, and sends
// through Context.
//
// Everybody is invited at once, also somebody who is alone: ICE and DTLS are then done when the second one
// comes, there is no burst of two allocations and two offers at that moment, and no timer that ends the
// session of whoever stays behind. The price is one idle endpoint for each lone person.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "sfu/bridge/control/control.hpp"
#include "sfu/focus/bridge_selection.hpp"
#include "sfu/focus/channel_sink.hpp"
#include "sfu/focus/config.hpp"
#include "sfu/focus/metrics.hpp"
#include "sfu/focus/participant.hpp"
#include "sfu/focus/sources.hpp"
#include "sfu/xmpp/room_service.hpp"

namespace roomgate::sfu::focus {

// What all conferences share; outlives them.
struct Context {
  xmpp::RoomService& rooms;
  std::vector<bridge::Link*> links;  // same order as `bridges`
  std::vector<BridgeView> bridges;
  ChannelSink* sink = nullptr;
  const Config& config;
  Metrics& metrics;
  CapabilityCache capabilities;
  std::uint64_t next_request = 1;
};

class Conference {
 public:
  Conference(Context& context, std::string room, TimePoint now);
  Conference(const Conference&) = delete;
  Conference& operator=(const Conference&) = delete;

  // From the room.
  void joined(const xmpp::OccupantInfo& who, const xmpp::Element& presence, TimePoint now);
  void updated(const xmpp::OccupantInfo& who, const xmpp::Element& presence);
  void left(const std::string& nick, TimePoint now);
  void iq(const std::string& nick, const xmpp::Element& iq, TimePoint now);
  void iq_answered(const std::string& nick, const std::string& id, bool result, const xmpp::Element& answer,
                   TimePoint now);

  // From the bridge.
  void on(const bridge::Allocated& event, TimePoint now);
  void on(const bridge::AllocateFailed& event, TimePoint now);
  void on(const bridge::EndpointChanged& event, TimePoint now);
  void on(const bridge::RestartWanted& event, TimePoint now);
  void on(const bridge::DominantSpeaker& event);

  void tick(TimePoint now);
  // The room is gone: nothing is sent to clients, the bridge forgets the conference.
  void end();

  // The bridge channel of an endpoint; web/ asks.
  bool channel_check(std::string_view endpoint, std::string_view pwd) const;
  bool channel_opened(const std::string& endpoint);
  bool channel_closed(const std::string& endpoint);
  bool channel_frame(const std::string& endpoint, std::string text);
  bool channel_to_client(const bridge::ChannelFrame& frame);

  const std::string& id() const {
    return id_;
  }  // random: a room opened again is another conference to the bridge
  const std::string& room() const { return room_; }
  TimePoint created() const { return created_; }
  std::size_t size() const { return participants_.size(); }
  std::size_t sources() const { return sources_.size(); }
  const std::string& dominant_speaker() const { return dominant_; }
  bool media_alive(const std::string& nick) const;
  std::optional<Phase> phase(const std::string& nick) const;

 private:
  // Requests of clients (conference_requests.cpp). Each is answered exactly once.
  void jingle(Participant& who, const xmpp::Element& iq, const xmpp::Element& jingle, TimePoint now);
  void session_accept(Participant& who, const xmpp::Element& iq, const xmpp::Element& jingle, TimePoint now);
  void session_terminate(Participant& who, const xmpp::Element& iq, const xmpp::Element& jingle,
                         TimePoint now);
  void session_info(Participant& who, const xmpp::Element& iq, const xmpp::Element& jingle);
  void source_change(Participant& who, const xmpp::Element& iq, const xmpp::Element& jingle, bool add,
                     TimePoint now);
  void mute(const std::string& nick, const xmpp::Element& iq, const xmpp::Element& mute);
  void answer(const std::string& nick, const xmpp::Element& iq);
  void refuse(const std::string& nick, const xmpp::Element& iq, xmpp::StanzaError error);

  // Sessions (conference.cpp).
  void step(Participant& who, Step step);
  void ask_capabilities(Participant& who, const xmpp::Element& presence);
  void capabilities_known(Participant& who, TimePoint now);
  void allocate(Participant& who, TimePoint now);
  void allocate_failed(Participant& who, std::string_view reason, TimePoint now);
  Duration retry_delay(int failures) const;
  void invite(Participant& who, TimePoint now);
  void invite_failed(Participant& who, std::string_view reason, TimePoint now);
  void restart(Participant& who, std::string_view reason, TimePoint at, TimePoint now);
  void restart_by_bridge(const std::string& endpoint, const std::string& reason, TimePoint now);
  void end_session(Participant& who, TimePoint now);
  void terminate_at_client(const Participant& who, std::string_view reason, std::string_view text);

  // Who is told of what (conference_sources.cpp).
  void sources_changed(const std::string& owner, TimePoint now);
  void flush(Participant& who);
  void flush_all();
  Duration batch_delay() const;

  void publish_presence();
  void send(const Participant& who, bridge::Command command);
  Participant* find(std::string_view nick);
  const Participant* find(std::string_view nick) const;

  Context& context_;
  const Limits& limits_;
  const std::string id_;
  const std::string room_;
  const TimePoint created_;
  std::map<std::string, Participant, std::less<>> participants_;
  ConferenceSources sources_;
  std::optional<TimePoint> flush_at_;
  bool bridge_missing_ = false;
  std::string dominant_;
};

}  // namespace roomgate::sfu::focus

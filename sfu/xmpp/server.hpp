// The XMPP server of a shard, sans-I/O: messages of WebSockets in, messages out through Connections; MUC
// rooms towards focus/ through RoomService and RoomListener. Owned by the shard's program; signalling thread
// only.
//
// web/ calls connected, received, closed for each socket and tick once a second; RoomListener's calls come
// from within those. What a client sends wrong ends its own stream and nothing else (shard.md 14).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/siphash.hpp"
#include "sfu/xmpp/conference_request.hpp"
#include "sfu/xmpp/muc.hpp"
#include "sfu/xmpp/room_service.hpp"
#include "sfu/xmpp/session.hpp"
#include "sfu/xmpp/stream.hpp"
#include "sfu/xmpp/types.hpp"

namespace roomgate::sfu::xmpp {

class Server final : public RoomService, private Outbox {
 public:
  // `config.unix_milliseconds` must be set; `connections` outlives the server.
  Server(Config config, Connections& connections);
  ~Server() override;

  // Before the first connection. The listener outlives the server.
  void set_listener(RoomListener& listener);
  // Called with true when a room came to be, with false when it ended: the census as a stream.
  void set_room_watcher(std::function<void(bool created, const RoomCensus& room)> watcher);

  void connected(ConnectionId id, ConnectionInfo info, TimePoint now);
  void received(ConnectionId id, std::string_view text, TimePoint now);
  // `silent`: how long the socket had been silent when it was given up for dead. A session waits for its
  // resumption from then on, so that whoever's link went dark is gone within 40 s (shard.md 15).
  void closed(ConnectionId id, TimePoint now, Duration silent = {});
  void tick(TimePoint now);

  // POST /conference-request/v1, from that client address.
  HttpAnswer conference_request(std::string_view body, std::string_view address, TimePoint now);

  // Draining: rooms go on, new ones are refused (ready=false).
  void drain(bool on) { muc_.drain(on); }
  // Goes down: every client gets <close/> and its socket is closed with 1001. Rooms end.
  void shut_down(TimePoint now);

  // Whether this client's media flows: decides how long its session waits for a resumption.
  void media_alive(const std::string& full_jid, bool alive);

  std::vector<RoomCensus> rooms() const { return muc_.census(); }
  std::size_t room_count() const { return muc_.room_count(); }
  std::size_t participant_count() const { return muc_.participant_count(); }
  std::size_t connection_count() const { return connections_.size(); }
  std::size_t session_count() const { return sessions_.size(); }
  std::size_t dropped_session_count() const;  // waiting for <resume/>
  const Counters& counters() const { return counters_; }

  // RoomService
  std::string send_focus_iq(const std::string& room, const std::string& nick, Element payload) override;
  std::string ask_as_focus(const std::string& room, const std::string& nick, Element payload) override;
  void reply_result(const std::string& room, const std::string& nick, const Element& request,
                    std::optional<Element> payload = std::nullopt) override;
  void reply_error(const std::string& room, const std::string& nick, const Element& request,
                   StanzaError error) override;
  void set_focus_presence(const std::string& room, std::vector<Element> payload) override;
  std::vector<OccupantInfo> occupants(const std::string& room) const override;

 private:
  struct Connection {
    ConnectionInfo info;
    Stream stream;
    TimePoint login_by;  // must be bound by then
    Session* session = nullptr;
  };

  void deliver(Session& session, std::string stanza) override;

  void act(ConnectionId id, const Step& step, const Element& element, std::size_t bytes, TimePoint now);
  void bind(ConnectionId id, const Element& request, TimePoint now);
  void enable(ConnectionId id, bool resumable);
  void resume(ConnectionId id, const Step& step, TimePoint now);
  void route(Session& session, const Element& stanza, std::size_t bytes, TimePoint now);
  void route_iq(Session& session, const Element& iq, TimePoint now);
  void refuse(Session& session, const Element& stanza, StanzaError error);

  void send(ConnectionId id, const Element& element);
  // Ends a stream that broke a rule, and its session.
  void fail_stream(ConnectionId id, const StreamFailure& failure, TimePoint now);
  void forget(ConnectionId id, std::uint16_t code);
  void end_session(Session& session, LeaveReason reason, TimePoint now);
  // Last in every public call: ends the sessions that failed meanwhile, asks for acknowledgements after
  // bursts.
  void settle(TimePoint now);
  void ask(Session& session, bool idle);

  Config config_;
  Connections& sockets_;
  Counters counters_;
  std::unordered_map<ConnectionId, Connection> connections_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Session>> sessions_;
  std::unordered_map<std::string, Session*, SipHasher, std::equal_to<>> by_jid_;
  std::unordered_map<std::string, Session*, SipHasher, std::equal_to<>> by_resumption_;
  std::uint64_t next_session_ = 1;
  std::vector<std::uint64_t> failed_;   // sessions
  std::vector<std::uint64_t> touched_;  // sessions that were sent something since the last settle
  Muc muc_;
};

}  // namespace roomgate::sfu::xmpp

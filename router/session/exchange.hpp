// One request and its answer, whatever the protocol, top to bottom: this is where a request's way can be
// read.
//
//   head -> framing -> client -> room key -> route() -> forward or answer
//                                                         |
//                                shard's connection, head rewritten, body streamed, answer streamed; or a tunnel
//
// Runs in the coroutine of its connection (HTTP/1) or of its stream (HTTP/2); a request body that is long in
// coming gets a second one, so that the shard may answer early. Lives as long as the request; its worker's
// core.
#pragma once

#include <chrono>
#include <optional>

#include "base/net/sleep.hpp"
#include "router/http/framing.hpp"
#include "router/http/upgrade.hpp"
#include "router/route/route.hpp"
#include "router/session/connection.hpp"
#include "router/session/relay.hpp"
#include "router/session/requester.hpp"
#include "router/session/worker.hpp"

namespace roomgate::router::session {

class TunnelHold;

// What the client's connection is good for after an exchange.
enum class After {
  next,         // another request
  close,        // nothing
  linger,       // nothing, but the client may still be sending: it must be able to read our answer
  handed_over,  // it is a tunnel's now
};

class Exchange {
 public:
  // Begins with the first byte of a request. `first`: of its connection.
  Exchange(Worker& worker, const Connection& connection, Requester& requester, bool first);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // `head` and what its views point into outlive the exchange.
  net::Task<After> respond(const http::RequestHead& head);
  // The head never was one.
  net::Task<void> refuse_head(http::Reason reason);

  // This gate is going: whatever is under way with a shard ends.
  void interrupt();
  // The client wants no answer any more: the same, and nobody's fault.
  void client_gone();
  // A poll that the room's old shard holds is answered at a moment of its own: its session is nowhere now.
  void rooms_moved(const MovedRooms& moved);

 private:
  // How far a request got with a shard.
  enum class Fault {
    none,
    before_answer,  // the connection broke before the first byte: may be repeated, if the request may
    broke,          // in the middle of the answer's head
    silent,
    nonsense,
    room_left,  // it moved while its shard held the request
    client,     // it is the client that went away, or sent nonsense
  };

  // What is known about the request under way, for the log line and for decisions; views into the exchange.
  struct Facts {
    std::chrono::system_clock::time_point wall{};
    TimePoint began{};   // first byte
    TimePoint headed{};  // head complete
    TimePoint decided{};
    Duration waited{-1};     // for a slot; negative: there was none to wait for
    TimePoint connecting{};  // it has its slot
    TimePoint connected{};
    unsigned retries = 0;  // further connections, after one that failed
    TimePoint sent{};
    TimePoint answered{};  // head of the answer
    bool reused = false;
    std::string_view client_ip;
    bool https = false;
    bool trusted = false;
    std::string_view forwarded_host;  // of a trusted front
    std::string_view region;
    http::Framing framing;
    http::UpgradeDecision upgrade;
    std::string_view path;
    std::optional<std::string_view> key;
    std::string_view request_id;
    const balance::Shard* shard = nullptr;
    std::string_view why;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    bool keep_alive = false;
  };

  // A request body on its way while the answer is awaited.
  struct Upload {
    Upload(net::Core& core, Relay moving) : relay(std::move(moving)), finished(core) {}
    Relay relay;
    std::optional<RelayEnd> end;
    bool abandoned = false;
    net::Event finished;
  };

  // What may be said about the client; nothing is forwarded before all of it holds.
  http::Reason check_request();
  void find_client();
  // The limits of the client's address and of its room; none: it may.
  http::Reason check_rate();
  http::Reason check_tunnel(const route::Decision& decision);
  bool may_create_room();
  // Of who asks: the connection's, or of the client that a front speaks for.
  const limits::Ticket& ticket() const {
    return connection_.peer.trusted ? client_ticket_ : connection_.seat.ticket();
  }

  // Where somebody else decides: the process that has taken over, or front doors together.
  net::Task<route::Decision> ask(route::Request request);
  net::Task<std::optional<route::Decision>> ask_guide(route::Request request);

  // Answers of our own.
  net::Task<After> answer(http::Reason reason, std::string_view location = {});
  net::Task<After> answer_health();
  // scratch's `out`, complete with its body.
  net::Task<After> send_own(int status, std::string_view reason);
  // The request's body is in our hands, or there is none: another request may follow.
  bool body_is_here();

  // forward.cpp: to the shard.
  net::Task<After> forward(route::Decision decision);
  void count_assignment(const route::Decision& decision);
  // The room has left that shard by this request.
  void tell_moved(stick::ShardId from);
  void note_failure(std::string_view kind);
  // Which shard to try instead; `tried` grows by the one refused.
  net::Task<std::optional<route::Decision>> elsewhere(const route::Decision& refused,
                                                      std::vector<stick::ShardId>& tried);
  net::Task<std::optional<route::Decision>> ask_elsewhere(const route::Decision& refused,
                                                          const std::vector<stick::ShardId>& tried);
  // The room moves to the shard that has just been reached.
  net::Task<std::optional<route::Decision>> settle(const route::Decision& reached);
  // A request under way holds its room: where that has to be told by the time of its last use.
  void renew_hold();
  // A place among the shard's max_connections: kept to the end of the exchange, or of its tunnel.
  net::Task<Result<void, upstream::Refusal>> wait_for_slot(const balance::Shard& shard);
  net::Task<After> not_entered(upstream::Refusal refusal);
  net::Task<Result<std::unique_ptr<upstream::Connection>, net::IoError>> open_upstream(
      const route::Decision& to, upstream::Wanted wanted);
  net::Task<After> failed(Fault fault);
  void finish_upstream(bool reusable);

  // request_out.cpp: head and body.
  net::Task<Fault> send_request();
  void start_upload(Relay relay);
  net::Task<void> run_upload(std::shared_ptr<Upload> upload);
  net::Task<void> stop_upload();
  struct Departure final : Departures::Leaver {
    explicit Departure(Exchange& whose) : exchange(whose) {}
    void leave() override { exchange.room_left(); }
    Exchange& exchange;
  };
  void room_left();
  bool upload_complete() const {
    return request_sent_ && (upload_ == nullptr || upload_->end == RelayEnd::complete);
  }
  static bool is_client_fault(RelayEnd end);
  static http::Reason client_reason(RelayEnd end);

  // answer_in.cpp: what the shard says to it.
  net::Task<Fault> read_answer();
  net::Task<Fault> wait_for_answer();
  net::Task<After> relay_answer(const route::Decision& decision);
  net::Task<After> unlock_answer(const route::Decision& decision);
  net::Task<After> open_tunnel(const route::Decision& decision);
  net::Task<void> hold_room(const route::Decision& decision, TunnelHold& hold);
  // While the shard or the client took its time, the room moved or was banned.
  bool has_left(const route::Decision& decision, const TunnelHold& hold) const;
  http::ResponseRewrite rewrite_for(const route::Decision& decision, http::Framing framing) const;

  void log(int status, std::string_view reason, bool tunnel = false);

  // A room that front doors are asked to move.
  struct Leaving {
    std::string from;
    // What the facts and decisions speak of, where an answer has named a shard that came later.
    std::vector<std::shared_ptr<const balance::ShardSet>> shards_before;
  };
  void find_shard(const peers_sync::Outcome& outcome);

  Worker& worker_;
  const Connection& connection_;
  Requester& requester_;
  std::shared_ptr<const Settings> settings_;         // of this request
  std::shared_ptr<const balance::ShardSet> shards_;  // the same
  std::unique_ptr<Scratch> scratch_;
  const http::RequestHead* head_ = nullptr;  // null: it never was complete
  upstream::Slot slot_;                      // before the connection it is for, and so freed after it
  std::unique_ptr<upstream::Connection> upstream_;
  std::shared_ptr<Upload> upload_;
  Facts facts_;
  limits::Ticket client_ticket_;
  limits::Ticket tunnel_ticket_;  // of a tunnel that shares its connection: counted as one of its own
  std::array<char, 32> request_id_{};
  std::unique_ptr<Departure> departure_;
  std::unique_ptr<Leaving> leaving_;
  bool first_;
  bool gone_ = false;
  bool waits_for_answer_ = false;
  bool room_left_ = false;     // while it waited
  bool body_touched_ = false;  // some of it went to a shard
  bool request_sent_ = false;  // all of it
  // What a fault of the client's is answered with; none: it is gone.
  http::Reason client_fault_ = http::Reason::none;
};

}  // namespace roomgate::router::session

// One client connection, top to bottom: this is where a request's way can be read.
//
//   handshake -> [ head -> framing -> room key -> route() -> forward or answer ]* -> close
//                                                              |
//                                     shard's connection, head rewritten, body streamed, answer streamed; or
//                                     a tunnel
//
// One coroutine runs it; a request body that is long in coming gets a second one, so that the shard may
// answer early. Kept alive by its own coroutines (shared_ptr), on its worker's core.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "base/net/sleep.hpp"
#include "router/http/framing.hpp"
#include "router/http/upgrade.hpp"
#include "router/route/route.hpp"
#include "router/session/relay.hpp"
#include "router/session/worker.hpp"

namespace roomgate::router::session {

class Session final : public Guest, public std::enable_shared_from_this<Session> {
 public:
  // Takes the descriptor over and runs until the connection ends; then Admission::leave().
  static void start(Worker& worker, int descriptor, const Address& from,
                    std::shared_ptr<const listen::Entrance> entrance);

  Session(Worker& worker, int descriptor, const Address& from,
          std::shared_ptr<const listen::Entrance> entrance);
  ~Session() override;

  void leave_when_idle() override;
  void leave_now() override;

 private:
  // What follows a request on this connection.
  enum class Next {
    request,      // another one
    close,        // nothing
    linger,       // nothing, but the client may still be sending: take it for a moment, so that it reads our
                  // answer
    handed_over,  // the connection is a tunnel's now
  };
  // How far a request got with a shard.
  enum class Fault {
    none,
    before_answer,  // the connection broke before the first byte: may be repeated, if the request may
    broke,          // in the middle of the answer's head
    silent,
    nonsense,
    client,  // it is the client that went away, or sent nonsense
  };

  // What is known about the request under way, for the log line and for decisions; views into the exchange.
  struct Facts {
    std::chrono::system_clock::time_point wall{};
    TimePoint began{};   // first byte
    TimePoint headed{};  // head complete
    TimePoint decided{};
    TimePoint connected{};
    TimePoint sent{};
    TimePoint answered{};  // head of the answer
    bool reused = false;
    std::string_view client_ip;
    bool https = false;
    bool trusted = false;
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

  static net::Task<void> stay(std::shared_ptr<Session> self);
  net::Task<void> run();
  enum class Head { ready, closed, refused };
  net::Task<bool> handshake();
  net::Task<Head> read_head();
  void begin_request();
  void end_request();
  net::Task<Next> respond();
  net::Task<Next> forward(route::Decision decision);

  // What may be said about the client; nothing is forwarded before all of it holds.
  http::Reason check_request();

  // Answers of our own.
  net::Task<Next> answer(http::Reason reason, std::string_view location = {});
  net::Task<Next> answer_health();
  // exchange's `out`, complete with its body.
  net::Task<Next> send_own(int status, std::string_view reason);
  // The request's body is in our hands, or there is none: another request may follow.
  bool body_is_here();

  // forward(), step by step.
  void count_assignment(const route::Decision& decision);
  void note_failure(std::string_view kind);
  std::optional<route::Decision> elsewhere(const route::Decision& refused);
  net::Task<Result<std::unique_ptr<upstream::Connection>, net::IoError>> open_upstream(
      const route::Decision& to, upstream::Wanted wanted);
  net::Task<Fault> send_request(const route::Decision& decision);
  void start_upload(Relay relay);
  static net::Task<void> run_upload(std::shared_ptr<Session> self, std::shared_ptr<Upload> upload);
  static http::Reason client_reason(RelayEnd end);
  static bool is_client_fault(RelayEnd end);
  net::Task<void> stop_upload();
  net::Task<Fault> read_answer();
  net::Task<Fault> wait_for_answer();
  net::Task<Next> relay_answer(const route::Decision& decision);
  net::Task<Next> unlock_answer(const route::Decision& decision);
  net::Task<Next> open_tunnel(const route::Decision& decision);
  net::Task<Next> failed(Fault fault);
  void finish_upstream(bool reusable);
  bool upload_complete() const {
    return request_sent_ && (upload_ == nullptr || upload_->end == RelayEnd::complete);
  }

  net::Task<void> linger();
  void log(int status, std::string_view reason, bool tunnel = false);

  Worker& worker_;
  std::shared_ptr<const listen::Entrance> entrance_;
  std::unique_ptr<net::Stream> client_;
  Seat seat_;
  std::string peer_ip_;
  bool peer_trusted_;
  std::shared_ptr<const Settings> settings_;         // of the request under way
  std::shared_ptr<const balance::ShardSet> shards_;  // the same
  std::unique_ptr<Exchange> exchange_;
  std::unique_ptr<upstream::Connection> upstream_;
  std::shared_ptr<Upload> upload_;
  std::vector<std::uint8_t> pipelined_;  // read with the last body, belongs to the next request
  Facts facts_;
  bool idle_ = true;
  bool body_touched_ = false;  // some of it went to a shard
  bool request_sent_ = false;  // all of it
  http::Reason client_fault_ =
      http::Reason::none;  // what a fault of the client's is answered with; none: it is gone
  std::uint64_t requests_ = 0;
};

// A tunnel on its own: it needs no parser, no exchange and no session.
struct TunnelLog {
  std::chrono::system_clock::time_point wall{};
  TimePoint began{};
  std::string client_ip;
  std::string path;
  std::string host;
  std::string key;
  std::string shard;
  std::string why;
  std::string request_id;
};
void start_tunnel(Worker& worker, std::unique_ptr<net::Stream> client, std::unique_ptr<net::Stream> shard,
                  tunnel::Limits limits, std::vector<std::uint8_t> from_client,
                  std::vector<std::uint8_t> from_shard, std::optional<std::uint64_t> hold,
                  std::shared_ptr<const listen::Entrance> entrance, Seat seat, ShardMetrics& metrics,
                  TunnelLog log);

}  // namespace roomgate::router::session

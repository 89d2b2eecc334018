// One HTTP/1 connection: reads heads strictly, runs an exchange for each, and decides what may follow on the
// connection (RFC 9112 9). Lives in its connection's coroutine, on its worker's core.
#pragma once

#include "router/session/exchange.hpp"

namespace roomgate::router::session {

class H1Session final : public Guest, private Requester {
 public:
  H1Session(Worker& worker, Connection& connection);

  // Until the connection ends, or is a tunnel's.
  net::Task<void> run();

  void leave_when_idle() override;
  void leave_now() override;
  void rooms_moved(const MovedRooms& moved) override;

 private:
  enum class Head { ready, closed, refused };
  net::Task<Head> read_head(Exchange& exchange);
  net::Task<bool> first_bytes();
  void open_inbox();
  void end_request();

  std::string_view protocol() const override;
  net::Channel& channel() override { return *connection_.stream; }
  http::Framing body_on_channel(http::Framing towards_shard) const override { return towards_shard; }
  ByteSpan early_body() override { return inbox_->in.bytes(); }
  void take_early(std::size_t consumed) override { inbox_->in.begin += consumed; }
  void keep_rest(std::vector<std::uint8_t> rest) override { pipelined_ = std::move(rest); }
  http::Framing answer_on_channel(http::Framing from_shard) const override;
  ByteView answer_head(const http::ResponseHead& head, const http::ResponseRewrite& rewrite) override;
  net::Task<net::IoStatus> interim(const http::ResponseHead& head, Duration stall) override;
  void answer_complete() override {}
  net::Task<net::IoStatus> own_answer(std::string_view text, Duration stall) override;
  net::Task<net::IoStatus> switched(const http::ResponseHead& head, const http::ResponseRewrite& rewrite,
                                    Duration stall) override;
  Handover take_over() override { return {std::move(connection_.stream), std::move(connection_.seat)}; }

  Worker& worker_;
  Connection& connection_;
  std::shared_ptr<const Settings> settings_;  // of the request under way
  std::unique_ptr<Inbox> inbox_;
  Exchange* exchange_ = nullptr;
  std::string head_;                     // the answer's, as text
  std::vector<std::uint8_t> pipelined_;  // read with the last body, belongs to the next request
  std::uint64_t requests_ = 0;
  bool idle_ = true;
};

}  // namespace roomgate::router::session

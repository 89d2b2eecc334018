// The client's side of one exchange, as its protocol has it: HTTP/1 writes heads as text and frames bodies
// itself, HTTP/2 has a stream for each. The exchange knows only this. Implemented by the session of each
// protocol; lives as long as the exchange; its core's thread.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/net/channel.hpp"
#include "router/http/framing.hpp"
#include "router/http/rewrite.hpp"
#include "router/session/connection.hpp"

namespace roomgate::router::session {

class Requester {
 public:
  virtual std::string_view protocol() const = 0;  // "HTTP/1.1", for the log

  // The request's body, and the answer's.
  virtual net::Channel& channel() = 0;
  // How the body goes on to a shard.
  virtual Result<http::Framing, http::ParseError> framing_of(const http::RequestHead& head) const {
    return http::framing_of(head);
  }
  // How that body's end is told on the channel, for a request that is framed so towards the shard.
  virtual http::Framing body_on_channel(http::Framing towards_shard) const = 0;
  // Bytes of it (and perhaps of what follows) that came with the head; how many of them were the body's.
  virtual ByteSpan early_body() = 0;
  virtual void take_early(std::size_t consumed) = 0;
  // What was read behind the body, with the last of it.
  virtual void keep_rest(std::vector<std::uint8_t> rest) = 0;

  // How an answer that a shard framed so is framed on the channel.
  virtual http::Framing answer_on_channel(http::Framing from_shard) const = 0;
  // The answer's head. What it gives is written to the channel before the first of the body; empty where the
  // protocol has its own way.
  virtual ByteView answer_head(const http::ResponseHead& head, const http::ResponseRewrite& rewrite) = 0;
  // A 1xx before it.
  virtual net::Task<net::IoStatus> interim(const http::ResponseHead& head, Duration stall) = 0;
  // All of the answer has been written.
  virtual void answer_complete() = 0;
  // An answer of our own, written as HTTP/1 text, whole.
  virtual net::Task<net::IoStatus> own_answer(std::string_view text, Duration stall) = 0;
  // The client asked to upgrade and the shard has: the head that says so, and then the channel is a tunnel's.
  virtual net::Task<net::IoStatus> switched(const http::ResponseHead& head,
                                            const http::ResponseRewrite& rewrite, Duration stall) = 0;
  struct Handover {
    std::unique_ptr<net::Channel> channel;
    std::optional<Seat> seat;  // none: the connection keeps its own
  };
  virtual Handover take_over() = 0;

 protected:
  ~Requester() = default;
};

}  // namespace roomgate::router::session

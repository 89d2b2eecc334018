// A WebSocket client over base/net's streams (RFC 6455): whole messages in and out, pings answered. Sending
// never waits: what the peer does not take at once is queued, to a bound. Owned by a participant, which
// outlives the coroutines that use it; on its core's thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "bench/roomload/signal/network.hpp"
#include "bench/roomload/signal/websocket_frames.hpp"

namespace roomgate::bench::roomload::signal {

class WebSocket {
 public:
  struct Options {
    Url url;
    std::string subprotocol;  // must be agreed to when it is not empty
    std::string what;         // what it is to the person who reads an error: "XMPP", "bridge channel"
  };
  static net::Task<Result<std::unique_ptr<WebSocket>, Problem>> connect(Network& network, net::Core& core,
                                                                        Options options, TimePoint deadline);

  // One text message. A Problem of kind `lost` when the peer has closed, or the connection broke.
  net::Task<Result<std::string, Problem>> receive(TimePoint deadline);
  void send(std::string_view text);
  // Tells the peer, and ends receive(). Nothing is sent afterwards.
  void close();
  bool closed() const { return closed_; }

  const std::string& shard() const { return shard_; }  // X-Jitsi-Shard of the answer; may be empty

 private:
  WebSocket(std::unique_ptr<net::Stream> stream, Options options)
      : stream_(std::move(stream)), options_(std::move(options)) {}
  net::Task<Result<void, Problem>> upgrade(TimePoint deadline);
  std::optional<Problem> read_more();
  void queue(Opcode opcode, std::string_view payload);
  net::Task<void> drain();
  Problem lost(std::string_view why) const;
  Problem refused(int status, std::string_view body) const;

  std::unique_ptr<net::Stream> stream_;
  Options options_;
  FrameReader reader_;
  std::string out_;      // what the peer has not taken yet
  std::string sending_;  // of it, what drain() is at
  bool draining_ = false;
  bool closed_ = false;
  std::string shard_;
};

}  // namespace roomgate::bench::roomload::signal

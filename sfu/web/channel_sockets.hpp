// The WebSockets of the bridge channel, by conference and endpoint: between the HTTP server and the focus'
// control link. A second socket for the same endpoint replaces the first (jitsi-signalling 6.1). Signalling
// thread; outlived by both.
#pragma once

#include <map>

#include "sfu/focus/focus.hpp"
#include "sfu/web/types.hpp"

namespace roomgate::sfu::web {

class ChannelSockets final : public focus::ChannelSink {
 public:
  explicit ChannelSockets(focus::Focus& focus) : focus_(focus) {}

  std::unique_ptr<SocketHandler> handler(std::string conference, std::string endpoint);

  void send(const std::string& conference, const std::string& endpoint, std::string text) override;
  void close(const std::string& conference, const std::string& endpoint, std::uint16_t code) override;

 private:
  class Handler;
  using Key = std::pair<std::string, std::string>;
  focus::Focus& focus_;
  std::map<Key, Socket*> open_;
};

}  // namespace roomgate::sfu::web

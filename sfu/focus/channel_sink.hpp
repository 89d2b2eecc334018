// What the focus needs of web/: the sockets of the bridge channels. web/ implements it; signalling thread.
#pragma once

#include <cstdint>
#include <string>

namespace roomgate::sfu::focus {

class ChannelSink {
 public:
  virtual ~ChannelSink() = default;

  // Both do nothing when the endpoint has no socket, and do not call back into the focus before they return.
  virtual void send(const std::string& conference, const std::string& endpoint, std::string text) = 0;
  virtual void close(const std::string& conference, const std::string& endpoint, std::uint16_t code) = 0;
};

}  // namespace roomgate::sfu::focus

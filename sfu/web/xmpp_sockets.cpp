#include "sfu/web/xmpp_sockets.hpp"

namespace roomgate::sfu::web {

class XmppSockets::Handler final : public SocketHandler {
 public:
  Handler(XmppSockets& owner, xmpp::ConnectionId id, xmpp::ConnectionInfo info)
      : owner_(owner), id_(id), info_(std::move(info)) {}

  void on_open(Socket& socket) override {
    owner_.open_[id_] = &socket;
    owner_.server_->connected(id_, std::move(info_), Clock::now());
  }
  void on_text(std::string_view text) override { owner_.server_->received(id_, text, Clock::now()); }
  void on_closed(Duration silent) override {
    owner_.open_.erase(id_);
    owner_.server_->closed(id_, Clock::now(), silent);
  }

 private:
  XmppSockets& owner_;
  xmpp::ConnectionId id_;
  xmpp::ConnectionInfo info_;
};

std::unique_ptr<SocketHandler> XmppSockets::handler(xmpp::ConnectionInfo info) {
  return std::make_unique<Handler>(*this, next_++, std::move(info));
}

void XmppSockets::send(xmpp::ConnectionId id, std::string message) {
  if (const auto found = open_.find(id); found != open_.end()) found->second->send(std::move(message));
}

void XmppSockets::close(xmpp::ConnectionId id, std::uint16_t code) {
  if (const auto found = open_.find(id); found != open_.end()) found->second->close(code, "");
}

}  // namespace roomgate::sfu::web

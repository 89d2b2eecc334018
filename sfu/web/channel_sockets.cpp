#include "sfu/web/channel_sockets.hpp"

namespace roomgate::sfu::web {
namespace {

constexpr std::uint16_t kGoingAway = 1001;

}  // namespace

class ChannelSockets::Handler final : public SocketHandler {
 public:
  Handler(ChannelSockets& owner, Key key) : owner_(owner), key_(std::move(key)) {}

  void on_open(Socket& socket) override {
    socket_ = &socket;
    Socket*& slot = owner_.open_[key_];
    if (slot) {
      slot->close(kGoingAway, "replaced by a newer channel");
      owner_.focus_.channel_closed(key_.first, key_.second);
    }
    slot = &socket;
    owner_.focus_.channel_opened(key_.first, key_.second);
  }

  void on_text(std::string_view text) override {
    if (is_current()) owner_.focus_.channel_frame(key_.first, key_.second, std::string(text));
  }

  void on_closed(Duration) override {
    if (!is_current()) return;
    owner_.open_.erase(key_);
    owner_.focus_.channel_closed(key_.first, key_.second);
  }

 private:
  bool is_current() const {
    const auto found = owner_.open_.find(key_);
    return found != owner_.open_.end() && found->second == socket_;
  }

  ChannelSockets& owner_;
  Key key_;
  Socket* socket_ = nullptr;
};

std::unique_ptr<SocketHandler> ChannelSockets::handler(std::string conference, std::string endpoint) {
  return std::make_unique<Handler>(*this, Key(std::move(conference), std::move(endpoint)));
}

void ChannelSockets::send(const std::string& conference, const std::string& endpoint, std::string text) {
  if (const auto found = open_.find({conference, endpoint}); found != open_.end())
    found->second->send(std::move(text));
}

void ChannelSockets::close(const std::string& conference, const std::string& endpoint, std::uint16_t code) {
  if (const auto found = open_.find({conference, endpoint}); found != open_.end())
    found->second->close(code, "");
}

}  // namespace roomgate::sfu::web

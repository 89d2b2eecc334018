// The relay itself: upstream connections and HTTP/1.1 clients.
//   bench_floor --port N --tls-port N --cert FILE --key FILE --back1 N --back2 N
#include "bench/proxy/floor.hpp"

#include <sys/epoll.h>

#include <cstdlib>
#include <functional>

namespace roomgate::bench::proxy {

std::size_t back_of(std::string_view target) {
  const auto at = target.find("room=");
  if (at == std::string_view::npos) return 0;
  const auto room = target.substr(at + 5);
  return std::hash<std::string_view>{}(room.substr(0, room.find_first_of("& \r"))) % 2;
}

Upstream& Floor::take(std::size_t back) {
  if (pools[back].empty()) return *new Upstream{*this, back};  // owns itself until its connection ends
  Upstream& upstream = *pools[back].back();
  pools[back].pop_back();
  return upstream;
}

Upstream::Upstream(Floor& floor, std::size_t back)
    : floor_(floor), back_(back), wire_(connect_to(floor.backs[back])) {
  floor.poller.add(wire_.fd(), *this);
}

void Upstream::ask(Asker& asker, std::string_view request) {
  asker_ = &asker;
  send(request);
}

bool Upstream::send(std::string_view bytes) {
  if (up_ && out_.empty()) {
    const auto put = wire_.write(bytes);
    if (put.state == IoState::kOk) bytes.remove_prefix(put.bytes);
  }
  out_ += bytes;
  return out_.empty();
}

void Upstream::resume() {
  paused_ = false;
  read();
}

void Upstream::close() {
  asker_ = nullptr;
  if (dead_) return;
  dead_ = true;
  std::erase(floor_.pools[back_], this);
  floor_.poller.bury(std::unique_ptr<Handler>{this});
}

void Upstream::on_event(std::uint32_t events) {
  if (dead_) return;
  up_ = true;
  ended_ = ended_ || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  if ((events & EPOLLOUT) != 0 && !out_.empty() && flush() && asker_ != nullptr && tunnel_)
    asker_->on_bytes({}, false);  // room again
  if ((events & EPOLLIN) != 0 || ended_) read();
}

bool Upstream::flush() {
  const auto put = wire_.write(out_);
  if (put.state == IoState::kOk) out_.erase(0, put.bytes);
  return out_.empty();
}

void Upstream::read() {
  while (!paused_ && !dead_) {
    const auto got = wire_.read(floor_.scratch);
    if (got.state == IoState::kAgain) return;
    if (got.state != IoState::kOk || !take({floor_.scratch.data(), got.bytes})) {
      Asker* asker = asker_;
      close();
      if (asker != nullptr) asker->on_upstream_closed();
      return;
    }
    if (got.bytes < floor_.scratch.size() && !ended_) return;
  }
}

bool Upstream::take(std::string_view bytes) {
  if (asker_ == nullptr) return false;
  if (tunnel_) {
    paused_ = !asker_->on_bytes(bytes, false);
    return true;
  }
  std::size_t head_size = 0;
  std::string_view whole = bytes;
  if (!in_body_) {
    if (!head_.empty()) {
      head_ += bytes;
      whole = head_;
    }
    const auto end = whole.find("\r\n\r\n");
    if (end == std::string_view::npos) {
      if (head_.empty()) head_ = bytes;
      return true;
    }
    head_size = end + 4;
    if (!head(whole.substr(0, head_size))) return false;
    in_body_ = true;
  }
  const auto body = whole.size() - head_size;
  if (!tunnel_ && body > left_) return false;
  if (!tunnel_) left_ -= body;
  paused_ = !asker_->on_bytes(whole, head_size != 0);
  head_.clear();
  if (left_ == 0 && !tunnel_) {
    in_body_ = paused_ = false;
    floor_.pools[back_].push_back(this);
    std::exchange(asker_, nullptr)->on_response_end();
  }
  return true;
}

bool Upstream::head(std::string_view head) {
  if (head.starts_with("HTTP/1.1 101")) return tunnel_ = true;
  const auto length = header(head, "content-length");
  left_ = length.empty() ? 0 : std::strtoul(length.data(), nullptr, 10);
  return !length.empty();
}

namespace {

class H1Client : public Handler, public Asker {
 public:
  H1Client(Floor& floor, Wire wire)
      : floor_(floor), wire_(std::move(wire)), shaking_(wire_.ssl() != nullptr) {
    floor.poller.add(wire_.fd(), *this);
  }

  void on_event(std::uint32_t events) override {
    if (dead_) return;
    ended_ = ended_ || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (shaking_ && !shake()) return;
    if (!out_.empty()) {
      if (!flush()) return;
      if (upstream_ != nullptr) upstream_->resume();
    }
    if (!dead_) read();
  }

  bool on_bytes(std::string_view bytes, bool) override {
    if (bytes.empty()) {  // the upstream has room again
      upstream_full_ = false;
      read();
      return true;
    }
    while (out_.empty() && !bytes.empty()) {
      const auto put = wire_.write(bytes);
      if (put.state == IoState::kAgain) break;
      if (put.state != IoState::kOk) return true;  // the event that comes with it ends this client
      bytes.remove_prefix(put.bytes);
    }
    out_ += bytes;
    return out_.empty();
  }

  void on_response_end() override {
    upstream_ = nullptr;
    if (close_after_ && out_.empty()) {
      wire_.say_goodbye();
      return end();
    }
    if (ended_) end();
  }

  void on_upstream_closed() override {
    upstream_ = nullptr;
    end();
  }

 private:
  bool shake() {
    const auto result = wire_.handshake();
    if (result.state == IoState::kAgain) return false;
    if (result.state != IoState::kOk) return end(), false;
    shaking_ = false;
    const unsigned char* protocol = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(wire_.ssl(), &protocol, &size);
    if (size != 2) return true;
    dead_ = true;
    start_h2(floor_, std::move(wire_));
    floor_.poller.bury(std::unique_ptr<Handler>{this});
    return false;
  }

  bool flush() {
    while (!out_.empty()) {
      const auto put = wire_.write(out_);
      if (put.state == IoState::kAgain) return false;
      if (put.state != IoState::kOk) return end(), false;
      out_.erase(0, put.bytes);
    }
    if (upstream_ != nullptr || !close_after_) return true;
    wire_.say_goodbye();
    end();
    return false;
  }

  // A request is taken only when the one before it is answered; a tunnel's bytes while the upstream takes
  // them.
  void read() {
    while (!dead_ && (upstream_ == nullptr || (upstream_->tunnel() && !upstream_full_))) {
      const auto got = wire_.read(floor_.scratch);
      if (got.state == IoState::kAgain) return;
      if (got.state != IoState::kOk) return end();
      const std::string_view bytes{floor_.scratch.data(), got.bytes};
      if (upstream_ != nullptr) {
        // Full: what is kept goes first; reading stops until then, and so does the client, by TCP.
        upstream_full_ = !upstream_->send(bytes);
      } else {
        request(bytes);
      }
      if (wire_.ssl() == nullptr && got.bytes < floor_.scratch.size() && !ended_) return;
    }
  }

  void request(std::string_view bytes) {
    if (!in_.empty()) in_ += bytes;
    std::string_view head = in_.empty() ? bytes : std::string_view{in_};
    const auto end = head.find("\r\n\r\n");
    if (end == std::string_view::npos) {
      if (in_.empty()) in_ = bytes;
      return;
    }
    head = head.substr(0, end + 4);
    upstream_ = &floor_.take(back_of(head.substr(0, head.find("\r\n"))));
    const auto close = head.find("Connection: close\r\n");
    if (close == std::string_view::npos) {
      upstream_->ask(*this, head);
    } else {
      close_after_ = true;
      upstream_->ask(*this, std::string{head.substr(0, close)} + std::string{head.substr(close + 19)});
    }
    in_.clear();
  }

  void end() {
    if (dead_) return;
    dead_ = true;
    if (upstream_ != nullptr) std::exchange(upstream_, nullptr)->close();
    floor_.poller.bury(std::unique_ptr<Handler>{this});
  }

  Floor& floor_;
  Wire wire_;
  Upstream* upstream_ = nullptr;  // while a request or a tunnel is under way
  std::string in_, out_;
  bool shaking_, ended_ = false, close_after_ = false, dead_ = false, upstream_full_ = false;
};

class Door : public Handler {
 public:
  Door(Floor& floor, std::uint16_t port, bool tls) : floor_(floor), listener_(listen_on(port)), tls_(tls) {
    floor.poller.add(listener_.get(), *this);
  }
  void on_event(std::uint32_t) override {
    while (Fd fd = accept_from(listener_)) {
      SslPtr ssl{tls_ ? SSL_new(floor_.tls.get()) : nullptr};
      if (ssl) SSL_set_accept_state(ssl.get());
      new H1Client{floor_, Wire{std::move(fd), std::move(ssl)}};  // owns itself, as an Upstream does
    }
  }

 private:
  Floor& floor_;
  Fd listener_;
  bool tls_;
};

int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  static constexpr std::string_view kOurs = "\x02h2\x08http/1.1";
  unsigned char* chosen = nullptr;
  const auto* ours = reinterpret_cast<const unsigned char*>(kOurs.data());
  if (SSL_select_next_proto(&chosen, size, ours, kOurs.size(), offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace
}  // namespace roomgate::bench::proxy

int main(int count, char** values) {
  using namespace roomgate::bench::proxy;
  const Arguments arguments{count, values};
  const auto port = [&](std::string_view name) {
    return static_cast<std::uint16_t>(arguments.number(name, 0));
  };
  use_all_descriptors();
  Floor floor;
  floor.tls = server_context(arguments.text("cert"), arguments.text("key"));
  SSL_CTX_set_alpn_select_cb(floor.tls.get(), choose_protocol, nullptr);
  floor.backs = {port("back1"), port("back2")};
  Door door{floor, port("port"), false};
  Door tls_door{floor, port("tls-port"), true};
  while (true) {
    floor.poller.wait(std::chrono::seconds{10});
    // What one round of events gave an h2 connection goes out in one write.
    for (Handler* client : std::exchange(floor.dirty, {})) client->on_event(0);
  }
}

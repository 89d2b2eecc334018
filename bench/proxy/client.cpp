#include "bench/proxy/client.hpp"

#include <sys/epoll.h>

#include <cstdlib>

namespace roomgate::bench::proxy {

void Client::open() {
  opened_ = Clock::now();
  head_.clear();
  out_ = {};
  left_ = 0;
  in_body_ = false;
  const auto sources = load_.options().sources;
  Fd fd = connect_to(load_.options().port, sources == 0 ? 0 : 1 + number_ % sources);
  if (!fd) return broken("connect");
  SslPtr ssl;
  if (load_.options().tls) {
    ssl.reset(SSL_new(load_.tls()));
    SSL_set_connect_state(ssl.get());
    // SSL_set_tlsext_host_name, whose macro has an old-style cast.
    std::string name{"bench.test"};
    SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    SSL_set_app_data(ssl.get(), this);
    if (load_.options().resume && ticket_) SSL_set_session(ssl.get(), ticket_.get());
  }
  wire_ = Wire{std::move(fd), std::move(ssl)};
  state_ = State::kConnecting;
  load_.poller().add(wire_.fd(), *this);
}

void Client::begin(Clock::time_point since) {
  since_ = since;
  state_ = State::kWaiting;
  out_ = load_.tunnels() ? load_.frame() : load_.next_request();
  flush();  // the answer comes with an event of its own
}

void Client::on_event(std::uint32_t) {
  if (state_ == State::kClosed) return;
  if (state_ == State::kConnecting) {
    if (!connected(wire_.fd())) return broken("connect");
    state_ = State::kHandshaking;
  }
  if (state_ == State::kHandshaking) return shake();
  if (flush()) read();
}

void Client::shake() {
  const auto result = wire_.handshake();
  if (result.state == IoState::kAgain) return;
  if (result.state != IoState::kOk) return broken("handshake");
  load_.opened(wire_.ssl() != nullptr && SSL_session_reused(wire_.ssl()) == 1);
  established();
}

void Client::established() {
  if (!load_.tunnels()) {
    state_ = State::kReady;
    load_.up();
    return load_.ready(*this);
  }
  state_ = State::kUpgrading;
  out_ = load_.upgrade(number_);
  flush();
}

bool Client::flush() {
  while (!out_.empty()) {
    const auto put = wire_.write(out_);
    if (put.state == IoState::kAgain) return true;  // and read: the echo of a long message may be in the way
    if (put.state != IoState::kOk) return broken("write"), false;
    out_.remove_prefix(put.bytes);
  }
  return true;
}

void Client::read() {
  const auto scratch = load_.scratch();
  while (true) {
    const auto got = wire_.read(scratch);
    if (got.state == IoState::kAgain) return;
    if (got.state != IoState::kOk) {
      if (state_ != State::kDraining) return broken("closed early");
      return open();
    }
    const int descriptor = wire_.fd();
    if (!take({scratch.data(), got.bytes})) return broken("answer");
    if (state_ == State::kClosed || wire_.fd() != descriptor) return;
    if (!load_.options().tls && got.bytes < scratch.size() && state_ == State::kWaiting) return;
  }
}

bool Client::take(std::string_view bytes) {
  while (!bytes.empty()) {
    const bool frames = load_.tunnels() && state_ != State::kUpgrading;
    if (state_ != State::kWaiting && state_ != State::kUpgrading) return false;  // nothing was asked
    if (!(frames ? take_frames(bytes) : take_response(bytes))) return false;
  }
  return true;
}

bool Client::take_response(std::string_view& bytes) {
  if (!in_body_) {
    const auto old = head_.size();
    std::string_view head = bytes;
    if (old != 0) {
      head_ += bytes;
      head = head_;
    }
    const auto end = head.find("\r\n\r\n");
    if (end == std::string_view::npos) {
      if (old == 0) head_ = bytes;
      bytes = {};
      return head_.size() < 16384;
    }
    head = head.substr(0, end + 4);
    if (!head.starts_with("HTTP/1.1 ")) return false;
    status_ = std::atoi(head.data() + 9);
    bytes.remove_prefix(head.size() - old);
    if (state_ == State::kUpgrading) {
      head_.clear();
      if (status_ != 101) return false;
      state_ = State::kReady;
      load_.up();
      load_.ready(*this);
      return true;
    }
    const auto length = header(head, "content-length");
    if (length.empty()) return false;  // every answer of this benchmark has one
    left_ = std::strtoul(length.data(), nullptr, 10);
    head_.clear();
    in_body_ = true;
  }
  const auto used = std::min(left_, bytes.size());
  left_ -= used;
  bytes.remove_prefix(used);
  if (left_ == 0) {
    in_body_ = false;
    if (!bytes.empty()) return false;  // more than was asked for
    unit_done();
  }
  return true;
}

bool Client::take_frames(std::string_view& bytes) {
  if (!in_body_) {
    const auto want = load_.options().bytes < 126 ? 2U : load_.options().bytes < 65536 ? 4U : 10U;
    const auto used = std::min<std::size_t>(want - head_.size(), bytes.size());
    head_ += bytes.substr(0, used);
    bytes.remove_prefix(used);
    if (head_.size() < want) return true;
    // The echo is of one length: any other header is an error.
    std::uint64_t size = static_cast<unsigned char>(head_[1]);
    if (want > 2) {
      size = 0;
      for (const char c : std::string_view{head_}.substr(2)) size = size << 8 | static_cast<unsigned char>(c);
    }
    if (static_cast<unsigned char>(head_[0]) != 0x82 || size != load_.options().bytes) return false;
    head_.clear();
    left_ = size;
    in_body_ = true;
  }
  const auto used = std::min(left_, bytes.size());
  if (bytes.substr(0, used).find_first_not_of('m') != std::string_view::npos) return false;
  left_ -= used;
  bytes.remove_prefix(used);
  if (left_ == 0) {
    in_body_ = false;
    if (!bytes.empty()) return false;
    status_ = 200;
    unit_done();
  }
  return true;
}

void Client::unit_done() {
  load_.done(std::chrono::duration<double, std::micro>(Clock::now() - since_).count(), status_);
  state_ = load_.options().fresh ? State::kDraining : State::kReady;
  if (state_ == State::kReady) load_.ready(*this);
}

void Client::broken(const char* why) {
  state_ = State::kClosed;
  load_.broken(why);
  open();
}

}  // namespace roomgate::bench::proxy

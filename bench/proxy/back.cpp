// bench_back: the back-end of the proxy benchmark. Answers GET with `bytes=` bytes of body (128 without it),
// and echoes WebSocket messages. One epoll thread, connections kept.
//   bench_back --port N --name b1
#include <openssl/evp.h>
#include <sys/epoll.h>

#include <array>
#include <cstring>
#include <map>

#include "bench/proxy/socket.hpp"

namespace roomgate::bench::proxy {
namespace {

constexpr std::size_t kMaxBody = 1 << 24;

// RFC 6455 4.2.2: the answer to the key.
std::string accept_value(std::string_view key) {
  const auto joined = std::string{key} + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, 20> digest{};
  EVP_Digest(joined.data(), joined.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
  std::array<unsigned char, 32> text{};
  const int size = EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(digest.size()));
  return {text.begin(), text.begin() + size};
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

void unmask(char* payload, std::size_t size, const char* mask) {
  std::array<char, 8> twice;
  std::memcpy(twice.data(), mask, 4);
  std::memcpy(twice.data() + 4, mask, 4);
  std::uint64_t key = 0;
  std::memcpy(&key, twice.data(), 8);
  std::size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, payload + at, 8);
    word ^= key;
    std::memcpy(payload + at, &word, 8);
  }
  for (; at < size; ++at) payload[at] = static_cast<char>(payload[at] ^ mask[at % 4]);
}

struct Answers {
  std::string name;
  std::map<std::size_t, std::string> by_size;

  const std::string& of(std::size_t bytes) {
    auto& answer = by_size[bytes];
    if (answer.empty())
      answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Backend: " + name +
               "\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n" + std::string(bytes, 'x');
    return answer;
  }
};

class Peer : public Handler {
 public:
  Peer(Fd fd, Poller& poller, Answers& answers) : wire_(std::move(fd)), poller_(poller), answers_(answers) {
    poller.add(wire_.fd(), *this);
  }

  void on_event(std::uint32_t events) override {
    if (dead_) return;
    ended_ = ended_ || (events & EPOLLRDHUP) != 0;
    if (!flush()) return;
    static std::array<char, 256 * 1024> scratch;
    while (out_.empty()) {
      const auto got = wire_.read(scratch);
      if (got.state == IoState::kAgain) return;
      if (got.state != IoState::kOk) return end();
      in_.append(scratch.data(), got.bytes);
      if (!consume()) return end();
      if (!flush()) return;
      if (got.bytes < scratch.size() && !ended_) return;  // the socket is empty: the next edge wakes us
    }
  }

 private:
  bool flush() {
    while (sent_ < out_.size()) {
      const auto put = wire_.write(std::string_view{out_}.substr(sent_));
      if (put.state == IoState::kAgain) return false;
      if (put.state != IoState::kOk) return end(), false;
      sent_ += put.bytes;
    }
    out_.clear();
    sent_ = 0;
    return true;
  }

  bool consume() {
    std::size_t at = 0;
    while (at < in_.size()) {
      const auto used = tunnel_ ? frame(at) : request(std::string_view{in_}.substr(at));
      if (used == 0) break;
      if (used == std::string::npos) return false;
      at += used;
    }
    in_.erase(0, at);
    if (in_.empty() && in_.capacity() > 1024) std::string{}.swap(in_);
    return true;
  }

  std::size_t request(std::string_view bytes) {
    const auto end_of_head = bytes.find("\r\n\r\n");
    if (end_of_head == std::string_view::npos) return 0;
    const auto head = bytes.substr(0, end_of_head + 4);
    const auto length = header(head, "content-length");
    const std::size_t body = length.empty() ? 0 : std::strtoul(length.data(), nullptr, 10);
    if (bytes.size() < head.size() + body) return body > kMaxBody ? std::string::npos : 0;
    if (const auto key = header(head, "sec-websocket-key"); !key.empty()) {
      tunnel_ = true;
      out_ += "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Backend: " +
              answers_.name + "\r\nSec-WebSocket-Accept: " + accept_value(key) + "\r\n\r\n";
      return head.size();
    }
    const auto line = head.substr(0, head.find("\r\n"));
    const auto size = line.find("bytes=");
    out_ +=
        answers_.of(size == std::string_view::npos ? 128 : std::strtoul(line.data() + size + 6, nullptr, 10));
    return head.size() + body;
  }

  std::size_t frame(std::size_t at) {
    const std::string_view bytes = std::string_view{in_}.substr(at);
    if (bytes.size() < 2) return 0;
    const auto opcode = bytes[0] & 15;
    std::uint64_t size = static_cast<unsigned char>(bytes[1]) & 127U;
    if ((bytes[1] & -128) == 0 || opcode == 8) return std::string::npos;  // clients must mask
    const std::size_t extra = size == 126 ? 2 : size == 127 ? 8 : 0;
    if (bytes.size() < 6 + extra) return 0;
    if (extra != 0) size = big_endian(bytes.substr(2, extra));
    if (size > 1 << 20) return std::string::npos;
    if (bytes.size() < 6 + extra + size) return 0;
    char* payload = in_.data() + at + 6 + extra;
    unmask(payload, size, payload - 4);
    out_ += bytes[0];
    if (extra == 0) {
      out_ += static_cast<char>(size);
    } else {
      out_ += extra == 2 ? '\x7e' : '\x7f';
      out_ += bytes.substr(2, extra);
    }
    out_.append(payload, size);
    return 6 + extra + size;
  }

  void end() {
    dead_ = true;
    poller_.bury(std::unique_ptr<Handler>{this});
  }

  Wire wire_;
  Poller& poller_;
  Answers& answers_;
  std::string in_, out_;
  std::size_t sent_ = 0;
  bool tunnel_ = false;
  bool ended_ = false;
  bool dead_ = false;
};

class Door : public Handler {
 public:
  Door(std::uint16_t port, Poller& poller, Answers& answers)
      : listener_(listen_on(port)), poller_(poller), answers_(answers) {
    poller.add(listener_.get(), *this);
  }
  void on_event(std::uint32_t) override {
    // A peer owns itself: it lives until its connection ends, then the poller buries it.
    while (Fd fd = accept_from(listener_)) new Peer(std::move(fd), poller_, answers_);
  }

 private:
  Fd listener_;
  Poller& poller_;
  Answers& answers_;
};

}  // namespace
}  // namespace roomgate::bench::proxy

int main(int count, char** values) {
  using namespace roomgate::bench::proxy;
  const Arguments arguments{count, values};
  use_all_descriptors();
  Poller poller;
  Answers answers{.name = arguments.text("name", "b1"), .by_size = {}};
  Door door{static_cast<std::uint16_t>(arguments.number("port", 0)), poller, answers};
  while (true) poller.wait(std::chrono::seconds{1});
}

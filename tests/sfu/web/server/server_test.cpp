// The real HTTP and WebSocket server on a loopback port, spoken to in bytes, with its io_context turned by
// the test.
#include "sfu/web/server/server.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

using namespace roomgate;
using namespace roomgate::sfu::web;

namespace {

// Accepts every WebSocket and notes how it ended.
struct NotingSite final : Site {
  struct Handler final : SocketHandler {
    explicit Handler(NotingSite& owner) : site(owner) {}
    void on_open(Socket&) override { site.opened = true; }
    void on_text(std::string_view text) override { site.heard += text; }
    void on_closed(Duration silent) override { site.silent = silent; }
    NotingSite& site;
  };

  static Headers common() { return {{"X-Jitsi-Shard", "shard-7"}}; }
  Response respond(const Request& request) override {
    return {.headers = common(), .body = request.method + " " + request.path + "\n"};
  }
  Upgrade upgrade(const Request&) override {
    Upgrade out;
    out.handler = std::make_unique<Handler>(*this);
    out.subprotocol = "xmpp";
    out.headers = common();
    return out;
  }
  Response refuse(unsigned status, std::string reason) override {
    return {.status = status, .headers = common(), .body = std::move(reason)};
  }

  bool opened = false;
  std::string heard;
  std::optional<Duration> silent;
};

class Peer {
 public:
  explicit Peer(Limits limits = {}) : server_(context_, site, limits) {
    const auto address = server_.listen(*Address::parse("127.0.0.1:0"));
    REQUIRE(address);
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(::connect(fd_, address->data(), address->size()) == 0);
  }
  ~Peer() { ::close(fd_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void say(const std::string& bytes) {
    REQUIRE(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  void upgrade() {
    say("GET /xmpp-websocket?room=a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Protocol: xmpp\r\n\r\n");
  }
  // Everything sent so far, once it has `part` or the connection ended; at most ten seconds.
  const std::string& until(const std::string& part) {
    turn_until([&] { return ended || got_.find(part) != std::string::npos; });
    return got_;
  }
  void until_ended() {
    turn_until([&] { return ended; });
    REQUIRE(ended);
    ::shutdown(fd_, SHUT_WR);
  }
  void until_handler_closed() {
    turn_until([&] { return site.silent.has_value(); });
  }
  void end_server() { server_.close_all(); }

  NotingSite site;
  bool ended = false;

 private:
  template <typename Condition>
  void turn_until(Condition reached) {
    const TimePoint deadline = Clock::now() + seconds(10);
    while (!reached() && Clock::now() < deadline) turn();
  }
  // One step of the server at a time, so that what is between two of them can be met.
  void turn() {
    context_.run_one_for(milliseconds(1));
    std::array<char, 4096> bytes;
    const ssize_t size = ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size > 0) got_.append(bytes.data(), static_cast<std::size_t>(size));
    ended = size == 0 || (size < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
  }

  boost::asio::io_context context_{1};
  Server server_;
  int fd_ = -1;
  std::string got_;
};

constexpr const char* kShard = "X-Jitsi-Shard: shard-7\r\n";

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("every answer says which shard it is from: pages, WebSockets, and what was no request") {
  Peer page;
  page.say("GET /alpha HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(has(page.until("GET /alpha\n"), kShard));

  Peer socket;
  socket.upgrade();
  const std::string& accepted = socket.until("\r\n\r\n");
  CHECK(has(accepted, "HTTP/1.1 101 "));
  CHECK(has(accepted, kShard));
  CHECK(has(accepted, "Sec-WebSocket-Protocol: xmpp\r\n"));

  Peer nonsense;
  nonsense.say("this is no request\r\n\r\n");
  CHECK(has(nonsense.until("\r\n\r\n"), "HTTP/1.1 400 "));
  CHECK(has(nonsense.until("\r\n\r\n"), kShard));

  Peer long_header({.header_bytes = 200});
  long_header.say("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(300, 'x') + "\r\n\r\n");
  CHECK(has(long_header.until("\r\n\r\n"), "HTTP/1.1 431 "));
  CHECK(has(long_header.until("\r\n\r\n"), kShard));

  Peer long_body({.body_bytes = 10});
  long_body.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n01234567890");
  CHECK(has(long_body.until("\r\n\r\n"), "HTTP/1.1 413 "));
  CHECK(has(long_body.until("\r\n\r\n"), kShard));
}

TEST_CASE("a server that ends while it accepts a WebSocket cuts it, and nobody is told that it opened") {
  Peer peer;
  peer.upgrade();
  peer.until("HTTP/1.1 101 ");
  REQUIRE_FALSE(peer.site.opened);  // written, but the server has not heard of it

  peer.end_server();

  peer.until_ended();
  CHECK_FALSE(peer.site.opened);
}

TEST_CASE(
    "shard rule 15: a WebSocket that gives no byte is asked by pings, then given up with how long it was "
    "silent") {
  CHECK(Limits{}.ping_interval == seconds(10));
  CHECK(Limits{}.dead_after == seconds(30));
  Peer peer({.ping_interval = milliseconds(20), .dead_after = milliseconds(90)});
  peer.upgrade();

  const std::string head = peer.until("\r\n\r\n");
  peer.until_ended();
  peer.until_handler_closed();

  CHECK(peer.site.opened);
  const std::string& all = peer.until("");
  const std::string after = all.substr(all.find("\r\n\r\n") + 4);
  CHECK(has(after, std::string("\x89\x00", 2)));  // an empty ping
  REQUIRE(peer.site.silent);
  CHECK(*peer.site.silent >= milliseconds(90));
}

TEST_CASE("a WebSocket that its client closes was not silent") {
  Peer peer;
  peer.upgrade();
  peer.until("\r\n\r\n");

  peer.say(std::string("\x88\x80\x00\x00\x00\x00", 6));  // close, masked with zeros
  peer.until_ended();
  peer.until_handler_closed();

  REQUIRE(peer.site.silent);
  CHECK(*peer.site.silent == Duration::zero());
}

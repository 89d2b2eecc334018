// What the programs of `./dev bench proxy` share: descriptors, one epoll loop, and a byte channel that is a
// plain socket or a TLS one. These are load tools, not the product: one thread, loopback only, and they stand
// on nothing of the product, so that a fault there cannot hide here.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace roomgate::bench::proxy {

using Clock = std::chrono::steady_clock;

class Fd {
 public:
  Fd() = default;
  explicit Fd(int value) : value_(value) {}
  Fd(Fd&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();
  int get() const { return value_; }
  explicit operator bool() const { return value_ >= 0; }

 private:
  int value_ = -1;
};

Fd listen_on(std::uint16_t port);
Fd accept_from(const Fd& listener);  // empty when nobody waits
Fd connect_to(std::uint16_t port,
              std::size_t source = 0);  // to 127.0.0.1, does not wait; from 127.0.1.SOURCE
bool connected(int fd);                 // after the first event: did the connect work?

// Something in the poller. Edge-triggered for both directions, registered once: no epoll_ctl in the loop.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual void on_event(std::uint32_t events) = 0;
};

class Poller {
 public:
  Poller();
  void add(int fd, Handler& handler);
  void replace(int fd, Handler& handler);
  void wait(std::chrono::nanoseconds at_most);  // calls the handlers
  // Deletes it after this round of events: others of the same round may still point to it.
  void bury(std::unique_ptr<Handler> handler);

 private:
  Fd epoll_;
  std::vector<std::unique_ptr<Handler>> graves_;
};

enum class IoState { kOk, kAgain, kClosed, kFailed };
struct Io {
  IoState state;
  std::size_t bytes = 0;
};

struct SslFree {
  // As if shut down properly: OpenSSL spoils the session of a connection that was not.
  void operator()(SSL* ssl) const {
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl);
  }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;
using SslContext = std::unique_ptr<SSL_CTX, SslFree>;
using SslSession = std::unique_ptr<SSL_SESSION, SslFree>;

// TLS 1.3 only, X25519, TLS_AES_128_GCM_SHA256: the same on every connection of the benchmark.
SslContext client_context();
SslContext server_context(const std::string& certificate, const std::string& key);

class Wire {
 public:
  Wire() = default;
  explicit Wire(Fd fd, SslPtr ssl = nullptr);
  int fd() const { return fd_.get(); }
  SSL* ssl() const { return ssl_.get(); }
  Io handshake();
  Io read(std::span<char> into);
  Io write(std::string_view bytes);
  void say_goodbye();  // TLS: close_notify

 private:
  Io judge(int result) const;
  Fd fd_;
  SslPtr ssl_;  // after fd_, so that it goes first
};

// `--name value` pairs; ends the program with a message on anything else.
class Arguments {
 public:
  Arguments(int count, char** values);
  std::string text(std::string_view name, std::string fallback = {}) const;
  double number(std::string_view name, double fallback) const;
  bool has(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

[[noreturn]] void fail(std::string_view why);  // prints it, exit 1
void use_all_descriptors();                    // raises the soft limit to the hard one

// The value of a header in a head, empty when it is not there. Good enough for our own back-end and the
// proxies tried.
std::string_view header(std::string_view head, std::string_view name);

}  // namespace roomgate::bench::proxy

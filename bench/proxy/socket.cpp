#include "bench/proxy/socket.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace roomgate::bench::proxy {

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

const sockaddr* plain(const sockaddr_in& address) { return reinterpret_cast<const sockaddr*>(&address); }

void no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void control(int epoll, int what, int fd, Handler& handler) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &handler;
  if (epoll_ctl(epoll, what, fd, &event) != 0) fail("epoll_ctl");
}

void common(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set1_groups_list(context, "X25519");
  SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (value_ >= 0) close(value_);
  value_ = std::exchange(other.value_, -1);
  return *this;
}

Fd::~Fd() {
  if (value_ >= 0) close(value_);
}

Fd listen_on(std::uint16_t port) {
  Fd fd{socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto address = loopback(port);
  if (bind(fd.get(), plain(address), sizeof address) != 0 || listen(fd.get(), 4096) != 0)
    fail("cannot listen on port " + std::to_string(port));
  return fd;
}

Fd accept_from(const Fd& listener) {
  Fd fd{accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  if (fd) no_delay(fd.get());
  return fd;
}

Fd connect_to(std::uint16_t port, std::size_t source) {
  Fd fd{socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd) fail("out of descriptors");
  no_delay(fd.get());
  if (source != 0) {
    const int on = 1;
    setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    auto own = loopback(0);
    own.sin_addr.s_addr = htonl(0x7f000100U + static_cast<std::uint32_t>(source));
    if (bind(fd.get(), plain(own), sizeof own) != 0) return Fd{};
  }
  const auto address = loopback(port);
  if (connect(fd.get(), plain(address), sizeof address) != 0 && errno != EINPROGRESS) return Fd{};
  return fd;
}

bool connected(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

Poller::Poller() : epoll_(epoll_create1(EPOLL_CLOEXEC)) { std::signal(SIGPIPE, SIG_IGN); }

void Poller::add(int fd, Handler& handler) { control(epoll_.get(), EPOLL_CTL_ADD, fd, handler); }

void Poller::replace(int fd, Handler& handler) { control(epoll_.get(), EPOLL_CTL_MOD, fd, handler); }

void Poller::wait(std::chrono::nanoseconds at_most) {
  std::array<epoll_event, 256> events;
  const auto nanoseconds = std::max<long>(at_most.count(), 0);
  const timespec limit{.tv_sec = nanoseconds / 1'000'000'000, .tv_nsec = nanoseconds % 1'000'000'000};
  const int count = epoll_pwait2(epoll_.get(), events.data(), events.size(), &limit, nullptr);
  for (int i = 0; i < count; ++i) {
    auto& event = events[static_cast<std::size_t>(i)];
    static_cast<Handler*>(event.data.ptr)->on_event(event.events);
  }
  graves_.clear();
}

void Poller::bury(std::unique_ptr<Handler> handler) { graves_.push_back(std::move(handler)); }

SslContext client_context() {
  SslContext context{SSL_CTX_new(TLS_client_method())};
  common(context.get());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  return context;
}

SslContext server_context(const std::string& certificate, const std::string& key) {
  SslContext context{SSL_CTX_new(TLS_server_method())};
  common(context.get());
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1)
    fail("cannot use " + certificate);
  return context;
}

Wire::Wire(Fd fd, SslPtr ssl) : fd_(std::move(fd)), ssl_(std::move(ssl)) {
  if (!ssl_) return;
  SSL_set_fd(ssl_.get(), fd_.get());
  SSL_set_read_ahead(ssl_.get(), 1);  // a record in one read rather than its five bytes first
}

Io Wire::judge(int result) const {
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return {IoState::kAgain};
  ERR_clear_error();
  return {error == SSL_ERROR_ZERO_RETURN ? IoState::kClosed : IoState::kFailed};
}

Io Wire::handshake() {
  if (!ssl_) return {IoState::kOk};
  const int result = SSL_do_handshake(ssl_.get());
  return result == 1 ? Io{IoState::kOk} : judge(result);
}

Io Wire::read(std::span<char> into) {
  if (ssl_) {
    std::size_t bytes = 0;
    const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &bytes);
    return result == 1 ? Io{IoState::kOk, bytes} : judge(result);
  }
  const auto bytes = recv(fd_.get(), into.data(), into.size(), 0);
  if (bytes > 0) return {IoState::kOk, static_cast<std::size_t>(bytes)};
  if (bytes == 0) return {IoState::kClosed};
  return {errno == EAGAIN ? IoState::kAgain : IoState::kFailed};
}

Io Wire::write(std::string_view bytes) {
  if (bytes.empty()) return {IoState::kOk, 0};
  if (ssl_) {
    std::size_t written = 0;
    const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written);
    return result == 1 ? Io{IoState::kOk, written} : judge(result);
  }
  const auto written = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (written >= 0) return {IoState::kOk, static_cast<std::size_t>(written)};
  return {errno == EAGAIN ? IoState::kAgain : IoState::kFailed};
}

void Wire::say_goodbye() {
  if (ssl_ && SSL_is_init_finished(ssl_.get()) == 1) SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

Arguments::Arguments(int count, char** values) {
  const std::span<char*> all{values, static_cast<std::size_t>(count)};
  for (std::size_t i = 1; i < all.size(); i += 2) {
    const std::string_view name{all[i]};
    if (!name.starts_with("--") || i + 1 >= all.size())
      fail("expected --name value, got " + std::string{name});
    pairs_.emplace_back(name.substr(2), all[i + 1]);
  }
}

std::string Arguments::text(std::string_view name, std::string fallback) const {
  const auto found =
      std::find_if(pairs_.begin(), pairs_.end(), [&](const auto& p) { return p.first == name; });
  return found == pairs_.end() ? fallback : found->second;
}

double Arguments::number(std::string_view name, double fallback) const {
  return has(name) ? std::strtod(text(name).c_str(), nullptr) : fallback;
}

bool Arguments::has(std::string_view name) const {
  return std::any_of(pairs_.begin(), pairs_.end(), [&](const auto& p) { return p.first == name; });
}

void fail(std::string_view why) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(why.size()), why.data());
  std::exit(1);
}

void use_all_descriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::string_view header(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at)) {
    at += 2;
    const auto line = head.substr(at, head.find("\r\n", at) - at);
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
    auto value = line.substr(name.size() + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    return value;
  }
  return {};
}

}  // namespace roomgate::bench::proxy

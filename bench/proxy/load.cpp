// bench_load: the client side of the proxy benchmark. One run, one line of JSON.
//   bench_load --port N --kind request|message|idle|hold [--tls 1] [--connections N] [--seconds S] [--warm-up S] [--rate N]
//              [--fresh 1] [--resume 1] [--bytes N] [--proxy PIDS] [--ours PIDS]
// With --kind idle it opens the tunnels, exchanges one message on each, prints a line, and holds them until
// its standard input ends.
#include "bench/proxy/load.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "bench/proxy/client.hpp"

namespace roomgate::bench::proxy {

namespace {

constexpr std::size_t kOpeningAtOnce = 256;
constexpr std::size_t kMaxErrors = 1000;
constexpr auto kOpenDeadline = std::chrono::seconds{60};

// A binary message of that many bytes, masked as RFC 6455 5.3 demands.
std::string masked_frame(std::size_t bytes) {
  std::string frame{"\x82"};
  if (bytes < 126) {
    frame += static_cast<char>(0x80 | bytes);
  } else {
    const int length_bytes = bytes < 65536 ? 2 : 8;
    frame += static_cast<char>(length_bytes == 2 ? 0xfe : 0xff);
    for (int i = length_bytes - 1; i >= 0; --i) frame += static_cast<char>(bytes >> (8 * i) & 0xff);
  }
  const std::string_view mask = "\x12\x34\x56\x78";
  frame += mask;
  for (std::size_t i = 0; i < bytes; ++i) frame += static_cast<char>('m' ^ mask[i % 4]);
  return frame;
}

int new_ticket(SSL* ssl, SSL_SESSION* session) {
  static_cast<Client*>(SSL_get_app_data(ssl))->keep(SslSession{session});
  return 1;  // ours now
}

double percentile(std::vector<float>& values, double part) {
  if (values.empty()) return 0;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

std::chrono::nanoseconds nanoseconds(double seconds) {
  return std::chrono::nanoseconds{static_cast<std::int64_t>(seconds * 1e9)};
}

}  // namespace

Load::Load(Options options) : options_(std::move(options)) {
  if (options_.tls) {
    tls_ = client_context();
    if (options_.resume) {
      SSL_CTX_set_session_cache_mode(tls_.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
      SSL_CTX_sess_set_new_cb(tls_.get(), new_ticket);
    }
  }
  const std::string size = options_.bytes == 0 ? "" : "&bytes=" + std::to_string(options_.bytes);
  for (std::size_t room = 0; room < options_.rooms; ++room) {
    const auto target = "GET /xmpp-websocket?room=room" + std::to_string(room);
    const std::string host = " HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: bench\r\n";
    requests_.push_back(target + size + host + (options_.fresh ? "Connection: close\r\n\r\n" : "\r\n"));
    upgrades_.push_back(target + host +
                        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  }
  if (tunnels()) frame_ = masked_frame(options_.bytes);
  for (std::size_t i = 0; i < options_.connections; ++i)
    clients_.push_back(std::make_unique<Client>(*this, i));
}

Load::~Load() = default;

const std::string& Load::next_request() {
  next_room_ = next_room_ + 1 == requests_.size() ? 0 : next_room_ + 1;
  return requests_[next_room_];
}

void Load::ready(Client& client) {
  if (holds()) {  // one unit, at once: a gate does not wait long for a first request
    if (!client.has_begun()) client.begin(Clock::now());
    return;
  }
  // Before the warm-up begins, and in the open loop, a client waits for its turn.
  if (next_due_ == Clock::time_point{} || options_.rate > 0) return free_.push_back(&client);
  client.begin(options_.fresh ? client.opened() : Clock::now());  // a new connection is part of the unit
}

void Load::done(double microseconds, int status) {
  ++counts_.units;
  if (status < 200 || status > 299) ++counts_.non2xx;
  counts_.microseconds.push_back(static_cast<float>(microseconds));
}

void Load::opened(bool resumed) { ++(resumed ? counts_.resumed : counts_.full); }

void Load::broken(const char* why) {
  if (counts_.errors++ == 0) counts_.first_error = why;
  if (counts_.errors > kMaxErrors) fail("too many errors: " + counts_.first_error);
}

void Load::open_all() {
  const auto give_up = Clock::now() + kOpenDeadline;
  std::size_t asked = 0;
  while (up_ < clients_.size()) {
    while (asked < clients_.size() && asked - up_ < kOpeningAtOnce) clients_[asked++]->open();
    poller_.wait(std::chrono::milliseconds{100});
    if (Clock::now() > give_up)
      fail("only " + std::to_string(up_) + " connections came up: " + counts_.first_error);
  }
}

void Load::begin_due(Clock::time_point now) {
  if (options_.rate <= 0) return;
  const auto step = nanoseconds(1.0 / options_.rate);
  while (next_due_ <= now && !free_.empty()) {
    Client& client = *free_.front();
    free_.pop_front();
    client.begin(next_due_);  // late units count their waiting: no coordinated omission
    next_due_ += step;
  }
}

void Load::run() {
  open_all();
  if (holds()) return idle_until_told();
  const auto start = Clock::now() + nanoseconds(options_.warm_up);
  const auto end = start + nanoseconds(options_.seconds);
  next_due_ = Clock::now();
  if (options_.rate <= 0) {
    for (const auto waiting = std::exchange(free_, {}); Client * client : waiting)
      client->begin(Clock::now());
  }
  Reading before;
  bool measuring = false;
  counts_.microseconds.reserve(1 << 20);
  for (auto now = Clock::now(); now < end; now = Clock::now()) {
    if (!measuring && now >= start) {
      measuring = true;
      counts_.microseconds.clear();
      counts_.units = counts_.full = counts_.resumed = 0;  // errors of the warm-up count too
      before = read_meter(options_.processes);
    }
    begin_due(now);
    auto until = measuring ? end : start;
    if (options_.rate > 0 && !free_.empty()) until = std::min(until, next_due_);
    poller_.wait(until - now);
  }
  report(read_meter(options_.processes) - before);
}

void Load::idle_until_told() {
  const auto give_up = Clock::now() + kOpenDeadline;
  while (counts_.units < clients_.size() && Clock::now() < give_up)
    poller_.wait(std::chrono::milliseconds{100});
  std::printf("{\"open\":%zu,\"units\":%zu,\"errors\":%zu}\n", up_, counts_.units, counts_.errors);
  std::fflush(stdout);
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) continue;
}

void Load::report(const Reading& used) {
  const double others = used.machine - used.proxy - used.ours;
  const double ticks = used.proxy_kernel + used.proxy_user;
  std::printf(
      "{\"units\":%zu,\"errors\":%zu,\"firstError\":\"%s\",\"non2xx\":%zu,\"full\":%zu,\"resumed\":%zu,"
      "\"seconds\":%.6f,\"cpu\":%.6f,\"kernelShare\":%.3f,\"loadCpu\":%.3f,\"others\":%.3f,\"steal\":%.3f,"
      "\"p50\":%.1f,\"p99\":%.1f}\n",
      counts_.units, counts_.errors, counts_.first_error.c_str(), counts_.non2xx, counts_.full,
      counts_.resumed, used.seconds, used.proxy, ticks > 0 ? used.proxy_kernel / ticks : 0.0,
      used.ours / used.seconds, others / used.seconds, used.steal / used.seconds,
      percentile(counts_.microseconds, 0.5), percentile(counts_.microseconds, 0.99));
}

}  // namespace roomgate::bench::proxy

int main(int count, char** values) {
  using namespace roomgate::bench::proxy;
  const Arguments arguments{count, values};
  const auto size = [&](std::string_view name, std::size_t fallback) {
    return static_cast<std::size_t>(arguments.number(name, static_cast<double>(fallback)));
  };
  Options options;
  const auto kind = arguments.text("kind", "request");
  options.kind = kind == "idle"      ? Options::Kind::kIdle
                 : kind == "hold"    ? Options::Kind::kHold
                 : kind == "message" ? Options::Kind::kMessage
                                     : Options::Kind::kRequest;
  options.port = static_cast<std::uint16_t>(arguments.number("port", 0));
  options.tls = arguments.number("tls", 0) != 0;
  options.connections = size("connections", options.connections);
  options.seconds = arguments.number("seconds", options.seconds);
  options.warm_up = arguments.number("warm-up", options.warm_up);
  options.rate = arguments.number("rate", 0);
  options.fresh = arguments.number("fresh", 0) != 0;
  options.resume = arguments.number("resume", 0) != 0;
  options.bytes = size("bytes", kind == "message" || kind == "idle" ? 150 : 0);
  options.sources = size("sources", 0);
  options.processes.proxy = parse_pids(arguments.text("proxy"));
  options.processes.ours = parse_pids(arguments.text("ours"));
  use_all_descriptors();
  Load{std::move(options)}.run();
}

// bench_lag: how long until the other front door knows, measured from outside and for any kind of door alike.
// It is the shards, the client of door A, and whoever looks into door B's table, so that there is one clock.
//   bench_lag --shards PORT,PORT --front PORT --kind roomgate|haproxy --socket PATH --prefix P [--rooms N] [--background R]
// asks A for N new rooms, one after the other, looks into B's table until it has each, and prints the times
// as JSON; R further rooms a second are asked for meanwhile. With --load C instead of --socket it only asks,
// over C connections at once, as fast as answers come.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <thread>

#include "bench/proxy/socket.hpp"

namespace roomgate::bench::proxy {
namespace {

using Microseconds = std::chrono::duration<double, std::micro>;

// When the shard was asked for the room that is being measured. It answers at once.
using Stamp = std::atomic<Clock::time_point>;

class Request : public Handler {
 public:
  Request(Fd fd, Poller& poller, std::string_view name, std::string_view prefix, Stamp& stamp)
      : wire_(std::move(fd)), poller_(poller), prefix_(prefix), stamp_(stamp) {
    answer_ = "HTTP/1.1 200 OK\r\nX-Shard: " + std::string(name) + "\r\nContent-Length: 0\r\n\r\n";
    poller.add(wire_.fd(), *this);
  }

  void on_event(std::uint32_t) override {
    std::array<char, 4096> bytes;
    for (;;) {
      const Io got = wire_.read(bytes);
      if (got.state == IoState::kAgain) return;
      if (got.state != IoState::kOk) return poller_.bury(std::unique_ptr<Handler>{this});
      in_.append(bytes.data(), got.bytes);
      for (auto end = in_.find("\r\n\r\n"); end != std::string::npos; end = in_.find("\r\n\r\n")) {
        // One at a time, so one stamp will do; what the answer itself takes counts for whoever gets it.
        if (in_.find(prefix_) < end) stamp_ = Clock::now();
        (void)wire_.write(answer_);
        in_.erase(0, end + 4);
      }
    }
  }

 private:
  Wire wire_;
  Poller& poller_;
  std::string_view prefix_;
  Stamp& stamp_;
  std::string answer_;
  std::string in_;
};

class Shard : public Handler {
 public:
  Shard(std::uint16_t port, Poller& poller, std::string prefix, Stamp& stamp)
      : listener_(listen_on(port)),
        name_("s" + std::to_string(port)),
        prefix_(std::move(prefix)),
        poller_(poller),
        stamp_(stamp) {
    poller.add(listener_.get(), *this);
  }
  void on_event(std::uint32_t) override {
    // Each owns itself until its connection ends.
    while (Fd fd = accept_from(listener_)) new Request(std::move(fd), poller_, name_, prefix_, stamp_);
  }

 private:
  Fd listener_;
  std::string name_;
  std::string prefix_;
  Poller& poller_;
  Stamp& stamp_;
};

// A connection that waits: for a whole answer, by `is_whole`.
class Line {
 public:
  explicit Line(Fd fd) : fd_(std::move(fd)) {}
  static Line to_port(std::uint16_t port) {
    Fd fd = connect_to(port);
    pollfd one{fd.get(), POLLOUT, 0};
    if (poll(&one, 1, 5000) != 1 || !connected(fd.get()))
      fail("no connection to port " + std::to_string(port));
    return Line(std::move(fd));
  }
  static Line to_socket(const std::string& path) {
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) fail("the socket's name is too long");
    std::memcpy(address.sun_path, path.c_str(), path.size());
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      fail("no connection to " + path);
    return Line(std::move(fd));
  }

  void send(std::string_view bytes) {
    if (::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
      fail("a connection has ended");
  }
  std::string receive(const std::function<bool(std::string_view)>& is_whole) {
    std::string text;
    std::array<char, 16384> bytes;
    while (!is_whole(text)) {
      pollfd one{fd_.get(), POLLIN, 0};
      if (poll(&one, 1, 10000) != 1) fail("no answer for 10 s");
      const ssize_t got = recv(fd_.get(), bytes.data(), bytes.size(), 0);
      if (got <= 0) fail("a connection has ended");
      text.append(bytes.data(), static_cast<std::size_t>(got));
    }
    return text;
  }
  bool has_something() const {
    pollfd one{fd_.get(), POLLIN, 0};
    return poll(&one, 1, 0) == 1;
  }

 private:
  Fd fd_;
};

bool is_http_answer(std::string_view text) {
  const auto end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return false;
  const auto length = header(text.substr(0, end + 4), "content-length");
  return text.size() >= end + 4 + (length.empty() ? 0 : std::strtoul(length.data(), nullptr, 10));
}

std::string room_request(std::string_view room) {
  return "GET /xmpp-websocket?room=" + std::string(room) + " HTTP/1.1\r\nHost: meet.example\r\n\r\n";
}
void ask(Line& line, std::string_view room) {
  line.send(room_request(room));
  const std::string answer = line.receive(is_http_answer);
  if (!answer.starts_with("HTTP/1.1 200")) fail("answer: " + answer.substr(0, answer.find('\r')));
}

// Door B's table.
class Table {
 public:
  Table(std::string_view kind, const std::string& path)
      : haproxy_(kind == "haproxy"), line_(Line::to_socket(path)) {
    if (haproxy_) {
      line_.send("prompt\n");
      line_.receive(at_prompt);
    }
  }
  bool knows(const std::string& room) {
    if (haproxy_) {
      line_.send("show table shards key " + room + "\n");
      return line_.receive(at_prompt).find("key=" + room + " ") != std::string::npos;
    }
    line_.send("GET /api/v1/rooms/" + room + "?local=1 HTTP/1.1\r\nHost: gate\r\n\r\n");
    return line_.receive(is_http_answer).starts_with("HTTP/1.1 200");
  }

 private:
  static bool at_prompt(std::string_view text) { return text.ends_with("\n> "); }
  bool haproxy_;
  Line line_;
};

void print_times(const char* name, std::vector<double> times, const char* behind) {
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    return times[std::min(times.size() - 1,
                          static_cast<std::size_t>(share * static_cast<double>(times.size())))];
  };
  std::printf("\"%s\":{\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"max\":%.1f}%s", name, at(0.5), at(0.9),
              at(0.99), times.back(), behind);
}

// Rooms of no interest, at a steady rate.
void background(std::uint16_t front, const std::string& prefix, double rate, const std::atomic<bool>& stop) {
  Line line = Line::to_port(front);
  const auto begin = Clock::now();
  for (std::size_t i = 0; !stop; ++i) {
    std::this_thread::sleep_until(begin + std::chrono::duration_cast<Clock::duration>(
                                              std::chrono::duration<double>(static_cast<double>(i) / rate)));
    ask(line, "other-" + prefix + std::to_string(i));
  }
}

void measure(const Arguments& arguments, Stamp& stamp) {
  const auto front = static_cast<std::uint16_t>(arguments.number("front", 0));
  const auto rooms = static_cast<std::size_t>(arguments.number("rooms", 500));
  const std::string prefix = arguments.text("prefix", "lag");
  Table table(arguments.text("kind"), arguments.text("socket"));
  Line line = Line::to_port(front);
  std::atomic<bool> stop = false;
  std::thread beside;
  if (const double rate = arguments.number("background", 0); rate > 0)
    beside = std::thread([&] { background(front, prefix, rate, stop); });

  std::vector<double> from_store, from_answer, look, whole;
  for (std::size_t i = 0; i < rooms; ++i) {
    const std::string room = prefix + std::to_string(i);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const auto begin = Clock::now();
    line.send(room_request(room));
    Clock::time_point answered{};
    bool known = false;
    while (!known) {
      const auto asked = Clock::now();
      known = table.knows(room);
      const auto now = Clock::now();
      look.push_back(Microseconds(now - asked).count());
      if (answered == Clock::time_point{} && line.has_something()) answered = now;
      if (now - begin > std::chrono::seconds(5)) fail("the other door does not know " + room + " after 5 s");
    }
    const auto there = Clock::now();
    (void)line.receive(is_http_answer);
    if (answered == Clock::time_point{}) answered = Clock::now();
    // A gate knows where the room is before it asks the shard, HAProxy when that has answered: at the same
    // moment, as far as this can tell.
    while (stamp.load() < begin) std::this_thread::yield();
    const auto stored = stamp.load();
    from_store.push_back(std::max(0.0, Microseconds(there - stored).count()));
    from_answer.push_back(std::max(0.0, Microseconds(there - answered).count()));
    whole.push_back(Microseconds(answered - begin).count());
  }
  stop = true;
  if (beside.joinable()) beside.join();
  std::printf("{\"rooms\":%zu,", rooms);
  print_times("from_store_us", from_store, ",");
  print_times("from_answer_us", from_answer, ",");
  print_times("first_answer_us", whole, ",");
  print_times("look_us", look, "}\n");
}

void load(const Arguments& arguments) {
  const auto front = static_cast<std::uint16_t>(arguments.number("front", 0));
  const auto rooms = static_cast<std::size_t>(arguments.number("rooms", 500));
  const auto connections = static_cast<std::size_t>(arguments.number("load", 8));
  const std::string prefix = arguments.text("prefix", "load");
  std::atomic<std::size_t> next = 0;
  const auto begin = Clock::now();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < connections; ++i) {
    threads.emplace_back([&] {
      Line line = Line::to_port(front);
      for (std::size_t number = next++; number < rooms; number = next++)
        ask(line, prefix + std::to_string(number));
    });
  }
  for (auto& each : threads) each.join();
  std::printf("{\"rooms\":%zu,\"seconds\":%.3f}\n", rooms,
              std::chrono::duration<double>(Clock::now() - begin).count());
}

}  // namespace
}  // namespace roomgate::bench::proxy

int main(int count, char** values) {
  using namespace roomgate::bench::proxy;
  const Arguments arguments{count, values};
  use_all_descriptors();
  Stamp stamp{};
  const std::string prefix = "room=" + arguments.text("prefix", "lag");
  const std::string ports = arguments.text("shards");
  const auto comma = ports.find(',');
  if (comma == std::string::npos) fail("--shards PORT,PORT");
  Poller poller;
  std::vector<std::unique_ptr<Shard>> shards;
  for (const std::string& port : {ports.substr(0, comma), ports.substr(comma + 1)})
    shards.push_back(
        std::make_unique<Shard>(static_cast<std::uint16_t>(std::stoi(port)), poller, prefix, stamp));
  std::atomic<bool> stop = false;
  std::thread answering([&] {
    while (!stop) poller.wait(std::chrono::milliseconds(50));
  });
  if (arguments.has("load")) {
    load(arguments);
  } else {
    measure(arguments, stamp);
  }
  stop = true;
  answering.join();
}

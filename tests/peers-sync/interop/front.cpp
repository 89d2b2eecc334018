#include "tests/peers-sync/interop/front.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace roomgate::peers_sync::tests {
namespace {

constexpr int kAtOnce = 20;                       // ms, at most, between two looks
constexpr Duration kBetween = milliseconds(300);  // two attempts to connect

sockaddr_in local(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

void add(Session::Counters& to, const Session::Counters& more) {
  to.updates_in += more.updates_in;
  to.updates_out += more.updates_out;
  to.skipped += more.skipped;
  to.malformed += more.malformed;
}

}  // namespace

struct Front::Link final : Session::Listener {
  Link(Front& whose, int socket, Session::Options options)
      : front(whose), fd(socket), session(std::move(options), *this, whose.beside_, Clock::now()) {}
  ~Link() { close(fd); }

  codec::Status judge(const Session::Peer& peer) override {
    const bool known = std::any_of(front.others_.begin(), front.others_.end(),
                                   [&](const Neighbour& other) { return other.name == peer.name; });
    return known ? codec::Status::accepted : codec::Status::unknown_peer;
  }
  void opened(const Session::Peer&) override { front.take(*this); }
  void recognised(const Session::Peer&) override {}
  bool packet(std::uint8_t, ByteView) override { return false; }

  Front& front;
  int fd;
  Session session;
  std::string unwritten;
  bool replaced = false;
};

Front::Front(std::string name, int port, std::vector<Neighbour> others, unsigned minor)
    : name_(std::move(name)),
      others_(std::move(others)),
      minor_(minor),
      beside_({}, {{"shard-1", 1, "s1", ""}, {"shard-2", 2, "s2", ""}}, *this, *this, Clock::now()) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int yes = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const sockaddr_in address = local(port);
  REQUIRE(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(listener_, 16) == 0);
}

Front::~Front() { close(listener_); }

// --- Its rooms.

void Front::put(const std::string& room, const std::string& shard) {
  Room& at = rooms_[room];
  changes_.erase(at.position);
  at = {shard, ++last_};
  changes_[last_] = room;
}

std::map<std::string, std::string> Front::rooms() const {
  std::map<std::string, std::string> out;
  for (const auto& [room, home] : rooms_) out[room] = home.shard;
  return out;
}

void Front::changed_since(std::uint64_t position, const std::function<bool(const Change&)>& visit) const {
  for (auto at = changes_.upper_bound(position); at != changes_.end(); ++at) {
    const auto room = rooms_.find(at->second);
    if (!visit({room->first, room->second.shard, true, at->first})) return;
  }
}

std::optional<haproxy::Feed::Known> Front::find(std::string_view key) const {
  const auto found = rooms_.find(key);
  if (found == rooms_.end()) return std::nullopt;
  return Known{.shard = found->second.shard, .ours = true, .in_use = false};
}

std::optional<std::string> Front::key_of(std::string_view spelling) {
  if (spelling.empty()) return std::nullopt;
  return std::string(spelling);
}

void Front::adopt(std::string_view key, std::string_view shard) { put(std::string(key), std::string(shard)); }

// --- Its sockets.

bool Front::until(const std::function<bool()>& so, Duration patience) {
  const TimePoint end = Clock::now() + patience;
  while (!so()) {
    if (Clock::now() >= end) return false;
    step();
  }
  return true;
}

void Front::work(Duration time) {
  const TimePoint end = Clock::now() + time;
  while (Clock::now() < end) step();
}

void Front::step() {
  const TimePoint now = Clock::now();
  beside_.tick(now);
  for (const Neighbour& other : others_) {
    const bool linked = std::any_of(links_.begin(), links_.end(), [&](const auto& link) {
      return link->session.peer().name == other.name;
    });
    if (connects && !linked && now >= again_[other.name]) connect(other);
  }
  std::vector<pollfd> waiting{{listener_, POLLIN, 0}};
  TimePoint due = std::min(beside_.next(), now + milliseconds(kAtOnce));
  for (const auto& link : links_) {
    due = std::min(due, link->session.next());
    const bool unwritten = !link->unwritten.empty() || !link->session.out().empty();
    waiting.push_back({link->fd, static_cast<short>(POLLIN | (unwritten ? POLLOUT : 0)), 0});
  }
  const auto wait = std::chrono::ceil<milliseconds>(std::max(due, now) - now).count();
  poll(waiting.data(), waiting.size(), static_cast<int>(wait));
  if (waiting[0].revents != 0) accept();
  std::size_t at = 1;
  for (auto link = links_.begin(); link != links_.end() && at < waiting.size(); ++at) {
    Link& one = **link;
    bool alive = true;
    if ((waiting[at].revents & ~POLLOUT) != 0) alive = read(one);
    one.session.tick(Clock::now());
    alive = write(one) && alive;
    if (one.session.closed() && one.unwritten.empty()) alive = false;
    if (alive && !one.replaced) {
      ++link;
      continue;
    }
    end(one);
    link = links_.erase(link);
  }
  if (beside_.take_news()) {
    for (const auto& link : links_) link->session.push(Clock::now());
  }
}

void Front::connect(const Neighbour& other) {
  again_[other.name] = Clock::now() + kBetween;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = local(other.port);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(fd);
    return;
  }
  fcntl(fd, F_SETFL, O_NONBLOCK);
  links_.push_back(std::make_unique<Link>(*this, fd,
                                          Session::Options{.side = Session::Side::connecting,
                                                           .own_name = name_,
                                                           .life = 1,
                                                           .peer_name = other.name,
                                                           .minor = minor_,
                                                           .limits = {}}));
}

void Front::accept() {
  const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  links_.push_back(std::make_unique<Link>(
      *this, fd,
      Session::Options{
          .side = Session::Side::accepting, .own_name = name_, .life = 1, .peer_name = {}, .limits = {}}));
}

// The last accepted hello wins.
void Front::take(Link& newest) {
  for (const auto& link : links_) {
    if (link.get() != &newest && link->session.peer().name == newest.session.peer().name)
      link->replaced = true;
  }
}

bool Front::read(Link& link) {
  std::uint8_t buffer[65536];
  while (true) {
    const ssize_t got = recv(link.fd, buffer, sizeof buffer, 0);
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    link.session.consume(ByteView(buffer, static_cast<std::size_t>(got)), Clock::now());
  }
}

bool Front::write(Link& link) {
  while (true) {
    if (link.unwritten.empty()) {
      link.unwritten = std::exchange(link.session.out(), {});
      link.session.tick(Clock::now());
    }
    if (link.unwritten.empty()) return true;
    const ssize_t put = send(link.fd, link.unwritten.data(), link.unwritten.size(), MSG_NOSIGNAL);
    if (put < 0) return errno == EAGAIN;
    link.unwritten.erase(0, static_cast<std::size_t>(put));
  }
}

void Front::end(Link& link) {
  add(counted_, link.session.counters());
  ended_.push_back(link.session.peer().name + ": " +
                   (link.replaced           ? "replaced"
                    : link.session.closed() ? std::string(link.session.why())
                                            : "lost"));
  again_[link.session.peer().name] = Clock::now() + kBetween;
}

std::vector<std::string> Front::open() const {
  std::vector<std::string> out;
  for (const auto& link : links_) {
    if (link->session.open() && !link->replaced) out.push_back(link->session.peer().name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

Session::Counters Front::counters() const {
  Session::Counters all = counted_;
  for (const auto& link : links_) add(all, link->session.counters());
  return all;
}

}  // namespace roomgate::peers_sync::tests

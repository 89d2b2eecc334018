#include "bench/roomload/transport/rounds.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace roomgate::bench::roomload::transport {
namespace {

constexpr std::size_t kEventsAtOnce = 256;

}  // namespace

Rounds::Rounds(Pacer& pacer) : pacer_(pacer), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

Rounds::~Rounds() {
  if (epoll_ >= 0) ::close(epoll_);
}

bool Rounds::watch(int descriptor, net::Core::Watcher& watcher) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.fd = descriptor;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) return false;
  const auto at = static_cast<std::size_t>(descriptor);
  if (watchers_.size() <= at) watchers_.resize(std::max(at + 1, watchers_.size() * 2));
  watchers_[at] = &watcher;
  if (watched_++ == 0) pacer_.schedule(*this, Clock::now() + kRound);
  return true;
}

void Rounds::unwatch(int descriptor) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
  watchers_[static_cast<std::size_t>(descriptor)] = nullptr;
  if (--watched_ == 0) pacer_.schedule(*this, TimePoint::max());
}

void Rounds::on_due(TimePoint now) {
  std::array<epoll_event, kEventsAtOnce> events;
  // A descriptor comes up once a round, unless more arrives meanwhile: that is left to the next.
  for (std::size_t left = watched_; left > 0;) {
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(std::min(left, events.size())), 0);
    if (count <= 0) break;
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      // Null: closed by one before it. A successor under the same number finds nothing to read.
      net::Core::Watcher* watcher = watchers_[static_cast<std::size_t>(event.data.fd)];
      if (watcher != nullptr) watcher->on_events(event.events);
    }
    left -= static_cast<std::size_t>(count);
  }
  if (watched_ > 0) pacer_.schedule(*this, now + kRound);
}

}  // namespace roomgate::bench::roomload::transport

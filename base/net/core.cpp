#include "base/net/core.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "base/log.hpp"

namespace roomgate::net {
namespace {

constexpr std::size_t kEventsPerTurn = 256;

std::uint64_t ticket(int descriptor, std::uint32_t generation) {
  return static_cast<std::uint32_t>(descriptor) | (std::uint64_t{generation} << 32);
}

}  // namespace

// A detached coroutine: destroys itself at its end, or is destroyed with its core.
struct Core::Root {
  struct promise_type : Link {
    static void* operator new(std::size_t size) { return take_frame(size); }
    static void operator delete(void* frame, std::size_t size) { give_back_frame(frame, size); }
    Root get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept {
      // Out of memory, most likely: this connection ends, the others go on.
      LOG(error, "coroutine_failed", {"error", "unhandled exception"});
    }
  };
  std::coroutine_handle<promise_type> coroutine;
};

Core::Root Core::run_root(Task<void> task) { co_await std::move(task); }

Core::Core(std::size_t index) : index_(index), wheel_(Clock::now()), now_(Clock::now()), waker_(*this) {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  event_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (epoll_ < 0 || event_ < 0) throw std::system_error(errno, std::generic_category(), "event loop");
  watch(event_, waker_);
}

Core::~Core() {
  end_coroutines();
  ::close(event_);
  ::close(epoll_);
}

void Core::end_coroutines() {
  while (!roots_.empty()) {
    auto& promise = static_cast<Root::promise_type&>(roots_.front());
    std::coroutine_handle<Root::promise_type>::from_promise(promise).destroy();
  }
}

void Core::spawn(Task<void> task) {
  const Root root = run_root(std::move(task));
  roots_.push_back(root.coroutine.promise());
  root.coroutine.resume();
}

void Core::soon(Turn& work) { soon_.push_back(work); }

void Core::at_end_of_turn(Turn& work) {
  if (!work.is_linked()) last_.push_back(work);
}

bool Core::watch(int descriptor, Watcher& watcher) {
  const auto at = static_cast<std::size_t>(descriptor);
  if (slots_.size() <= at) slots_.resize(std::max(at + 1, slots_.size() * 2));
  Slot& slot = slots_[at];
  slot.watcher = &watcher;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = ticket(descriptor, slot.generation);
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0) return true;
  slot.watcher = nullptr;
  return false;
}

void Core::unwatch(int descriptor) {
  Slot& slot = slots_[static_cast<std::size_t>(descriptor)];
  slot.watcher = nullptr;
  ++slot.generation;
}

void Core::unwatch_shared(int descriptor) {
  unwatch(descriptor);
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
}

void Core::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
  }
  wake();
}

void Core::stop() {
  stopped_.store(true, std::memory_order_release);
  wake();
}

void Core::wake() {
  // One write for any number of posts until the core has looked.
  if (woken_.exchange(true, std::memory_order_acq_rel)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event_, &one, sizeof one);
}

void Core::Waker::on_events(std::uint32_t) { core.run_posted(); }

void Core::run_posted() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto read = ::read(event_, &count, sizeof count);
  woken_.store(false, std::memory_order_release);
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock(mutex_);
    work.swap(posted_);
  }
  for (const auto& each : work) each();
}

int Core::patience() const {
  if (!soon_.empty()) return 0;
  const auto next = wheel_.next();
  if (!next) return -1;
  const auto left = *next - Clock::now();
  if (left <= Duration::zero()) return 0;
  // Rounded up: waking before the deadline would only find nothing to do.
  const auto milliseconds_left = std::chrono::ceil<milliseconds>(left).count();
  return static_cast<int>(std::min<std::int64_t>(milliseconds_left, 60'000));
}

void Core::end_turn() {
  // What is woken may wake others; they wait for the next turn, so that sockets get theirs.
  Turns now;
  now.swap(soon_);
  while (!now.empty()) {
    Turn& work = now.front();
    now.pop_front();
    work.on_turn();
  }
  while (!last_.empty()) {
    Turn& work = last_.front();
    last_.pop_front();
    work.on_turn();
  }
}

void Core::run() {
  running_ = true;
  std::array<epoll_event, kEventsPerTurn> events;
  while (!stopped_.load(std::memory_order_acquire)) {
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), patience());
    now_ = Clock::now();
    if (const auto due = wheel_.next(); due && *due <= now_) wheel_.advance(now_);
    for (int i = 0; i < count; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      const Slot& slot = slots_[event.data.u64 & 0xffffffffU];
      if (slot.watcher == nullptr || slot.generation != event.data.u64 >> 32) continue;
      slot.watcher->on_events(event.events);
    }
    end_turn();
  }
  running_ = false;
}

}  // namespace roomgate::net

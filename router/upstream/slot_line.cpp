#include "router/upstream/slot_line.hpp"

namespace roomgate::router::upstream {

SlotAccount::SlotAccount(std::size_t cores) : cores_(cores), per_core_(std::make_unique<PerCore[]>(cores)) {}

bool SlotAccount::take(std::uint32_t limit) {
  std::uint32_t used = used_.load();
  while (used < limit) {
    if (used_.compare_exchange_weak(used, used + 1)) return true;
  }
  return false;
}

bool SlotAccount::wait(std::uint32_t bound) {
  std::uint32_t waiting = waiting_.load();
  while (waiting < bound) {
    if (waiting_.compare_exchange_weak(waiting, waiting + 1)) return true;
  }
  return false;
}

void SlotAccount::set_first(std::size_t core, TimePoint since) {
  per_core_[core].first.store(since.time_since_epoch().count());
}

std::optional<SlotAccount::First> SlotAccount::longest_waiting(std::size_t except) const {
  std::optional<First> longest;
  for (std::size_t core = 0; core < cores_; ++core) {
    if (core == except) continue;
    const TimePoint since{Duration(per_core_[core].first.load())};
    if (since != TimePoint::max() && (!longest || since < longest->since)) longest = First{core, since};
  }
  return longest;
}

void SlotAccount::set_idle(std::size_t core, std::size_t connections) {
  per_core_[core].idle.store(connections, std::memory_order_relaxed);
}

std::size_t SlotAccount::idle() const {
  std::size_t sum = 0;
  for (std::size_t core = 0; core < cores_; ++core)
    sum += per_core_[core].idle.load(std::memory_order_relaxed);
  return sum;
}

std::optional<std::size_t> SlotAccount::core_with_idle(std::size_t except) const {
  for (std::size_t core = 0; core < cores_; ++core) {
    if (core != except && per_core_[core].idle.load(std::memory_order_relaxed) > 0) return core;
  }
  return std::nullopt;
}

bool SlotLine::try_enter() {
  if (limit_ > 0 && (!line_.empty() || !account_.take(limit_))) return false;
  ++open_;
  return true;
}

SlotLine::Entry SlotLine::enter(Waiter& waiter, std::uint32_t bound, TimePoint now) {
  if (try_enter()) return Entry::taken;
  if (!account_.wait(bound)) return Entry::full;
  waiter.since_ = now;
  line_.push_back(waiter);
  ++length_;
  if (length_ > 1) return Entry::queued;
  publish_first();
  // One may have come back after the first look and before the line was to be seen.
  if (!account_.take(limit_)) return Entry::queued;
  remove(waiter);
  ++open_;
  return Entry::taken;
}

void SlotLine::give_up(Waiter& waiter) { remove(waiter); }

std::optional<std::size_t> SlotLine::leave() {
  --open_;
  return limit_ > 0 ? pass_on() : std::nullopt;
}

std::optional<std::size_t> SlotLine::receive() {
  if (limit_ > 0) return pass_on();
  account_.give();  // a reload took the limit away meanwhile
  return std::nullopt;
}

std::optional<std::size_t> SlotLine::pass_on() {
  while (true) {
    const bool too_many = account_.used() > limit_;  // a reload lowered it
    const auto other = account_.longest_waiting(core_);
    if (!too_many && !line_.empty() && (!other || line_.front().since_ - other->since <= kOwnFirst)) {
      admit_first();
      return std::nullopt;
    }
    if (!too_many && other) return other->core;
    account_.give();
    if (too_many || !account_.longest_waiting(core_) || !account_.take(limit_)) return std::nullopt;
  }
}

void SlotLine::set_limit(std::uint32_t limit) {
  if (limit == limit_) return;
  if (limit_ == 0) account_.add(open_);
  if (limit == 0) account_.give(open_);
  limit_ = limit;
  while (!line_.empty() && (limit_ == 0 || account_.take(limit_))) admit_first();
}

void SlotLine::admit_first() {
  Waiter& first = line_.front();
  remove(first);
  ++open_;
  first.on_slot();
}

void SlotLine::remove(Waiter& waiter) {
  const bool was_first = &waiter == &line_.front();
  line_.erase(line_.iterator_to(waiter));
  --length_;
  account_.stop_waiting();
  if (was_first) publish_first();
}

void SlotLine::publish_first() {
  account_.set_first(core_, line_.empty() ? TimePoint::max() : line_.front().since_);
}

}  // namespace roomgate::router::upstream

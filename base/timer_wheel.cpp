#include "base/timer_wheel.hpp"

#include <algorithm>
#include <bit>

namespace roomgate {

TimerWheel::Head::Head() {
  previous_ = this;
  next_ = this;
}

void TimerWheel::Head::next_links_reset() {
  previous_ = nullptr;
  next_ = nullptr;
}

void TimerWheel::Timer::cancel() {
  if (wheel_ != nullptr) wheel_->unlink(*this);
}

TimerWheel::TimerWheel(TimePoint start) : start_(start) {}

TimerWheel::~TimerWheel() {
  for (auto& level : slots_) {
    for (Head& head : level) {
      while (head.next_ != &head) unlink(*head.next_);
    }
  }
}

void TimerWheel::schedule(Timer& timer, TimePoint deadline) {
  timer.cancel();
  const Duration ahead = deadline - start_;
  // Rounded up: a deadline is never fired early.
  const auto ticks = ahead <= Duration::zero() ? 0 : (ahead.count() - 1) / kTick.count() + 1;
  timer.expiry_ = static_cast<std::uint64_t>(ticks);
  timer.wheel_ = this;
  ++size_;
  insert(timer);
}

void TimerWheel::insert(Timer& timer) {
  // One slot of the last level short of a whole round, so that its current slot never means "a round ahead".
  constexpr std::uint64_t kHorizon = (kSlots - 1) << (kBits * (kLevels - 1));
  // Due already: the current slot, so that the next advance() fires it. Beyond the horizon: as far out as
  // there is a slot.
  const std::uint64_t at = std::min(std::max(timer.expiry_, elapsed_), elapsed_ + kHorizon);
  // The level is that of the highest bit in which expiry and present differ, so lower levels are always due
  // earlier.
  const std::uint64_t differing = (at ^ elapsed_) | (kSlots - 1);
  const auto highest = static_cast<std::size_t>(63 - std::countl_zero(differing));
  const std::size_t level = std::min(highest / kBits, kLevels - 1);
  const std::size_t slot = (at >> (level * kBits)) & (kSlots - 1);
  timer.level_ = static_cast<std::uint8_t>(level);
  timer.slot_ = static_cast<std::uint8_t>(slot);
  link(slots_[level][slot], timer);
  occupied_[level] |= std::uint64_t{1} << slot;
}

void TimerWheel::link(Timer& head, Timer& timer) {
  timer.previous_ = head.previous_;
  timer.next_ = &head;
  head.previous_->next_ = &timer;
  head.previous_ = &timer;
}

void TimerWheel::unlink(Timer& timer) {
  timer.previous_->next_ = timer.next_;
  timer.next_->previous_ = timer.previous_;
  timer.previous_ = nullptr;
  timer.next_ = nullptr;
  timer.wheel_ = nullptr;
  --size_;
  if (timer.level_ == kDetached) return;
  const Head& head = slots_[timer.level_][timer.slot_];
  if (head.next_ == &head) occupied_[timer.level_] &= ~(std::uint64_t{1} << timer.slot_);
}

std::optional<TimerWheel::Due> TimerWheel::next_due() const {
  for (std::size_t level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    const std::size_t shift = level * kBits;
    const std::size_t present = (elapsed_ >> shift) & (kSlots - 1);
    const auto ahead =
        static_cast<std::size_t>(std::countr_zero(std::rotr(occupied_[level], static_cast<int>(present))));
    const std::size_t slot = (present + ahead) & (kSlots - 1);
    const std::uint64_t round = std::uint64_t{1} << (shift + kBits);
    std::uint64_t tick = (elapsed_ & ~(round - 1)) + (std::uint64_t{slot} << shift);
    if (tick < elapsed_) tick += round;  // only the last level wraps around
    return Due{level, slot, tick};
  }
  return std::nullopt;
}

void TimerWheel::advance(TimePoint now) {
  if (now < start_) return;
  const auto target = static_cast<std::uint64_t>((now - start_) / kTick);
  Head due;
  while (const auto next = next_due()) {
    if (next->tick > target) break;
    elapsed_ = next->tick;
    // Taken out as a list of its own: what callbacks schedule meanwhile waits for the next round.
    Head& head = slots_[next->level][next->slot];
    occupied_[next->level] &= ~(std::uint64_t{1} << next->slot);
    while (head.next_ != &head) {
      Timer& timer = *head.next_;
      timer.previous_->next_ = timer.next_;
      timer.next_->previous_ = timer.previous_;
      timer.level_ = kDetached;
      link(due, timer);
    }
    while (due.next_ != &due) {
      Timer& timer = *due.next_;
      if (timer.expiry_ > elapsed_) {
        due.next_ = timer.next_;
        timer.next_->previous_ = &due;
        insert(timer);
        continue;
      }
      unlink(timer);
      timer.on_expire();
    }
  }
  elapsed_ = std::max(elapsed_, target);
}

std::optional<TimePoint> TimerWheel::next() const {
  const auto due = next_due();
  if (!due) return std::nullopt;
  return start_ + kTick * static_cast<Duration::rep>(due->tick);
}

}  // namespace roomgate

#include "bench/roomload/transport/pacer.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>

namespace roomgate::bench::roomload::transport {

Pacer::Timed::~Timed() {
  if (pacer_ != nullptr && place_ != kNone) pacer_->remove(place_);
}

Pacer::Pacer(net::Core& core) : core_(core) {
  // std::chrono::steady_clock is CLOCK_MONOTONIC here: its times may be given to the timer as they are.
  timer_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (timer_ >= 0) core_.watch(timer_, *this);
}

Pacer::~Pacer() {
  for (Timed* timed : heap_) timed->place_ = Timed::kNone;
  if (timer_ < 0) return;
  core_.unwatch(timer_);
  ::close(timer_);
}

void Pacer::schedule(Timed& timed, TimePoint due) {
  if (due == timed.due_ && (timed.place_ != Timed::kNone || due == TimePoint::max())) return;
  const TimePoint before = timed.due_;
  timed.pacer_ = this;
  timed.due_ = due;
  if (due == TimePoint::max()) {
    if (timed.place_ != Timed::kNone) remove(timed.place_);
    return;
  }
  if (timed.place_ == Timed::kNone) {
    heap_.push_back(&timed);
    timed.place_ = heap_.size() - 1;
    sift_up(timed.place_);
  } else if (due < before) {
    sift_up(timed.place_);
  } else {
    sift_down(timed.place_);
  }
  if (!firing_) arm();
}

void Pacer::on_events(std::uint32_t) {
  std::uint64_t expirations = 0;
  [[maybe_unused]] const auto read = ::read(timer_, &expirations, sizeof expirations);
  armed_ = TimePoint::max();
  firing_ = true;
  // Not core_.now(), which is from before the work of this turn. What becomes due meanwhile waits for the
  // next event, so that sockets are read in between.
  const TimePoint now = Clock::now();
  for (std::size_t most = heap_.size(); most > 0 && !heap_.empty() && heap_.front()->due_ <= now; --most) {
    Timed* timed = heap_.front();
    remove(0);
    timed->due_ = TimePoint::max();
    timed->on_due(now);
    if (timed->due_ <= now && timed->place_ != Timed::kNone) break;
  }
  firing_ = false;
  arm();
}

void Pacer::arm() {
  const TimePoint wanted = heap_.empty() ? TimePoint::max() : heap_.front()->due_;
  // A timer that fires too early finds nothing, and is set again: cheaper than moving it each time.
  if (wanted == TimePoint::max() || wanted >= armed_) return;
  armed_ = wanted;
  const auto since = std::max(wanted.time_since_epoch(), Duration(1));
  itimerspec when{};
  when.it_value.tv_sec = std::chrono::duration_cast<seconds>(since).count();
  when.it_value.tv_nsec = (since % seconds(1)).count();
  ::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr);
}

void Pacer::put(std::size_t place, Timed* timed) {
  heap_[place] = timed;
  timed->place_ = place;
}

void Pacer::remove(std::size_t place) {
  heap_[place]->place_ = Timed::kNone;
  Timed* last = heap_.back();
  heap_.pop_back();
  if (place == heap_.size()) return;
  put(place, last);
  sift_up(place);
  sift_down(last->place_);
}

void Pacer::sift_up(std::size_t place) {
  Timed* timed = heap_[place];
  while (place > 0) {
    const std::size_t parent = (place - 1) / 2;
    if (heap_[parent]->due_ <= timed->due_) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, timed);
}

void Pacer::sift_down(std::size_t place) {
  Timed* timed = heap_[place];
  while (true) {
    std::size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->due_ < heap_[child]->due_) ++child;
    if (timed->due_ <= heap_[child]->due_) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, timed);
}

}  // namespace roomgate::bench::roomload::transport

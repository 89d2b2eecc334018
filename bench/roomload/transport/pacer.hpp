// Timers of microseconds for what the timer wheel (4 ms) is too coarse for: packets of a track leave when
// they are due, or the load would come in bursts of its own making. One timerfd and one heap per core; its
// thread.
#pragma once

#include <vector>

#include "base/net/core.hpp"

namespace roomgate::bench::roomload::transport {

class Pacer final : private net::Core::Watcher {
 public:
  // Something with a next time. Leaves its pacer when it is destroyed, which must not outlive the pacer.
  class Timed {
   public:
    Timed() = default;
    Timed(const Timed&) = delete;
    Timed& operator=(const Timed&) = delete;
    TimePoint due() const { return due_; }

   protected:
    ~Timed();
    // Called once; it may schedule itself again, not destroy itself.
    virtual void on_due(TimePoint now) = 0;

   private:
    friend class Pacer;
    static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
    Pacer* pacer_ = nullptr;
    std::size_t place_ = kNone;  // in the heap
    TimePoint due_ = TimePoint::max();
  };

  explicit Pacer(net::Core& core);
  ~Pacer();

  // Moves it when it is scheduled already. TimePoint::max(): not at all.
  void schedule(Timed& timed, TimePoint due);

 private:
  void on_events(std::uint32_t events) override;
  void remove(std::size_t place);
  void put(std::size_t place, Timed* timed);
  void sift_up(std::size_t place);
  void sift_down(std::size_t place);
  void arm();

  net::Core& core_;
  int timer_ = -1;
  TimePoint armed_ = TimePoint::max();
  bool firing_ = false;
  std::vector<Timed*> heap_;
};

}  // namespace roomgate::bench::roomload::transport

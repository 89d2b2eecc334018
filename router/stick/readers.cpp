#include "router/stick/readers.hpp"

#include <bitset>
#include <memory>
#include <mutex>

namespace roomgate::router::stick {
namespace {

// Threads are numbered once, for all tables; a thread's number is free again when it ends.
class Numbers {
 public:
  std::size_t take() {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < taken_.size(); ++i) {
      if (!taken_[i]) {
        taken_[i] = true;
        return i;
      }
    }
    return Readers::kSlots;
  }
  void give_back(std::size_t number) {
    const std::lock_guard lock(mutex_);
    if (number < taken_.size()) taken_[number] = false;
  }

 private:
  std::mutex mutex_;
  std::bitset<Readers::kSlots> taken_;
};

// Never destroyed: threads may end after main has.
Numbers& numbers() {
  static Numbers& instance = *std::make_unique<Numbers>().release();
  return instance;
}

struct ThreadNumber {
  std::size_t value = numbers().take();
  ThreadNumber() = default;
  ThreadNumber(const ThreadNumber&) = delete;
  ThreadNumber& operator=(const ThreadNumber&) = delete;
  ~ThreadNumber() { numbers().give_back(value); }
};

}  // namespace

Readers::Guard::Guard(Readers& readers) : slot_(nullptr) {
  thread_local const ThreadNumber number;
  if (number.value >= kSlots) return;
  std::atomic<std::uint64_t>& slot = readers.slots_[number.value].epoch;
  // A read within a read: the slot is the outer guard's, so this one takes the lock.
  if (slot.load(std::memory_order_relaxed) != 0) return;
  slot.store(readers.epoch_.load());
  slot_ = &slot;
}

Readers::Guard::~Guard() {
  if (slot_ != nullptr) slot_->store(0, std::memory_order_release);
}

std::uint64_t Readers::safe_below() const {
  std::uint64_t lowest = epoch_.load();
  for (const Slot& slot : slots_) {
    const std::uint64_t epoch = slot.epoch.load();
    if (epoch != 0 && epoch < lowest) lowest = epoch;
  }
  return lowest;
}

}  // namespace roomgate::router::stick

#include "base/net/task.hpp"

#include <array>
#include <new>

#include "base/sanitizer.hpp"

namespace roomgate::net {
namespace {

constexpr std::size_t kStep = 64;
constexpr std::size_t kClasses = 48;  // frames up to 3 KiB
// Further ones go back to the allocator.
constexpr std::size_t kKeptPerClass = kMemoryIsWatched ? 0 : 512;

struct Free {
  Free* next;
};

struct FramePool {
  std::array<Free*, kClasses> first;
  std::array<std::size_t, kClasses> count;
};

// Has no destructor: what is written to it by Emptier's must count for frames that end later still.
constinit thread_local FramePool pool{};

// At the thread's end. Frames that end later, from other destructors, find no list to go to.
struct Emptier {
  ~Emptier() {
    for (Free*& frame : pool.first) {
      while (frame != nullptr) ::operator delete(std::exchange(frame, frame->next));
    }
    pool.count.fill(kKeptPerClass);
  }
  void be_there() {}
};
thread_local Emptier emptier;

std::size_t class_of(std::size_t size) { return (size - 1) / kStep; }

}  // namespace

void* take_frame(std::size_t size) {
  const std::size_t of = class_of(size);
  if (of >= kClasses) return ::operator new(size);
  Free* const frame = pool.first[of];
  if (frame == nullptr) return ::operator new((of + 1) * kStep);
  pool.first[of] = frame->next;
  --pool.count[of];
  return frame;
}

void give_back_frame(void* frame, std::size_t size) noexcept {
  const std::size_t of = class_of(size);
  if (of >= kClasses || pool.count[of] >= kKeptPerClass) return ::operator delete(frame);
  if (pool.first[of] == nullptr) emptier.be_there();
  pool.first[of] = new (frame) Free{pool.first[of]};
  ++pool.count[of];
}

}  // namespace roomgate::net

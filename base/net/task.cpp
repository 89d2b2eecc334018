#include "base/net/task.hpp"

#include <array>
#include <new>

namespace roomgate::net {
namespace {

constexpr std::size_t kStep = 64;
constexpr std::size_t kClasses = 48;        // frames up to 3 KiB
constexpr std::size_t kKeptPerClass = 512;  // further ones go back to the allocator

struct Free {
  Free* next;
};

struct FramePool {
  std::array<Free*, kClasses> first{};
  std::array<std::size_t, kClasses> count{};

  ~FramePool() {
    for (Free* frame : first) {
      while (frame != nullptr) ::operator delete(std::exchange(frame, frame->next));
    }
    // Frames that end later on this thread, from other destructors, find no list to go to.
    count.fill(kKeptPerClass);
    first.fill(nullptr);
  }
};

thread_local FramePool pool;

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
  pool.first[of] = new (frame) Free{pool.first[of]};
  ++pool.count[of];
}

}  // namespace roomgate::net

// Threads that begin together: work(0) to work(count - 1), each in one of its own, until all have ended.
#pragma once

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace roomgate::tests {

template <class Work>
void in_threads(std::size_t count, const Work& work) {
  std::atomic<std::size_t> waiting{count};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < count; ++t) {
    threads.emplace_back([&work, &waiting, t] {
      waiting.fetch_sub(1);
      while (waiting.load() > 0) std::this_thread::yield();
      work(t);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace roomgate::tests

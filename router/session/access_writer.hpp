// Takes the access log's lines from all cores in batches and writes them on a thread of its own: a slow disk
// or pipe must not stop a core. Bounded: what does not fit is dropped and counted. Owned by the gate, any
// thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "base/metrics.hpp"
#include "base/result.hpp"

namespace roomgate::router::session {

class AccessWriter {
 public:
  struct Limits {
    std::size_t queued_bytes = 8 * 1024 * 1024;
  };

  // "off", "stdout", or a file.
  AccessWriter(std::string target, metrics::Counter& dropped)
      : AccessWriter(std::move(target), dropped, Limits()) {}
  AccessWriter(std::string target, metrics::Counter& dropped, Limits limits);
  ~AccessWriter();
  AccessWriter(const AccessWriter&) = delete;
  AccessWriter& operator=(const AccessWriter&) = delete;

  // Opens the file (again, after a rotation). The error names it; the old one stays open.
  Result<void, std::string> open();
  // In two steps, for a reload: what could fail; then lines go there, in their order.
  class Opened;
  static Result<Opened, std::string> prepare(const std::string& target);
  void use(Opened opened);
  bool on() const { return on_.load(std::memory_order_relaxed); }
  // Whole lines.
  void write(std::string_view lines);
  // Everything written so far is with the system.
  void flush();

 private:
  void run();

  std::string target_;
  std::atomic<bool> on_;
  metrics::Counter& dropped_;
  Limits limits_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::string queue_;
  int descriptor_ = -1;
  bool busy_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

class AccessWriter::Opened {
 public:
  Opened(std::string to, int fd) : target_(std::move(to)), descriptor_(fd) {}
  Opened(Opened&& other) noexcept
      : target_(std::move(other.target_)), descriptor_(std::exchange(other.descriptor_, -1)) {}
  Opened& operator=(Opened&&) = delete;
  ~Opened();

 private:
  friend class AccessWriter;
  std::string target_;
  int descriptor_;
};

}  // namespace roomgate::router::session

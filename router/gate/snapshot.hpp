// The stick table on disk, so that a gate restarted by hand forgets nothing that is still alive. Written now
// and then by a thread of its own: a million rooms take it a second, and nobody waits. Owned by the gate, its
// control core.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/result.hpp"

namespace roomgate::router::gate {

class Snapshot {
 public:
  // `make` gives the bytes, on the snapshot's thread.
  Snapshot(std::function<std::string()> make, metrics::Counter& failures)
      : make_(std::move(make)), failures_(failures) {}
  ~Snapshot() { stop(Last::none); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  // From now on, there; an empty name: nowhere.
  void write_to(const std::string& file, Duration interval);
  enum class Last { none, write };
  // With a last one, or without: another process writes it from now on.
  void stop(Last last);

  // Since the last one that was written; nothing before the first.
  std::optional<Duration> age(TimePoint now) const;

 private:
  void run();
  void write(const std::string& file);

  std::function<std::string()> make_;
  metrics::Counter& failures_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::string file_;
  Duration interval_{};
  std::optional<TimePoint> written_;
  bool stopping_ = false;
  std::thread thread_;
};

// In one piece or not at all, whatever ends us in between: a new file in the same folder, then renamed. Mode
// 0600. The error names the file.
Result<void, std::string> write_whole(const std::string& file, std::string_view bytes);
// Nothing: there is no such file.
Result<std::optional<std::string>, std::string> read_whole(const std::string& file, std::size_t most);

}  // namespace roomgate::router::gate

#include "bench/roomload/session/progress.hpp"

#include <unistd.h>

namespace roomgate::bench::roomload::session {
namespace {

constexpr Duration kEvery = seconds(5);

}  // namespace

Progress::Progress(std::ostream* watcher) : watcher_(watcher), terminal_(::isatty(STDERR_FILENO) == 1) {}

void Progress::write(std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void Progress::show(std::string_view line, TimePoint now) {
  if (terminal_) {
    write("\r\x1b[K" + std::string(line));
    drawn_ = true;
  } else if (now >= next_) {
    next_ = now + kEvery - milliseconds(100);  // ticks are not exact
    write(std::string(line) + "\n");
  }
}

void Progress::say(std::string_view line) {
  end();
  write(std::string(line) + "\n");
}

void Progress::tell(std::string_view object) { *watcher_ << object << std::flush; }

void Progress::end() {
  if (drawn_) write("\n");
  drawn_ = false;
}

}  // namespace roomgate::bench::roomload::session

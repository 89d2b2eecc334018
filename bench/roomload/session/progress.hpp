// What is told while a run lasts: to people on standard error, one line that is redrawn on a terminal, a line
// every five seconds elsewhere; to a program that watches, an object each second. On the control core.
#pragma once

#include <ostream>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace roomgate::bench::roomload::session {

class Progress {
 public:
  // Who watches, if anybody; outlives this.
  explicit Progress(std::ostream* watcher);

  // Of the moment.
  void show(std::string_view line, TimePoint now);
  // To stay; below what is shown.
  void say(std::string_view line);
  bool watched() const { return watcher_ != nullptr; }
  void tell(std::string_view object);
  // The redrawn line ends here.
  void end();

 private:
  void write(std::string_view text);

  std::ostream* watcher_;
  bool terminal_;
  bool drawn_ = false;
  TimePoint next_{};
};

}  // namespace roomgate::bench::roomload::session

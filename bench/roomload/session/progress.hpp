// What is told while a run lasts, on standard error: one line that is redrawn on a terminal, a line every
// five seconds elsewhere. On the control core.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace roomgate::bench::roomload::session {

class Progress {
 public:
  Progress();

  // Of the moment.
  void show(std::string_view line, TimePoint now);
  // To stay; below what is shown.
  void say(std::string_view line);
  // The redrawn line ends here.
  void end();

 private:
  void write(std::string_view text);

  bool terminal_;
  bool drawn_ = false;
  TimePoint next_{};
};

}  // namespace roomgate::bench::roomload::session

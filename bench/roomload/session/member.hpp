// One participant as its station sees it, however the server is spoken to. On the station's thread; kept
// until the run is over, since coroutines speak of it.
#pragma once

#include <cstdint>

#include "base/clock.hpp"

namespace roomgate::bench::roomload::session {

class Member {
 public:
  virtual ~Member() = default;

  virtual void begin(TimePoint at) = 0;
  virtual void stop_sending(TimePoint now) = 0;
  virtual void leave(TimePoint now) = 0;
  // Datagrams that came while nobody read.
  virtual std::uint64_t kernel_drops() const = 0;
};

}  // namespace roomgate::bench::roomload::session

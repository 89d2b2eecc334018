// One participant as its station sees it, however the server is spoken to. On the station's thread; kept
// until the run is over, since coroutines speak of it.
#pragma once

#include <cstdint>

#include "base/clock.hpp"

namespace roomgate::bench::roomload::session {

// Datagrams that came and were not given to us.
struct Dropped {
  std::uint64_t late = 0;        // there was no room left, since nobody read
  std::uint64_t on_purpose = 0;  // the kernel was asked to
  void add(const Dropped& other) {
    late += other.late;
    on_purpose += other.on_purpose;
  }
};

class Member {
 public:
  virtual ~Member() = default;

  virtual void begin(TimePoint at) = 0;
  virtual void stop_sending(TimePoint now) = 0;
  virtual void leave(TimePoint now) = 0;
  virtual Dropped dropped() const = 0;
};

}  // namespace roomgate::bench::roomload::session

// When each of many has to leave: at a random moment of its own within a window, so that they do not come
// back all at once; and never more than `rate` a second, however many there are. Whoever was told by its
// moment but not let go by the rate waits its turn. Sans-I/O; one per worker, its thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>

#include "base/clock.hpp"

namespace roomgate::router::session {

class Departures {
 public:
  // Whoever has to; no longer waited for once it is destroyed. The Departures outlive it.
  class Leaver {
   public:
    Leaver() = default;
    Leaver(const Leaver&) = delete;
    Leaver& operator=(const Leaver&) = delete;
    virtual ~Leaver();
    virtual void leave() = 0;

   private:
    friend class Departures;
    Departures* waiting_in_ = nullptr;
    std::multimap<TimePoint, Leaver*>::iterator place_;
  };

  explicit Departures(std::uint64_t seed) : random_(seed) {}
  // Above 0; infinity: each at its moment.
  void set_rate(double per_second);

  // Who waits already leaves at the earlier of its two moments.
  void add(Leaver& leaver, TimePoint now, Duration window);
  std::size_t waiting() const { return waiting_.size(); }
  // When somebody may leave, at the earliest; nullopt: nobody waits.
  std::optional<TimePoint> next() const;
  // Whose turn it is, taken out; null: nobody's yet.
  Leaver* take(TimePoint now);

 private:
  std::multimap<TimePoint, Leaver*> waiting_;
  std::mt19937_64 random_;
  Duration gap_{};
  TimePoint last_{};  // when the last one went, by the rate
};

}  // namespace roomgate::router::session

// Shards that are being emptied: since when, how far it is, and what has to move once a deadline is over.
// Rooms end by themselves (nobody is in them for rooms.idle); only a deadline moves them, in an order of
// chance and so slowly that their tunnels close at the rate that is allowed. Sans-I/O: told the time and what
// is left, once a second or so. Owned by the gate, on its control core.
//
//   begin -> emptying -> empty                      end at any time; empty is said once
//               `-- deadline --> moving --^
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace roomgate::router::directory {

class Drains {
 public:
  struct Left {
    std::size_t rooms = 0;  // in use, and those that only wait for rooms.idle
    std::size_t tunnels = 0;
  };
  struct Drain {
    std::chrono::system_clock::time_point since{};
    std::size_t rooms_at_start = 0;
    std::optional<TimePoint> deadline;
    Left left;
    bool empty = false;
  };
  struct Pace {
    Duration window = seconds(10);         // in which a shard's rooms move, if the rate lets them
    std::uint32_t tunnels_a_second = 200;  // that this closes, over all shards
  };

  explicit Drains(std::uint64_t seed) : random_(seed) {}

  // One that has begun goes on as it is.
  const Drain& begin(std::string_view shard, Left left, std::chrono::system_clock::time_point wall);
  // One that another process has begun, as it is there by now.
  void take(std::string_view shard, const Drain& drain);
  // Of a shard that is not known yet as well: a front door hears what was said of it before it hears of it.
  void set_deadline(std::string_view shard, std::optional<TimePoint> deadline);
  void end_unless(const std::function<bool(const std::string& shard)>& goes_on);

  // What is left now. True: nothing, for the first time.
  bool count(std::string_view shard, Left left);

  // Its deadline is over and it is time to look which rooms are left; again, for those that no other shard
  // could have.
  bool wants_rooms(std::string_view shard, TimePoint now) const;
  void set_rooms(std::string_view shard, std::vector<std::string> keys, TimePoint now, Pace pace);

  // Moves one room; how many tunnels that closes. nullopt: no shard may have it now.
  using Move = std::function<std::optional<std::size_t>(const std::string& shard, const std::string& key)>;
  struct Step {
    std::string shard;
    std::size_t moved = 0;
    std::size_t stuck = 0;
  };
  // Those whose turn it is. About once in kStep.
  std::vector<Step> move_due(TimePoint now, Pace pace, const Move& move);
  static constexpr Duration kStep = seconds(1);

  void each(const std::function<void(const std::string& shard, const Drain& drain)>& visit) const;
  const Drain* find(std::string_view shard) const;

 private:
  struct One : Drain {
    std::vector<std::string> keys;  // to be moved, the last first
    TimePoint window_end{};
    TimePoint next_look{};
  };

  static constexpr std::size_t kMaxExpected = 4096;

  std::map<std::string, One, std::less<>> drains_;
  std::map<std::string, TimePoint, std::less<>> expected_;  // deadlines of drains that have not begun
  std::mt19937_64 random_;
};

}  // namespace roomgate::router::directory

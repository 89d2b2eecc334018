// HAProxy's keys that we have something to say of, in the order in which we last did: what is pushed, what a
// lesson is made of, and what has not been said for long. One row for each spelling of a room. The peers
// core.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/siphash.hpp"

namespace roomgate::peers_sync::haproxy {

struct Row {
  std::string spelling;  // HAProxy's key
  std::string key;       // ours; the last of several that look alike there
  bool pushed = false;   // else it is told in lessons only
  std::uint64_t position = 0;
  TimePoint said{};    // by us or to us
  TimePoint looked{};  // whether it has to be said again
  std::list<Row*>::iterator by_age;
};

class Rows {
 public:
  Row* find(std::string_view spelling);
  const Row* find(std::string_view spelling) const;
  // Creates it, or takes it over. It gets a new position, and is as good as new.
  Row& say(std::string_view spelling, std::string_view key, bool pushed, TimePoint now);
  // HAProxy has said the same itself.
  void confirmed(Row& row, TimePoint now);
  void erase(std::string_view spelling);

  // The first behind it; null: none.
  const Row* behind(std::uint64_t position) const;
  std::uint64_t last() const { return last_; }
  // The one that was said the longest ago; null: there is none.
  Row* oldest() const { return by_age_.empty() ? nullptr : by_age_.front(); }
  void looked_at(Row& row, TimePoint now);  // and left as it is: not the oldest any more
  std::size_t size() const { return rows_.size(); }

 private:
  std::unordered_map<std::string, Row, SipHasher, std::equal_to<>> rows_;  // by spelling
  std::map<std::uint64_t, Row*> by_position_;
  std::list<Row*> by_age_;
  std::uint64_t last_ = 0;
};

}  // namespace roomgate::peers_sync::haproxy

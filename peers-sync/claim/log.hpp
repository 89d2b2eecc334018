// What one life of a gate said, by number. Only what is still so is of interest: the owner of the log says
// which items are (Log::Alive), and counts those that are not any more with died(); when half is dead the log
// is cut down. So it is as long as there is to say, however long it runs. Used for our own log (to be sent),
// for those of others (to be said again when they are gone), and for the order of changes. Owned by the book.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace roomgate::peers_sync::claim {

struct LogItem {
  enum class Kind : std::uint8_t { entry, hold, word };
  std::uint64_t number = 0;
  std::uint32_t what = 0;  // a room, or a word
  Kind kind = Kind::entry;
  std::uint32_t gate : 24 = 0;  // hold: another gate's, said again
};

class Log {
 public:
  // Its numbers mostly grow; those of a lesson come as they come.
  void add(const LogItem& item) {
    if (!items_.empty() && item.number < items_.back().number) sorted_ = false;
    items_.push_back(item);
  }

  template <typename Alive>
  void died(const Alive& alive) {
    if (++dead_ < kWorthwhile || dead_ * 2 < items_.size()) return;
    std::erase_if(items_, [&](const LogItem& item) { return !alive(item); });
    dead_ = 0;
  }

  // Those behind `number`, in order. False from `visit` ends it.
  template <typename Visit>
  void after(std::uint64_t number, const Visit& visit) const {
    sort();
    auto at = std::upper_bound(items_.begin(), items_.end(), number,
                               [](std::uint64_t n, const LogItem& item) { return n < item.number; });
    for (; at != items_.end(); ++at) {
      if (!visit(*at)) return;
    }
  }

  std::size_t size() const { return items_.size(); }

 private:
  static constexpr std::size_t kWorthwhile = 1024;

  void sort() const {
    if (sorted_) return;
    std::stable_sort(items_.begin(), items_.end(),
                     [](const LogItem& a, const LogItem& b) { return a.number < b.number; });
    sorted_ = true;
  }

  mutable std::vector<LogItem> items_;
  mutable bool sorted_ = true;
  std::size_t dead_ = 0;
};

}  // namespace roomgate::peers_sync::claim

// Spends what a receiver's path carries on the sources it wants: on stage first, as good as it wants them;
// then each other source its cheapest layer, in order; then everybody one step better, in turn, while there
// is room. Rising needs a margin, and some time after a fall; falling is at once. The most important picture
// is kept, at its cheapest, when a little more than there is would do: an estimate that has just fallen is
// often too low, and a poor picture is better than none. Pure; on the receiver's worker.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "sfu/bridge/layer_options.hpp"

namespace roomgate::sfu::bridge {

// A source that the receiver wants. In the order of their importance.
struct Claim {
  LayerOptions options;  // at least one
  bool on_stage = false;
  int held = -1;  // the option it has; -1: none
};

struct Spending {
  std::vector<int> chosen;  // an option per claim; -1: there is no room for it
  double spent = 0;         // bit/s; above the budget only for the most important picture
  double ideal = 0;         // what the best of all would cost
  bool fell = false;        // somebody has less than it held
  bool fell_far = false;    // and not only in motion: another resolution, or none
  bool rose = false;
  bool complete = true;  // everybody has its best, within the budget
};

// Above what a rise costs.
inline constexpr double kRiseMargin = 1.15;
// So many times the budget the last picture may cost before it is given up; to begin it may cost the budget.
inline constexpr double kStretch = 1.5;

struct Budget {
  std::optional<double> bitrate;  // bit/s; empty: without bounds
  // Without it nobody gets a better layer than it holds, but whoever holds nothing may begin.
  bool may_rise = true;
  // Nothing is known of the path yet: the most important picture is sent to find out, whatever it costs.
  bool untried = false;
};

Spending spend(std::span<const Claim> claims, const Budget& budget);

// When a receiver may rise again: some time after a fall, and longer each time a rise was followed by one
// that is seen as a flicker.
class RiseHold {
 public:
  bool may_rise(TimePoint now) const { return now >= until_; }
  void on_spent(const Spending& spending, TimePoint now);

 private:
  static constexpr Duration kFirst = seconds(2);
  static constexpr Duration kLongest = seconds(6);
  static constexpr Duration kTooSoon = seconds(10);  // a fall so soon after a rise

  TimePoint until_{};
  TimePoint rose_{};
  Duration length_ = kFirst;
};

}  // namespace roomgate::sfu::bridge

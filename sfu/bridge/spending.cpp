#include "sfu/bridge/spending.hpp"

#include <algorithm>
#include <utility>

namespace roomgate::sfu::bridge {
namespace {

class Purse {
 public:
  Purse(std::span<const Claim> claims, double budget, bool may_rise, Spending& out)
      : claims_(claims), budget_(budget), may_rise_(may_rise), out_(out) {}

  // Gives the claim this option in place of the one it has, if there is room.
  bool buy(std::size_t claim, int option) {
    const Claim& of = claims_[claim];
    if (option >= static_cast<int>(of.options.size())) return false;
    const bool rise = option > of.held;
    if (rise && !may_rise_ && option > 0) return false;
    int& chosen = out_.chosen[claim];
    const double before = chosen < 0 ? 0 : of.options[static_cast<std::size_t>(chosen)].bitrate;
    const double after = out_.spent - before + of.options[static_cast<std::size_t>(option)].bitrate;
    if (after > (rise ? budget_ / kRiseMargin : budget_)) return false;
    out_.spent = after;
    chosen = option;
    return true;
  }

 private:
  std::span<const Claim> claims_;
  double budget_;
  bool may_rise_;
  Spending& out_;
};

void spend_all(std::span<const Claim> claims, Spending& out) {
  for (std::size_t i = 0; i < claims.size(); ++i) {
    out.chosen[i] = static_cast<int>(claims[i].options.size()) - 1;
  }
  out.spent = out.ideal;
}

}  // namespace

Spending spend(std::span<const Claim> claims, std::optional<double> budget, bool may_rise) {
  Spending out;
  out.chosen.assign(claims.size(), -1);
  for (const Claim& claim : claims) out.ideal += claim.options[claim.options.size() - 1].bitrate;
  if (!budget) {
    spend_all(claims, out);
    return out;
  }
  Purse purse(claims, *budget, may_rise, out);
  for (std::size_t i = 0; i < claims.size(); ++i) {
    if (!claims[i].on_stage) continue;
    for (int option = static_cast<int>(claims[i].options.size()) - 1; option >= 0; --option) {
      if (purse.buy(i, option)) break;
    }
  }
  for (std::size_t i = 0; i < claims.size(); ++i) {
    if (!claims[i].on_stage) (void)purse.buy(i, 0);
  }
  for (bool improved = true; std::exchange(improved, false);) {
    for (std::size_t i = 0; i < claims.size(); ++i) {
      if (out.chosen[i] >= 0 && purse.buy(i, out.chosen[i] + 1)) improved = true;
    }
  }
  for (std::size_t i = 0; i < claims.size(); ++i) {
    const int best = static_cast<int>(claims[i].options.size()) - 1;
    out.fell = out.fell || out.chosen[i] < std::min(claims[i].held, best);
    out.rose = out.rose || out.chosen[i] > claims[i].held;
    out.complete = out.complete && out.chosen[i] == best;
  }
  return out;
}

void RiseHold::on_spent(const Spending& spending, TimePoint now) {
  if (spending.fell) {
    const bool soon = rose_ != TimePoint{} && now - rose_ < kTooSoon;
    length_ = soon ? std::min(length_ * 3 / 2, kLongest) : kFirst;
    until_ = now + length_;
  } else if (spending.rose) {
    rose_ = now;
  }
}

}  // namespace roomgate::sfu::bridge

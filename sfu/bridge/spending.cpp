#include "sfu/bridge/spending.hpp"

#include <algorithm>
#include <utility>

namespace roomgate::sfu::bridge {
namespace {

class Purse {
 public:
  Purse(std::span<const Claim> claims, const Budget& budget, Spending& out)
      : claims_(claims),
        budget_(*budget.bitrate),
        may_rise_(budget.may_rise),
        untried_(budget.untried),
        out_(out) {}

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

  // Its cheapest option. The first claim, while nothing is bought, may cost more than there is.
  void begin(std::size_t claim) {
    if (buy(claim, 0) || claim > 0 || out_.spent > 0) return;
    const Claim& first = claims_.front();
    const double cost = first.options[0].bitrate;
    if (!untried_ && cost > (first.held < 0 ? budget_ : kStretch * budget_)) return;
    out_.spent = cost;
    out_.chosen.front() = 0;
  }

 private:
  std::span<const Claim> claims_;
  double budget_;
  bool may_rise_;
  bool untried_;
  Spending& out_;
};

int spatial_of(const Claim& claim, int option) {
  if (option < 0) return forward::Target::kNothing;
  return claim.options[static_cast<std::size_t>(option)].target.spatial;
}

void spend_all(std::span<const Claim> claims, Spending& out) {
  for (std::size_t i = 0; i < claims.size(); ++i) {
    out.chosen[i] = static_cast<int>(claims[i].options.size()) - 1;
  }
  out.spent = out.ideal;
}

}  // namespace

Spending spend(std::span<const Claim> claims, const Budget& budget) {
  Spending out;
  out.chosen.assign(claims.size(), -1);
  for (const Claim& claim : claims) out.ideal += claim.options[claim.options.size() - 1].bitrate;
  if (!budget.bitrate) {
    spend_all(claims, out);
    return out;
  }
  Purse purse(claims, budget, out);
  for (std::size_t i = 0; i < claims.size(); ++i) {
    if (!claims[i].on_stage) continue;
    for (int option = static_cast<int>(claims[i].options.size()) - 1; option > 0; --option) {
      if (purse.buy(i, option)) break;
    }
    if (out.chosen[i] < 0) purse.begin(i);
  }
  for (std::size_t i = 0; i < claims.size(); ++i) {
    if (!claims[i].on_stage) purse.begin(i);
  }
  for (bool improved = true; std::exchange(improved, false);) {
    for (std::size_t i = 0; i < claims.size(); ++i) {
      if (out.chosen[i] >= 0 && purse.buy(i, out.chosen[i] + 1)) improved = true;
    }
  }
  for (std::size_t i = 0; i < claims.size(); ++i) {
    const int best = static_cast<int>(claims[i].options.size()) - 1;
    const int held = std::min(claims[i].held, best);
    const bool less = out.chosen[i] < held;
    out.fell = out.fell || less;
    out.fell_far =
        out.fell_far || (less && spatial_of(claims[i], out.chosen[i]) < spatial_of(claims[i], held));
    out.rose = out.rose || out.chosen[i] > claims[i].held;
    out.complete = out.complete && out.chosen[i] == best;
  }
  out.complete = out.complete && out.spent <= *budget.bitrate;
  return out;
}

void RiseHold::on_spent(const Spending& spending, TimePoint now) {
  if (spending.fell) {
    // Falls that follow each other are charged with the rise before them once.
    const bool soon = spending.fell_far && rose_ != TimePoint{} && now - rose_ < kTooSoon;
    if (soon) {
      length_ = std::min(length_ * 3 / 2, kLongest);
    } else if (now >= until_) {
      length_ = kFirst;
    }
    until_ = std::max(until_, now + length_);
    if (spending.fell_far) rose_ = {};
  } else if (spending.rose) {
    rose_ = now;
  }
}

}  // namespace roomgate::sfu::bridge

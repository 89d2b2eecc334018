#include "router/balance/roundrobin.hpp"

#include <algorithm>
#include <functional>
#include <tuple>

namespace roomgate::router::balance {
namespace {

constexpr int kOneByOne = 4;

}  // namespace

// Of equals, who has waited longer: small shards are not put off by large ones.
bool RoundRobin::ends_later(const Due& a, const Due& b) {
  return std::tie(a.end, a.begin, a.rank) > std::tie(b.end, b.begin, b.rank);
}

RoundRobin::Turn& RoundRobin::turn_of(const Choice& choice) {
  const Eligible& eligible = choice.eligible;
  const std::size_t size = eligible.shards().size();
  const auto known = turns_.find(eligible.number());
  if (known != turns_.end() && known->second.shares.size() == size) {
    Turn& turn = known->second;
    if (turn.weights != eligible.weights() || choice.now >= turn.valid_until) weigh(turn, choice);
    return turn;
  }
  if (known == turns_.end() && turns_.size() >= limits_.max_sets) {
    turns_.erase(std::min_element(turns_.begin(), turns_.end(), [](const auto& a, const auto& b) {
      return a.second.last_used < b.second.last_used;
    }));
  }
  Turn& turn = turns_[eligible.number()];
  turn = {.shares = std::vector<Share>(size)};
  // Were every turn to begin with the first by name, it would gain a room with every change of the set.
  const std::size_t first = made_ % size;
  for (std::size_t place = 0; place < size; ++place) {
    turn.waiting.push_back({.rank = static_cast<std::uint32_t>((place + size - first) % size),
                            .place = static_cast<std::uint32_t>(place)});
  }
  weigh(turn, choice);
  return turn;
}

// Other weights, or more rooms than a double counts well. Whoever is owed half a room is owed half a room
// still.
void RoundRobin::weigh(Turn& turn, const Choice& choice) {
  const auto shards = choice.eligible.shards();
  const Weights weight(choice);
  double total = 0;
  for (const Candidate& shard : shards) total += weight(shard);
  turn.waiting.insert(turn.waiting.end(), turn.ready.begin(), turn.ready.end());
  turn.ready.clear();
  for (Due& due : turn.waiting) {
    Share& share = turn.shares[due.place];
    const double owed = (turn.time - due.begin) * share.weight / turn.total;
    share.weight = weight(shards[due.place]);
    share.base = due.begin = -owed * total / share.weight;
    share.served = 0;
    due.end = share.base + total / share.weight;
  }
  turn.total = total;
  std::make_heap(turn.waiting.begin(), turn.waiting.end(), begins_later);
  turn.time = 0;
  turn.weights = choice.eligible.weights();
  // A ramp goes by percent; more often than that nothing changes.
  turn.valid_until = weight.ramping() ? choice.now + choice.slow_start / 100 : TimePoint::max();
}

std::optional<ShardId> RoundRobin::choose(const Choice& choice) {
  if (choice.eligible.shards().empty()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  Turn& turn = turn_of(choice);
  turn.last_used = ++made_;
  constexpr double kCountsWell = 1 << 20;
  if (turn.time >= kCountsWell) weigh(turn, choice);

  std::vector<Due>& waiting = turn.waiting;
  std::vector<Due>& ready = turn.ready;
  // One has always begun, but for the last bit of a sum.
  const auto has_begun = [&turn](const Due& due) { return due.begin < turn.time + 1; };
  for (int moved = 0; !waiting.empty() && (has_begun(waiting.front()) || ready.empty()); ++moved) {
    if (moved == kOneByOne) {
      // Of equal weights all begin at once: both heaps anew, in one pass, not so many steps of log(n).
      const auto begun = std::partition(waiting.begin(), waiting.end(), std::not_fn(has_begun));
      ready.insert(ready.end(), begun, waiting.end());
      waiting.erase(begun, waiting.end());
      std::make_heap(waiting.begin(), waiting.end(), begins_later);
      std::make_heap(ready.begin(), ready.end(), ends_later);
      break;
    }
    std::pop_heap(waiting.begin(), waiting.end(), begins_later);
    ready.push_back(waiting.back());
    waiting.pop_back();
    std::push_heap(ready.begin(), ready.end(), ends_later);
  }
  std::pop_heap(ready.begin(), ready.end(), ends_later);
  Due due = ready.back();
  ready.pop_back();
  Share& share = turn.shares[due.place];
  ++share.served;
  due.begin = due.end;
  due.end = turn.end_of(share);
  waiting.push_back(due);
  std::push_heap(waiting.begin(), waiting.end(), begins_later);
  turn.time += 1;
  return choice.eligible.shards()[due.place].id;
}

}  // namespace roomgate::router::balance

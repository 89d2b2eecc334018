#include "tests/sfu/congestion/simulation/link.hpp"

#include <algorithm>

namespace roomgate::test {
namespace {

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

double Link::rate(Duration now) const {
  double rate = 0;
  for (const LinkModel::Step& step : model_.rates) {
    if (now >= step.at) rate = step.rate;
  }
  return rate;
}

void Link::push(Datagram datagram, Duration now) {
  datagram.sent = now;
  const double room = rate(now) / 8 * in_seconds(model_.queue);
  if (lost() || static_cast<double>(queued_bytes_) > room) {
    ++dropped_;
    return;
  }
  queued_bytes_ += datagram.bytes;
  queue_.push_back(datagram);
}

void Link::turn(Duration now, const std::function<void(const Datagram&)>& deliver) {
  const double elapsed = in_seconds(now - last_);
  last_ = now;
  if (!stalled(now)) credit_ += rate(now) / 8 * elapsed;
  while (!queue_.empty() && credit_ >= queue_.front().bytes) {
    Datagram datagram = queue_.front();
    queue_.pop_front();
    credit_ -= datagram.bytes;
    queued_bytes_ -= datagram.bytes;
    datagram.queued = now - datagram.sent;
    datagram.out = now + model_.delay;
    if (model_.jitter > Duration::zero()) {
      datagram.out +=
          Duration(std::uniform_int_distribution<std::int64_t>(0, model_.jitter.count())(random_));
      if (!flying_.empty()) datagram.out = std::max(datagram.out, flying_.back().out);
    }
    flying_.push_back(datagram);
  }
  if (queue_.empty()) credit_ = 0;  // an idle link saves nothing up
  while (!flying_.empty() && flying_.front().out <= now) {
    deliver(flying_.front());
    flying_.pop_front();
  }
}

bool Link::lost() {
  std::uniform_real_distribution<double> chance(0, 1);
  if (bad_ ? chance(random_) < 0.1 : chance(random_) < model_.burst_loss) bad_ = !bad_;
  return chance(random_) < (bad_ ? 0.5 : model_.loss);
}

bool Link::stalled(Duration now) {
  if (model_.stall_every <= Duration::zero()) return false;
  if (now < stall_until_) return true;
  // Asked every quarter of a millisecond.
  const double chance = in_seconds(microseconds(250)) / in_seconds(model_.stall_every);
  if (std::uniform_real_distribution<double>(0, 1)(random_) < chance) stall_until_ = now + model_.stall_for;
  return false;
}

}  // namespace roomgate::test

#include "bench/roomload/network/link.hpp"

#include <algorithm>
#include <cstring>

namespace roomgate::bench::roomload::network {
namespace {

// Whole nanoseconds: three billion datagrams of rounding do not make a microsecond of difference.
Duration time_on_line(std::size_t bytes, std::uint64_t bits_per_second) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(bytes * 8 * 1'000'000'000 / bits_per_second));
}

// The heap's first is the one that is due first; of those due together, the one that came first.
constexpr auto kLater = [](const auto& a, const auto& b) {
  return a.due != b.due ? a.due > b.due : a.order > b.order;
};

}  // namespace

Link::Link(const Impairment& impairment, std::uint64_t seed) : impairment_(impairment), random_(seed) {}

bool Link::transparent() const {
  return heap_.empty() && impairment_.delay == Duration{} && impairment_.jitter == Duration{} &&
         impairment_.loss == 0 && impairment_.burst == 0 && impairment_.reorder == 0 &&
         impairment_.duplicate == 0 && impairment_.bits_per_second == 0;
}

bool Link::lost_by_chance() {
  if (burst_left_ > 0) {
    --burst_left_;
    return true;
  }
  if (impairment_.burst > 0 && chance() < impairment_.burst) {
    // Geometric around the mean, this one among them.
    const double mean = std::max(1.0, impairment_.burst_length);
    burst_left_ = static_cast<std::uint32_t>(std::geometric_distribution<int>(1.0 / mean)(random_));
    return true;
  }
  return impairment_.loss > 0 && chance() < impairment_.loss;
}

void Link::push(ByteView datagram, TimePoint now) {
  ++counts_.pushed;
  if (datagram.size() > kBlock) {
    ++counts_.overflowed;
    return;
  }
  TimePoint sent = now;
  if (impairment_.bits_per_second > 0) {
    // A bottleneck with a queue in front: what must wait longer than the queue is long is dropped at its
    // tail.
    const TimePoint begins = std::max(now, line_free_);
    if (begins - now > impairment_.queue) {
      ++counts_.overflowed;
      return;
    }
    sent = begins + time_on_line(datagram.size(), impairment_.bits_per_second);
    line_free_ = sent;
  }
  if (lost_by_chance()) {
    ++counts_.lost;
    return;
  }
  TimePoint due = sent + impairment_.delay;
  if (impairment_.jitter > Duration{}) {
    due += std::chrono::duration_cast<Duration>(impairment_.jitter * chance());
  }
  if (impairment_.reorder > 0 && chance() < impairment_.reorder) {
    due += impairment_.reorder_by;
  } else {
    due = std::max(due, last_due_);
    last_due_ = due;
  }
  enqueue(datagram, due);
  if (impairment_.duplicate > 0 && chance() < impairment_.duplicate) {
    ++counts_.duplicated;
    enqueue(datagram, due);
  }
}

void Link::enqueue(ByteView datagram, TimePoint due) {
  if (free_.empty()) {
    if (slabs_.size() * kBlocksAtOnce >= kMaxBlocks) {
      ++counts_.overflowed;
      return;
    }
    const auto first = static_cast<std::uint32_t>(slabs_.size() * kBlocksAtOnce);
    slabs_.push_back(std::make_unique<std::uint8_t[]>(kBlocksAtOnce * kBlock));
    for (std::uint32_t i = kBlocksAtOnce; i-- > 0;) free_.push_back(first + i);
  }
  const std::uint32_t number = free_.back();
  free_.pop_back();
  std::memcpy(block_bytes(number), datagram.data(), datagram.size());
  heap_.push_back({due, order_++, number, static_cast<std::uint16_t>(datagram.size())});
  std::push_heap(heap_.begin(), heap_.end(), kLater);
}

std::optional<TimePoint> Link::next_due() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().due;
}

Link::Entry Link::take_first() {
  std::pop_heap(heap_.begin(), heap_.end(), kLater);
  const Entry entry = heap_.back();
  heap_.pop_back();
  return entry;
}

std::uint8_t* Link::block_bytes(std::uint32_t number) {
  return slabs_[number / kBlocksAtOnce].get() + number % kBlocksAtOnce * kBlock;
}

}  // namespace roomgate::bench::roomload::network

// One direction of a bad network between a participant and its socket: datagrams pushed in come out later, or
// not, or twice. Deterministic by its seed; takes `now`; memory bounded by the queue. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "bench/roomload/network/profile.hpp"

namespace roomgate::bench::roomload::network {

struct LinkCounts {
  std::uint64_t pushed = 0;
  std::uint64_t delivered = 0;
  std::uint64_t lost = 0;        // by chance
  std::uint64_t overflowed = 0;  // the queue was full
  std::uint64_t duplicated = 0;
};

class Link {
 public:
  Link(const Impairment& impairment, std::uint64_t seed);

  void push(ByteView datagram, TimePoint now);
  // Of the next datagram; empty when none is on its way.
  std::optional<TimePoint> next_due() const;
  // Calls `f(ByteSpan datagram, TimePoint due)` for all that are due, in their order of arrival. The bytes
  // may be written to (opened in place) and are gone after the call, which must not push.
  template <class F>
  void pop(TimePoint now, F&& f) {
    while (!heap_.empty() && heap_.front().due <= now) {
      const Entry entry = take_first();
      f(ByteSpan(block(entry.block)).first(entry.size), entry.due);
      free_.push_back(entry.block);
      ++counts_.delivered;
    }
  }

  // A rate or a loss that changes while datagrams are under way.
  void change(const Impairment& impairment) { impairment_ = impairment; }
  bool transparent() const;  // does nothing: the caller may go past it
  const LinkCounts& counts() const { return counts_; }

 private:
  static constexpr std::size_t kBlock = 1500;
  static constexpr std::size_t kBlocksAtOnce = 16;
  static constexpr std::size_t kMaxBlocks = 8192;  // 12 MB

  struct Entry {
    TimePoint due;
    std::uint64_t order = 0;  // of arrival, among equal times
    std::uint32_t block = 0;
    std::uint16_t size = 0;
  };
  Entry take_first();
  void enqueue(ByteView datagram, TimePoint due);
  bool lost_by_chance();
  double chance() { return std::uniform_real_distribution<double>(0, 1)(random_); }
  std::uint8_t* block_bytes(std::uint32_t number);
  std::span<std::uint8_t> block(std::uint32_t number) { return {block_bytes(number), kBlock}; }

  Impairment impairment_;
  std::mt19937_64 random_;
  std::vector<Entry> heap_;
  std::vector<std::unique_ptr<std::uint8_t[]>> slabs_;
  std::vector<std::uint32_t> free_;
  std::uint64_t order_ = 0;
  TimePoint line_free_{};  // when the last datagram has been put on the line
  TimePoint last_due_{};   // jitter does not overtake
  std::uint32_t burst_left_ = 0;
  LinkCounts counts_;
};

}  // namespace roomgate::bench::roomload::network

// Datagrams of one wake-up, gathered per destination so that each leaves as few UDP_SEGMENT messages: equal
// sizes, the last may be shorter, order kept. Layout only; the worker makes the system calls. One per worker;
// memory is taken once, at construction.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/bytes.hpp"

namespace roomgate::sfu::send {

class SendBatch {
 public:
  struct Limits {
    std::size_t max_destinations = 128;
    std::size_t lane_bytes =
        24 * 1024;  // per destination and wake-up; below the 64 KiB of one UDP_SEGMENT message
    std::size_t max_datagrams = 32;  // per destination
    std::size_t max_segments = 16;   // per message
  };

  // Kept by each endpoint: finds its lane again within a batch. Starts empty.
  struct Lane {
    std::uint32_t index = 0;
    std::uint32_t batch = 0;
  };

  explicit SendBatch(Limits limits);
  SendBatch() : SendBatch(Limits{}) {}

  // Room for one datagram of at most `size` bytes (with its SRTP tag) to `destination`, the worker's own
  // number for it. Empty when the batch is full there: send what is gathered, clear(), ask again.
  ByteSpan reserve(Lane& lane, std::uint32_t destination, std::size_t size);
  // Keeps the first `used` bytes of what reserve() last gave. Not called, or 0: nothing is sent.
  void commit(std::size_t used);

  struct Message {
    std::uint32_t destination = 0;
    ByteView bytes;
    std::size_t segment_size = 0;  // of each datagram in `bytes`, the last may be shorter
    std::size_t segments = 0;
  };
  // Calls `f(const Message&)` for each, destination by destination.
  template <class F>
  void for_each_message(F&& f) const {
    for (std::size_t i = 0; i < used_lanes_; ++i) {
      const LaneState& lane = lanes_[i];
      std::size_t at = 0;
      for (std::size_t first = 0; first < lane.datagrams;) {
        const std::size_t end = message_end(i, first);
        std::size_t bytes = 0;
        for (std::size_t d = first; d < end; ++d) bytes += sizes_[i * limits_.max_datagrams + d];
        f(Message{.destination = lane.destination,
                  .bytes = ByteView(arena_).subspan(i * stride_ + at, bytes),
                  .segment_size = sizes_[i * limits_.max_datagrams + first],
                  .segments = end - first});
        at += bytes;
        first = end;
      }
    }
  }
  void clear();

  bool empty() const { return datagrams_ == 0; }
  std::size_t datagrams() const { return datagrams_; }
  // True when a further destination would not find a lane.
  bool lanes_full() const { return used_lanes_ == limits_.max_destinations; }

 private:
  struct LaneState {
    std::uint32_t destination = 0;
    std::size_t bytes = 0;
    std::size_t datagrams = 0;
  };
  // One past the last datagram of the message that begins with `first`.
  std::size_t message_end(std::size_t lane, std::size_t first) const;

  // Lanes begin at cache lines that differ, since a fan-out writes at the same place of each: with a stride
  // of whole pages all of it would fall into a few sets of the caches and push itself out.
  static constexpr std::size_t kSkew = 20 * 64;

  Limits limits_;
  std::size_t stride_;
  std::vector<std::uint8_t> arena_;
  std::vector<std::uint16_t> sizes_;  // max_datagrams per lane
  std::vector<LaneState> lanes_;
  std::size_t used_lanes_ = 0;
  std::size_t datagrams_ = 0;
  std::uint32_t batch_ = 1;
  std::size_t open_lane_ = 0;
  std::size_t open_size_ = 0;  // 0: nothing reserved
};

}  // namespace roomgate::sfu::send

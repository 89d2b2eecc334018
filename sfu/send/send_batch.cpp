#include "sfu/send/send_batch.hpp"

#include <algorithm>

namespace roomgate::sfu::send {
namespace {

// One UDP_SEGMENT message is one UDP payload to the stack: 64 KiB less headers.
constexpr std::size_t kMaxMessageBytes = 65000;

}  // namespace

SendBatch::SendBatch(Limits limits)
    : limits_(limits),
      stride_(limits.lane_bytes + kSkew),
      arena_(limits.max_destinations * stride_),
      sizes_(limits.max_destinations * limits.max_datagrams),
      lanes_(limits.max_destinations) {}

ByteSpan SendBatch::reserve(Lane& lane, std::uint32_t destination, std::size_t size) {
  open_size_ = 0;
  if (size == 0 || size > std::min(limits_.lane_bytes, kMaxMessageBytes)) return {};
  if (lane.batch != batch_) {
    if (used_lanes_ == limits_.max_destinations) return {};
    lane = {static_cast<std::uint32_t>(used_lanes_), batch_};
    lanes_[used_lanes_++] = LaneState{.destination = destination};
  }
  const LaneState& state = lanes_[lane.index];
  if (state.bytes + size > limits_.lane_bytes || state.datagrams == limits_.max_datagrams) return {};
  open_lane_ = lane.index;
  open_size_ = size;
  return ByteSpan(arena_).subspan(lane.index * stride_ + state.bytes, size);
}

void SendBatch::commit(std::size_t used) {
  if (used == 0 || used > open_size_) return;
  LaneState& state = lanes_[open_lane_];
  sizes_[open_lane_ * limits_.max_datagrams + state.datagrams] = static_cast<std::uint16_t>(used);
  ++state.datagrams;
  state.bytes += used;
  ++datagrams_;
  open_size_ = 0;
}

std::size_t SendBatch::message_end(std::size_t lane, std::size_t first) const {
  const std::uint16_t* sizes = &sizes_[lane * limits_.max_datagrams];
  const std::size_t last =
      std::min(lanes_[lane].datagrams, first + std::max<std::size_t>(limits_.max_segments, 1));
  std::size_t bytes = sizes[first];
  std::size_t end = first + 1;
  // Equal sizes; a shorter one may only end the message.
  while (end < last && sizes[end] <= sizes[first] && bytes + sizes[end] <= kMaxMessageBytes) {
    bytes += sizes[end++];
    if (sizes[end - 1] < sizes[first]) break;
  }
  return end;
}

void SendBatch::clear() {
  // Lanes of the batch before no longer match; 0 stays the number of a lane never used.
  if (++batch_ == 0) batch_ = 1;
  used_lanes_ = 0;
  datagrams_ = 0;
  open_size_ = 0;
}

}  // namespace roomgate::sfu::send

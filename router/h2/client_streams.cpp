#include "router/h2/client_streams.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>

namespace roomgate::router::h2 {
namespace {

constexpr std::size_t kMostOpen = 256;

}  // namespace

bool ClientStreams::was_opened(std::uint32_t id) const {
  const std::uint32_t back = (last_ - id) / 2;
  return back < 64 && ((opened_ >> back) & 1) != 0;
}

void ClientStreams::open(std::uint32_t id, bool ended) {
  const std::uint32_t step = (id - last_ + 1) / 2;
  opened_ = (step < 64 ? opened_ << step : 0) | 1;
  last_ = id;
  if (ended) return;
  if (open_.size() == kMostOpen) {
    forgotten_ = open_.front();
    open_.erase(open_.begin());
  }
  open_.push_back(id);
}

std::optional<std::uint32_t> ClientStreams::judge(const FrameHead& frame) {
  const bool carries = frame.type == NGHTTP2_HEADERS || frame.type == NGHTTP2_DATA;
  // What is wrong with even numbers, and with DATA before HEADERS, libnghttp2 says.
  if ((!carries && frame.type != NGHTTP2_RST_STREAM) || frame.stream % 2 == 0) return std::nullopt;
  const bool ends = frame.type == NGHTTP2_RST_STREAM || (frame.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame.stream > last_) {
    if (frame.type == NGHTTP2_HEADERS) open(frame.stream, ends);
    return std::nullopt;
  }
  const auto found = std::lower_bound(open_.begin(), open_.end(), frame.stream);
  if (found != open_.end() && *found == frame.stream) {
    if (ends) open_.erase(found);
    return std::nullopt;
  }
  if (!carries || frame.stream <= forgotten_) return std::nullopt;
  // RFC 9113 5.1.1: a number that was passed over can not be used any more.
  return was_opened(frame.stream) || frame.type == NGHTTP2_DATA ? NGHTTP2_STREAM_CLOSED
                                                                : NGHTTP2_PROTOCOL_ERROR;
}

}  // namespace roomgate::router::h2

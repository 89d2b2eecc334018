#include "router/h2/frames.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>

namespace roomgate::router::h2 {

// The head, and so much of the payload as is looked into.
std::size_t FrameScanner::wanted() const {
  if (have_ < kHead) return kHead;
  const std::size_t pad = (bytes_[4] & NGHTTP2_FLAG_PADDED) != 0 ? 1 : 0;
  std::size_t more = 0;
  if (bytes_[3] == NGHTTP2_DATA) more = pad;
  if (bytes_[3] == NGHTTP2_PRIORITY) more = 4;
  if (bytes_[3] == NGHTTP2_HEADERS && (bytes_[4] & NGHTTP2_FLAG_PRIORITY) != 0) more = pad + 4;
  return kHead + std::min<std::size_t>(more, load24(bytes_.data()));
}

std::optional<FrameHead> FrameScanner::next(ByteView& in) {
  while (!in.empty()) {
    if (preface_left_ > 0 || skip_ > 0) {
      const std::size_t size = std::min<std::size_t>(in.size(), preface_left_ > 0 ? preface_left_ : skip_);
      in = in.subspan(size);
      if (preface_left_ > 0) {
        preface_left_ -= size;
      } else {
        skip_ -= static_cast<std::uint32_t>(size);
        if (skip_ == 0 && ends_head_) in_head_ = ends_head_ = false;
      }
      continue;
    }
    const std::size_t size = std::min(in.size(), wanted() - have_);
    std::copy_n(in.begin(), size, bytes_.begin() + static_cast<std::ptrdiff_t>(have_));
    have_ += size;
    in = in.subspan(size);
    if (have_ < kHead || have_ < wanted()) continue;
    const FrameHead head = made();
    skip_ = head.length - static_cast<std::uint32_t>(have_ - kHead);
    have_ = 0;
    if (head.type == NGHTTP2_HEADERS || head.type == NGHTTP2_CONTINUATION) {
      ends_head_ = (head.flags & NGHTTP2_FLAG_END_HEADERS) != 0;
      in_head_ = skip_ > 0 || !ends_head_;
      if (!in_head_) ends_head_ = false;
    }
    return head;
  }
  return std::nullopt;
}

FrameHead FrameScanner::made() const {
  FrameHead head{.length = load24(bytes_.data()),
                 .type = bytes_[3],
                 .flags = bytes_[4],
                 .stream = load32(&bytes_[5]) & 0x7fffffffU};
  const bool padded = (head.flags & NGHTTP2_FLAG_PADDED) != 0;
  head.empty = head.length == 0;
  if (head.type == NGHTTP2_DATA && padded && have_ > kHead) head.empty = head.length == 1U + bytes_[kHead];
  const std::size_t at = kHead + (head.type == NGHTTP2_HEADERS && padded ? 1 : 0);
  const bool prioritised = head.type == NGHTTP2_PRIORITY ||
                           (head.type == NGHTTP2_HEADERS && (head.flags & NGHTTP2_FLAG_PRIORITY) != 0);
  if (prioritised && have_ >= at + 4)
    head.depends_on_itself = (load32(&bytes_[at]) & 0x7fffffffU) == head.stream;
  return head;
}

}  // namespace roomgate::router::h2

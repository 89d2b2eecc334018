#include "sfu/forward/sequence_map.hpp"

#include <algorithm>
#include <cstdlib>

namespace roomgate::sfu::forward {
namespace {

std::size_t bit(std::int64_t out) { return static_cast<std::size_t>(out % SequenceMap::kWindow); }

}  // namespace

SequenceMap::Range& SequenceMap::push_range() {
  newest_ = (newest_ + 1) % kMaxRanges;
  count_ = std::min(count_ + 1, kMaxRanges);
  return ranges_[newest_];
}

// Numbers up to `out` are now given out or kept; none of the new ones was sent yet.
void SequenceMap::advance(std::int64_t out) {
  if (out - highest_out_ >= kWindow) {
    sent_.reset();
  } else {
    for (std::int64_t number = highest_out_ + 1; number <= out; ++number) sent_.reset(bit(number));
  }
  highest_out_ = out;
}

std::uint32_t SequenceMap::begin(std::size_t stream, std::uint16_t first, Mark mark) {
  // Two turns up: numbers that this stream had before stay below, however long it was not forwarded.
  const std::int64_t in = (((highest_in_[stream] >> 16) + 2) << 16) | first;
  highest_in_[stream] = in - 1;
  if (highest_out_ < 0) highest_out_ = 0x10000 + std::int64_t{first} - 1;
  suspect_ = -1;
  ++epoch_;
  push_range() = Range{in, highest_out_ + 1, epoch_, mark, static_cast<std::uint8_t>(stream)};
  return epoch_;
}

void SequenceMap::continue_after(std::uint16_t last) { highest_out_ = 0x10000 + std::int64_t{last}; }

SequenceMap::Mapped SequenceMap::forward(std::size_t stream, std::uint16_t sequence) {
  if (count_ == 0 || stream >= kMaxLayers) return {};
  std::int64_t in = rtp::extend_sequence(highest_in_[stream], sequence);
  const bool current = range(0).stream == stream;
  Outcome outcome = Outcome::mapped;
  if (current && std::abs(in - highest_in_[stream]) > kMaxJump) {
    // RFC 3550 A.1: one such packet is noise, two in a row are a sender that began anew.
    if (sequence != suspect_) {
      suspect_ = static_cast<std::uint16_t>(sequence + 1);
      return {};
    }
    begin(stream, sequence, range(0).mark);
    in = highest_in_[stream] + 1;
    outcome = Outcome::restarted;
  }
  if (in > highest_in_[stream]) {
    if (!current) return {};
    suspect_ = -1;
    const Range& newest = range(0);
    const std::int64_t out = newest.out_start + (in - newest.in_start);
    highest_in_[stream] = in;
    advance(out);
    sent_.set(bit(out));
    return {outcome, static_cast<std::uint16_t>(out), newest.epoch, true, newest.mark};
  }
  for (std::size_t age = 0; age < count_; ++age) {
    const Range& held = range(age);
    if (held.stream != stream || held.in_start > in) continue;
    const std::int64_t out = held.out_start + (in - held.in_start);
    // Beyond its range's end: left out on purpose, or after the switch to another layer.
    if (age > 0 && out >= range(age - 1).out_start) return {};
    if (highest_out_ - out >= kWindow || sent_.test(bit(out))) return {};
    sent_.set(bit(out));
    return {Outcome::mapped, static_cast<std::uint16_t>(out), held.epoch, false, held.mark};
  }
  return {};
}

void SequenceMap::mark_from(std::uint16_t first, Mark mark) {
  if (count_ == 0) return;
  Range& newest = ranges_[newest_];
  const std::int64_t in = rtp::extend_sequence(highest_in_[newest.stream], first);
  if (in <= highest_in_[newest.stream] || in - highest_in_[newest.stream] > kMaxJump) return;
  if (in <= newest.in_start) {
    newest.mark = mark;
    return;
  }
  const Range next{in, newest.out_start + (in - newest.in_start), newest.epoch, mark, newest.stream};
  push_range() = next;
}

bool SequenceMap::leave_out(std::size_t stream, std::uint16_t sequence, bool since_last, Mark mark) {
  if (count_ == 0) return true;  // nothing went out: no gap to close
  if (stream >= kMaxLayers || range(0).stream != stream) return false;
  const std::int64_t in = rtp::extend_sequence(highest_in_[stream], sequence);
  if (in <= highest_in_[stream] || in - highest_in_[stream] > kMaxJump) return false;
  Range& newest = ranges_[newest_];
  const std::int64_t first = std::max(newest.in_start, since_last ? highest_in_[stream] + 1 : in);
  highest_in_[stream] = in;
  const std::int64_t next_out = newest.out_start + (first - newest.in_start);
  advance(next_out - 1);
  if (newest.in_start == first) {
    // Nothing was sent or kept in this range yet: it just begins later.
    newest.in_start = in + 1;
    newest.mark = mark;
    return true;
  }
  const Range after{in + 1, next_out, newest.epoch, mark, newest.stream};
  push_range() = after;
  return true;
}

std::optional<SequenceMap::Origin> SequenceMap::origin(std::uint16_t outgoing) const {
  if (count_ == 0) return std::nullopt;
  const std::int64_t out = rtp::extend_sequence(highest_out_, outgoing);
  if (out > highest_out_ || highest_out_ - out >= kWindow) return std::nullopt;
  for (std::size_t age = 0; age < count_; ++age) {
    const Range& held = range(age);
    if (held.out_start > out) continue;
    return Origin{held.stream, static_cast<std::uint16_t>(held.in_start + (out - held.out_start)), held.epoch,
                  held.mark, sent_.test(bit(out))};
  }
  return std::nullopt;
}

std::optional<std::uint16_t> SequenceMap::last() const {
  if (highest_out_ < 0) return std::nullopt;
  return static_cast<std::uint16_t>(highest_out_);
}

}  // namespace roomgate::sfu::forward

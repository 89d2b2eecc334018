// Sequence numbers of one outgoing stream made of several incoming ones: no gap for what we leave out, the
// same gap for what was lost, late packets in the place kept for them, no number twice; and backwards, so
// that a NACK finds the original (shard rule 11). A bounded ring of ranges, each a constant offset and a mark
// that its user finds again with each packet of it. On the receiver's worker.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>

#include "sfu/forward/source_layers.hpp"

namespace roomgate::sfu::forward {

class SequenceMap {
 public:
  static constexpr std::int64_t kWindow = 1024;  // outgoing numbers within reach of late packets and NACKs
  // A second of a stream of which frames are left out: each that is makes a range.
  static constexpr std::size_t kMaxRanges = 48;
  static constexpr std::int64_t kMaxJump =
      3000;  // RFC 3550 A.1: further ahead is a restart, if the next one follows

  enum class Outcome {
    mapped,
    restarted,  // as mapped, but the stream jumped: an own range begins, and timestamps must be joined anew
    dropped,    // duplicate, too old, left out before, or of a stream that is not current
  };
  // What held when the packets of a range were forwarded.
  struct Mark {
    std::uint16_t pictures_left_out = 0;
    std::uint8_t selection = 0;
  };
  struct Mapped {
    Outcome outcome = Outcome::dropped;
    std::uint16_t sequence = 0;
    std::uint32_t epoch = 0;
    bool newest = false;  // no later number went out before
    Mark mark;
  };

  // Begins with `stream`'s packet `first`, which gets the next outgoing number: at the start, after a pause,
  // and at a layer switch. Each begin is a new epoch. Follow with forward() of that packet.
  std::uint32_t begin(std::size_t stream, std::uint16_t first, Mark mark);
  std::uint32_t begin(std::size_t stream, std::uint16_t first) { return begin(stream, first, {}); }
  // Another mark from `first` on, which is newer than all before it; else nothing happens.
  void mark_from(std::uint16_t first, Mark mark);
  // The outgoing number must not repeat under one SRTP key: a source that comes back goes on after its last.
  void continue_after(std::uint16_t last);

  Mapped forward(std::size_t stream, std::uint16_t sequence);
  // A packet left out on purpose, with those before it that are still missing where `since_last` (they belong
  // to the same frame). What follows has `mark`. False when later ones have gone out, so that its place is
  // kept already.
  bool leave_out(std::size_t stream, std::uint16_t sequence, bool since_last, Mark mark);
  bool leave_out(std::size_t stream, std::uint16_t sequence) {
    return leave_out(stream, sequence, false, {});
  }

  struct Origin {
    std::size_t stream = 0;
    std::uint16_t sequence = 0;
    std::uint32_t epoch = 0;
    Mark mark;
    bool sent = false;  // it has; else the place is kept for it
  };
  // Which incoming packet has (or would have had) this outgoing number; empty outside the window.
  std::optional<Origin> origin(std::uint16_t outgoing) const;

  bool begun() const { return count_ > 0; }
  std::uint32_t epoch() const { return epoch_; }
  std::optional<std::uint16_t> last() const;

 private:
  struct Range {
    std::int64_t in_start = 0;
    std::int64_t out_start = 0;
    std::uint32_t epoch = 0;
    Mark mark;
    std::uint8_t stream = 0;
  };
  const Range& range(std::size_t age) const { return ranges_[(newest_ + kMaxRanges - age) % kMaxRanges]; }
  Range& push_range();
  void advance(std::int64_t out);

  std::array<Range, kMaxRanges> ranges_;
  std::size_t newest_ = 0;
  std::size_t count_ = 0;
  std::uint32_t epoch_ = 0;
  std::array<std::int64_t, kMaxLayers> highest_in_{};  // per stream, extended
  std::int64_t highest_out_ = -1;                      // newest number sent or kept for a lost packet
  std::bitset<static_cast<std::size_t>(kWindow)> sent_;
  std::int32_t suspect_ = -1;  // the number that would confirm a restart
};

}  // namespace roomgate::sfu::forward

// The SSRCs under which one receiver gets everybody's sources of one kind, where its client lets the bridge
// own them (SSRC rewriting, shard rule 13): a bounded number of slots, each of which stands for one source at
// a time. Knows who holds which, what the client was told by which map, and when a slot may be used. Sans
// I/O; one per receiver and kind, on the receiver's worker.
//
//   slot      holder    its map     packets
//   free      -         -           none
//   waiting   a source  not yet     none: they would be taken for the former holder's, or for nobody's
//   open      a source  written     yes
//
// An SSRC that the client never heard of stays closed a little longer: it has to make a decoder for it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "sfu/bridge/control/control.hpp"

namespace roomgate::sfu::bridge {

class SsrcPool {
 public:
  struct Limits {
    std::size_t slots = 0;
    bool with_rtx = false;
    Duration grace = milliseconds(200);  // from the first map with an SSRC to its first packet
  };
  struct Slot {
    Layer ids;                 // rtx is 0 without
    std::uint32_t holder = 0;  // announced SSRC of the source it stands for; 0: free
    bool open = false;         // the client knows, packets may go
    std::uint64_t map = 0;     // the first that says so
    TimePoint opens{};         // when it is not open, and its map was written
    TimePoint known_at{};      // when the first map with this SSRC was written
    TimePoint last_wanted{};
  };

  // `in_use`: SSRCs that the client knows as somebody else's.
  SsrcPool(Limits limits, std::function<bool(std::uint32_t)> in_use);

  std::size_t most() const { return limits_.slots; }
  const std::vector<Slot>& slots() const { return slots_; }
  const Slot* held_by(std::uint32_t source) const;
  // The source that an SSRC of ours stands for; 0: none.
  std::uint32_t holder_of(std::uint32_t ssrc) const;

  // How long ago the holder of a slot was wanted, in the caller's sense: the longest goes. Empty: it stays.
  using Since = std::function<std::optional<TimePoint>(const Slot&)>;
  struct Taken {
    const Slot* slot = nullptr;
    std::uint32_t evicted = 0;  // who held it; 0: nobody
  };
  // A slot for a source that has none: a free one, a new one, or that of whoever may go. Empty: all stay.
  std::optional<Taken> take(std::uint32_t source, const Since& since);
  void want(std::uint32_t source, TimePoint now);
  void release(std::uint32_t source);

  // ---- the map
  // Grows with each change; what the client is to be told is always all of it.
  std::uint64_t map() const { return map_; }
  void say_again() { ++map_; }  // a holder is described otherwise
  bool untold() const { return told_ < map_; }
  bool unwritten() const { return written_ < map_; }
  // It is on its way to the client.
  void on_told() { told_ = map_; }
  // The client was told a map.
  void on_written(std::uint64_t map, TimePoint now);
  // Opens what may be opened; calls for each, by its holder.
  void open_due(TimePoint now, const std::function<void(std::uint32_t source)>& opened);

 private:
  Slot* find(std::uint32_t source);
  std::uint32_t draw() const;

  const Limits limits_;
  const std::function<bool(std::uint32_t)> in_use_;
  std::vector<Slot> slots_;  // grows to limits_.slots
  std::uint64_t map_ = 0;
  std::uint64_t told_ = 0;
  std::uint64_t written_ = 0;
};

}  // namespace roomgate::sfu::bridge

// Lets readers walk linked nodes without a lock while writers unlink some: a node is freed only once every
// reader that could have seen it has left. One per table.
//
// Why it is right, all marked operations being seq_cst (one total order S):
//   reader: e = epoch;  slot = e;  load links ...;  slot = 0        writer: store link (unlink);  tag =
//   epoch++;
//                                                                           later: look at all slots; free if
//                                                                           none <= tag
// A writer that finds a slot empty or above tag may free. Empty: its look precedes the reader's slot store in
// S, so the unlink precedes the reader's loads, which cannot find the node. Above tag: the reader's epoch
// load follows the writer's epoch++, hence the unlink, the same. A reader that stands on a node unlinked
// earlier entered before that unlink, so its slot is seen by every later look, and is not above any later
// tag.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace roomgate::router::stick {

class Readers {
 public:
  // More threads than this take the stripe's lock for reading too.
  static constexpr std::size_t kSlots = 256;

  class Guard {
   public:
    explicit Guard(Readers& readers);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    // False: no slot was free, or this thread is reading already; hold the lock instead.
    bool entered() const { return slot_ != nullptr; }

   private:
    std::atomic<std::uint64_t>* slot_;
  };

  // Call after unlinking: the tag under which to retire the node.
  std::uint64_t retire_tag() { return epoch_.fetch_add(1); }
  // Nodes with a tag below this may be freed.
  std::uint64_t safe_below() const;

 private:
  struct alignas(64) Slot {
    std::atomic<std::uint64_t> epoch{0};  // 0: not reading
  };
  std::atomic<std::uint64_t> epoch_{1};
  std::array<Slot, kSlots> slots_;
};

}  // namespace roomgate::router::stick

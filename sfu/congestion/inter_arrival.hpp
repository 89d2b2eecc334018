// How much longer one burst of packets was under way than the burst before it: GCC's inter-group delay
// variation (draft-ietf-rmcat-gcc-02, 5.1 and 5.2). Packets that left within 5 ms are one group, and so are
// those that a link held up and then let go at once. O(1) per packet. On the receiver's worker.
#pragma once

#include <cstdint>
#include <optional>

namespace roomgate::sfu::congestion {

// Between the last packets of two groups, in milliseconds.
struct GroupDelta {
  double sent = 0;
  double arrived = 0;
  double at = 0;  // when the later one was complete, on the receiver's clock
};

class InterArrival {
 public:
  // In the order of sending; microseconds of any clocks. Answers when a packet completes a group.
  std::optional<GroupDelta> on_packet(std::int64_t sent, std::int64_t arrived);
  void reset() { *this = InterArrival(); }

 private:
  struct Group {
    std::int64_t first_sent = 0;
    std::int64_t last_sent = 0;
    std::int64_t first_arrived = 0;
    std::int64_t last_arrived = 0;
    bool begun = false;
    void begin(std::int64_t sent, std::int64_t arrived);
  };
  bool belongs(std::int64_t sent, std::int64_t arrived) const;

  Group current_;
  Group previous_;
  unsigned backwards_ = 0;  // groups in a row that seemed to arrive before their predecessor
};

}  // namespace roomgate::sfu::congestion

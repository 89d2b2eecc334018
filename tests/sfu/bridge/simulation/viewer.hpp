// A receiver as a browser is one: it asks again for what is missing (at once, then each 100 ms, ten times),
// decodes what is whole and builds on what it has, and asks for a key frame when it never had one or has
// shown nothing for three seconds. By the test's clock.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "sfu/rtp/sequence.hpp"

namespace roomgate::test {

struct ViewerPacket {
  std::uint16_t sequence = 0;
  std::size_t stream = 0;  // which of the sender's, which a browser sees by its height
  bool empty = false;
  bool key = false;
  bool starts_frame = false;
  bool ends_frame = false;
  std::uint8_t temporal = 0;
  std::uint8_t tl0 = 0;
};

class Viewer {
 public:
  void on_packet(const ViewerPacket& packet, Duration now);
  // The numbers to ask for now.
  std::vector<std::uint16_t> nacks(Duration now);
  bool wants_keyframe(Duration now);

  struct Shown {
    Duration at{};
    std::size_t stream = 0;
  };
  const std::vector<Shown>& shown() const { return shown_; }

 private:
  struct Missing {
    Duration asked{};
    unsigned times = 0;
  };
  bool decode_one(Duration now);
  bool builds_on_what_is_shown(const ViewerPacket& first) const;

  sfu::rtp::SequenceExtender extender_;
  std::optional<std::int64_t> highest_;
  std::map<std::int64_t, ViewerPacket> held_;
  std::map<std::int64_t, Missing> missing_;
  std::int64_t done_ = 0;  // what comes below it is too late
  std::uint8_t tl0_ = 0;
  Duration last_packet_{};
  Duration asked_key_{};
  std::vector<Shown> shown_;
};

}  // namespace roomgate::test

// A sender as a browser is one: simulcast layers of VP8 with three temporal layers each, a frame of
// each every 33 ms, key frames when asked for, paced at two and a half times its rate. By the test's clock.
#pragma once

#include <array>
#include <deque>
#include <random>
#include <vector>

#include "base/clock.hpp"
#include "sfu/forward/video_packet.hpp"

namespace roomgate::test {

struct CameraModel {
  std::vector<double> rates = {150e3, 500e3, 2000e3};  // bit/s, at most three
  double key_frame = 8;                                // times an average frame
};

class Camera {
 public:
  Camera(CameraModel model, std::uint32_t seed) : model_(std::move(model)), random_(seed) {}

  // Heard with the next frame, and not more than once in 300 ms.
  void want_keyframe() { wanted_ = true; }

  // Hands over what reaches the bridge by `now`.
  template <class F>
  void turn(Duration now, F&& each) {
    if (now >= next_frame_) encode(now);
    while (!paced_.empty() && paced_.front().at <= now) {
      const sfu::forward::VideoPacket packet = paced_.front().packet;
      paced_.pop_front();
      each(packet);
    }
  }

 private:
  void encode(Duration now);
  void packetize(std::size_t layer, double bytes, bool key, unsigned temporal, Duration now);

  struct Paced {
    Duration at{};
    sfu::forward::VideoPacket packet;
  };
  CameraModel model_;
  std::mt19937 random_;
  std::deque<Paced> paced_;
  Duration next_frame_{};
  Duration free_{};  // when the pacer lets the next one go
  Duration last_key_ = -seconds(1);
  bool wanted_ = true;
  unsigned frames_ = 0;
  std::uint8_t tl0_ = 0;
  std::array<std::uint16_t, 3> sequences_ = {1000, 20000, 65000};
};

}  // namespace roomgate::test

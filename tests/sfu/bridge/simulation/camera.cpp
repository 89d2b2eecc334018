#include "tests/sfu/bridge/simulation/camera.hpp"

#include <algorithm>
#include <numeric>

namespace roomgate::test {
namespace {

constexpr double kFrames = 30;  // a second
constexpr Duration kFrame = microseconds(33'333);
constexpr std::size_t kPayload = 1100;
constexpr double kPacing = 2.5;
constexpr Duration kBetweenKeys = milliseconds(300);
constexpr std::array<unsigned, 4> kTemporal = {0, 2, 1, 2};
// Of an average frame, by temporal layer: 40, 20 and 40 % of the rate.
constexpr std::array<double, 3> kShare = {1.6, 0.8, 0.8};

}  // namespace

void Camera::encode(Duration now) {
  next_frame_ += kFrame;
  const bool key = wanted_ && now - last_key_ >= kBetweenKeys;
  if (key) {
    wanted_ = false;
    last_key_ = now;
    frames_ = 0;
  }
  const unsigned temporal = kTemporal[frames_++ % kTemporal.size()];
  if (temporal == 0) ++tl0_;
  std::uniform_real_distribution<double> noise(0.8, 1.2);
  for (std::size_t layer = 0; layer < model_.rates.size(); ++layer) {
    const double average = model_.rates[layer] / 8 / kFrames;
    packetize(layer, average * noise(random_) * (key ? model_.key_frame : kShare[temporal]), key, temporal,
              now);
  }
}

void Camera::packetize(std::size_t layer, double bytes, bool key, unsigned temporal, Duration now) {
  const double rate = kPacing * std::accumulate(model_.rates.begin(), model_.rates.end(), 0.0);
  free_ = std::max(free_, now);
  auto left = static_cast<std::size_t>(bytes) + 1;
  for (bool first = true; left > 0; first = false) {
    const std::size_t size = std::min(left, kPayload);
    left -= size;
    sfu::forward::VideoPacket packet{.codec = sfu::rtp::Codec::vp8,
                                     .stream = layer,
                                     .sequence = sequences_[layer]++,
                                     .timestamp = static_cast<std::uint32_t>(now / microseconds(100) * 9),
                                     .payload_size = size,
                                     .starts_keyframe = key && first,
                                     .starts_frame = first,
                                     .ends_frame = left == 0,
                                     .temporal = static_cast<std::uint8_t>(temporal)};
    packet.needed_by = {};
    for (std::size_t t = temporal; t < sfu::forward::kMaxTemporals; ++t) packet.needed_by.add(0, t);
    if (key) packet.switches = sfu::forward::LayerSet::everything();
    if (!key && temporal > 0 && frames_ % kTemporal.size() != 0) {  // needs the base layer alone
      packet.switches.add(0, temporal);
      packet.switch_from = static_cast<std::uint8_t>(temporal - 1);
    }
    packet.picture = sfu::rtp::PictureFields{.tl0 = tl0_, .picture_id = 0};
    paced_.push_back({free_, packet});
    free_ += std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(static_cast<double>(size + 60) * 8 / rate));
  }
}

}  // namespace roomgate::test

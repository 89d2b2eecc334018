// Whether the queue on the way grows, stands or drains: the slope of the accumulated delay over the last
// groups against a threshold that follows what the path does by itself (GCC: draft-ietf-rmcat-gcc-02 5.3 and
// 5.4, with a least-squares line in place of the Kalman filter, as WebRTC has done since 2016). One update
// per group of packets; a fixed window, nothing allocated. On the receiver's worker.
#pragma once

#include <array>
#include <cstdint>

#include "sfu/congestion/inter_arrival.hpp"

namespace roomgate::sfu::congestion {

enum class Usage : std::uint8_t { normal, over, under };

class Trendline {
 public:
  Usage on_group(const GroupDelta& group);
  Usage usage() const { return usage_; }
  // How much longer packets are under way than the fastest of the last 10 to 20 s, in milliseconds.
  double queued() const;
  void reset() { *this = Trendline(); }

 private:
  static constexpr std::size_t kWindow = 20;
  struct Point {
    double at = 0;     // ms since the first group
    double delay = 0;  // smoothed, ms
  };
  double slope() const;
  void detect(double trend, double sent_delta, double at);
  void note_lowest(double at);
  void adapt(double modified_trend, double at);

  std::array<Point, kWindow> points_{};
  std::size_t count_ = 0;  // of points ever
  double first_at_ = 0;
  double accumulated_ = 0;
  double smoothed_ = 0;
  double previous_trend_ = 0;
  double threshold_ = 12.5;   // ms
  double lowest_ = 0;         // accumulated, of this span of 10 s
  double lowest_before_ = 0;  // of the one before
  double lowest_since_ = 0;
  double adapted_at_ = -1;
  double over_for_ = -1;  // ms above the threshold; below zero: not above
  unsigned over_count_ = 0;
  Usage usage_ = Usage::normal;
};

}  // namespace roomgate::sfu::congestion

// A receiver's feedback against an estimator that has sent: whatever it says, the estimate stays a number
// within its bounds, and padding stays within what a probe may cost. Each input byte group is either time
// that passes with media, or a feedback packet as read from the wire.
#include <array>
#include <cmath>

#include "sfu/congestion/bandwidth_estimator.hpp"
#include "sfu/rtp/rtcp.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::sfu;
using namespace roomgate::sfu::congestion;

namespace {

void check(const BandwidthEstimator& estimator) {
  const EstimatorLimits limits;
  const auto estimate = estimator.estimate();
  require(estimate && std::isfinite(*estimate));
  require(*estimate >= limits.rate.min && *estimate <= limits.rate.max);
  require(estimator.loss() >= 0 && estimator.loss() <= 1);
  require(estimator.round_trip() >= Duration::zero());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  BandwidthEstimator estimator;
  estimator.expect_feedback(true);
  estimator.set_goal(50e6);
  TimePoint now{seconds(100)};
  ByteReader in(ByteView(data, size));
  std::array<rtp::PacketStatus, 2048> statuses;
  while (in.left() >= 2) {
    const std::uint8_t kind = in.u8();
    const std::uint8_t length = in.u8();
    if (kind % 2 == 0) {
      // Media goes out, `length` milliseconds pass.
      for (unsigned i = 0; i <= kind / 16u; ++i) estimator.on_sent(1200, now);
      now += milliseconds(length);
      std::size_t due = estimator.step(now);
      require(due <= 750'000);
      for (; due > 0; due -= std::min<std::size_t>(due, 300)) estimator.on_sent(300, now);
      check(estimator);
      continue;
    }
    const std::size_t left = std::min<std::size_t>(std::size_t{length} * 4, in.left());
    rtp::RtcpReader reader(in.bytes(left));
    while (const auto packet = reader.next()) {
      if (const auto feedback = rtp::read_transport_feedback(*packet, statuses)) {
        const auto summary =
            estimator.on_feedback(feedback->head, std::span(statuses).first(feedback->count), now);
        require(summary.arrived + summary.lost + summary.unknown <= feedback->count);
      }
      check(estimator);
    }
  }
  return 0;
}

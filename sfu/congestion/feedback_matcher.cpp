#include "sfu/congestion/feedback_matcher.hpp"

#include <cstdlib>

namespace roomgate::sfu::congestion {
namespace {

constexpr std::int64_t kReferenceMicroseconds = rtp::kDeltaMicroseconds * rtp::kTicksPerReference;
constexpr std::int64_t kReferences = std::int64_t{1} << 24;
// Beyond what delay and a paused page explain.
constexpr std::int64_t kJump = 3'000'000;

}  // namespace

bool FeedbackMatcher::set_reference(std::uint32_t reference_time, TimePoint now) {
  const std::int64_t elapsed =
      last_ ? std::chrono::duration_cast<microseconds>(now - *last_).count() : std::int64_t{0};
  const std::int64_t expected = (reference_ + elapsed) / kReferenceMicroseconds;
  // The value nearest to the expected one whose low 24 bits are these.
  std::int64_t off = (std::int64_t{reference_time} - expected) & (kReferences - 1);
  if (off >= kReferences / 2) off -= kReferences;
  const bool first = !last_.has_value();
  const bool jumped = !first && std::abs(off * kReferenceMicroseconds) > kJump;
  reference_ = (expected + off) * kReferenceMicroseconds;
  last_ = now;
  return jumped;
}

}  // namespace roomgate::sfu::congestion

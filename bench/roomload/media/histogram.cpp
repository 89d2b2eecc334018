#include "bench/roomload/media/histogram.hpp"

#include <algorithm>
#include <cmath>

namespace roomgate::bench::roomload::media {

void Histogram::add(const Histogram& other) {
  for (std::size_t i = 0; i < kBins; ++i) bins_[i] += other.bins_[i];
  count_ += other.count_;
  sum_us_ += other.sum_us_;
  max_us_ = std::max(max_us_, other.max_us_);
}

std::uint64_t Histogram::upper_end_us(std::size_t bin) {
  if (bin < kBinsPerOctave) return bin;
  const std::size_t octave = bin / kBinsPerOctave;
  const std::uint64_t mantissa = bin % kBinsPerOctave + kBinsPerOctave;
  return ((mantissa + 1) << (octave - 1)) - 1;
}

Duration Histogram::quantile(double q) const {
  if (count_ == 0) return {};
  const auto rank = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBins; ++i) {
    seen += bins_[i];
    // The last bin holds all that is longer, so its end says nothing.
    if (seen >= rank && seen > 0)
      return microseconds(i + 1 < kBins ? std::min(upper_end_us(i), max_us_) : max_us_);
  }
  return max();
}

Histogram Histogram::since(const Histogram& earlier) const {
  Histogram out = *this;
  for (std::size_t i = 0; i < kBins; ++i) out.bins_[i] -= earlier.bins_[i];
  out.count_ -= earlier.count_;
  out.sum_us_ -= earlier.sum_us_;
  return out;
}

}  // namespace roomgate::bench::roomload::media

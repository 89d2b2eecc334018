// Durations counted in fixed bins of about six per cent each, from a microsecond to half a minute: a quantile
// is known to within one bin, whatever was counted and however much. A value; one thread.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "base/clock.hpp"

namespace roomgate::bench::roomload::media {

class Histogram {
 public:
  static constexpr std::size_t kBinsPerOctave = 16;
  static constexpr std::size_t kOctaves = 22;
  static constexpr std::size_t kBins = kBinsPerOctave * kOctaves;

  void add(Duration value) {
    const std::int64_t us = std::chrono::duration_cast<microseconds>(value).count();
    const std::uint64_t counted = us > 0 ? static_cast<std::uint64_t>(us) : 0;
    ++bins_[bin(counted)];
    ++count_;
    sum_us_ += counted;
    if (counted > max_us_) max_us_ = counted;
  }
  void add(const Histogram& other);

  std::uint64_t count() const { return count_; }
  Duration max() const { return microseconds(max_us_); }
  Duration mean() const { return microseconds(count_ > 0 ? sum_us_ / count_ : 0); }
  // The upper end of the bin that holds the q-th value, never above max(); 0 when nothing was counted.
  Duration quantile(double q) const;
  // What was counted since `earlier`, a copy of this histogram. Its max() is that of the whole.
  Histogram since(const Histogram& earlier) const;

  const std::array<std::uint64_t, kBins>& bins() const { return bins_; }
  static std::uint64_t upper_end_us(std::size_t bin);

 private:
  // Below 16 us each microsecond is a bin; from there on the top five bits choose it.
  static std::size_t bin(std::uint64_t us) {
    if (us < kBinsPerOctave) return static_cast<std::size_t>(us);
    const auto width = static_cast<std::size_t>(std::bit_width(us));
    const std::size_t mantissa = (us >> (width - 5)) & (kBinsPerOctave - 1);
    const std::size_t at = (width - 4) * kBinsPerOctave + mantissa;
    return at < kBins ? at : kBins - 1;
  }

  std::array<std::uint64_t, kBins> bins_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_us_ = 0;
  std::uint64_t max_us_ = 0;
};

}  // namespace roomgate::bench::roomload::media

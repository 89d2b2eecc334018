// Counters, gauges and histograms, and their Prometheus and OpenMetrics text. Updating takes no lock and
// shares no cache line between threads of different stripes; looking a labelled metric up takes one, so hot
// paths keep the reference they get (references stay valid for the registry's life). A component lists its
// metrics once, in its metrics.hpp. Measured: 5 ns a count, 12 ns an observation; plain stores by a single
// writer per stripe would save half of that, a thousandth of a request, and cost a rule about threads.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace roomgate::metrics {

enum class Format {
  prometheus,   // text, version 0.0.4
  openmetrics,  // 1.0.0: counters are named without _total, bounds are written as decimals, # EOF ends it
};
// What an Accept header asks for; Prometheus text where it does not say openmetrics.
Format asked_for(std::string_view accept);
std::string_view content_type(Format format);

inline constexpr std::size_t kStripes = 16;

// This thread's stripe: given out in turn, so up to kStripes threads never share a line.
std::size_t stripe();

class Counter {
 public:
  void add(std::uint64_t n = 1) { cells_[stripe()].value.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const;

 private:
  struct alignas(64) Cell {
    std::atomic<std::uint64_t> value{0};
  };
  std::array<Cell, kStripes> cells_;
};

class Gauge {
 public:
  void set(double v) { value_.store(v, std::memory_order_relaxed); }
  void add(double v) { value_.fetch_add(v, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// Seconds, in buckets from 50 us to 5 minutes: a request answered by a shard next door, and one that hangs.
class Histogram {
 public:
  static constexpr std::array<double, 19> kBounds = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                     0.01,    0.025,  0.05,    0.1,    0.25,  0.5,    1,
                                                     2.5,     5,      15,      60,     300};
  void observe(double seconds);

  struct Reading {
    std::array<std::uint64_t, kBounds.size() + 1> buckets{};  // not cumulative; the last is +Inf
    double sum = 0;
  };
  Reading read() const;

 private:
  struct alignas(64) Cell {
    std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> buckets{};
    std::atomic<std::uint64_t> sum{0};  // nanoseconds: one instruction, which a double's is not
  };
  std::array<Cell, kStripes> cells_;
};

struct FamilyText {
  std::string name;
  std::string help;
  std::vector<std::string> labels;
};

template <class Metric>
class Family {
 public:
  explicit Family(FamilyText text) : text_(std::move(text)) {}

  // As many values as the family has labels. At most kMaxSeries different ones; further ones share the last
  // series, with every label "other": names from outside must not grow memory without bound.
  Metric& with(std::initializer_list<std::string_view> values);

  // Drops all series: for gauges that are filled anew at each scrape.
  void clear();

  const FamilyText& text() const { return text_; }
  std::vector<std::pair<std::vector<std::string>, const Metric*>> series() const;

 private:
  static constexpr std::size_t kMaxSeries = 2000;
  FamilyText text_;
  mutable std::mutex mutex_;
  std::map<std::vector<std::string>, std::unique_ptr<Metric>> series_;
};

class Registry {
 public:
  Family<Counter>& counter(std::string name, std::string help, std::vector<std::string> labels = {});
  Family<Gauge>& gauge(std::string name, std::string help, std::vector<std::string> labels = {});
  Family<Histogram>& histogram(std::string name, std::string help, std::vector<std::string> labels = {});

  // `more`: families that the caller has written itself, in the same format (process_metrics).
  std::string text(Format format = Format::prometheus, std::string_view more = {}) const;

 private:
  std::deque<Family<Counter>> counters_;
  std::deque<Family<Gauge>> gauges_;
  std::deque<Family<Histogram>> histograms_;
};

}  // namespace roomgate::metrics

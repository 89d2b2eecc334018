// What a run of roomload was, in values: what was asked for, what came of it, and how it went over time.
// Filled by the session, written by table.hpp, json.hpp and html.hpp. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "bench/roomload/media/totals.hpp"

namespace roomgate::bench::roomload::report {

// How it stood at one time. Totals since the start: what is drawn are differences.
struct Point {
  Duration at{};                   // since the start
  std::uint32_t participants = 0;  // joined
  double bits_in = 0;              // received since the point before, per second
  double bits_out = 0;
  double loss = 0;            // share of what was expected since the point before
  std::uint64_t freezes = 0;  // since the point before
  Duration latency_p50{};     // of packets since the point before
  Duration latency_p99{};
  std::optional<Duration> join_p50;  // of those that joined since the point before
  std::optional<Duration> join_max;
};

// The same for a program that watches: counts since the start, so that it can take any window; only the
// latencies are those since the moment before.
struct Moment {
  Duration at{};
  std::uint32_t joined = 0;
  std::uint32_t connected = 0;
  std::uint32_t failed = 0;
  std::uint64_t unread = 0;   // datagrams that the kernel dropped because we asked it to
  std::uint64_t dropped = 0;  // and because we did not read in time
  media::Totals totals;
  media::Histogram audio_latency;
  media::Histogram video_latency;
};

// Takes a point each second and keeps at most kMaxPoints: when there are more, two become one.
class Timeline {
 public:
  static constexpr std::size_t kMaxPoints = 600;
  explicit Timeline(TimePoint start) : start_(start), last_(start) {}

  void on_joined(Duration took);
  // Due each second by the caller's clock.
  void sample(TimePoint now, std::uint32_t participants, const media::Totals& totals);
  const std::vector<Point>& points() const { return points_; }

 private:
  void halve();

  TimePoint start_;
  TimePoint last_;
  std::size_t skip_ = 1;  // samples that make a point
  std::size_t skipped_ = 0;
  media::Totals before_;
  std::vector<Duration> joins_;  // since the last point, bounded
  std::vector<Point> points_;
};

struct Threshold {
  std::string name;     // "--max-loss"
  std::string allowed;  // "1 %"
  std::string actual;   // "0.02 %"
  bool met = true;
};

struct Summary {
  std::string url;
  std::string started;  // date and time, for people
  // What was asked for, in order: {"rooms", "20"}, {"video", "vp8-simulcast"}, {"network", "lte: ..."}
  std::vector<std::pair<std::string, std::string>> settings;
  Duration length{};
  std::uint32_t rooms = 0;
  std::uint32_t asked = 0;  // participants
  std::uint32_t joined = 0;
  std::uint32_t failed = 0;
  std::vector<std::pair<std::string, std::uint32_t>> failures;  // why, how many; most frequent first
  media::Histogram join;                                        // page to joined
  media::Histogram first_media;                                 // joined to first packet of another
  media::Totals totals;
  std::vector<Point> points;
  std::vector<Threshold> thresholds;
  double cpu_seconds = 0;      // of roomload itself
  bool media_expected = true;  // somebody sends what somebody else asks for and reads
  // No loss was seen because nothing came: that is no pass.
  bool nothing_arrived() const;
  bool passed() const;
};

}  // namespace roomgate::bench::roomload::report

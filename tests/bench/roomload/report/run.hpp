// A run that never was: what the report's tests write about.
#pragma once

#include <cmath>

#include "bench/roomload/report/summary.hpp"

namespace roomgate::bench::roomload::report::test {

inline const TimePoint kStart{seconds(100)};

// `seconds_long` of people who join over ten seconds; with `trouble`, a bad quarter in the middle.
inline Summary make_run(int seconds_long, bool trouble) {
  Summary s;
  s.url = "https://meet.example/load";
  s.started = "2026-11-27 02:10";
  s.settings = {{"rooms", "20"}, {"participants", "5"}, {"network", "lte: 35 ms & more"}};
  s.length = seconds(seconds_long);
  s.rooms = 20;
  s.asked = 100;
  Timeline timeline(kStart);
  media::Totals& t = s.totals;
  for (int second = 1; second <= seconds_long; ++second) {
    const bool bad = trouble && second > seconds_long * 3 / 8 && second <= seconds_long * 5 / 8;
    for (int i = 0; i < 10 && s.joined < s.asked; ++i, ++s.joined) {
      const Duration took = milliseconds(180 + (second * 37 + i * 53) % 400);
      timeline.on_joined(took);
      s.join.add(took);
      s.first_media.add(took / 2);
    }
    const std::uint64_t packets = s.joined * 100u;
    const std::uint64_t lost = bad ? packets / 40 : 0;
    t.video.expected += packets;
    t.video.packets += packets - lost;
    t.video.repaired += bad ? packets / 20 : 0;
    t.video.bytes += packets * 1100;
    t.video.frames += s.joined * 30u;
    t.audio.expected += s.joined * 50u;
    t.audio.packets += s.joined * 50u;
    t.audio.bytes += s.joined * 50u * 110;
    t.sent.packets += packets;
    t.sent.bytes += packets * 400;
    for (std::uint64_t i = 0; i < packets; ++i) {
      const double spread =
          1 + static_cast<double>((i * 7919 + static_cast<std::uint64_t>(second) * 104729) % 1000) / 250;
      t.video.latency.add(microseconds(static_cast<std::int64_t>((bad ? 9000 : 800) * spread)));
      t.audio.latency.add(microseconds(static_cast<std::int64_t>((bad ? 4000 : 600) * spread)));
    }
    if (bad) {
      ++t.video.freezes;
      t.video.frozen += milliseconds(400);
    }
    timeline.sample(kStart + seconds(second), s.joined, t);
  }
  s.points = timeline.points();
  s.cpu_seconds = seconds_long * 0.31;
  if (trouble) s.thresholds.push_back({"--max-loss", "0.5 %", "0.62 %", false});
  return s;
}

}  // namespace roomgate::bench::roomload::report::test

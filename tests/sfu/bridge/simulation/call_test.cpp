// What a person behind a bad network sees, by seeds: nothing here depends on the machine.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/sfu/bridge/simulation/call.hpp"

using namespace roomgate;
using namespace roomgate::test;

namespace {

double s(Duration duration) { return std::chrono::duration<double>(duration).count(); }

Duration longest_gap(const std::vector<Duration>& times, Duration from, Duration to) {
  Duration longest{};
  Duration last = from;
  for (const Duration at : times) {
    if (at < from || at > to) continue;
    longest = std::max(longest, at - last);
    last = at;
  }
  return std::max(longest, to - last);
}

std::vector<Duration> frames(const Call& call) {
  std::vector<Duration> times;
  for (const Viewer::Shown& frame : call.shown()) times.push_back(frame.at);
  return times;
}

// From `from` on, how long until the first frame of a layer that `right` accepts.
template <class F>
Duration time_to(const Call& call, Duration from, F&& right) {
  for (const Viewer::Shown& frame : call.shown()) {
    if (frame.at >= from && right(frame.stream)) return frame.at - from;
  }
  return Duration::max();
}

double frame_rate(const Call& call, Duration from, Duration to) {
  const auto count = std::count_if(call.shown().begin(), call.shown().end(), [&](const Viewer::Shown& frame) {
    return frame.at >= from && frame.at < to;
  });
  return static_cast<double>(count) / s(to - from);
}

}  // namespace

TEST_CASE("a path that falls from 3 Mbit/s to 300 kbit/s keeps sound and a moving picture, and recovers") {
  for (const double key_frame : {5.0, 9.0}) {
    for (std::uint32_t seed = 1; seed <= 10; ++seed) {
      Call call({.link = {.rates = {{Duration::zero(), 3e6}, {seconds(20), 300e3}, {seconds(40), 3e6}},
                          .queue = milliseconds(200)},
                 .camera = {.key_frame = key_frame}},
                seed);

      call.run(seconds(60));

      const Duration full = time_to(call, Duration::zero(), [](std::size_t stream) { return stream == 2; });
      const Duration fell = time_to(call, seconds(20), [](std::size_t stream) { return stream < 2; });
      const Duration back = time_to(call, seconds(40), [](std::size_t stream) { return stream == 2; });
      const Duration still = longest_gap(frames(call), seconds(20), seconds(22));
      const Duration still_later = longest_gap(frames(call), seconds(22), seconds(60));
      const Duration silent = longest_gap(call.heard(), seconds(1), seconds(60));
      MESSAGE("key frames of ", key_frame, ", seed ", seed, ": full after ", s(full), " s; down in ", s(fell),
              " s, still for ", s(still), " s, later for ", s(still_later), " s, back in ", s(back),
              " s; silent for ", s(silent), " s; frames while thin ",
              frame_rate(call, seconds(22), seconds(40)));
      CHECK(full < seconds(10));
      CHECK(fell < seconds(2));
      CHECK(still_later < seconds(1));
      CHECK(back < seconds(10));
      CHECK(silent < milliseconds(500));
    }
  }
}

TEST_CASE("500 kbit/s from the beginning is a steady picture") {
  for (std::uint32_t seed = 1; seed <= 10; ++seed) {
    Call call({.link = {.rates = {{Duration::zero(), 500e3}}, .queue = milliseconds(200)}}, seed);

    call.run(seconds(30));

    const Duration first = time_to(call, Duration::zero(), [](std::size_t) { return true; });
    const Duration still = longest_gap(frames(call), first, seconds(5));
    const Duration still_later = longest_gap(frames(call), seconds(5), seconds(30));
    const Duration silent = longest_gap(call.heard(), seconds(1), seconds(30));
    MESSAGE("seed ", seed, ": begins after ", s(first), " s, still for ", s(still), " s, later for ",
            s(still_later), " s; silent for ", s(silent), " s; frames ",
            frame_rate(call, seconds(5), seconds(30)));
    CHECK(first < milliseconds(1500));
    CHECK(still_later < seconds(1));
    CHECK(silent < milliseconds(500));
  }
}

TEST_CASE("5 % of loss is no freeze above a second, and 20 % no silence") {
  for (const double loss : {0.02, 0.05, 0.1, 0.2}) {
    for (std::uint32_t seed = 1; seed <= 5; ++seed) {
      Call call({.link = {.rates = {{Duration::zero(), 10e6}}, .loss = loss}}, seed);

      call.run(seconds(30));

      const Duration still = longest_gap(frames(call), seconds(2), seconds(30));
      const Duration silent = longest_gap(call.heard(), seconds(1), seconds(30));
      MESSAGE("loss ", loss, ", seed ", seed, ": still for ", s(still), " s; silent for ", s(silent),
              " s; full after ", s(time_to(call, Duration::zero(), [](std::size_t l) { return l == 2; })),
              " s; frames ", frame_rate(call, seconds(5), seconds(30)));
      if (loss <= 0.05) CHECK(still < seconds(1));
      CHECK(silent < milliseconds(500));
    }
  }
}

TEST_CASE(
    "who comes later to a stream beyond the first estimate, without sound, is sent it while the path bears "
    "it") {
  for (const double rate : {5e6, 500e3}) {
    for (std::uint32_t seed = 1; seed <= 5; ++seed) {
      Call call({.link = {.rates = {{Duration::zero(), rate}}, .queue = milliseconds(200)},
                 .camera = {.rates = {2e6}},
                 .audio = false,
                 .joins = seconds(3)},
                seed);

      call.run(seconds(33));

      const Duration first = time_to(call, Duration::zero(), [](std::size_t) { return true; });
      const double later = frame_rate(call, seconds(13), seconds(33));
      MESSAGE("path of ", rate, ", seed ", seed, ": begins after ", s(first - seconds(3)), " s; frames ",
              later);
      if (rate > 2e6) {
        CHECK(first < seconds(4));
        CHECK(later > 29);
      } else {
        CHECK(later < 5);
        CHECK(call.samples().back().estimate < 600e3);
      }
    }
  }
}

// The estimator on simulated paths. Everything is decided by the seeds, so nothing here depends on the
// machine: times are those of the simulation.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "tests/sfu/congestion/simulation/flow.hpp"

using namespace roomgate;
using namespace roomgate::test;

namespace {

double ms(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }
double s(Duration duration) { return ms(duration) / 1000; }

Duration percentile(std::vector<Duration> values, std::size_t of_hundred) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, values.size() * of_hundred / 100)];
}

// From `from` on, how long until the estimate first reached `rate`.
Duration time_to(const Flow& flow, double rate, Duration from) {
  for (const Flow::Sample& sample : flow.samples()) {
    if (sample.at >= from && sample.estimate >= rate) return sample.at - from;
  }
  return Duration::max();
}

double mean_estimate(const Flow& flow, Duration from, Duration to) {
  double sum = 0;
  double count = 0;
  for (const Flow::Sample& sample : flow.samples()) {
    if (sample.at < from || sample.at >= to) continue;
    sum += sample.estimate;
    ++count;
  }
  return count > 0 ? sum / count : 0;
}

// The longest time in one piece that the estimate was above `share` of what the link carried.
Duration longest_above(Simulation& simulation, double share, Duration from, Duration to) {
  Duration longest{};
  Duration since = Duration::max();
  for (const Flow::Sample& sample : simulation.flow().samples()) {
    if (sample.at < from || sample.at >= to) continue;
    const bool above = sample.estimate > share * simulation.link().rate(sample.at);
    if (!above) {
      since = Duration::max();
      continue;
    }
    if (since == Duration::max()) since = sample.at;
    longest = std::max(longest, sample.at - since + milliseconds(100));
  }
  return longest;
}

void check_sane(const Flow& flow) {
  const sfu::congestion::EstimatorLimits limits;
  for (const Flow::Sample& sample : flow.samples()) {
    REQUIRE(std::isfinite(sample.estimate));
    REQUIRE(sample.estimate >= limits.rate.min);
    REQUIRE(sample.estimate <= limits.rate.max);
  }
}

const std::vector<double> kLayers = {150e3, 500e3, 2000e3};
const LinkModel kSteps{.rates = {{Duration::zero(), 3e6}, {seconds(20), 300e3}, {seconds(40), 3e6}}};

}  // namespace

TEST_CASE("finds 90 % of a path of 2 Mbit/s soon, and keeps its queue short") {
  for (const std::uint32_t seed : {1u, 2u, 3u, 4u, 5u}) {
    Simulation simulation({}, {{}}, seed);
    simulation.run(seconds(60));
    const Flow& flow = simulation.flow();
    const Duration found = time_to(flow, 1.8e6, Duration::zero());
    const Duration queue = percentile(flow.queued(), 95);
    MESSAGE("seed ", seed, ": 90 % after ", s(found), " s, queue p95 ", ms(queue), " ms, mean estimate ",
            mean_estimate(flow, seconds(10), seconds(60)) / 1e3, " kbit/s, padding ",
            100.0 * static_cast<double>(flow.padding_bytes()) / static_cast<double>(flow.received_bytes()),
            " %");
    CHECK(found < seconds(3));
    CHECK(queue < milliseconds(100));
    CHECK(mean_estimate(flow, seconds(10), seconds(60)) > 1.3e6);
    CHECK(longest_above(simulation, 1.1, Duration::zero(), seconds(60)) < seconds(2));
    check_sane(flow);
  }
}

TEST_CASE("a path that falls from 3 Mbit/s to 300 kbit/s and recovers is followed both ways") {
  for (const bool layered : {false, true}) {
    for (const std::uint32_t seed : {1u, 2u, 3u, 4u, 5u}) {
      FlowModel model;
      if (layered) model = {.layers = kLayers, .goal = 2.4e6};
      Simulation simulation(kSteps, {model}, seed);
      simulation.run(seconds(60));
      const Flow& flow = simulation.flow();
      Duration fell = Duration::max();
      for (const Flow::Sample& sample : flow.samples()) {
        if (sample.at >= seconds(20) && sample.media <= 300e3) {
          fell = sample.at - seconds(20);
          break;
        }
      }
      const Duration back = time_to(flow, layered ? 2.35e6 : 2.4e6, seconds(40));
      MESSAGE(std::string(layered ? "layers" : "encoder"), ", seed ", seed, ": down in ", s(fell),
              " s, back in ", s(back), " s, mean while thin ",
              mean_estimate(flow, seconds(25), seconds(40)) / 1e3, " kbit/s");
      CHECK(fell < seconds(2));
      CHECK(back < seconds(10));
      CHECK(mean_estimate(flow, seconds(25), seconds(40)) > 180e3);
      CHECK(longest_above(simulation, 1.2, seconds(20), seconds(40)) < seconds(3));
    }
  }
}

TEST_CASE("a queue too short to show delay is found by its loss") {
  LinkModel shallow = kSteps;
  shallow.queue = milliseconds(30);
  for (const std::uint32_t seed : {1u, 2u, 3u}) {
    Simulation simulation(shallow, {{}}, seed);
    simulation.run(seconds(60));
    MESSAGE("seed ", seed, ": above a thin link for ",
            s(longest_above(simulation, 1.3, seconds(20), seconds(40))), " s, back in ",
            s(time_to(simulation.flow(), 2.4e6, seconds(40))), " s");
    CHECK(longest_above(simulation, 1.3, seconds(20), seconds(40)) < seconds(4));
    CHECK(time_to(simulation.flow(), 2.4e6, seconds(40)) < seconds(10));
  }
}

TEST_CASE("random loss of 5 % does not make the estimate collapse, and one of 20 % does not starve it") {
  for (const double loss : {0.05, 0.20}) {
    for (const std::uint32_t seed : {1u, 2u, 3u}) {
      Simulation simulation({.loss = loss}, {{}}, seed);
      simulation.run(seconds(60));
      const double mean = mean_estimate(simulation.flow(), seconds(20), seconds(60));
      MESSAGE("loss ", loss, ", seed ", seed, ": mean ", mean / 1e3, " kbit/s");
      CHECK(mean > (loss < 0.1 ? 1.2e6 : 400e3));
    }
  }
}

TEST_CASE("two flows share a path, the later one too") {
  for (const std::uint32_t seed : {1u, 2u, 3u}) {
    Simulation simulation({.rates = {{Duration::zero(), 3e6}}}, {{}, {.from = seconds(10)}}, seed);
    simulation.run(seconds(120));
    const double first = mean_estimate(simulation.flow(0), seconds(60), seconds(120));
    const double second = mean_estimate(simulation.flow(1), seconds(60), seconds(120));
    const double fairness = (first + second) * (first + second) / 2 / (first * first + second * second);
    MESSAGE("seed ", seed, ": ", first / 1e3, " and ", second / 1e3, " kbit/s, Jain's index ", fairness);
    CHECK(first + second > 1.8e6);
    CHECK(fairness > 0.75);
  }
}

TEST_CASE("while layers leave room that nobody can use, the path is probed little") {
  Simulation simulation({}, {{.layers = kLayers, .goal = 2.4e6}}, 1);
  simulation.run(seconds(120));
  const Flow& flow = simulation.flow();
  const double share = static_cast<double>(flow.padding_bytes()) / static_cast<double>(flow.received_bytes());
  MESSAGE("padding ", 100 * share, " % of what was received");
  CHECK(share < 0.06);

  Simulation enough({.rates = {{Duration::zero(), 5e6}}}, {{.layers = kLayers, .goal = 2.4e6}}, 1);
  enough.run(seconds(30));
  const std::uint64_t at_30 = enough.flow().padding_bytes();
  enough.run(seconds(60));
  CHECK(enough.flow().padding_bytes() == at_30);
}

TEST_CASE(
    "every model of a link is borne with every seed: finite, within bounds, queue bounded, never stuck") {
  const std::vector<std::pair<const char*, LinkModel>> links = {
      {"wide", {.rates = {{Duration::zero(), 20e6}}}},
      {"thin", {.rates = {{Duration::zero(), 300e3}}}},
      {"very thin", {.rates = {{Duration::zero(), 100e3}}}},
      {"far", {.delay = milliseconds(300)}},
      {"deep queue", {.queue = seconds(2)}},
      {"jitter", {.jitter = milliseconds(25)}},
      {"bursty loss", {.burst_loss = 0.005}},
      {"stalls",
       {.rates = {{Duration::zero(), 5e6}},
        .jitter = milliseconds(8),
        .stall_every = seconds(2),
        .stall_for = milliseconds(120)}},
      {"steps", kSteps},
      {"cut and back", {.rates = {{Duration::zero(), 2e6}, {seconds(20), 1e3}, {seconds(30), 2e6}}}},
  };
  for (const auto& [name, link] : links) {
    for (const bool layered : {false, true}) {
      double worst_mean = 1e12;
      Duration worst_queue{};
      for (std::uint32_t seed = 1; seed <= 6; ++seed) {
        FlowModel model{.feedback_loss = seed % 3 == 0 ? 0.1 : 0.0};
        if (layered) {
          model.layers = kLayers;
          model.goal = 2.4e6;
        }
        Simulation simulation(link, {model}, seed);
        simulation.run(seconds(60));
        check_sane(simulation.flow());
        worst_mean = std::min(worst_mean, mean_estimate(simulation.flow(), seconds(40), seconds(60)));
        worst_queue = std::max(worst_queue, percentile(simulation.flow().queued(), 95));
      }
      MESSAGE(name, std::string(layered ? ", layers" : ", encoder"), ": mean of the last 20 s at worst ",
              worst_mean / 1e3, " kbit/s, queue p95 at worst ", ms(worst_queue), " ms");
      const double carried = std::min(2.4e6, link.rates.back().rate);
      CHECK(worst_mean > 0.3 * carried);
    }
  }
}

TEST_CASE("a receiver that lies gains no more than what it was sent, and breaks nothing") {
  const auto all_at_once = [](std::uint16_t, Duration) { return Duration(seconds(1)); };
  const auto ever_faster = [](std::uint16_t, Duration at) { return at - at / 3; };
  const auto jumping = [](std::uint16_t number, Duration at) {
    return at + (number % 100 == 0 ? seconds(100) : seconds(0));
  };
  const std::vector<FlowModel> liars = {{.goal = 3e6, .lie = all_at_once},
                                        {.goal = 3e6, .lie = ever_faster},
                                        {.goal = 3e6, .lie = jumping},
                                        {.goal = 3e6, .claims_all = true}};
  for (const FlowModel& liar : liars) {
    Simulation simulation({}, {liar}, 1);
    simulation.run(seconds(60));
    check_sane(simulation.flow());
    // Media follows the estimate up to the goal, so no more than that was ever acknowledged, nor probed for
    // beyond it.
    for (const Flow::Sample& sample : simulation.flow().samples()) REQUIRE(sample.estimate < 1.6 * 3e6);
  }
}

// Where new rooms go, and what deciding costs. First days of a fleet of 200 shards in 5 regions with 100,000
// rooms (tests/router/route/fleet.hpp), for each policy, left alone and changing; then the time of single
// decisions with a million rooms in the table, and the table's memory. Five runs each: min / median / max.
// `placement_sim FILE` writes JSON too; `placement_sim --decisions` leaves the days out. Ends with 1 when a
// room moved that did not have to, or was placed where it must not be.
#include <malloc.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "router/room/normalise.hpp"
#include "router/route/route.hpp"
#include "tests/router/route/fleet.hpp"

using namespace roomgate;
using namespace roomgate::router;

namespace {

constexpr int kRuns = 5;
constexpr std::size_t kRooms = 1'000'000;
constexpr std::size_t kSteps = 100'000;
constexpr std::string_view kPolicies[] = {"roundrobin", "leastrooms", "leastload", "hash"};

std::uint64_t sink = 0;

struct Runs {
  std::vector<double> values;
  void add(double value) { values.push_back(value); }
  std::array<double, 3> spread() const {
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    return {sorted.front(), sorted[sorted.size() / 2], sorted.back()};
  }
};

class Json {
 public:
  void open(const std::string& name) {
    text_ += (first_ ? "" : ",") + std::string("\n  {\"name\": \"") + name + "\"";
    first_ = false;
  }
  void add(const std::string& name, const Runs& runs) {
    text_ += ", \"" + name + "\": [";
    for (std::size_t i = 0; i < runs.values.size(); ++i) {
      text_ += (i > 0 ? ", " : "") + std::to_string(runs.values[i]);
    }
    text_ += "]";
  }
  void close() { text_ += "}"; }
  std::string text() const { return "[" + text_ + "\n ]"; }

 private:
  std::string text_;
  bool first_ = true;
};

// --- days of a fleet

std::size_t run_days(Json& json) {
  std::size_t defects = 0;
  std::printf(
      "200 shards in 5 regions, 100,000 rooms in 2 h, 20 min each on average, %d seeds: min / median / max\n",
      kRuns);
  std::printf("%-11s %-9s %6s %22s %22s %8s %20s %20s\n", "policy", "fleet", "deaths",
              "rooms that had to move", "moved", "needless", "most / mean", "deviation / mean");
  for (const std::string_view policy : kPolicies) {
    for (const bool changing : {false, true}) {
      Runs deaths, had_to_move, moved, refused, spilled, needless, most, variation;
      for (int run = 0; run < kRuns; ++run) {
        route::FleetOptions options;
        options.policy = policy;
        options.seed = static_cast<std::uint64_t>(run + 1);
        if (!changing) options.between_changes = Duration(0);
        const route::FleetReport report = route::run_fleet(options);
        defects += report.defects();
        deaths.add(static_cast<double>(report.deaths));
        had_to_move.add(static_cast<double>(report.had_to_move));
        moved.add(static_cast<double>(report.moved));
        refused.add(static_cast<double>(report.refused));
        spilled.add(static_cast<double>(report.spilled));
        needless.add(static_cast<double>(report.defects()));
        most.add(report.most_to_mean);
        variation.add(report.variation);
      }
      const auto h = had_to_move.spread();
      const auto m = moved.spread();
      const auto x = most.spread();
      const auto v = variation.spread();
      std::printf(
          "%-11s %-9s %6.0f %6.0f /%6.0f /%6.0f %6.0f /%6.0f /%6.0f %8.0f %6.2f /%5.2f /%5.2f %6.3f /%6.3f "
          "/%6.3f\n",
          std::string(policy).c_str(), changing ? "changing" : "left", deaths.spread()[1], h[0], h[1], h[2],
          m[0], m[1], m[2], needless.spread()[2], x[0], x[1], x[2], v[0], v[1], v[2]);
      std::fflush(stdout);
      json.open(std::string(policy) + (changing ? ".changing" : ".left_alone"));
      json.add("deaths", deaths);
      json.add("had_to_move", had_to_move);
      json.add("moved", moved);
      json.add("defects", needless);
      json.add("refused", refused);
      json.add("spilled", spilled);
      json.add("most_to_mean", most);
      json.add("deviation_to_mean", variation);
      json.close();
    }
  }
  return defects;
}

// --- single decisions

// Names as they are used: some thirty bytes, too long to be kept inside a std::string.
std::string key_of(std::size_t i) {
  std::string key = "some-school/lesson-7c-" + std::to_string(i);
  key.resize(30, 'x');
  return key;
}

std::vector<balance::Shard> fleet_of(std::size_t count) {
  std::vector<balance::Shard> shards;
  for (std::size_t i = 0; i < count; ++i) {
    shards.push_back({.id = static_cast<stick::ShardId>(i),
                      .name = "shard-" + std::to_string(i),
                      .addresses = {"192.0.2.1:8080"},
                      .region = "region-" + std::to_string(i % 5),
                      .release = i % 2 == 0 ? "stable-9823" : "stable-9909",
                      .load = static_cast<double>(i % 17) / 20});
  }
  return shards;
}

struct Times {
  Runs p50;
  Runs p99;
};

class Decisions {
 public:
  Decisions() : shards_(fleet_of(200)), table_({.max_entries = 2 * kRooms}) {
    for (std::size_t i = 0; i < 5; ++i) regions_.push_back("region-" + std::to_string(i));
    settings_.regions.fallback["region-0"] = {"region-1", "region-2"};
    for (std::size_t i = 0; i < kRooms; ++i) order_.push_back(static_cast<std::uint32_t>(i));
    std::shuffle(order_.begin(), order_.end(), std::mt19937_64(1));
    for (std::size_t i = 0; i < kSteps; ++i) asked_.emplace_back();
  }

  // Bytes of the table per room, allocator's included, the keys' own bytes not.
  double fill() {
    const std::size_t before = allocated();
    const auto policy = balance::make_policy("roundrobin");
    std::size_t key_bytes = 0;
    for (std::size_t i = 0; i < kRooms; ++i) {
      const std::string key = key_of(i);
      key_bytes += key.size();
      (void)decide(key, regions_[i % 5], *policy);
    }
    return (static_cast<double>(allocated() - before) - static_cast<double>(key_bytes)) / kRooms +
           empty_table();
  }

  void measure(const std::function<void(const std::string&, Times&)>& show) {
    const balance::RoomsOn rooms_on = [this](stick::ShardId id) { return table_.rooms_on(id); };
    const auto choose = [&](balance::Policy& policy, std::size_t i, std::string_view region) {
      const auto eligible =
          balance::eligible_shards(shards_, {.region = region}, settings_.regions, rooms_on);
      sink += policy.choose({eligible, asked_[i], rooms_on, now_, settings_.slow_start}).value_or(0);
    };
    const auto timed = [&](const std::string& name, bool known,
                           const std::function<void(std::size_t)>& step) {
      Times times;
      for (int run = 0; run < kRuns; ++run) {
        prepare(run, known);
        time_one(step, times);
      }
      show(name, times);
    };
    timed("clock alone", true, [](std::size_t) {});
    const auto roundrobin = balance::make_policy("roundrobin");
    timed("lookup + roundrobin, 40 shards of a region", false, [&](std::size_t i) {
      sink += table_.find(asked_[i], now_).has_value() ? 1 : 0;
      choose(*roundrobin, i, regions_[i % 5]);
    });
    timed("lookup + roundrobin, all 200 shards", false, [&](std::size_t i) {
      sink += table_.find(asked_[i], now_).has_value() ? 1 : 0;
      choose(*roundrobin, i, {});
    });
    timed("lookup of a room that is there", true,
          [&](std::size_t i) { sink += table_.find(asked_[i], now_).has_value() ? 1 : 0; });
    timed("route() of a room that is there", true,
          [&](std::size_t i) { sink += decide(asked_[i], regions_[i % 5], *roundrobin); });
    timed("route() of a new room, entry made", false,
          [&](std::size_t i) { sink += decide(asked_[i], regions_[i % 5], *roundrobin); });
    for (const std::string_view name : kPolicies) {
      const auto policy = balance::make_policy(name);
      timed(std::string(name) + " over 200 shards", false, [&](std::size_t i) { choose(*policy, i, {}); });
    }
    timed("normalisation of a plain key", true,
          [&](std::size_t i) { sink += room::normalised(asked_[i], room::Where::query).size(); });
    timed("normalisation of an escaped key", true, [&](std::size_t i) {
      sink +=
          room::normalised("Some%20School%2FB%C3%BCrgerb%C3%BCro+" + asked_[i], room::Where::query).size();
    });
    const auto list = fleet_of(200);
    timed("a new set of 200 shards", true, [&](std::size_t i) {
      if (i % 100 == 0) sink += balance::ShardSet(list).all().size();
    });
  }

 private:
  static std::size_t allocated() {
    const auto info = mallinfo2();
    return info.uordblks + info.hblkhd;
  }

  double empty_table() const {
    const std::size_t before = allocated();
    const stick::Table empty({.max_entries = kRooms});
    return static_cast<double>(allocated() - before) / kRooms;
  }

  stick::ShardId decide(const std::string& key, const std::string& region, balance::Policy& policy) {
    route::Request request;
    request.path.kind = room::PathKind::signalling;
    request.key = key;
    request.region = region;
    const auto decision = route::route(request, table_, shards_, policy, settings_, now_);
    return decision.shard->id;
  }

  // Keys for the next run: of rooms that are there, in no order; or never seen before.
  void prepare(int run, bool known) {
    for (const std::string& key : made_) (void)table_.forget(key);
    made_.clear();
    for (std::size_t i = 0; i < kSteps; ++i) {
      asked_[i] = key_of(known ? order_[static_cast<std::size_t>(run) * kSteps + i] : next_new_++);
    }
    if (!known) made_ = asked_;
  }

  static void time_one(const std::function<void(std::size_t)>& step, Times& times) {
    std::vector<double> took;
    took.reserve(kSteps);
    for (std::size_t i = 0; i < kSteps; ++i) {
      const auto begin = std::chrono::steady_clock::now();
      step(i);
      const auto end = std::chrono::steady_clock::now();
      took.push_back(std::chrono::duration<double, std::nano>(end - begin).count());
    }
    std::sort(took.begin(), took.end());
    times.p50.add(took[kSteps / 2]);
    times.p99.add(took[kSteps * 99 / 100]);
  }

  balance::ShardSet shards_;
  stick::Table table_;
  route::Settings settings_;
  std::vector<std::string> regions_;
  std::vector<std::uint32_t> order_;
  std::vector<std::string> asked_;
  std::vector<std::string> made_;
  std::size_t next_new_ = kRooms;
  TimePoint now_ = TimePoint() + std::chrono::hours(1);
};

}  // namespace

int main(int argc, char** argv) {
  const bool only_decisions = argc > 1 && std::string_view(argv[1]) == "--decisions";
  Json days;
  const std::size_t defects = only_decisions ? 0 : run_days(days);

  Decisions decisions;
  Runs bytes;
  bytes.add(decisions.fill());
  std::printf("\na million rooms in the table, keys of 30 bytes: %.0f bytes per room beside its key\n",
              bytes.values[0]);
  std::printf("%-46s %26s %28s\n", "ns per decision, the clock's own in it", "p50: min / median / max",
              "p99: min / median / max");
  Json costs;
  decisions.measure([&costs](const std::string& name, Times& times) {
    const auto a = times.p50.spread();
    const auto b = times.p99.spread();
    std::printf("%-46s %8.0f /%7.0f /%7.0f %10.0f /%7.0f /%7.0f\n", name.c_str(), a[0], a[1], a[2], b[0],
                b[1], b[2]);
    std::fflush(stdout);
    costs.open(name);
    costs.add("p50_ns", times.p50);
    costs.add("p99_ns", times.p99);
    costs.close();
  });
  if (argc > 1 && !only_decisions) {
    std::ofstream(argv[1]) << "{\n \"name\": \"placement\",\n \"bytes_per_room\": " << bytes.values[0]
                           << ",\n \"fleets\": " << days.text() << ",\n \"decisions\": " << costs.text()
                           << "\n}\n";
  }
  if (defects > 0)
    std::printf("%zu rooms moved without need, or were placed where they must not be\n", defects);
  return defects == 0 && sink != 0 ? 0 : 1;
}

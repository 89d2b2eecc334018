#include "router/balance/health_state.hpp"

#include <doctest.h>

#include <string>
#include <string_view>

using namespace roomgate;
using namespace roomgate::router::balance;

namespace {

const TimePoint kStart = TimePoint() + seconds(100);

// Outcomes as text, + good, ~ soft, - failed; the states behind each: u, s, d.
std::string states_after(std::string_view outcomes, HealthSettings settings = {}) {
  HealthState state(settings);
  std::string states;
  for (const char c : outcomes) {
    (void)state.observe(c == '+' ? Outcome::good : c == '~' ? Outcome::soft : Outcome::failed, kStart);
    states += to_text(state.state()).front();
  }
  return states;
}

}  // namespace

TEST_CASE("goes from up over soft to down, and back up") {
  struct Row {
    std::string_view outcomes;
    std::string_view states;
  };
  // rise 2, fall 3
  for (const Row& row : {Row{"+++", "uuu"},
                         {"---", "ssd"},
                         {"--++", "sssu"},
                         {"-+-+--", "ssssss"},      // now and then: never down, and no new rooms
                         {"-+--+---", "sssssssd"},  // a good one in between: the count begins anew
                         {"~~~~~~", "sssssd"},      // silence counts half
                         {"~~~~-", "ssssd"},
                         {"~-~-", "sssd"},
                         {"---+-+", "ssdddd"},
                         {"---++", "ssddu"},
                         {"---++-", "ssddus"},
                         {"---~~~++", "ssdddddu"},
                         {"--++-", "sssus"}}) {
    CAPTURE(row.outcomes);
    CHECK(states_after(row.outcomes) == row.states);
  }
}

TEST_CASE("with fall = 1 a failure is enough, and silence needs two") {
  CHECK(states_after("-", {.fall = 1}) == "d");
  CHECK(states_after("~~", {.fall = 1}) == "sd");
  CHECK(states_after("-+", {.rise = 1, .fall = 1}) == "du");
}

TEST_CASE("soft is up, and does not say that it changed to be") {
  HealthState state(HealthSettings{});

  CHECK(state.observe(Outcome::failed, kStart));
  CHECK(state.state() == Health::soft);
  CHECK(state.up());
  CHECK(state.changed_at() == TimePoint());
  CHECK_FALSE(state.observe(Outcome::failed, kStart));
  CHECK(state.observe(Outcome::failed, kStart + seconds(9)));
  CHECK_FALSE(state.up());
  CHECK(state.changed_at() == kStart + seconds(9));
}

TEST_CASE("checks come faster while a state is changing") {
  HealthState state(HealthSettings{.rise = 2, .fall = 2});
  CHECK(state.next_interval() == seconds(3));

  state.observe(Outcome::failed, kStart);
  CHECK(state.next_interval() == milliseconds(500));
  state.observe(Outcome::failed, kStart);
  CHECK(state.next_interval() == seconds(3));

  state.observe(Outcome::good, kStart);
  CHECK(state.next_interval() == milliseconds(500));
  state.observe(Outcome::good, kStart);
  CHECK(state.next_interval() == seconds(3));
}

TEST_CASE("new settings leave what was counted") {
  HealthState state(HealthSettings{.fall = 5});
  state.observe(Outcome::failed, kStart);
  state.observe(Outcome::failed, kStart);

  state.set({.fall = 3, .interval_fast = milliseconds(100)});

  CHECK(state.state() == Health::soft);
  CHECK(state.next_interval() == milliseconds(100));
  CHECK(state.observe(Outcome::failed, kStart));
  CHECK_FALSE(state.up());
}

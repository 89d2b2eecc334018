#include "router/cli/drain_watch.hpp"

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>

using namespace roomgate::router::cli;
using Outcome = DrainWatch::Outcome;

namespace {

const auto kNow = std::chrono::system_clock::from_time_t(600);

boost::json::object row(std::string_view text) {
  return boost::json::parse({text.data(), text.size()}).get_object();
}

}  // namespace

TEST_CASE("tells what is left, for how long, and what becomes of it") {
  DrainWatch watch("shard-1");

  const auto outcome = watch.see(row(R"({"state":"drain","rooms":12,"tunnels":1,"drain":{
      "since":"1970-01-01T00:06:48.000Z","rooms_at_start":20,"deadline":"1970-01-01T00:36:48.000Z"}})"));

  CHECK(outcome == Outcome::waits);
  CHECK(watch.line(kNow) ==
        "shard-1: 12 of 20 rooms, 1 tunnel left, for 3m12s; what is left is moved in 26m48s");
  CHECK(watch.line(kNow + std::chrono::hours(1)).ends_with("; what is left is being moved"));
}

TEST_CASE("tells only what it knows") {
  DrainWatch watch("shard-1");

  watch.see(row(R"({"state":"drain","rooms":1,"tunnels":2,"drain":{"rooms_at_start":1}})"));

  CHECK(watch.line(kNow) == "shard-1: 1 room, 2 tunnels left");
}

TEST_CASE("ends when no room and no tunnel is left") {
  DrainWatch watch("s");

  CHECK(watch.see(row(R"({"state":"drain","rooms":1,"tunnels":0})")) == Outcome::waits);
  CHECK(watch.changed());
  CHECK(watch.see(row(R"({"state":"drain","rooms":1,"tunnels":0})")) == Outcome::waits);
  CHECK_FALSE(watch.changed());
  CHECK(watch.see(row(R"({"state":"drain","rooms":0,"tunnels":1})")) == Outcome::waits);
  CHECK(watch.changed());
  CHECK(watch.see(row(R"({"state":"drain","rooms":0,"tunnels":0})")) == Outcome::empty);
  CHECK(watch.line(kNow) == "s: empty");
  CHECK(watch.json() == row(R"({"shard":"s","rooms":0,"tunnels":0,"empty":true})"));
}

TEST_CASE("somebody else may call it off, or go further") {
  DrainWatch watch("s");

  CHECK(watch.see(row(R"({"state":"maint","rooms":1,"tunnels":0})")) == Outcome::waits);
  CHECK(watch.see(row(R"({"state":"ready","rooms":1,"tunnels":0,"leaving":true})")) == Outcome::waits);
  CHECK(watch.see(row(R"({"state":"ready","rooms":1,"tunnels":0})")) == Outcome::called_off);
}

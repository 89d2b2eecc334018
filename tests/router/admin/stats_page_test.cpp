#include "router/admin/stats_page.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::router::admin;

namespace {

const std::chrono::system_clock::time_point kNow{std::chrono::hours(24 * 20000)};

struct FakeGate final : Subject {
  Overview seen;
  std::vector<RoomRow> known;
  std::string asked_prefix;

  std::string metrics_text(metrics::Format) override { return ""; }
  Status status() override {
    return {
        .name = "gate-<a>", .region = "eu", .connections = 7, .rooms = known.size(), .uptime_seconds = 3725};
  }
  Overview overview() override { return seen; }
  std::vector<ShardRow> shards() override {
    return {{.name = "shard-0", .address = "10.0.0.1:80", .state = "ready", .rooms = 3},
            {.name = "shard-1", .state = "drain", .up = false, .reason = "connect: <refused>"}};
  }
  std::vector<RoomRow> rooms(const RoomQuery& query) override {
    asked_prefix = query.prefix;
    return known;
  }
  std::optional<RoomRow> room(std::string_view) override { return std::nullopt; }
  bool forget(std::string_view) override { return false; }
  Result<void, StateError> set_state(std::string_view, std::string_view, std::optional<Duration>) override {
    return {};
  }
};

bool has(const std::string& page, std::string_view text) { return page.find(text) != page.npos; }

}  // namespace

TEST_CASE("shows shards, rates, refusals, certificates and rooms") {
  FakeGate gate;
  gate.seen = {.requests_per_second = 1234.4,
               .connections_per_second = 3.25,
               .tunnels = 42,
               .waiting = 5,
               .refused = {{.reason = "queue_full", .total = 20, .last_minute = 2}},
               .certificates = {{.file = "a.pem", .ends = kNow + std::chrono::hours(24 * 3 + 5)},
                                {.file = "b.pem", .ends = kNow - std::chrono::hours(1)}}};
  gate.known = {
      {.room = "school/maths", .shard = "shard-0", .since = kNow - std::chrono::minutes(10), .tunnels = 9}};

  const std::string page = stats_page(gate, "school", kNow);

  CHECK(has(page, "<dd>1234</dd>"));
  CHECK(has(page, "<dd>3.2</dd>"));
  CHECK(has(page, "up for 1 h 2 min"));
  CHECK(has(page, "<td class=\"warn\">queue_full<td class=\"n\">2<td class=\"n\">20"));
  CHECK(has(page, "<td>a.pem<td>2024-10-07<td class=\"warn\">3 d 5 h"));
  CHECK(has(page, "<td class=\"bad\">expired"));
  CHECK(has(page, "<td>school/maths<td>shard-0<td class=\"n\">9<td>10 min"));
  CHECK(has(page, "<td class=\"bad\">down"));
  CHECK(gate.asked_prefix == "school");
}

TEST_CASE("what comes from outside cannot become markup") {
  FakeGate gate;
  gate.known = {{.room = "<script>alert(1)</script>", .shard = "shard-0", .since = kNow}};

  const std::string page = stats_page(gate, "\"><img src=x>", kNow);

  CHECK(!has(page, "<script"));
  CHECK(!has(page, "<img"));
  CHECK(has(page, "gate-&lt;a&gt;"));
  CHECK(has(page, "value=\"&quot;&gt;&lt;img src=x&gt;\""));
  CHECK(has(page, "connect: &lt;refused&gt;"));
}

TEST_CASE("an empty gate has a page too") {
  FakeGate gate;

  const std::string page = stats_page(gate, "", kNow);

  CHECK(has(page, "nothing since the start"));
  CHECK(!has(page, "Certificates"));
  CHECK(page.ends_with("</html>\n"));
}

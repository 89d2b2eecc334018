#include "router/admin/stats_page.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::router::admin;

namespace {

const std::chrono::system_clock::time_point kNow{std::chrono::hours(24 * 20000)};

struct FakeGate final : Subject {
  Overview seen;
  std::vector<ShardRow> all{
      {.name = "shard-0", .address = "10.0.0.1:80", .region = "eu", .state = "ready", .rooms = 3},
      {.name = "shard-1", .region = "eu", .state = "drain", .up = false, .reason = "connect: <refused>"}};
  std::vector<RoomRow> known;
  std::vector<BanRow> banned;
  std::vector<DiscoveryRow> asked;
  Peers others;
  std::string asked_prefix;
  std::size_t asked_limit = 0;

  std::string metrics_text(metrics::Format) override { return ""; }
  Status status() override {
    return {.name = "gate-<a>",
            .region = "eu",
            .connections = 7,
            .rooms = known.size(),
            .shards = all.size(),
            .uptime_seconds = 3725};
  }
  Overview overview() override { return seen; }
  std::vector<ShardRow> shards() override { return all; }
  std::vector<RoomRow> rooms(const RoomQuery& query) override {
    asked_prefix = query.prefix;
    asked_limit = query.limit;
    return known;
  }
  net::Task<std::optional<RoomRow>> room(std::string_view, Scope) override { co_return std::nullopt; }
  net::Task<Forgotten> forget(std::string_view, Scope) override { co_return Forgotten::no_such_room; }
  Result<void, StateError> set_state(std::string_view, std::string_view, std::optional<Duration>,
                                     Scope) override {
    return {};
  }
  Peers peers() override { return others; }
  std::vector<BanRow> bans() override { return banned; }
  std::vector<DiscoveryRow> discovery() override { return asked; }
};

std::string page_of(FakeGate& gate, std::string_view prefix = "", bool takes_token = true) {
  return stats_page(gate, prefix, takes_token, kNow).html;
}

bool has(std::string_view page, std::string_view text) { return page.find(text) != page.npos; }
std::size_t count(std::string_view page, std::string_view text) {
  std::size_t found = 0;
  for (auto at = page.find(text); at != page.npos; at = page.find(text, at + text.size())) ++found;
  return found;
}

}  // namespace

TEST_CASE("shows rates, refusals, certificates and rooms") {
  FakeGate gate;
  gate.seen = {.requests_per_second = 1234.4,
               .connections_per_second = 3.25,
               .new_rooms_last_minute = 17,
               .tunnels = 42,
               .refused = {{.reason = "queue_full", .total = 20, .last_minute = 2}},
               .certificates = {{.file = "a.pem", .ends = kNow + std::chrono::hours(24 * 3 + 5)},
                                {.file = "b.pem", .ends = kNow - std::chrono::hours(1)}}};
  gate.known = {{.room = "school/maths",
                 .shard = "shard-0",
                 .since = kNow - std::chrono::minutes(10),
                 .tunnels = 9,
                 .why = "hash",
                 .region = "us"}};

  const std::string page = page_of(gate, "school");

  CHECK(has(page, "<dd>1234</dd>"));
  CHECK(has(page, "<dd>3.2</dd>"));
  CHECK(has(page, "<dt>new rooms/min</dt><dd>17</dd>"));
  CHECK(has(page, "running for 1h02m"));
  CHECK(has(page, "<td class=\"warn\">queue_full<td class=\"n\">2<td class=\"n\">20"));
  CHECK(has(page, "<td>a.pem<td class=\"nb\">2024-10-07<td class=\"warn\">3d05h"));
  CHECK(has(page, "<td class=\"bad\">expired"));
  CHECK(has(page,
            "<td>school/maths<td class=\"nb\">shard-0<td class=\"n\">9<td class=\"n\">10m00s"
            "<td class=\"quiet extra\">hash for us"));
  CHECK(gate.asked_prefix == "school");
}

TEST_CASE("shards stand under their region, with sums") {
  FakeGate gate;
  gate.all.push_back(
      {.name = "shard-2", .region = "us", .rooms = 5, .tunnels = 7, .requests_per_second = 2.5});
  gate.all.push_back({.name = "shard-3", .region = "us", .rooms = 1, .requests_per_second = 1});

  const std::string page = page_of(gate);

  CHECK(has(page, "<h3>eu <span class=\"bad\">1 of 2 shards up</span>"));
  CHECK(has(page,
            "<h3>us <span class=\"quiet\">2 of 2 shards up</span><span class=\"quiet sums\">6 rooms, 7 "
            "tunnels, 3.5 requests/s</span>"));
}

TEST_CASE("tells a shard's health, wish, bounds, load, and where it comes from") {
  FakeGate gate;
  gate.all = {{.name = "a",
               .addresses = {"10.0.0.1:80", "10.0.0.2:80"},
               .release = "next",
               .source = "_http._tcp.web",
               .weight = 4,
               .share = 50,
               .max_rooms = 60,
               .state = "ready",
               .takes_rooms = false,
               .reason = "full",
               .announced = "b",
               .load = 0.86,
               .rooms = 60,
               .new_rooms_last_minute = 11}};

  const std::string page = page_of(gate);

  CHECK(has(page, "<span class=\"pill warn\">no new rooms</span>"));
  CHECK(has(page, "<span class=\"tag\">next</span>"));
  CHECK(has(page, "10.0.0.1:80, 10.0.0.2:80 <i>by DNS</i>"));
  CHECK(has(page, "60<small>of 60</small>"));
  CHECK(has(page, "width=\"86\""));
  CHECK(has(page, "<span>86%</span>"));
  CHECK(has(page, "weight 4, of which it wants 50%"));
  CHECK(has(page, "calls itself b"));
  CHECK(has(page, "data-label=\"new/min\">11"));
}

TEST_CASE("a drain has its progress, and its end") {
  FakeGate gate;
  gate.all = {{.name = "a",
               .state = "drain",
               .rooms = 12,
               .drain = ShardRow::Drain{.since = kNow - seconds(192),
                                        .rooms_at_start = 20,
                                        .deadline = kNow + std::chrono::minutes(26)}},
              {.name = "b", .state = "drain", .drain = ShardRow::Drain{.rooms_at_start = 3, .empty = true}}};

  const std::string page = page_of(gate);

  CHECK(has(page, "width=\"40\""));
  CHECK(has(page, "12 of 20 rooms left after 3m12s; moved in 26m00s"));
  CHECK(has(page, "<div class=\"good\">empty</div>"));
}

TEST_CASE("what somebody should look at stands on top, and in the title") {
  FakeGate gate;
  gate.seen = {
      .waiting = 3,
      .refused = {{.reason = "table_full", .last_minute = 2}, {.reason = "not_found", .last_minute = 99}},
      .certificates = {{.file = "a.pem", .ends = kNow + std::chrono::hours(30)}}};
  gate.asked = {
      {.question = "_http._tcp.web", .state = "stale", .error = "SERVFAIL", .seconds_since_good = 90},
      {.question = "other", .state = "ok"}};

  const std::string page = page_of(gate);

  CHECK(has(page, "<title>(5) gate-&lt;a&gt; - roomgate</title>"));
  CHECK(has(page, "<li class=\"bad\">shard-1 is down: connect: &lt;refused&gt;</li>"));
  CHECK(has(page,
            "DNS has no good answer for _http._tcp.web since 1m30s: SERVFAIL; the last one is kept</li>"));
  CHECK(has(page, "<li class=\"warn\">a.pem expires in 1d06h</li>"));
  CHECK(has(page, "<li class=\"warn\">2 requests refused in the last minute: table_full</li>"));
  CHECK(has(page, "<li class=\"warn\">3 requests wait for a shard</li>"));
  CHECK(!has(page, "last minute: not_found"));
}

TEST_CASE("what comes from outside cannot become markup") {
  FakeGate gate;
  gate.known = {{.room = "<script>alert(1)</script>", .shard = "shard-0", .since = kNow}};
  gate.banned = {{.kind = BanRow::Kind::prefix, .text = "<b>'\""}};
  gate.asked = {{.question = "<i>q", .state = "stale", .error = "<u>"}};
  gate.all.push_back({.name = "\"><svg onload=x>", .region = "<em>"});

  const std::string page = page_of(gate, "\"><img src=x>");

  CHECK(!has(page, "<script>alert"));
  for (std::string_view markup : {"<img", "<i>q", "<b>'", "<u>", "<svg on", "<em>"}) {
    CAPTURE(markup);
    CHECK(!has(page, markup));
  }
  CHECK(has(page, "gate-&lt;a&gt;"));
  CHECK(has(page, "value=\"&quot;&gt;&lt;img src=x&gt;\""));
  CHECK(has(page, "&lt;b&gt;&#39;&quot;"));
}

TEST_CASE("the policy names the one script and the one style by their hashes") {
  FakeGate gate;

  const StatsPage page = stats_page(gate, "", true, kNow);

  CHECK(page.policy.starts_with("default-src 'none'; script-src 'sha256-"));
  CHECK(has(page.policy, "frame-ancestors 'none'"));
  CHECK(!has(page.policy, "unsafe"));
  CHECK(count(page.html, "<script>") == 1);
  CHECK(count(page.html, "<style>") == 1);
  CHECK(!has(page.html, " style="));
}

TEST_CASE("a gate without a token asks for none") {
  FakeGate gate;

  CHECK(has(page_of(gate, "", true), "id=\"token\""));
  CHECK(!has(page_of(gate, "", false), "id=\"token\""));
}

TEST_CASE("an empty gate has a page too") {
  FakeGate gate;
  gate.all.clear();

  const std::string page = page_of(gate);

  CHECK(has(page, "nothing since the start"));
  CHECK(has(page, "DNS has not answered yet"));
  CHECK(has(page, "no shard takes new rooms"));
  CHECK(!has(page, "Certificates"));
  CHECK(page.ends_with("</html>\n"));
}

TEST_CASE("a large site has a page of bounded size, and what needs a look is on it") {
  FakeGate gate;
  gate.all.clear();
  for (int i = 0; i < 1000; ++i)
    gate.all.push_back({.name = "s" + std::to_string(i), .region = i < 200 ? "eu" : "us", .state = "ready"});
  gate.all[999].up = false;
  gate.banned.resize(5000, {.text = "x"});

  const std::string page = page_of(gate);

  CHECK(count(page, "data-label=\"load\"") == 100);
  CHECK(has(page, "<p class=\"none quiet\">and 150 more</p>"));
  CHECK(has(page, "<p class=\"none quiet\">and 750 more</p>"));
  CHECK(has(page, "<b>s999</b>"));
  CHECK(has(page, "and 4975 more"));
  CHECK(gate.asked_limit == 15);
  CHECK(page.size() < 200'000);
}

TEST_CASE("tells the other front doors, who decides, and what of them needs a look") {
  FakeGate gate;
  gate.others = {.mode = "peers",
                 .state = "member",
                 .view = {"gate-a", "gate-b"},
                 .missing = {"gate-<c>"},
                 .splits = 2,
                 .rows = {{.name = "gate-b",
                           .kind = "gate",
                           .state = "member",
                           .up = true,
                           .in_view = true,
                           .round_trip_ms = 0.214,
                           .behind = 3},
                          {.name = "lb-0", .kind = "haproxy", .state = "down", .error = "refused"}}};

  const std::string page = page_of(gate);

  CHECK(has(page, "deciding together: gate-a, gate-b; missing: gate-&lt;c&gt;; 2 split rooms found so far"));
  CHECK(has(page, "0.21 ms"));
  CHECK(has(page, "<li class=\"bad\">gate-&lt;c&gt; left without goodbye"));
  CHECK(has(page, "<li class=\"warn\">no session with lb-0: refused</li>"));
  CHECK_FALSE(has(page, "no session with gate-b"));
}

TEST_CASE("says that a lone front door has no others, and one that learns why it is not ready") {
  FakeGate gate;
  const std::string alone = page_of(gate);
  gate.others = {.mode = "peers", .state = "learning", .may_decide = false};

  const std::string learning = page_of(gate);

  CHECK(has(alone, "none: this one decides alone"));
  CHECK(has(learning, "this front door may not decide about new rooms now: learning"));
}

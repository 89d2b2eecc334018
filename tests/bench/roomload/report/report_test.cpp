#include "bench/roomload/report/report.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <string_view>

#include "bench/roomload/report/findings.hpp"
#include "bench/roomload/report/plot.hpp"
#include "tests/bench/roomload/report/run.hpp"

using namespace roomgate;
using namespace roomgate::bench::roomload;
using namespace roomgate::bench::roomload::report;
using namespace roomgate::bench::roomload::report::test;

namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::size_t times_in(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// Enough of a JSON reader to know that every bracket and string closes.
bool balanced(std::string_view text) {
  std::string open;
  bool string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        string = false;
      }
    } else if (c == '"') {
      string = true;
    } else if (c == '{' || c == '[') {
      open += c;
    } else if (c == '}' || c == ']') {
      if (open.empty() || open.back() != (c == '}' ? '{' : '[')) return false;
      open.pop_back();
    }
  }
  return open.empty() && !string;
}

}  // namespace

TEST_CASE("a good run is called good, with its reasons") {
  const Summary run = make_run(60, false);

  CHECK(verdict(run).grade == Grade::good);
  for (const Finding& finding : findings(run)) {
    CAPTURE(finding.text);
    CHECK(finding.grade == Grade::good);
  }
  CHECK(has(table(run), "All 100 people joined"));
}

TEST_CASE("the verdict names what is worst, and the worst reasons come first") {
  Summary run = make_run(60, true);
  CHECK(verdict(run).text == "Failed: --max-loss is 0.62 %, allowed are 0.5 %");
  CHECK(verdict(run).grade == Grade::bad);
  CHECK(findings(run).front().text == "--max-loss: 0.62 %, allowed are 0.5 %.");

  run.thresholds.push_back({"--max-join", "2 s", "9 s", false});
  CHECK(verdict(run).text == "Failed: 2 of 2 limits missed");
  run.thresholds.pop_back();

  run.thresholds[0].met = true;
  CHECK(verdict(run).text == "Passed, but people would have noticed");
  run.thresholds.clear();
  CHECK(verdict(run).text == "People would have noticed");

  Grade before = Grade::bad;
  for (const Finding& finding : findings(run)) {
    CHECK(finding.grade <= before);
    before = finding.grade;
  }
  run.joined = 0;
  CHECK(verdict(run).text == "Nobody could join");
}

TEST_CASE("a run in which nothing arrived has not passed, however little was lost") {
  Summary run = make_run(20, false);
  run.totals.audio = {};
  run.totals.video = {};
  REQUIRE(run.totals.sent.packets > 0);

  CHECK_FALSE(run.passed());
  CHECK(verdict(run).text == "Failed: nothing that was sent arrived");
  CHECK(has(findings(run).front().text, "packets were sent, and nobody received any."));

  run.media_expected = false;
  CHECK(run.passed());
}

TEST_CASE("each kind of trouble is found") {
  struct Case {
    std::function<void(Summary&)> change;
    std::string_view said;
    Grade grade;
  };
  const Case cases[] = {
      {[](Summary& s) {
         s.joined = 97;
         s.failures = {{"no answer to the offer", 2}, {"refused", 1}};
       },
       "97 of 100 people joined. Why not: no answer to the offer (2); refused (1).", Grade::bad},
      {[](Summary& s) { s.totals.audio.packets -= 1; }, "packets were lost (1).", Grade::note},
      {[](Summary& s) { s.totals.video.picture_id_faults = 3; }, "3 faults in rewritten streams", Grade::bad},
      {[](Summary& s) { s.totals.video.freezes = 1; }, "Pictures froze 1 time", Grade::bad},
      {[](Summary& s) {
         for (int i = 0; i < 1000000; ++i) s.totals.video.latency.add(milliseconds(400));
       },
       "the last after 400 ms", Grade::note},
      {[](Summary& s) { s.totals.sent.late.add(milliseconds(60)); }, "roomload was behind its own schedule",
       Grade::note},
  };
  for (const Case& c : cases) {
    CAPTURE(c.said);
    Summary run = make_run(20, false);
    c.change(run);

    bool found = false;
    for (const Finding& finding : findings(run)) {
      if (finding.grade == Grade::good) continue;
      found = found || (finding.grade == c.grade && has(finding.text, c.said));
    }
    CHECK(found);
  }
}

TEST_CASE("the table stays within a terminal") {
  Summary run = make_run(60, true);
  run.joined = 90;
  run.failures = {{std::string(200, 'x') + " and more words to break", 10}};
  const std::string text = table(run);

  std::size_t longest = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    longest = std::max(longest, end - at);
    at = end + 1;
  }
  CHECK(longest <= 100);
  CHECK(has(text, "lost for good"));
  CHECK(progress(run.points[20], run.asked).size() <= 110);
}

TEST_CASE("the JSON closes what it opens, whatever the texts are") {
  Summary run = make_run(60, true);
  run.url = "https://x/\"\\\n\x01{[";
  run.failures = {{"why \"not\"", 1}};
  const std::string text = json(run);

  CHECK(balanced(text));
  CHECK(has(text, "\"passed\": false"));
  CHECK(has(text, "\\u000a\\u0001"));
  CHECK(times_in(text, "\"at_ms\"") == 60);
}

TEST_CASE("a moment is a line with the counts so far and the latencies of its second") {
  Moment now{.at = seconds(3), .joined = 5, .connected = 4, .unread = 17};
  now.totals.video.packets = 990;
  now.totals.video.expected = 1000;
  now.video_latency.add(microseconds(3));
  now.video_latency.add(microseconds(3));
  now.video_latency.add(microseconds(9));

  const std::string line = moment(now);

  CHECK(balanced(line));
  CHECK(times_in(line, "\n") == 1);
  CHECK(line.ends_with('\n'));
  CHECK(has(line, "\"at_ms\": 3000"));
  CHECK(has(line, "\"unread\": 17"));
  CHECK(has(line, "\"packets\": 990"));
  CHECK(has(line, "\"latency_us\": [[3, 2], [9, 1]]"));
}

TEST_CASE("the page needs nothing from outside and lets no text become markup") {
  Summary run = make_run(60, true);
  run.url = "https://x/<script>alert('a')</script>&\"";
  run.failures = {{"<img src=x>", 1}};
  run.joined = 99;
  const std::string text = html(run);

  CHECK_FALSE(has(text, "<script"));
  CHECK_FALSE(has(text, "<img"));
  CHECK_FALSE(has(text, "<link"));
  CHECK_FALSE(has(text, "url("));
  CHECK(has(text, "&lt;script&gt;"));
  CHECK(times_in(text, "<figure>") == 6);
  CHECK(times_in(text, "<figure>") == times_in(text, "</figure>"));
  CHECK(times_in(text, "role=\"img\" aria-label=") == 6);
  CHECK(text.size() < 300'000);
  // For looking at it: ROOMLOAD_REPORT=folder.
  if (const char* folder = std::getenv("ROOMLOAD_REPORT")) {
    std::ofstream(std::string(folder) + "/trouble.html") << html(make_run(120, true));
    std::ofstream(std::string(folder) + "/good.html") << html(make_run(60, false));
    std::ofstream(std::string(folder) + "/trouble.json") << json(make_run(120, true));
  }
}

TEST_CASE("a run without anything still makes a page") {
  const Summary nothing;

  CHECK(has(html(nothing), "Nobody could join"));
  CHECK(balanced(json(nothing)));
  CHECK_FALSE(table(nothing).empty());
}

TEST_CASE("a plot with gaps draws the stretches between them") {
  const Plot plot{.title = "Latency",
                  .nothing = "nothing",
                  .words = [](double v) { return std::to_string(v); },
                  .at = {1, 2, 3, 4, 5},
                  .series = {{"p50", "c1", {1.0, 2.0, std::nullopt, 3.0, 4.0}}}};

  const std::string text = figure(plot);

  CHECK(times_in(text, "<path class=\"line c1\"") == 2);
  CHECK(times_in(text, "class=\"hit\"") == 4);
}

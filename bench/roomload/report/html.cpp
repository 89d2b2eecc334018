#include <algorithm>
#include <cmath>
#include <functional>
#include <string_view>
#include <utility>

#include "bench/roomload/report/findings.hpp"
#include "bench/roomload/report/plot.hpp"
#include "bench/roomload/report/report.hpp"
#include "bench/roomload/report/words.hpp"

namespace roomgate::bench::roomload::report {
namespace {

// No request leaves the page, and none could: the policy allows its own style alone.
constexpr std::string_view kHead = R"(<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<style>
:root { --back: #f6f7f9; --card: #fff; --text: #1a2130; --soft: #5b6577; --line: #e2e6ec; --one: #2460d8; --two: #c2570c;
  --three: #6b7588; --good: #0b7a43; --note: #8f5b00; --bad: #b4232b; --good-back: #e5f4ec; --note-back: #fcf1da; --bad-back: #fbe7e8 }
@media (prefers-color-scheme: dark) { :root { --back: #11151c; --card: #1a202b; --text: #e8ecf3; --soft: #9aa5b8; --line: #2b3444;
  --one: #7aa5ff; --two: #f5a25d; --three: #8a95a9; --good: #5fd39a; --note: #f0bf5f; --bad: #ff8f8f; --good-back: #143326;
  --note-back: #3a2f14; --bad-back: #42201f } }
* { box-sizing: border-box }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums }
main { max-width: 1240px; margin: 0 auto; padding: 28px 20px 60px }
h1 { font-size: 30px; line-height: 1.2; margin: 0; text-wrap: balance }
h2 { font-size: 18px; margin: 38px 0 12px }
.what { margin: 6px 0 0; color: var(--soft); overflow-wrap: anywhere }
.verdict { border-radius: 14px; padding: 24px 26px; border-left: 8px solid }
.verdict.good { background: var(--good-back); border-color: var(--good) }
.verdict.note { background: var(--note-back); border-color: var(--note) }
.verdict.bad { background: var(--bad-back); border-color: var(--bad) }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 12px; margin: 18px 0 0; padding: 0 }
.tiles div, figure, .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px }
.tiles div { padding: 14px 16px }
.tiles dt { color: var(--soft); font-size: 13px }
.tiles dd { margin: 2px 0 0; font-size: 21px; line-height: 1.3; font-weight: 650; white-space: nowrap }
.tiles small { display: block; white-space: normal; font-size: 13px; font-weight: 400; color: var(--soft) }
.reasons { list-style: none; margin: 0; padding: 6px 20px }
.reasons li { display: flex; gap: 12px; padding: 9px 0; border-top: 1px solid var(--line) }
.reasons li:first-child { border-top: 0 }
.mark { flex: none; width: 58px; font-weight: 650 }
.good .mark { color: var(--good) } .note .mark { color: var(--note) } .bad .mark { color: var(--bad) }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); gap: 14px }
figure { margin: 0; padding: 14px 14px 8px }
figcaption { display: flex; flex-wrap: wrap; gap: 4px 16px; padding: 0 4px 6px }
.key { color: var(--soft); font-size: 13px; display: inline-flex; align-items: center; gap: 6px }
.key i { width: 14px; height: 4px; border-radius: 2px; background: currentColor }
.nothing { color: var(--soft); margin: 0; padding: 60px 0 74px; text-align: center }
svg { display: block; width: 100%; height: auto; overflow: visible }
.grid line { stroke: var(--line); stroke-width: 1 }
.grid text { fill: var(--soft); font-size: 12px }
.c1 { color: var(--one) } .c2 { color: var(--two) } .c3 { color: var(--bad) }
.line { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round }
.area { fill: currentColor; opacity: .13 }
.bar, .dot { fill: currentColor } .bar { shape-rendering: crispEdges }
.dot { opacity: .75 }
.hit { fill: transparent } .hit:hover { fill: var(--text); opacity: .07 }
.scroll { overflow-x: auto; padding: 4px 18px 12px }
table { border-collapse: collapse; width: 100% }
th, td { text-align: right; padding: 7px 10px; border-top: 1px solid var(--line); white-space: nowrap }
th:first-child, td:first-child { text-align: left; padding-left: 0 }
thead th { border-top: 0; color: var(--soft); font-weight: 500; font-size: 13px }
tbody th { font-weight: 500 }
.settings { display: grid; grid-template-columns: max-content 1fr; gap: 6px 20px; margin: 0; padding: 16px 18px }
.settings dt { color: var(--soft) } .settings dd { margin: 0; overflow-wrap: anywhere }
summary { cursor: pointer; padding: 14px 18px; font-weight: 600 }
footer { color: var(--soft); font-size: 13px; margin-top: 34px }
@media (max-width: 620px) { .grid text { font-size: 19px } figure { padding-left: 26px } figcaption { margin-left: -12px } }
@media print { body { background: none } .plots { break-inside: avoid } }
</style>
)";

std::string_view name(Grade grade) {
  return grade == Grade::good ? "good" : grade == Grade::note ? "note" : "bad";
}

std::string tile(std::string_view label, const std::string& value, const std::string& more) {
  return "<div><dt>" + std::string(label) + "</dt><dd>" + escaped(value) + "<small>" + escaped(more) +
         "</small></dd></div>\n";
}

std::string tiles(const Summary& s) {
  const auto& t = s.totals;
  media::Histogram latency = t.audio.latency;
  latency.add(t.video.latency);
  const std::uint64_t expected = t.audio.expected + t.video.expected;
  const std::uint64_t lost = t.audio.lost() + t.video.lost();
  const std::uint64_t at_first = lost + t.audio.repaired + t.video.repaired;
  const double length = std::max(0.001, std::chrono::duration<double>(s.length).count());
  std::string out = "<dl class=\"tiles\">\n";
  out += tile("Joined", count(s.joined) + " of " + count(s.asked), "in " + plural(s.rooms, "room", "rooms"));
  if (s.join.count() > 0)
    out += tile("Time to join", time(s.join.quantile(0.5)), "slowest " + time(s.join.max()));
  out += tile("Loss", percent(lost, expected), percent(at_first, expected) + " before repair");
  if (latency.count() > 0) {
    out += tile("Latency", time(latency.quantile(0.5)), "99 of 100 within " + time(latency.quantile(0.99)));
  }
  out += tile("Freezes", count(t.video.freezes), time(t.video.frozen) + " in all");
  out += tile("Received", bitrate(static_cast<double>(t.audio.bytes + t.video.bytes) * 8 / length),
              count(t.audio.packets + t.video.packets) + " packets");
  return out + "</dl>\n";
}

std::string reasons(const Summary& s) {
  std::string out = "<ul class=\"reasons\">\n";
  for (const Finding& finding : findings(s)) {
    const std::string_view mark = finding.grade == Grade::good   ? "good"
                                  : finding.grade == Grade::note ? "look"
                                                                 : "bad";
    out += "<li class=\"" + std::string(name(finding.grade)) + "\"><span class=\"mark\">" +
           std::string(mark) + "</span><span>" + escaped(finding.text) + "</span></li>\n";
  }
  return out + "</ul>\n";
}

std::string plots(const Summary& s) {
  std::vector<double> at;
  Series participants{"people", "c1", {}};
  Series join_p50{"half of those who joined then", "c1", {}};
  Series join_max{"the slowest", "c2", {}};
  Series in{"received", "c1", {}};
  Series out_rate{"sent", "c2", {}};
  Series loss{"lost", "c3", {}};
  Series p50{"half of the packets", "c1", {}};
  Series p99{"99 of 100", "c2", {}};
  Series freezes{"freezes", "c3", {}};
  const auto ms = [](const std::optional<Duration>& value) {
    return value ? std::optional<double>(milliseconds_of(*value)) : std::nullopt;
  };
  const auto packets_ms = [](Duration value) {
    return value > Duration{} ? std::optional<double>(milliseconds_of(value)) : std::nullopt;
  };
  for (const Point& point : s.points) {
    at.push_back(std::chrono::duration<double>(point.at).count());
    participants.values.emplace_back(point.participants);
    join_p50.values.push_back(ms(point.join_p50));
    join_max.values.push_back(ms(point.join_max));
    in.values.emplace_back(point.bits_in);
    out_rate.values.emplace_back(point.bits_out);
    loss.values.emplace_back(point.loss);
    p50.values.push_back(packets_ms(point.latency_p50));
    p99.values.push_back(packets_ms(point.latency_p99));
    freezes.values.emplace_back(static_cast<double>(point.freezes));
  }
  const auto whole = [](double value) { return count(static_cast<std::uint64_t>(std::llround(value))); };
  const auto as_time = [](double value) {
    return time(std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(value)));
  };
  std::string out = "<div class=\"plots\">\n";
  const auto add = [&](std::string title, std::string nothing, Shape shape,
                       std::function<std::string(double)> words, std::vector<Series> series,
                       bool counts_only = false) {
    out += figure(
        {std::move(title), std::move(nothing), shape, counts_only, std::move(words), at, std::move(series)});
  };
  add("People in rooms", "Nobody joined.", Shape::area, whole, {participants}, true);
  add("Time to join", "Nobody joined.", Shape::dots, as_time, {join_max, join_p50});
  add("Packets lost for good", "No packet was lost.", Shape::bars, [](double v) { return percent(v); },
      {loss});
  add("Latency, one way", "No packet with a time stamp arrived.", Shape::line, as_time, {p99, p50});
  add("Bitrate", "No media.", Shape::line, bitrate, {in, out_rate});
  add("Freezes", "No picture froze.", Shape::bars, whole, {freezes}, true);
  return out + "</div>\n";
}

std::string row(std::string_view label, const std::vector<std::string>& cells) {
  std::string out = "<tr><th scope=\"row\">" + escaped(label) + "</th>";
  for (const std::string& cell : cells) out += "<td>" + escaped(cell) + "</td>";
  return out + "</tr>\n";
}

std::string head(const std::vector<std::string>& cells) {
  std::string out = "<thead><tr>";
  for (const std::string& cell : cells) out += "<th scope=\"col\">" + escaped(cell) + "</th>";
  return out + "</tr></thead>\n";
}

std::string times(const Summary& s) {
  std::string out = "<div class=\"card scroll\"><table>" +
                    head({"", "half within", "90 of 100", "99 of 100", "999 of 1000", "most", "counted"});
  out += "<tbody>";
  const auto line = [&](std::string_view label, const media::Histogram& h) {
    if (h.count() == 0) return;
    out += row(label, {time(h.quantile(0.5)), time(h.quantile(0.9)), time(h.quantile(0.99)),
                       time(h.quantile(0.999)), time(h.max()), count(h.count())});
  };
  line("to join", s.join);
  line("to the first media", s.first_media);
  line("latency of sound", s.totals.audio.latency);
  line("latency of video", s.totals.video.latency);
  line("latency of what was sent again", s.totals.video.repair);
  line("between frames", s.totals.video.frame_gap);
  line("roomload behind its schedule", s.totals.sent.late);
  return out + "</tbody></table></div>\n";
}

std::string counts(const Summary& s) {
  const auto& a = s.totals.audio;
  const auto& v = s.totals.video;
  std::string out = "<div class=\"card scroll\"><table>" + head({"", "sound", "video"}) + "<tbody>";
  const auto both = [&](std::string_view label, std::uint64_t sound, std::uint64_t video) {
    out += row(label, {count(sound), count(video)});
  };
  both("packets expected", a.expected, v.expected);
  both("packets received", a.packets, v.packets);
  both("of them sent again", a.repaired, v.repaired);
  both("lost for good", a.lost(), v.lost());
  both("duplicates", a.duplicates, v.duplicates);
  both("out of order", a.reordered, v.reordered);
  both("faults in sequence numbers", a.sequence_faults, v.sequence_faults);
  both("faults in timestamps", a.timestamp_faults, v.timestamp_faults);
  out += row("faults in picture ids", {"", count(v.picture_id_faults)});
  out += row("faults in TL0PICIDX", {"", count(v.tl0_faults)});
  out += row("faults in frames", {"", count(v.structure_faults)});
  out += row("frames that decode", {"", count(v.frames)});
  out += row("frames lost", {"", count(v.frames_lost)});
  out += row("key frames", {"", count(v.keyframes)});
  out += row("key frames asked for", {"", count(v.picture_losses)});
  return out + "</tbody></table></div>\n";
}

// The plots' values, for those who would rather read them.
std::string points(const Summary& s) {
  std::string out =
      "<details class=\"card\"><summary>The plots as a table</summary><div class=\"scroll\"><table>" +
      head({"time", "people", "received", "sent", "lost", "latency, half", "99 of 100", "freezes"}) +
      "<tbody>";
  for (const Point& p : s.points) {
    out +=
        row(clock_time(p.at), {count(p.participants), bitrate(p.bits_in), bitrate(p.bits_out),
                               percent(p.loss), time(p.latency_p50), time(p.latency_p99), count(p.freezes)});
  }
  return out + "</tbody></table></div></details>\n";
}

std::string settings(const Summary& s) {
  std::string out = "<dl class=\"card settings\">";
  const auto pair = [&](std::string_view label, std::string_view value) {
    out += "<dt>" + escaped(label) + "</dt><dd>" + escaped(value) + "</dd>";
  };
  pair("address", s.url);
  for (const auto& [label, value] : s.settings) pair(label, value);
  for (const Threshold& t : s.thresholds)
    pair(t.name, t.allowed + " allowed, " + t.actual + (t.met ? "" : ": missed"));
  const double length = std::max(0.001, std::chrono::duration<double>(s.length).count());
  pair("roomload's own CPU", digits(s.cpu_seconds / length * 100) + " % of a core");
  return out + "</dl>\n";
}

}  // namespace

std::string html(const Summary& s) {
  const Finding result = verdict(s);
  std::string out = "<!doctype html>\n<html lang=\"en\">\n<head>\n<title>" + escaped(result.text) +
                    " · roomload</title>\n" + std::string(kHead) + "</head>\n<body>\n<main>\n";
  out += "<header class=\"verdict " + std::string(name(result.grade)) + "\"><h1>" + escaped(result.text) +
         "</h1>\n<p class=\"what\">" +
         escaped(people(s.asked) + " in " + plural(s.rooms, "room", "rooms") + " for " +
                 clock_time(s.length) + " · " + s.url + " · " + s.started) +
         "</p></header>\n";
  out += tiles(s);
  out += "<h2>Why</h2>\n<section class=\"card\">" + reasons(s) + "</section>\n";
  out += "<h2>Over time</h2>\n" + plots(s);
  out += "<h2>Times</h2>\n" + times(s);
  out += "<h2>Counts</h2>\n" + counts(s);
  out += "<h2>The run</h2>\n" + settings(s) + "<p></p>" + points(s);
  out +=
      "<footer>Measured at the receivers: loss by sequence numbers, latency by time stamps in roomload's own "
      "packets, "
      "freezes by Chromium's definition (no frame for three times the average gap, and at least 150 ms more "
      "than it)."
      "</footer>\n</main>\n</body>\n</html>\n";
  return out;
}

}  // namespace roomgate::bench::roomload::report

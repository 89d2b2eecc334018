#include <algorithm>
#include <string_view>

#include "bench/roomload/report/findings.hpp"
#include "bench/roomload/report/report.hpp"
#include "bench/roomload/report/words.hpp"

namespace roomgate::bench::roomload::report {
namespace {

constexpr std::size_t kWidth = 96;
constexpr std::size_t kLabel = 22;
constexpr std::size_t kColumn = 14;

void pad(std::string& line, std::size_t to) {
  if (line.size() < to) line.append(to - line.size(), ' ');
}

// Broken at spaces; further lines are indented under the first.
void wrapped(std::string& out, std::string_view head, std::string_view text) {
  std::string line(head);
  while (!text.empty()) {
    const std::size_t room = kWidth - line.size();
    std::size_t cut = text.size();
    if (cut > room) {
      cut = text.rfind(' ', room);
      if (cut == std::string_view::npos || cut == 0) cut = std::min(room, text.size());
    }
    out += line + std::string(text.substr(0, cut)) + "\n";
    text.remove_prefix(cut);
    while (text.starts_with(' ')) text.remove_prefix(1);
    line = std::string(head.size(), ' ');
  }
}

void row(std::string& out, std::string_view label, std::initializer_list<std::string> cells) {
  std::string line = "  " + std::string(label);
  pad(line, kLabel);
  for (const std::string& cell : cells) {
    if (cell.size() < kColumn) line.append(kColumn - cell.size(), ' ');
    line += cell;
  }
  out += line + "\n";
}

void latency_row(std::string& out, std::string_view label, const media::Histogram& h) {
  if (h.count() == 0) return;
  row(out, label,
      {time(h.quantile(0.5)), time(h.quantile(0.9)), time(h.quantile(0.99)), time(h.quantile(0.999)),
       time(h.max())});
}

}  // namespace

std::string table(const Summary& s) {
  std::string out;
  out += verdict(s).text + "\n\n";
  for (const Finding& finding : findings(s)) {
    wrapped(out,
            finding.grade == Grade::bad    ? "  ! "
            : finding.grade == Grade::note ? "  ~ "
                                           : "    ",
            finding.text);
  }

  out += "\n";
  row(out, "", {"p50", "p90", "p99", "p99.9", "most"});
  latency_row(out, "join", s.join);
  latency_row(out, "first media", s.first_media);
  latency_row(out, "latency, sound", s.totals.audio.latency);
  latency_row(out, "latency, video", s.totals.video.latency);
  latency_row(out, "by repair", s.totals.video.repair);
  latency_row(out, "between frames", s.totals.video.frame_gap);

  const auto& a = s.totals.audio;
  const auto& v = s.totals.video;
  out += "\n";
  row(out, "received", {"sound", "video"});
  row(out, "packets", {count(a.packets), count(v.packets)});
  row(out, "expected", {count(a.expected), count(v.expected)});
  row(out, "lost for good", {percent(a.lost(), a.expected), percent(v.lost(), v.expected)});
  row(out, "lost at first",
      {percent(a.lost() + a.repaired, a.expected), percent(v.lost() + v.repaired, v.expected)});
  row(out, "repaired", {count(a.repaired), count(v.repaired)});
  row(out, "duplicates", {count(a.duplicates), count(v.duplicates)});
  row(out, "reordered", {count(a.reordered), count(v.reordered)});
  row(out, "faults", {count(a.continuity_faults()), count(v.continuity_faults())});
  row(out, "frames", {"", count(v.frames)});
  row(out, "frames lost", {"", count(v.frames_lost)});
  row(out, "freezes", {"", count(v.freezes)});
  row(out, "frozen", {"", time(v.frozen)});
  const double length = std::max(0.001, std::chrono::duration<double>(s.length).count());
  row(out, "bitrate",
      {bitrate(static_cast<double>(a.bytes) * 8 / length),
       bitrate(static_cast<double>(v.bytes) * 8 / length)});

  out += "\n";
  row(out, "rooms", {count(s.rooms)});
  row(out, "joined", {count(s.joined) + " of " + count(s.asked)});
  row(out, "length", {clock_time(s.length)});
  row(out, "packets sent", {count(s.totals.sent.packets)});
  row(out, "roomload's CPU", {digits(s.cpu_seconds / length * 100) + " %"});
  return out;
}

std::string progress(const Point& point, std::uint32_t asked) {
  std::string line = clock_time(point.at);
  pad(line, 8);
  line += count(point.participants) + " of " + count(asked) + " joined";
  pad(line, 30);
  line += "in " + bitrate(point.bits_in);
  pad(line, 48);
  line += "loss " + percent(point.loss);
  pad(line, 64);
  line += "latency " + time(point.latency_p50) + " / " + time(point.latency_p99);
  if (point.freezes > 0) line += "  " + plural(point.freezes, "freeze", "freezes");
  return line;
}

}  // namespace roomgate::bench::roomload::report

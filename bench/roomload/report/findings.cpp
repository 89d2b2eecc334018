#include "bench/roomload/report/findings.hpp"

#include <algorithm>

#include "bench/roomload/report/words.hpp"

namespace roomgate::bench::roomload::report {
namespace {

// What people notice; thresholds given on the command line are judged apart from this.
constexpr double kLossNoticed = 0.01;
constexpr Duration kSlowJoin = seconds(5);
constexpr Duration kSlowPacket = milliseconds(150);  // ITU-T G.114: conversation suffers beyond
// A generator this late measures itself.
constexpr Duration kLateGenerator = milliseconds(10);

void about_joining(const Summary& s, std::vector<Finding>& out) {
  if (s.joined == s.asked && s.asked > 0) {
    const Duration p99 = s.join.quantile(0.99);
    out.push_back({p99 > kSlowJoin ? Grade::note : Grade::good,
                   "All " + people(s.asked) + " joined, half of them within " + time(s.join.quantile(0.5)) +
                       ", 99 of 100 within " + time(p99) + "."});
  } else {
    std::string text = count(s.joined) + " of " + people(s.asked) + " joined.";
    for (std::size_t i = 0; i < std::min<std::size_t>(s.failures.size(), 3); ++i) {
      text += (i == 0 ? " Why not: " : "; ") + s.failures[i].first + " (" + count(s.failures[i].second) + ")";
    }
    if (!s.failures.empty()) text += ".";
    out.push_back({Grade::bad, text});
  }
}

void about_kind(const char* name, const media::StreamTotals& t, std::vector<Finding>& out) {
  if (t.expected == 0) return;
  const double share = static_cast<double>(t.lost()) / static_cast<double>(t.expected);
  std::string text = std::string(name) + ": ";
  if (t.lost() == 0) {
    text += "no packet of " + count(t.expected) + " was lost";
  } else {
    text += percent(share) + " of " + count(t.expected) + " packets were lost (" + count(t.lost()) + ")";
  }
  if (t.repaired > 0) text += ", after " + count(t.repaired) + " had been sent again";
  out.push_back({share > kLossNoticed ? Grade::bad : t.lost() > 0 ? Grade::note : Grade::good, text + "."});
}

void about_faults(const media::Totals& t, std::vector<Finding>& out) {
  const std::uint64_t faults = t.video.continuity_faults() + t.audio.continuity_faults();
  if (faults == 0) {
    if (t.video.frames + t.audio.packets > 0) {
      out.push_back({Grade::good, "Sequence numbers, timestamps and picture ids went on without a fault."});
    }
    return;
  }
  std::string text =
      plural(faults, "fault", "faults") + " in rewritten streams that a decoder would choke on:";
  const auto add = [&](std::uint64_t number, const char* what) {
    if (number > 0) text += std::string(text.ends_with(':') ? " " : ", ") + count(number) + " " + what;
  };
  add(t.video.sequence_faults + t.audio.sequence_faults, "in sequence numbers");
  add(t.video.timestamp_faults + t.audio.timestamp_faults, "in timestamps");
  add(t.video.picture_id_faults, "in picture ids");
  add(t.video.tl0_faults, "in TL0PICIDX");
  add(t.video.structure_faults, "in the structure of frames");
  out.push_back({Grade::bad, text + "."});
}

void about_picture(const media::StreamTotals& video, std::vector<Finding>& out) {
  if (video.frames == 0) return;
  if (video.freezes == 0) {
    out.push_back({Grade::good, "No picture froze in " + count(video.frames) + " frames."});
  } else {
    out.push_back({Grade::bad, "Pictures froze " + plural(video.freezes, "time", "times") + ", " +
                                   time(video.frozen) + " in all, " +
                                   time(video.frozen / static_cast<std::int64_t>(video.freezes)) +
                                   " on average."});
  }
}

void about_latency(const media::Totals& t, std::vector<Finding>& out) {
  media::Histogram latency = t.audio.latency;
  latency.add(t.video.latency);
  if (latency.count() == 0) return;
  const Duration p99 = latency.quantile(0.99);
  out.push_back({p99 > kSlowPacket ? Grade::note : Grade::good,
                 "Half of the packets arrived within " + time(latency.quantile(0.5)) + ", 99 of 100 within " +
                     time(p99) + ", the last after " + time(latency.max()) + "."});
}

void about_the_tool(const Summary& s, std::vector<Finding>& out) {
  const Duration late = s.totals.sent.late.quantile(0.99);
  if (s.totals.sent.late.count() > 0 && late > kLateGenerator) {
    out.push_back(
        {Grade::note, "roomload was behind its own schedule by " + time(late) +
                          " with one packet in a hundred: this machine is too busy for it, and latencies are "
                          "too high by about that."});
  }
}

}  // namespace

Finding verdict(const Summary& s) {
  const auto missed = static_cast<std::uint64_t>(
      std::count_if(s.thresholds.begin(), s.thresholds.end(), [](const Threshold& t) { return !t.met; }));
  if (missed == 1) {
    const auto t =
        std::find_if(s.thresholds.begin(), s.thresholds.end(), [](const Threshold& x) { return !x.met; });
    return {Grade::bad, "Failed: " + t->name + " is " + t->actual + ", allowed are " + t->allowed};
  }
  if (missed > 1) {
    return {Grade::bad,
            "Failed: " + count(missed) + " of " + plural(s.thresholds.size(), "limit", "limits") + " missed"};
  }
  if (s.joined == 0) return {Grade::bad, "Nobody could join"};
  if (s.nothing_arrived()) return {Grade::bad, "Failed: nothing that was sent arrived"};
  const auto reasons = findings(s);
  const bool bad =
      std::any_of(reasons.begin(), reasons.end(), [](const Finding& f) { return f.grade == Grade::bad; });
  const bool noted =
      std::any_of(reasons.begin(), reasons.end(), [](const Finding& f) { return f.grade == Grade::note; });
  const std::string within = s.thresholds.empty() ? "" : "Passed" + std::string(bad ? ", but" : ":") + " ";
  if (bad) return {Grade::note, within + (within.empty() ? "P" : "p") + "eople would have noticed"};
  if (noted) return {Grade::good, within + (within.empty() ? "G" : "g") + "ood, with something to look at"};
  return {Grade::good, within + (within.empty() ? "E" : "e") + "verything went well"};
}

std::vector<Finding> findings(const Summary& s) {
  std::vector<Finding> out;
  for (const Threshold& t : s.thresholds) {
    if (!t.met) out.push_back({Grade::bad, t.name + ": " + t.actual + ", allowed are " + t.allowed + "."});
  }
  about_joining(s, out);
  if (s.nothing_arrived()) {
    out.push_back(
        {Grade::bad, count(s.totals.sent.packets) + " packets were sent, and nobody received any."});
  }
  about_kind("Sound", s.totals.audio, out);
  about_kind("Video", s.totals.video, out);
  about_picture(s.totals.video, out);
  about_faults(s.totals, out);
  about_latency(s.totals, out);
  about_the_tool(s, out);
  std::stable_sort(out.begin(), out.end(),
                   [](const Finding& a, const Finding& b) { return a.grade > b.grade; });
  return out;
}

}  // namespace roomgate::bench::roomload::report

#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "bench/roomload/report/findings.hpp"
#include "bench/roomload/report/report.hpp"
#include "bench/roomload/report/words.hpp"

namespace roomgate::bench::roomload::report {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
      out += escape.data();
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string number(double value) {
  if (!std::isfinite(value)) return "null";
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.6g", value);
  return text.data();
}

// Members of one object, with commas where they belong.
class Object {
 public:
  Object& raw(std::string_view name, const std::string& value) {
    text_ += (text_.empty() ? "" : ", ") + quoted(name) + ": " + value;
    return *this;
  }
  Object& add(std::string_view name, std::string_view value) { return raw(name, quoted(value)); }
  Object& add(std::string_view name, double value) { return raw(name, number(value)); }
  Object& add(std::string_view name, std::uint64_t value) { return raw(name, std::to_string(value)); }
  Object& flag(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }
  Object& ms(std::string_view name, Duration value) { return add(name, milliseconds_of(value)); }
  std::string text() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

std::string array(const std::vector<std::string>& items) {
  std::string out = "[";
  for (std::size_t i = 0; i < items.size(); ++i) out += (i == 0 ? "\n  " : ",\n  ") + items[i];
  return out + "]";
}

std::string histogram(const media::Histogram& h) {
  return Object()
      .add("count", h.count())
      .ms("mean_ms", h.mean())
      .ms("p50_ms", h.quantile(0.5))
      .ms("p90_ms", h.quantile(0.9))
      .ms("p99_ms", h.quantile(0.99))
      .ms("p999_ms", h.quantile(0.999))
      .ms("max_ms", h.max())
      .text();
}

std::string stream(const media::StreamTotals& t) {
  return Object()
      .add("packets", t.packets)
      .add("bytes", t.bytes)
      .add("expected", t.expected)
      .add("lost", t.lost())
      .add("repaired", t.repaired)
      .add("duplicates", t.duplicates)
      .add("reordered", t.reordered)
      .add("rtx_packets", t.rtx_packets)
      .add("rtx_needless", t.rtx_needless)
      .add("padding", t.padding)
      .add("nacked", t.nacked)
      .add("picture_losses", t.picture_losses)
      .add("sequence_faults", t.sequence_faults)
      .add("timestamp_faults", t.timestamp_faults)
      .add("picture_id_faults", t.picture_id_faults)
      .add("tl0_faults", t.tl0_faults)
      .add("structure_faults", t.structure_faults)
      .add("frames", t.frames)
      .add("keyframes", t.keyframes)
      .add("frames_lost", t.frames_lost)
      .add("freezes", t.freezes)
      .ms("frozen_ms", t.frozen)
      .raw("latency", histogram(t.latency))
      .raw("repair", histogram(t.repair))
      .raw("frame_gap", histogram(t.frame_gap))
      .text();
}

// Of a moment: what windows are made of, and nothing that can be had at the end.
std::string counts(const media::StreamTotals& t, const media::Histogram& latency) {
  std::string bins;
  for (std::size_t i = 0; i < media::Histogram::kBins; ++i) {
    if (latency.bins()[i] == 0) continue;
    bins += (bins.empty() ? "[" : ", [") + std::to_string(media::Histogram::upper_end_us(i)) + ", " +
            std::to_string(latency.bins()[i]) + "]";
  }
  return Object()
      .add("packets", t.packets)
      .add("bytes", t.bytes)
      .add("expected", t.expected)
      .add("repaired", t.repaired)
      .add("padding", t.padding)
      .add("faults", t.continuity_faults())
      .raw("latency_us", "[" + bins + "]")
      .text();
}

}  // namespace

std::string moment(const Moment& m) {
  return Object()
             .ms("at_ms", m.at)
             .add("joined", std::uint64_t{m.joined})
             .add("connected", std::uint64_t{m.connected})
             .add("failed", std::uint64_t{m.failed})
             .add("sent", m.totals.sent.packets)
             .add("unread", m.unread)
             .add("dropped", m.dropped)
             .raw("audio", counts(m.totals.audio, m.audio_latency))
             .raw("video", counts(m.totals.video, m.video_latency))
             .text() +
         "\n";
}

std::string json(const Summary& s) {
  Object settings;
  for (const auto& [name, value] : s.settings) settings.add(name, value);
  Object failures;
  for (const auto& [why, number_of] : s.failures) failures.add(why, std::uint64_t{number_of});
  std::vector<std::string> thresholds;
  for (const Threshold& t : s.thresholds) {
    thresholds.push_back(Object()
                             .add("name", t.name)
                             .add("allowed", t.allowed)
                             .add("actual", t.actual)
                             .flag("met", t.met)
                             .text());
  }
  std::vector<std::string> points;
  for (const Point& p : s.points) {
    Object point;
    point.ms("at_ms", p.at)
        .add("participants", std::uint64_t{p.participants})
        .add("bits_in", p.bits_in)
        .add("bits_out", p.bits_out)
        .add("loss", p.loss)
        .add("freezes", p.freezes)
        .ms("latency_p50_ms", p.latency_p50)
        .ms("latency_p99_ms", p.latency_p99);
    if (p.join_p50) point.ms("join_p50_ms", *p.join_p50);
    if (p.join_max) point.ms("join_max_ms", *p.join_max);
    points.push_back(point.text());
  }
  const auto& sent = s.totals.sent;
  const std::string sent_text = Object()
                                    .add("packets", sent.packets)
                                    .add("bytes", sent.bytes)
                                    .add("repaired", sent.repaired)
                                    .add("keyframe_requests", sent.keyframe_requests)
                                    .add("keyframes", sent.keyframes)
                                    .raw("late", histogram(sent.late))
                                    .text();
  return Object()
             .flag("passed", s.passed())
             .add("verdict", verdict(s).text)
             .add("url", s.url)
             .add("started", s.started)
             .raw("settings", settings.text())
             .ms("length_ms", s.length)
             .add("rooms", std::uint64_t{s.rooms})
             .add("asked", std::uint64_t{s.asked})
             .add("joined", std::uint64_t{s.joined})
             .add("failed", std::uint64_t{s.failed})
             .raw("failures", failures.text())
             .raw("thresholds", array(thresholds))
             .raw("join", histogram(s.join))
             .raw("first_media", histogram(s.first_media))
             .raw("audio", stream(s.totals.audio))
             .raw("video", stream(s.totals.video))
             .raw("sent", sent_text)
             .add("unknown_ssrc", s.totals.unknown_ssrc)
             .add("malformed", s.totals.malformed)
             .add("feedback_packets", s.totals.feedback_packets)
             .add("cpu_seconds", s.cpu_seconds)
             .raw("points", array(points))
             .text() +
         "\n";
}

}  // namespace roomgate::bench::roomload::report

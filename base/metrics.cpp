#include "base/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace roomgate::metrics {
namespace {

std::string number(double v) {
  if (std::floor(v) == v && std::fabs(v) < 1e15) return std::to_string(static_cast<std::int64_t>(v));
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.9g", v);
  return text.data();
}

void append_escaped(std::string& out, std::string_view text, bool label) {
  for (char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && label) {
      out += "\\\"";
    } else {
      out.push_back(c);
    }
  }
}

void append_head(std::string& out, const FamilyText& text, std::string_view kind, Format format) {
  std::string_view name = text.name;
  constexpr std::string_view kTotal = "_total";
  if (format == Format::openmetrics && kind == "counter" && name.ends_with(kTotal))
    name.remove_suffix(kTotal.size());
  out.append("# HELP ").append(name).append(" ");
  append_escaped(out, text.help, format == Format::openmetrics);
  out.append("\n# TYPE ").append(name).append(" ").append(kind).append("\n");
}

// OpenMetrics wants a bound to be the same text everywhere: a decimal point, always.
std::string bound_text(double bound, Format format) {
  std::string text = number(bound);
  if (format == Format::openmetrics && text.find_first_of(".e") == text.npos) text += ".0";
  return text;
}

void append_line(std::string& out, const FamilyText& text, std::string_view suffix,
                 const std::vector<std::string>& values, std::string_view le, double value) {
  out += text.name;
  out += suffix;
  if (!values.empty() || !le.empty()) {
    out.push_back('{');
    bool first = true;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!first) out.push_back(',');
      first = false;
      out += text.labels[i] + "=\"";
      append_escaped(out, values[i], true);
      out.push_back('"');
    }
    if (!le.empty()) {
      if (!first) out.push_back(',');
      out += "le=\"";
      out += le;
      out.push_back('"');
    }
    out.push_back('}');
  }
  out += " " + number(value) + "\n";
}

}  // namespace

Format asked_for(std::string_view accept) {
  return accept.find("application/openmetrics-text") == accept.npos ? Format::prometheus
                                                                    : Format::openmetrics;
}

std::string_view content_type(Format format) {
  return format == Format::openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                       : "text/plain; version=0.0.4; charset=utf-8";
}

std::size_t stripe() {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed) % kStripes;
  return mine;
}

std::uint64_t Counter::value() const {
  std::uint64_t sum = 0;
  for (const Cell& cell : cells_) sum += cell.value.load(std::memory_order_relaxed);
  return sum;
}

void Histogram::observe(double seconds) {
  const auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), seconds);
  Cell& cell = cells_[stripe()];
  cell.buckets[static_cast<std::size_t>(bound - kBounds.begin())].fetch_add(1, std::memory_order_relaxed);
  const double nanoseconds = std::clamp(seconds, 0.0, 1e9) * 1e9;
  cell.sum.fetch_add(static_cast<std::uint64_t>(nanoseconds), std::memory_order_relaxed);
}

Histogram::Reading Histogram::read() const {
  Reading reading;
  std::uint64_t nanoseconds = 0;
  for (const Cell& cell : cells_) {
    for (std::size_t i = 0; i < reading.buckets.size(); ++i) {
      reading.buckets[i] += cell.buckets[i].load(std::memory_order_relaxed);
    }
    nanoseconds += cell.sum.load(std::memory_order_relaxed);
  }
  reading.sum = static_cast<double>(nanoseconds) / 1e9;
  return reading;
}

template <class Metric>
Metric& Family<Metric>::with(std::initializer_list<std::string_view> values) {
  std::vector<std::string> key(values.begin(), values.end());
  key.resize(text_.labels.size());
  const std::lock_guard lock(mutex_);
  auto found = series_.find(key);
  if (found == series_.end()) {
    if (series_.size() >= kMaxSeries) key.assign(text_.labels.size(), "other");
    found = series_.try_emplace(std::move(key), nullptr).first;
    if (!found->second) found->second = std::make_unique<Metric>();
  }
  return *found->second;
}

template <class Metric>
void Family<Metric>::clear() {
  const std::lock_guard lock(mutex_);
  series_.clear();
}

template <class Metric>
std::vector<std::pair<std::vector<std::string>, const Metric*>> Family<Metric>::series() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::vector<std::string>, const Metric*>> out;
  out.reserve(series_.size());
  for (const auto& [labels, metric] : series_) out.emplace_back(labels, metric.get());
  return out;
}

template class Family<Counter>;
template class Family<Gauge>;
template class Family<Histogram>;

Family<Counter>& Registry::counter(std::string name, std::string help, std::vector<std::string> labels) {
  return counters_.emplace_back(FamilyText{std::move(name), std::move(help), std::move(labels)});
}
Family<Gauge>& Registry::gauge(std::string name, std::string help, std::vector<std::string> labels) {
  return gauges_.emplace_back(FamilyText{std::move(name), std::move(help), std::move(labels)});
}
Family<Histogram>& Registry::histogram(std::string name, std::string help, std::vector<std::string> labels) {
  return histograms_.emplace_back(FamilyText{std::move(name), std::move(help), std::move(labels)});
}

std::string Registry::text(Format format, std::string_view more) const {
  std::string out;
  for (const auto& family : counters_) {
    append_head(out, family.text(), "counter", format);
    for (const auto& [labels, metric] : family.series()) {
      append_line(out, family.text(), "", labels, "", static_cast<double>(metric->value()));
    }
  }
  for (const auto& family : gauges_) {
    append_head(out, family.text(), "gauge", format);
    for (const auto& [labels, metric] : family.series())
      append_line(out, family.text(), "", labels, "", metric->value());
  }
  for (const auto& family : histograms_) {
    append_head(out, family.text(), "histogram", format);
    for (const auto& [labels, metric] : family.series()) {
      const Histogram::Reading reading = metric->read();
      std::uint64_t total = 0;
      for (std::size_t i = 0; i < reading.buckets.size(); ++i) {
        total += reading.buckets[i];
        const std::string le =
            i < Histogram::kBounds.size() ? bound_text(Histogram::kBounds[i], format) : "+Inf";
        append_line(out, family.text(), "_bucket", labels, le, static_cast<double>(total));
      }
      append_line(out, family.text(), "_sum", labels, "", reading.sum);
      append_line(out, family.text(), "_count", labels, "", static_cast<double>(total));
    }
  }
  out += more;
  if (format == Format::openmetrics) out += "# EOF\n";
  return out;
}

}  // namespace roomgate::metrics

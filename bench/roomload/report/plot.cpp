#include "bench/roomload/report/plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "bench/roomload/report/words.hpp"

namespace roomgate::bench::roomload::report {
namespace {

constexpr double kWidth = 720;
constexpr double kHeight = 200;
constexpr double kLeft = 74;
constexpr double kRight = 14;
constexpr double kTop = 10;
constexpr double kBottom = 28;
constexpr std::size_t kMaxTooltips = 120;

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", value);
  return text.data();
}

struct Scale {
  double time_end = 1;
  double top = 1;
  double x(double at) const { return kLeft + (kWidth - kLeft - kRight) * at / time_end; }
  double y(double value) const {
    return kHeight - kBottom - (kHeight - kTop - kBottom) * std::min(value, top) / top;
  }
};

std::string grid(const Plot& plot, const Scale& scale, const std::vector<double>& values) {
  std::string out = "<g class=\"grid\">";
  for (const double value : values) {
    const std::string y = number(scale.y(value));
    out += "<line x1=\"" + number(kLeft) + "\" x2=\"" + number(kWidth - kRight) + "\" y1=\"" + y +
           "\" y2=\"" + y + "\"/><text x=\"" + number(kLeft - 8) + "\" y=\"" + number(scale.y(value) + 4) +
           "\" text-anchor=\"end\">" + escaped(plot.words(value)) + "</text>";
  }
  for (const double at : time_ticks(scale.time_end, 8)) {
    if (at > scale.time_end) break;
    out += "<text x=\"" + number(scale.x(at)) + "\" y=\"" + number(kHeight - 8) +
           "\" text-anchor=\"middle\">" +
           clock_time(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(at))) + "</text>";
  }
  return out + "</g>";
}

// Each stretch without gaps is a path of its own.
std::string lines(const Plot& plot, const Series& series, const Scale& scale) {
  std::string out;
  const auto& values = series.values;
  for (std::size_t i = 0; i < values.size();) {
    if (!values[i]) {
      ++i;
      continue;
    }
    std::size_t end = i;
    std::string path;
    for (; end < values.size() && values[end]; ++end) {
      path += (end == i ? "M" : "L") + number(scale.x(plot.at[end])) + " " + number(scale.y(*values[end]));
    }
    if (plot.shape == Shape::area) {
      const std::string bottom = number(scale.y(0));
      out += "<path class=\"area " + series.colour + "\" d=\"" + path + "L" +
             number(scale.x(plot.at[end - 1])) + " " + bottom + "L" + number(scale.x(plot.at[i])) + " " +
             bottom + "Z\"/>";
    }
    out += "<path class=\"line " + series.colour + "\" d=\"" + path + "\"/>";
    i = end;
  }
  return out;
}

std::string bars(const Plot& plot, const Series& series, const Scale& scale) {
  std::string out;
  double before = 0;
  for (std::size_t i = 0; i < series.values.size(); ++i) {
    const double from = scale.x(before);
    // Where bars are narrow a space between them would only shimmer.
    const double room = scale.x(plot.at[i]) - from;
    const double width = room > 8 ? room - 1 : room;
    before = plot.at[i];
    if (!series.values[i] || *series.values[i] <= 0) continue;
    // What is more than nothing is seen.
    const double height = std::max(2.0, scale.y(0) - scale.y(*series.values[i]));
    out += "<rect class=\"bar " + series.colour + "\" x=\"" + number(from) + "\" width=\"" + number(width) +
           "\" y=\"" + number(scale.y(0) - height) + "\" height=\"" + number(height) + "\"/>";
  }
  return out;
}

std::string dots(const Plot& plot, const Series& series, const Scale& scale) {
  std::string out;
  for (std::size_t i = 0; i < series.values.size(); ++i) {
    if (!series.values[i]) continue;
    out += "<circle class=\"dot " + series.colour + "\" r=\"3.2\" cx=\"" + number(scale.x(plot.at[i])) +
           "\" cy=\"" + number(scale.y(*series.values[i])) + "\"/>";
  }
  return out;
}

// A column of the plot each, with its values as the browser's tooltip.
std::string tooltips(const Plot& plot, const Scale& scale) {
  std::string out;
  const std::size_t step = (plot.at.size() + kMaxTooltips - 1) / kMaxTooltips;
  double before = 0;
  for (std::size_t i = step - 1; i < plot.at.size(); i += step) {
    std::string words =
        clock_time(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(plot.at[i])));
    bool any = false;
    for (const Series& series : plot.series) {
      // The largest of the column: what was bad must not be hidden.
      std::optional<double> most;
      for (std::size_t k = i + 1 - step; k <= i; ++k) {
        if (series.values[k] && (!most || *series.values[k] > *most)) most = series.values[k];
      }
      if (!most) continue;
      any = true;
      words += "\n" + series.name + ": " + plot.words(*most);
    }
    const double from = scale.x(before);
    before = plot.at[i];
    if (!any) continue;
    out += "<rect class=\"hit\" x=\"" + number(from) + "\" width=\"" + number(scale.x(plot.at[i]) - from) +
           "\" y=\"" + number(kTop) + "\" height=\"" + number(kHeight - kTop - kBottom) + "\"><title>" +
           escaped(words) + "</title></rect>";
  }
  return out;
}

std::string description(const Plot& plot) {
  std::string out = plot.title + ".";
  for (const Series& series : plot.series) {
    std::optional<double> most;
    std::size_t at = 0;
    for (std::size_t i = 0; i < series.values.size(); ++i) {
      if (series.values[i] && (!most || *series.values[i] > *most)) {
        most = series.values[i];
        at = i;
      }
    }
    if (!most) continue;
    out += " " + series.name + ": at most " + plot.words(*most) + ", at " +
           clock_time(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(plot.at[at]))) + ".";
  }
  return out;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::vector<double> ticks(double most, int about, bool whole) {
  if (!(most > 0)) return {0, 1};
  const double rough = most / about;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double lead = rough / power;
  double step = power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
  if (whole) step = std::max(step, 1.0);
  std::vector<double> out;
  for (int i = 0; out.empty() || out.back() < most * (1 - 1e-9); ++i) out.push_back(step * i);
  return out;
}

std::vector<double> time_ticks(double most, int about) {
  double step = 86400;
  for (const double candidate :
       {1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0}) {
    if (most / candidate <= about) {
      step = candidate;
      break;
    }
  }
  std::vector<double> out;
  for (double at = 0; at <= most; at += step) out.push_back(at);
  return out;
}

std::string figure(const Plot& plot) {
  double most = 0;
  for (const Series& series : plot.series) {
    for (const auto& value : series.values) most = std::max(most, value.value_or(0));
  }
  std::string out = "<figure><figcaption><b>" + escaped(plot.title) + "</b>";
  if (plot.series.size() > 1 && most > 0) {
    for (const Series& series : plot.series) {
      out += "<span class=\"key\"><i class=\"" + series.colour + "\"></i>" + escaped(series.name) + "</span>";
    }
  }
  out += "</figcaption>";
  if (most <= 0 || plot.at.empty())
    return out + "<p class=\"nothing\">" + escaped(plot.nothing) + "</p></figure>\n";

  const std::vector<double> values = ticks(most, 4, plot.whole);
  const Scale scale{.time_end = plot.at.back(), .top = values.back()};
  out += "<svg viewBox=\"0 0 " + number(kWidth) + " " + number(kHeight) + "\" role=\"img\" aria-label=\"" +
         escaped(description(plot)) + "\">";
  out += grid(plot, scale, values);
  for (const Series& series : plot.series) {
    switch (plot.shape) {
      case Shape::bars: out += bars(plot, series, scale); break;
      case Shape::dots: out += dots(plot, series, scale); break;
      case Shape::line:
      case Shape::area: out += lines(plot, series, scale); break;
    }
  }
  out += tooltips(plot, scale);
  return out + "</svg></figure>\n";
}

}  // namespace roomgate::bench::roomload::report

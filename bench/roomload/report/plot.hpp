// One plot over time as an SVG figure that stands on its own: axes, lines or bars, a tooltip for each stretch
// of time, and words for those who do not see it. Colours come from the page's style sheet. Pure; any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roomgate::bench::roomload::report {

struct Series {
  std::string name;
  std::string colour;                         // a class of the style sheet: c1, c2, c3
  std::vector<std::optional<double>> values;  // one for each time; empty: a gap
};

enum class Shape { line, area, bars, dots };

struct Plot {
  std::string title;
  std::string nothing;  // said when every value is 0 or absent
  Shape shape = Shape::line;
  bool whole = false;                        // values are counts
  std::function<std::string(double)> words;  // a value with its unit
  std::vector<double> at;                    // seconds, rising
  std::vector<Series> series;
};

std::string figure(const Plot& plot);

// Text as HTML has it.
std::string escaped(std::string_view text);
// Round numbers from 0 that reach at least `most`, about `about` steps of them.
std::vector<double> ticks(double most, int about, bool whole = false);
// The same for seconds: steps people count time in.
std::vector<double> time_ticks(double most, int about);

}  // namespace roomgate::bench::roomload::report

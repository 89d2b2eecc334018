#include "router/cli/table.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "router/cli/text.hpp"

namespace roomgate::router::cli {
namespace {

std::string_view begin_of(Tone tone) {
  switch (tone) {
    case Tone::good: return "\x1b[32m";
    case Tone::warn: return "\x1b[33m";
    case Tone::bad: return "\x1b[31m";
    case Tone::plain: break;
  }
  return "";
}

}  // namespace

TableStyle style_for(std::FILE* stream) {
  if (::isatty(::fileno(stream)) == 0) return {};
  const char* no_colour = std::getenv("NO_COLOR");
  return {.colours = no_colour == nullptr || *no_colour == '\0', .widest = 48};
}

void Table::add(std::vector<Cell> row) {
  row.resize(columns_.size());
  for (Cell& cell : row) cell.text = printable(cell.text);
  rows_.push_back(std::move(row));
}

std::string Table::text(const TableStyle& style) const {
  const auto shown = [&style](const std::string& whole) {
    return style.widest == 0 ? whole : cut(whole, style.widest);
  };
  std::vector<std::size_t> widths;
  std::size_t last = 0;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t widest = 0;
    // The last column is not followed by anything: it may be as long as it is.
    for (const auto& row : rows_) widest = std::max(widest, width(shown(row[i].text)));
    widths.push_back(widest == 0 ? 0 : std::max(widest, width(columns_[i].name)));
    if (widest > 0) last = i;
  }
  std::string out;
  const auto append = [&](std::size_t i, const std::string& whole, Tone tone) {
    if (widths[i] == 0) return;
    const std::string text = i == last ? whole : shown(whole);
    const std::size_t used = width(text);
    const std::string space(widths[i] > used ? widths[i] - used : 0, ' ');
    if (columns_[i].number) out += space;
    const std::string_view begin = style.colours ? begin_of(tone) : "";
    out.append(begin).append(text).append(begin.empty() ? "" : "\x1b[0m");
    if (i == last) return;
    if (!columns_[i].number) out += space;
    out += "  ";
  };
  const auto end_line = [&out] {
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  };
  for (std::size_t i = 0; i < columns_.size(); ++i) append(i, columns_[i].name, Tone::plain);
  end_line();
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < columns_.size(); ++i) append(i, row[i].text, row[i].tone);
    end_line();
  }
  return out;
}

}  // namespace roomgate::router::cli

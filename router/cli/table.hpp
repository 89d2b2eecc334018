// Rows in aligned columns. Columns that say nothing (every cell empty) are left out, so that a table is as
// wide as what there is to say. On a terminal cells may have a colour, and long ones are cut. Main's thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace roomgate::router::cli {

enum class Tone : std::uint8_t { plain, good, warn, bad };

struct Cell {
  std::string text;  // from anywhere: made printable here
  Tone tone = Tone::plain;
};

struct Column {
  std::string name;
  bool number = false;  // to the right
};

struct TableStyle {
  bool colours = false;
  std::size_t widest = 0;  // of a cell, in columns; 0: as wide as it is
};
// What suits that stream: colours and cut cells on a terminal (NO_COLOR counts), plain and whole in a pipe.
TableStyle style_for(std::FILE* stream);

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // A cell for each column.
  void add(std::vector<Cell> row);
  std::string text(const TableStyle& style) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace roomgate::router::cli

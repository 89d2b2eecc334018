// Pieces of HTML for the page at /stats: text made harmless, rows of tables, bars, pills. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace roomgate::router::admin {

// As text or inside quotes.
std::string escaped(std::string_view raw);

// How something is, as a class and in words elsewhere: colour alone tells nothing.
enum class Mood : std::uint8_t { plain, quiet, good, warn, bad };
std::string_view class_of(Mood mood);

// <span class="pill warn">drain</span>
std::string pill(std::string_view text, Mood mood);
// A drawing, not styled by its size: the page's policy allows no style attributes. `share` 0 .. 1.
std::string bar(double share, Mood mood);

// A box with a title; and what stands in it where there is nothing to show.
void begin_card(std::string_view title, std::string& page);
void end_card(std::string& page);
void none(std::string_view text, std::string& page);
// Around a table that may be wider than the screen, ended by </div>: the keyboard reaches it, so that it can
// be scrolled without a mouse (WCAG 2.1.1). `label` names it, once a page.
void begin_scrolled(std::string_view label, std::string& page);

// One row of a table, written when it ends. A cell with a label has its column's name with it: where a row
// becomes a card, on a phone, there is no head above it.
class Row {
 public:
  explicit Row(std::string& page) : page_(page) { page_ += "<tr>"; }
  ~Row() { page_ += "</tr>\n"; }
  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;

  Row& text(std::string_view value, Mood mood = Mood::plain);
  Row& number(std::uint64_t value, std::string_view label = "");
  // `html` is ours, or escaped by the caller.
  Row& html(std::string_view html, std::string_view css_class = "", std::string_view label = "");

 private:
  std::string& page_;
};

}  // namespace roomgate::router::admin

#include "router/admin/stats_html.hpp"

#include <algorithm>

namespace roomgate::router::admin {

std::string escaped(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  for (const char c : raw) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out.push_back(c);
    }
  }
  return out;
}

std::string_view class_of(Mood mood) {
  switch (mood) {
    case Mood::quiet: return "quiet";
    case Mood::good: return "good";
    case Mood::warn: return "warn";
    case Mood::bad: return "bad";
    case Mood::plain: break;
  }
  return "";
}

std::string pill(std::string_view text, Mood mood) {
  return "<span class=\"pill " + std::string(class_of(mood)) + "\">" + escaped(text) + "</span>";
}

std::string bar(double share, Mood mood) {
  const int filled = static_cast<int>(std::clamp(share, 0.0, 1.0) * 100 + 0.5);
  return "<svg class=\"bar " + std::string(class_of(mood)) +
         "\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"track\" "
         "width=\"100\" height=\"8\"/><rect class=\"fill\" width=\"" +
         std::to_string(filled) + "\" height=\"8\"/></svg>";
}

void begin_card(std::string_view title, std::string& page) {
  page.append("<section class=\"card\"><h3>").append(title).append("</h3>");
}

void end_card(std::string& page) { page += "</section>\n"; }

void none(std::string_view text, std::string& page) {
  page.append("<p class=\"none quiet\">").append(text).append("</p>");
}

void begin_scrolled(std::string_view label, std::string& page) {
  page += "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"" + escaped(label) + "\">";
}

Row& Row::text(std::string_view value, Mood mood) { return html(escaped(value), class_of(mood)); }

Row& Row::number(std::uint64_t value, std::string_view label) {
  return html(std::to_string(value), "n", label);
}

Row& Row::html(std::string_view html, std::string_view css_class, std::string_view label) {
  page_ += "<td";
  if (!css_class.empty()) page_.append(" class=\"").append(css_class).append("\"");
  if (!label.empty()) page_.append(" data-label=\"").append(label).append("\"");
  page_.append(">").append(html);
  return *this;
}

}  // namespace roomgate::router::admin

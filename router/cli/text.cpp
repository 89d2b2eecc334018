#include "router/cli/text.hpp"

#include <utf8proc.h>

#include <ctime>

namespace roomgate::router::cli {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct Character {
  utf8proc_int32_t code = -1;  // below 0: no UTF-8
  std::string_view bytes;
};

Character next(std::string_view text) {
  Character character;
  const auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(text.size()), &character.code);
  character.bytes = text.substr(0, size > 0 ? static_cast<std::size_t>(size) : 1);
  return character;
}

bool shows_as_itself(utf8proc_int32_t code) {
  if (code < 0) return false;
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return false;
    default: return true;
  }
}

std::size_t width_of(utf8proc_int32_t code) {
  const int columns = code < 0 ? 1 : utf8proc_charwidth(code);
  return columns < 0 ? 0 : static_cast<std::size_t>(columns);
}

}  // namespace

std::optional<std::chrono::system_clock::time_point> parse_rfc3339(std::string_view text) {
  std::tm date{};
  const std::string whole(text);
  const char* rest = ::strptime(whole.c_str(), "%Y-%m-%dT%H:%M:%S", &date);
  if (rest == nullptr || !whole.ends_with('Z')) return std::nullopt;
  return std::chrono::system_clock::from_time_t(::timegm(&date));
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Character character = next(text);
    out += shows_as_itself(character.code) ? character.bytes : kReplacement;
    text.remove_prefix(character.bytes.size());
  }
  return out;
}

std::size_t width(std::string_view printable_text) {
  std::size_t columns = 0;
  while (!printable_text.empty()) {
    const Character character = next(printable_text);
    columns += width_of(character.code);
    printable_text.remove_prefix(character.bytes.size());
  }
  return columns;
}

std::string cut(std::string_view printable_text, std::size_t columns) {
  if (width(printable_text) <= columns) return std::string(printable_text);
  std::string out;
  std::size_t used = 1;  // of the ellipsis
  while (!printable_text.empty()) {
    const Character character = next(printable_text);
    used += width_of(character.code);
    if (used > columns) break;
    out += character.bytes;
    printable_text.remove_prefix(character.bytes.size());
  }
  return out + "\u2026";
}

}  // namespace roomgate::router::cli

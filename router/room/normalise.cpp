#include "router/room/normalise.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "base/encoding.hpp"
#include "router/http/syntax.hpp"

namespace roomgate::router::room {
namespace {

constexpr int kMaxRounds = 8;

// Most names are ASCII, with escapes of ASCII at most: one pass writes their normal form. False: this one
// needs more, and `out` has a piece of it.
bool append_ascii(std::string_view text, Where where, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? http::hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? http::hex_digit(text[i + 2]) : -1;
      // An escaped percent sign begins a further escape, perhaps; an invalid one stays.
      if (high < 0 || low < 0 || high * 16 + low == '%') return false;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && where == Where::query) {
      c = ' ';
    }
    if (static_cast<unsigned char>(c) >= 0x80) return false;
    out.push_back(http::lower(c));
  }
  return true;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Bytes that are not UTF-8 become "%ff": text, which decodes to the same byte, so that the result is a fixed
// point.
std::string with_escaped_junk(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    utf8proc_int32_t codepoint = 0;
    const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                         static_cast<utf8proc_ssize_t>(text.size()), &codepoint);
    if (length > 0) {
      out.append(text.substr(0, static_cast<std::size_t>(length)));
      text.remove_prefix(static_cast<std::size_t>(length));
      continue;
    }
    const auto byte = static_cast<unsigned char>(text.front());
    out.push_back('%');
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
    text.remove_prefix(1);
  }
  return out;
}

struct Free {
  void operator()(utf8proc_uint8_t* memory) const { std::free(memory); }
};

std::string folded(std::string text) {
  if (is_ascii(text)) return ascii_lower(text);
  utf8proc_uint8_t* mapped = nullptr;
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD |
                                                      UTF8PROC_STABLE);
  const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                   static_cast<utf8proc_ssize_t>(text.size()), &mapped, options);
  const std::unique_ptr<utf8proc_uint8_t, Free> owned(mapped);
  // Only for memory that is not there: the text is valid UTF-8 by now.
  if (length < 0) return ascii_lower(text);
  return {reinterpret_cast<const char*>(owned.get()), static_cast<std::size_t>(length)};
}

}  // namespace

void append_normalised(std::string_view text, Where where, std::string& out) {
  const std::size_t begin = out.size();
  if (append_ascii(text, where, out)) return;
  out.resize(begin);
  std::string current(text);
  if (where == Where::query) std::replace(current.begin(), current.end(), '+', ' ');
  // Folding can make new escapes (a full-width percent sign becomes one) and decoding makes new letters to
  // fold, so both go together until nothing changes.
  for (int round = 0; round < kMaxRounds; ++round) {
    std::string next = folded(with_escaped_junk(percent_decode(current)));
    const bool unchanged = next == current;
    current = std::move(next);
    if (unchanged) break;
  }
  out.append(current);
}

std::string normalised(std::string_view text, Where where) {
  std::string out;
  append_normalised(text, where, out);
  return out;
}

}  // namespace roomgate::router::room

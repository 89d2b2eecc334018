// A second reading of a request's head and of a chunked body, as plain as it can be written: whole text,
// split at line ends, no state, no speed. What the parsers take must read the same here, and they may refuse
// more. For tests and fuzz targets.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace roomgate::router::http {

struct PlainHead {
  std::string first_line;
  std::vector<std::pair<std::string, std::string>> fields;
  std::size_t size = 0;
};

namespace plain {

inline constexpr std::string_view kTokenCharacters =
    "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

inline bool is_text(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

inline std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
}

}  // namespace plain

// `empty_lines`: how many may come before it.
inline std::optional<PlainHead> read_plainly(std::string_view text, std::size_t empty_lines) {
  PlainHead head;
  while (empty_lines > 0 && text.starts_with("\r\n")) {
    text.remove_prefix(2);
    head.size += 2;
    --empty_lines;
  }
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  head.size += end + 4;
  std::string_view lines = text.substr(0, end + 2);
  bool first = true;
  while (!lines.empty()) {
    const std::size_t line_end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, line_end);
    lines.remove_prefix(line_end + 2);
    if (!plain::is_text(line)) return std::nullopt;
    if (std::exchange(first, false)) {
      head.first_line = line;
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    if (line.substr(0, colon).find_first_not_of(plain::kTokenCharacters) != std::string_view::npos)
      return std::nullopt;
    head.fields.emplace_back(line.substr(0, colon), plain::trimmed(line.substr(colon + 1)));
  }
  return head;
}

// The payload of a chunked body that stands at the beginning of `text`, and its size with all framing.
inline std::optional<std::pair<std::string, std::size_t>> read_chunks_plainly(std::string_view text) {
  std::string payload;
  std::size_t at = 0;
  while (true) {
    const std::size_t line_end = text.find("\r\n", at);
    if (line_end == std::string_view::npos) return std::nullopt;
    const std::string_view line = text.substr(at, line_end - at);
    const std::size_t digits = std::min(line.find(';'), line.size());
    if (digits == 0 || digits > 15 || !plain::is_text(line)) return std::nullopt;
    if (line.substr(0, digits).find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos)
      return std::nullopt;
    const auto size = std::stoull(std::string(line.substr(0, digits)), nullptr, 16);
    at = line_end + 2;
    if (size == 0) break;
    if (text.size() - at < 2 || size > text.size() - at - 2) return std::nullopt;
    payload.append(text.substr(at, size));
    at += size;
    if (text.substr(at, 2) != "\r\n") return std::nullopt;
    at += 2;
  }
  while (true) {  // trailers
    const std::size_t line_end = text.find("\r\n", at);
    if (line_end == std::string_view::npos) return std::nullopt;
    const std::string_view line = text.substr(at, line_end - at);
    at = line_end + 2;
    if (line.empty()) return std::pair(payload, at);
    const std::size_t colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos || !plain::is_text(line)) return std::nullopt;
    if (line.substr(0, colon).find_first_not_of(plain::kTokenCharacters) != std::string_view::npos)
      return std::nullopt;
  }
}

}  // namespace roomgate::router::http

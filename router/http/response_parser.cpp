#include "router/http/response_parser.hpp"

#include <algorithm>

#include "router/http/scan.hpp"
#include "router/http/syntax.hpp"

namespace roomgate::router::http {
namespace {

constexpr std::size_t kStatusEnd = 12;  // behind "HTTP/1.1 200"

// Is that a status line's byte at that place? `line` holds the ones before it.
bool fits(std::string_view line, std::size_t at) {
  constexpr std::string_view kStart = "HTTP/1.";
  const char c = line[at];
  const bool digit = c >= '0' && c <= '9';
  if (at < kStart.size()) return c == kStart[at];
  if (at == 7) return c == '0' || c == '1';
  if (at == 8) return c == ' ';
  if (at == 9) return c >= '1' && c <= '5';
  return digit;
}

}  // namespace

Result<bool, ParseError> ResponseParser::parse(ByteView buffer) {
  const std::size_t max_head = reader_.limits().max_head_bytes;
  const std::string_view text = as_text(buffer.first(std::min(buffer.size(), max_head)));
  if (text.data() != base_) {
    if (have_status_) reader_.move_to(text.data());
    if (!head_.reason.empty())
      head_.reason = text.substr(static_cast<std::size_t>(head_.reason.data() - base_), head_.reason.size());
    base_ = text.data();
  }
  if (head_.size > 0) return true;
  if (!have_status_) {
    const auto whole = status_line(text);
    if (!whole) return fail(whole.error());
    if (!*whole) {
      if (buffer.size() >= max_head) return fail(ParseError::head_too_large);
      return false;
    }
  }
  for (;;) {
    const auto line = reader_.next(text);
    if (!line) return fail(line.error());
    switch (*line) {
      case HeadReader::Line::incomplete:
        if (buffer.size() >= max_head) return fail(ParseError::head_too_large);
        return false;
      case HeadReader::Line::field:
        if (reader_.last().id != HeaderId::connection) break;
        add_connection_options(reader_.last().value, head_.connection);
        if (head_.connection.elements > reader_.limits().max_connection_options)
          return fail(ParseError::field_value);
        break;
      case HeadReader::Line::end:
        head_.headers = reader_.fields();
        head_.size = reader_.at();
        return true;
    }
  }
}

Result<bool, ParseError> ResponseParser::status_line(std::string_view text) {
  for (; scanned_ < std::min(text.size(), kStatusEnd); ++scanned_) {
    if (!fits(text, scanned_)) return fail(ParseError::status_line);
  }
  const char* const end = text.data() + text.size();
  const char* const line_end = find_value_end(text.data() + scanned_, end);
  scanned_ = static_cast<std::size_t>(line_end - text.data());
  // The space behind the status belongs there (RFC 9112 4), but servers without a reason leave it out.
  if (scanned_ > kStatusEnd && text[kStatusEnd] != ' ') return fail(ParseError::status_line);
  if (line_end == end) return false;
  if (*line_end == '\n') return fail(ParseError::line_end);
  if (*line_end != '\r') return fail(ParseError::status_line);
  if (end - line_end < 2) return false;
  if (line_end[1] != '\n') return fail(ParseError::line_end);
  head_.minor_version = text[7] - '0';
  head_.status = (text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0');
  if (scanned_ > kStatusEnd) head_.reason = text.substr(kStatusEnd + 1, scanned_ - kStatusEnd - 1);
  have_status_ = true;
  reader_.begin_at(text.data(), scanned_ + 2);
  return true;
}

void ResponseParser::reset() {
  reader_.reset();
  head_ = {};
  base_ = nullptr;
  scanned_ = 0;
  have_status_ = false;
}

}  // namespace roomgate::router::http

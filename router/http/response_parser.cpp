#include "router/http/response_parser.hpp"

#include <algorithm>

#include "router/http/syntax.hpp"

namespace roomgate::router::http {
namespace {

constexpr std::size_t kMaxOffset = 65535;
constexpr std::size_t kReasonAt = 13;  // behind "HTTP/1.1 200 "

}  // namespace

Result<bool, ParseError> ResponseParser::parse(ByteView buffer) {
  const std::size_t max_head = std::min(reader_.limits().max_head_bytes, kMaxOffset);
  const std::string_view text = as_text(buffer.first(std::min(buffer.size(), max_head)));
  bool complete = head_.size > 0;
  while (!complete) {
    if (have_status_ && reader_.line_at() < text.size()) {
      const char first = text[reader_.line_at()];
      if (first == ' ' || first == '\t') return fail(ParseError::field_folded);
    }
    const auto line = reader_.next_line(text);
    if (!line) return fail(line.error());
    if (!*line) {
      if (buffer.size() >= max_head) return fail(ParseError::head_too_large);
      return false;
    }
    if (!have_status_) {
      if (auto read = status_line(**line); !read) return fail(read.error());
      have_status_ = true;
    } else if ((*line)->empty()) {
      complete = true;
    } else if (auto added = reader_.add_field(text, **line); !added) {
      return fail(added.error());
    }
  }
  head_.reason = reason_size_ > 0 ? text.substr(kReasonAt, reason_size_) : std::string_view{};
  head_.headers = reader_.views(text);
  head_.size = reader_.line_at();
  head_.connection = connection_options(head_.headers);
  if (head_.connection.elements > reader_.limits().max_connection_options)
    return fail(ParseError::field_value);
  return true;
}

Result<void, ParseError> ResponseParser::status_line(std::string_view line) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (line.size() < 12 || !line.starts_with("HTTP/1.") || (line[7] != '0' && line[7] != '1') ||
      line[8] != ' ') {
    return fail(ParseError::status_line);
  }
  if (!digit(line[9]) || !digit(line[10]) || !digit(line[11])) return fail(ParseError::status_line);
  // The space behind the status belongs there (RFC 9112 4), but servers without a reason leave it out.
  if (line.size() > 12 && line[12] != ' ') return fail(ParseError::status_line);
  head_.minor_version = line[7] - '0';
  head_.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  if (head_.status < 100 || head_.status > 599) return fail(ParseError::status_line);
  reason_size_ = line.size() > kReasonAt ? line.size() - kReasonAt : 0;
  if (reason_size_ > 0 && !is_field_value(line.substr(kReasonAt))) return fail(ParseError::status_line);
  return {};
}

void ResponseParser::reset() {
  reader_.reset();
  head_ = {};
  reason_size_ = 0;
  have_status_ = false;
}

}  // namespace roomgate::router::http

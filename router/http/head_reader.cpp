#include "router/http/head_reader.hpp"

#include <algorithm>
#include <utility>

#include "router/http/scan.hpp"
#include "router/http/syntax.hpp"

namespace roomgate::router::http {
namespace {

// What is wrong with a byte that is neither part of a name nor the colon behind it.
ParseError wrong_in_name(char c) {
  if (c == ' ' || c == '\t') return ParseError::field_folded;
  return c == '\n' ? ParseError::line_end : ParseError::field_name;
}

ParseError wrong_in_value(char c) { return c == '\n' ? ParseError::line_end : ParseError::field_value; }

}  // namespace

Result<HeadReader::Line, ParseError> HeadReader::next(std::string_view head) {
  if (name_size_ > 0) return value(head, std::exchange(name_size_, 0), scanned_, plain_name_);
  const char* at = head.data() + at_;
  const char* const end = head.data() + head.size();
  if (at == end) return Line::incomplete;
  if (*at == '\r') {
    if (end - at < 2) return Line::incomplete;
    if (at[1] != '\n') return fail(ParseError::line_end);
    at_ += 2;
    return Line::end;
  }
  if (count_ >= std::min(limits_.max_headers, kHeaderSlots)) return fail(ParseError::too_many_fields);

  const char* const name = at;
  unsigned all = detail::kPlainName;
  for (; at != end; ++at) {
    const unsigned classes = detail::kClasses[static_cast<unsigned char>(*at)];
    if ((classes & detail::kToken) == 0) break;
    all &= classes;
  }
  const auto size = static_cast<std::size_t>(at - name);
  if (size > limits_.max_name_bytes) return fail(ParseError::field_name);
  if (at == end) return Line::incomplete;
  if (*at != ':') return fail(wrong_in_name(*at));
  // CVE-2023-25725: an empty name once made a proxy drop the fields after it.
  if (size == 0) return fail(ParseError::field_name);
  return value(head, size, at_ + size + 1, all != 0);
}

Result<HeadReader::Line, ParseError> HeadReader::value(std::string_view head, std::size_t name_size,
                                                       std::size_t scanned, bool plain_name) {
  const char* const end = head.data() + head.size();
  const char* const value_end = find_value_end(head.data() + scanned, end);
  if (value_end != end && *value_end != '\r') return fail(wrong_in_value(*value_end));
  if (end - value_end < 2) {
    name_size_ = name_size;
    scanned_ = static_cast<std::size_t>(value_end - head.data());
    plain_name_ = plain_name;
    return Line::incomplete;
  }
  if (value_end[1] != '\n') return fail(ParseError::line_end);

  const char* const name = head.data() + at_;
  const char* const value = name + name_size + 1;
  HeaderView& field = fields_[count_++];
  field.name = {name, name_size};
  field.value = trim({value, static_cast<std::size_t>(value_end - value)});
  field.id = header_id(field.name);
  field.plain_name = plain_name;
  at_ = static_cast<std::size_t>(value_end - head.data()) + 2;
  return Line::field;
}

void HeadReader::move_to(const char* head) {
  if (head == base_) return;
  const auto moved = [this, head](std::string_view view) {
    return std::string_view(head + (view.data() - base_), view.size());
  };
  for (HeaderView& field : std::span(fields_).first(count_)) {
    field.name = moved(field.name);
    field.value = moved(field.value);
  }
  base_ = head;
}

void HeadReader::reset() {
  base_ = nullptr;
  at_ = 0;
  count_ = 0;
  name_size_ = 0;
}

void add_connection_options(std::string_view value, ConnectionOptions& options) {
  while (const auto element = next_element(value)) {
    ++options.elements;
    if (same(*element, "close")) {
      options.close = true;
    } else if (same(*element, "keep-alive")) {
      options.keep_alive = true;
    } else if (same(*element, "upgrade")) {
      options.upgrade = true;
    } else {
      ++options.others;
    }
  }
}

ConnectionOptions connection_options(Headers headers) {
  ConnectionOptions options;
  for (const HeaderView& header : headers) {
    if (header.id == HeaderId::connection) add_connection_options(header.value, options);
  }
  return options;
}

}  // namespace roomgate::router::http

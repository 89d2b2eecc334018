#include "router/http/head_reader.hpp"

#include <algorithm>

#include "router/http/syntax.hpp"

namespace roomgate::router::http {

Result<std::optional<std::string_view>, ParseError> HeadReader::next_line(std::string_view head) {
  const std::size_t end = head.find('\n', scanned_);
  if (end == std::string_view::npos) {
    // A CR that something else follows is refused now; waiting for a line end would only hold the connection.
    const std::size_t from = scanned_ > line_at_ ? scanned_ - 1 : scanned_;
    const std::size_t carriage_return = head.find('\r', from);
    if (carriage_return != std::string_view::npos && carriage_return + 1 < head.size())
      return fail(ParseError::line_end);
    scanned_ = head.size();
    return std::optional<std::string_view>{};
  }
  if (end == line_at_ || head[end - 1] != '\r') return fail(ParseError::line_end);
  const std::string_view line = head.substr(line_at_, end - 1 - line_at_);
  if (line.find('\r') != std::string_view::npos) return fail(ParseError::line_end);
  line_at_ = scanned_ = end + 1;
  return std::optional<std::string_view>{line};
}

Result<void, ParseError> HeadReader::add_field(std::string_view head, std::string_view line) {
  if (count_ >= std::min(limits_.max_headers, kHeaderSlots)) return fail(ParseError::too_many_fields);
  if (line.front() == ' ' || line.front() == '\t') return fail(ParseError::field_folded);
  std::size_t colon = 0;
  while (colon < line.size() && is_token_char(line[colon])) ++colon;
  if (colon == line.size()) return fail(ParseError::field_name);
  if (line[colon] == ' ' || line[colon] == '\t') return fail(ParseError::field_folded);
  // CVE-2023-25725: an empty name once made a proxy drop the fields after it.
  if (line[colon] != ':' || colon == 0 || colon > limits_.max_name_bytes) return fail(ParseError::field_name);
  const std::string_view value = trim(line.substr(colon + 1));
  if (!is_field_value(value)) return fail(ParseError::field_value);
  const auto offset = [&head](const char* at) { return static_cast<std::uint16_t>(at - head.data()); };
  slots_[count_++] = {offset(line.data()), static_cast<std::uint16_t>(colon), offset(value.data()),
                      static_cast<std::uint16_t>(value.size()), header_id(line.substr(0, colon))};
  return {};
}

Headers HeadReader::views(std::string_view head) {
  for (std::size_t i = 0; i < count_; ++i) {
    const Slot& slot = slots_[i];
    views_[i] = {head.substr(slot.name_at, slot.name_size), head.substr(slot.value_at, slot.value_size),
                 slot.id};
  }
  return {views_.data(), count_};
}

void HeadReader::reset() {
  line_at_ = 0;
  scanned_ = 0;
  count_ = 0;
}

ConnectionOptions connection_options(Headers headers) {
  ConnectionOptions options;
  for (const HeaderView& header : headers) {
    if (header.id != HeaderId::connection) continue;
    std::string_view list = header.value;
    while (const auto element = next_element(list)) {
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
  return options;
}

}  // namespace roomgate::router::http

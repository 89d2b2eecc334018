#include "router/http/request_parser.hpp"

#include <algorithm>
#include <array>

#include "router/http/syntax.hpp"
#include "router/http/target.hpp"

namespace roomgate::router::http {
namespace {

constexpr std::size_t kMaxOffset = 65535;  // HeadReader keeps offsets of 16 bits

Method method_of(std::string_view text) {
  if (text == "GET") return Method::get;
  if (text == "HEAD") return Method::head;
  if (text == "POST") return Method::post;
  if (text == "PUT") return Method::put;
  if (text == "DELETE") return Method::del;
  if (text == "OPTIONS") return Method::options;
  if (text == "PATCH") return Method::patch;
  if (text == "TRACE") return Method::trace;
  if (text == "CONNECT") return Method::connect;
  return Method::other;
}

Result<int, ParseError> minor_version_of(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() != 8 || !text.starts_with("HTTP/") || !digit(text[5]) || text[6] != '.' ||
      !digit(text[7])) {
    return fail(ParseError::version_syntax);
  }
  if (text[5] != '1' || text[7] > '1') return fail(ParseError::version_unsupported);
  return text[7] - '0';
}

}  // namespace

bool is_known_method(std::string_view method) {
  static constexpr std::array<std::string_view, 45> kMethods = {"ACL",
                                                                "BASELINE-CONTROL",
                                                                "BIND",
                                                                "CHECKIN",
                                                                "CHECKOUT",
                                                                "CONNECT",
                                                                "COPY",
                                                                "DELETE",
                                                                "GET",
                                                                "HEAD",
                                                                "LABEL",
                                                                "LINK",
                                                                "LOCK",
                                                                "M-SEARCH",
                                                                "MERGE",
                                                                "MKACTIVITY",
                                                                "MKCALENDAR",
                                                                "MKCOL",
                                                                "MKREDIRECTREF",
                                                                "MKWORKSPACE",
                                                                "MOVE",
                                                                "NOTIFY",
                                                                "OPTIONS",
                                                                "ORDERPATCH",
                                                                "PATCH",
                                                                "POST",
                                                                "PRI",
                                                                "PROPFIND",
                                                                "PROPPATCH",
                                                                "PURGE",
                                                                "PUT",
                                                                "QUERY",
                                                                "REBIND",
                                                                "REPORT",
                                                                "SEARCH",
                                                                "SUBSCRIBE",
                                                                "TRACE",
                                                                "UNBIND",
                                                                "UNCHECKOUT",
                                                                "UNLINK",
                                                                "UNLOCK",
                                                                "UNSUBSCRIBE",
                                                                "UPDATE",
                                                                "UPDATEREDIRECTREF",
                                                                "VERSION-CONTROL"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

Result<bool, ParseError> RequestParser::parse(ByteView buffer) {
  const Limits& limits = reader_.limits();
  const std::size_t max_head = std::min(limits.max_head_bytes, kMaxOffset);
  const std::string_view text = as_text(buffer.first(std::min(buffer.size(), max_head)));
  if (head_.size > 0) {  // asked again, perhaps with the buffer elsewhere
    if (auto done = finish(text); !done) return fail(done.error());
    return true;
  }
  for (;;) {
    const bool have_request_line = request_line_size_ > 0;
    if (reader_.line_at() < text.size()) {
      const char first = text[reader_.line_at()];
      if (!have_request_line && first != '\r' && !is_token_char(first)) return fail(ParseError::request_line);
      if (have_request_line && (first == ' ' || first == '\t')) return fail(ParseError::field_folded);
    }
    const std::size_t line_at = reader_.line_at();
    const auto line = reader_.next_line(text);
    if (!line) return fail(line.error());
    if (!*line) {
      // The target's share of the head is known before its line is complete.
      if (!have_request_line && text.size() - line_at > limits.max_target_bytes + 64) {
        return fail(ParseError::target_too_long);
      }
      if (buffer.size() >= max_head) return fail(ParseError::head_too_large);
      return false;
    }
    if (!have_request_line && (*line)->empty()) {
      if (++empty_lines_ > limits.max_empty_lines) return fail(ParseError::empty_lines);
      continue;
    }
    if (!have_request_line) {
      if (auto read = request_line(**line); !read) return fail(read.error());
      read_at_ = text.data();
      request_line_at_ = line_at;
      request_line_size_ = (*line)->size();
      continue;
    }
    if ((*line)->empty()) {
      if (auto done = finish(text); !done) return fail(done.error());
      return true;
    }
    if (auto added = reader_.add_field(text, **line); !added) return fail(added.error());
  }
}

Result<void, ParseError> RequestParser::request_line(std::string_view line) {
  const std::size_t method_end = line.find(' ');
  if (method_end == std::string_view::npos) return fail(ParseError::request_line);
  const std::size_t target_end = line.find(' ', method_end + 1);
  // Without a version it would be HTTP/0.9, whose answers have no head.
  if (target_end == std::string_view::npos) return fail(ParseError::request_line);
  head_.method_text = line.substr(0, method_end);
  head_.target_text = line.substr(method_end + 1, target_end - method_end - 1);
  if (!is_token(head_.method_text)) return fail(ParseError::request_line);

  const auto minor = minor_version_of(line.substr(target_end + 1));
  if (!minor) return fail(minor.error());
  head_.minor_version = *minor;

  if (!is_known_method(head_.method_text)) return fail(ParseError::method_unknown);
  head_.method = method_of(head_.method_text);
  // TRACE would echo what clients' scripts must not see (cookies); PRI is HTTP/2's preface where nobody
  // agreed on it.
  if (head_.method == Method::connect || head_.method == Method::trace || head_.method_text == "PRI") {
    return fail(ParseError::method_refused);
  }

  if (head_.target_text.size() > reader_.limits().max_target_bytes) return fail(ParseError::target_too_long);
  const auto target = parse_target(head_.target_text, head_.method_text);
  if (!target) return fail(target.error());
  head_.target = *target;
  return {};
}

Result<void, ParseError> RequestParser::finish(std::string_view text) {
  if (text.data() != read_at_) {  // the buffer has moved: make the views anew
    if (auto read = request_line(text.substr(request_line_at_, request_line_size_)); !read)
      return fail(read.error());
    read_at_ = text.data();
  }
  head_.headers = reader_.views(text);
  head_.size = reader_.line_at();
  head_.expects_continue = false;
  const HeaderView* host = nullptr;
  for (const HeaderView& header : head_.headers) {
    if (header.id == HeaderId::host) {
      if (host != nullptr) return fail(ParseError::host_repeated);
      host = &header;
    } else if (header.id == HeaderId::expect) {
      head_.expects_continue = head_.minor_version >= 1 && same(header.value, "100-continue");
    }
  }
  // RFC 9112 3.2 asks it of HTTP/1.1 only; a 1.0 client that names no host cannot be told from a broken one.
  if (host == nullptr) return fail(ParseError::host_missing);
  if (!is_authority(host->value)) return fail(ParseError::host_syntax);
  head_.authority = head_.target.form == TargetForm::absolute ? head_.target.authority : host->value;
  head_.connection = connection_options(head_.headers);
  if (head_.connection.elements > reader_.limits().max_connection_options)
    return fail(ParseError::field_value);
  return {};
}

bool RequestParser::idle(ByteView buffer) const {
  if (request_line_size_ > 0) return false;
  const std::string_view text = as_text(buffer);
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n'; });
}

void RequestParser::reset() {
  reader_.reset();
  head_ = {};
  read_at_ = nullptr;
  request_line_at_ = 0;
  request_line_size_ = 0;
  empty_lines_ = 0;
}

}  // namespace roomgate::router::http

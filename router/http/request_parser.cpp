#include "router/http/request_parser.hpp"

#include <algorithm>
#include <array>

#include "router/http/framing.hpp"
#include "router/http/scan.hpp"
#include "router/http/syntax.hpp"
#include "router/http/target.hpp"

namespace roomgate::router::http {
namespace {

constexpr std::size_t kMaxMethod = 32;  // longer than any in a registry

// What ends a part of the request line too early.
ParseError wrong_end(char c) { return c == '\n' ? ParseError::line_end : ParseError::request_line; }

}  // namespace

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
  const std::size_t max_head = reader_.limits().max_head_bytes;
  const std::string_view text = as_text(buffer.first(std::min(buffer.size(), max_head)));
  if (text.data() != base_) move_to(text);
  if (part_ == Part::done) return true;
  if (part_ != Part::fields) {
    const auto whole = request_line(text);
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
        if (reader_.last().id == HeaderId::other) break;
        if (auto fits = field(); !fits) return fail(fits.error());
        break;
      case HeadReader::Line::end:
        if (auto done = finish(); !done) return fail(done.error());
        return true;
    }
  }
}

Result<bool, ParseError> RequestParser::request_line(std::string_view text) {
  if (part_ == Part::method) {
    if (auto done = method(text); !done || !*done) return done;
  }
  if (part_ == Part::target) {
    if (auto done = target(text); !done || !*done) return done;
  }
  return version(text);
}

Result<bool, ParseError> RequestParser::method(std::string_view text) {
  while (at_ < text.size() && text[at_] == '\r') {
    if (at_ + 1 == text.size()) return false;
    if (text[at_ + 1] != '\n') return fail(ParseError::line_end);
    if (++empty_lines_ > reader_.limits().max_empty_lines) return fail(ParseError::empty_lines);
    at_ += 2;
  }
  std::size_t end = at_;
  while (end < text.size() && is_token_char(text[end])) {
    if (++end - at_ > kMaxMethod) return fail(ParseError::method_unknown);
  }
  if (end == text.size()) return false;
  if (end == at_) return fail(ParseError::request_line);
  if (text[end] != ' ') return fail(wrong_end(text[end]));
  head_.method_text = text.substr(at_, end - at_);
  head_.method = method_of(head_.method_text);
  // TRACE would echo what clients' scripts must not see (cookies); PRI is HTTP/2's preface where nobody
  // agreed on it.
  if (head_.method == Method::connect || head_.method == Method::trace || head_.method_text == "PRI")
    return fail(ParseError::method_refused);
  if (head_.method == Method::other && !is_known_method(head_.method_text))
    return fail(ParseError::method_unknown);
  at_ = scanned_ = end + 1;
  part_ = Part::target;
  return true;
}

Result<bool, ParseError> RequestParser::target(std::string_view text) {
  const char* const end = text.data() + text.size();
  const char* const target_end = find_target_end(text.data() + scanned_, end);
  scanned_ = static_cast<std::size_t>(target_end - text.data());
  if (scanned_ - at_ > reader_.limits().max_target_bytes) return fail(ParseError::target_too_long);
  if (target_end == end) return false;
  // Without a version it would be HTTP/0.9, whose answers have no head.
  if (*target_end == '\r' || *target_end == '\n') return fail(wrong_end(*target_end));
  if (*target_end != ' ') return fail(ParseError::target_syntax);
  head_.target_text = text.substr(at_, scanned_ - at_);
  const auto parsed = parse_target(head_.target_text, head_.method_text);
  if (!parsed) return fail(parsed.error());
  head_.target = *parsed;
  at_ = scanned_ + 1;
  part_ = Part::version;
  return true;
}

// "HTTP/1.1" and CRLF, judged byte by byte as they come.
Result<bool, ParseError> RequestParser::version(std::string_view text) {
  constexpr std::string_view kUsual = "HTTP/1.1\r\n";
  const std::string_view rest = text.substr(at_, kUsual.size());
  head_.minor_version = 1;
  if (rest != kUsual) {
    for (std::size_t i = 0; i < rest.size(); ++i) {
      const char c = rest[i];
      const bool digit = c >= '0' && c <= '9';
      if (i == 8 || i == 9) {
        if (c != kUsual[i])
          return fail(i == 8 && c != '\n' ? ParseError::version_syntax : ParseError::line_end);
      } else if (i == 5 || i == 7) {
        if (!digit) return fail(ParseError::version_syntax);
        if (i == 7 && (rest[5] != '1' || c > '1')) return fail(ParseError::version_unsupported);
      } else if (c != kUsual[i]) {
        return fail(ParseError::version_syntax);
      }
    }
    if (rest.size() < kUsual.size()) return false;
    head_.minor_version = rest[7] - '0';
  }
  reader_.begin_at(text.data(), at_ + kUsual.size());
  part_ = Part::fields;
  return true;
}

Result<void, ParseError> RequestParser::field() {
  const HeaderView& last = reader_.last();
  if (last.id == HeaderId::host) {
    if (have_host_) return fail(ParseError::host_repeated);
    if (!is_authority(last.value)) return fail(ParseError::host_syntax);
    have_host_ = true;
    host_ = last.value;
  } else if (last.id == HeaderId::connection) {
    add_connection_options(last.value, head_.connection);
    if (head_.connection.elements > reader_.limits().max_connection_options)
      return fail(ParseError::field_value);
  } else if (last.id == HeaderId::expect) {
    head_.expects_continue = head_.minor_version >= 1 && same(last.value, "100-continue");
  } else if (last.id == HeaderId::content_length || last.id == HeaderId::transfer_encoding) {
    // No later field can make a bad length good: refused now, not at the head's end.
    head_.headers = reader_.fields();
    if (const auto framing = framing_of(head_); !framing) return fail(framing.error());
  }
  return {};
}

Result<void, ParseError> RequestParser::finish() {
  // RFC 9112 3.2 asks it of HTTP/1.1 only; a 1.0 client that names no host cannot be told from a broken one.
  if (!have_host_) return fail(ParseError::host_missing);
  head_.headers = reader_.fields();
  head_.size = reader_.at();
  head_.authority = head_.target.form == TargetForm::absolute ? head_.target.authority : host_;
  part_ = Part::done;
  return {};
}

void RequestParser::move_to(std::string_view text) {
  if (part_ == Part::fields || part_ == Part::done) reader_.move_to(text.data());
  const auto moved = [this, text](std::string_view view) {
    return view.empty() ? view : text.substr(static_cast<std::size_t>(view.data() - base_), view.size());
  };
  head_.method_text = moved(head_.method_text);
  head_.target_text = moved(head_.target_text);
  if (!head_.target_text.empty()) head_.target = *parse_target(head_.target_text, head_.method_text);
  host_ = moved(host_);
  if (part_ == Part::done)
    head_.authority = head_.target.form == TargetForm::absolute ? head_.target.authority : host_;
  base_ = text.data();
}

bool RequestParser::idle(ByteView buffer) const {
  if (part_ != Part::method) return false;
  const std::string_view text = as_text(buffer);
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n'; });
}

void RequestParser::reset() {
  reader_.reset();
  head_ = {};
  part_ = Part::method;
  base_ = nullptr;
  at_ = 0;
  scanned_ = 0;
  empty_lines_ = 0;
  host_ = {};
  have_host_ = false;
}

}  // namespace roomgate::router::http

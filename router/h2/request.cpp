#include "router/h2/request.hpp"

#include <algorithm>

#include "router/http/request_parser.hpp"
#include "router/http/syntax.hpp"
#include "router/http/target.hpp"

namespace roomgate::router::h2 {

using http::HeaderId;
using http::ParseError;
using Verdict = Request::Verdict;

namespace {

// As long as any key (RFC 6455 4.1), until the owner sets one.
constexpr std::string_view kNoKey = "AAAAAAAAAAAAAAAAAAAAAA==";
// What a field takes in HTTP/1 beside its name and value.
constexpr std::size_t kFieldExtra = 4;
constexpr std::size_t kFloodFactor = 4;

// RFC 9113 8.2.2: these belong to one hop of HTTP/1.
bool connection_specific(HeaderId id) {
  switch (id) {
    case HeaderId::connection:
    case HeaderId::transfer_encoding:
    case HeaderId::upgrade:
    case HeaderId::keep_alive:
    case HeaderId::proxy_connection:
    case HeaderId::http2_settings: return true;
    default: return false;
  }
}

}  // namespace

Request::Part Request::append(std::string_view text) {
  const Part part{static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(text.size()), true};
  text_.append(text);
  return part;
}

void Request::add_slot(std::string_view name, std::string_view value, HeaderId id) {
  const Part n = append(name);
  const Part v = append(value);
  slots_.push_back({n.at, n.size, v.at, v.size, id});
}

Verdict Request::add(std::string_view name, std::string_view value, const http::Limits& limits) {
  bytes_ += name.size() + value.size() + kFieldExtra;
  if (bytes_ > kFloodFactor * limits.max_head_bytes) return Verdict::flood;
  if (bytes_ > limits.max_head_bytes) {
    refuse(ParseError::head_too_large);
    return Verdict::good;
  }
  if (!name.empty() && name.front() == ':') return add_pseudo(name, value, limits);
  if (!http::is_token(name) || !http::is_field_value(value)) return Verdict::malformed;
  if (std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; }))
    return Verdict::malformed;
  if (name.size() > limits.max_name_bytes) {
    refuse(ParseError::field_name);
    return Verdict::good;
  }
  if (slots_.size() >= std::min(limits.max_headers, http::kHeaderSlots)) {
    refuse(ParseError::too_many_fields);
    return Verdict::good;
  }
  const HeaderId id = http::header_id(name);
  if (connection_specific(id)) return Verdict::malformed;
  if (id == HeaderId::te && !http::same(value, "trailers")) return Verdict::malformed;
  const std::string_view trimmed = http::trim(value);
  add_slot(name, trimmed, id);
  if (id == HeaderId::cookie) ++cookies_;
  if (id == HeaderId::host) {
    if (host_.set) return Verdict::malformed;
    const Slot& slot = slots_.back();
    host_ = {slot.value_at, slot.value_size, true};
  }
  return Verdict::good;
}

Verdict Request::add_pseudo(std::string_view name, std::string_view value, const http::Limits& limits) {
  Part* part = nullptr;
  if (name == ":method") part = &method_;
  if (name == ":path") part = &path_;
  if (name == ":authority") part = &authority_;
  if (name == ":scheme") part = &scheme_;
  if (name == ":protocol") part = &protocol_;
  if (part == nullptr || part->set || !slots_.empty()) return Verdict::malformed;
  if (part == &path_ && value.size() > limits.max_target_bytes) refuse(ParseError::target_too_long);
  *part = append(value);
  return Verdict::good;
}

Verdict Request::finish(bool ended) {
  if (refused_) {
    // The list was cut off; what the log can be told is told.
    if (method_.set) head_.method_text = view(method_);
    if (method_.set) head_.method = http::method_of(head_.method_text);
    if (path_.set) head_.target_text = view(path_);
    return Verdict::good;
  }
  if (!method_.set) return Verdict::malformed;
  const std::string_view method = view(method_);
  if (method == "CONNECT" && !protocol_.set) {
    // Its head has neither scheme nor path (RFC 9113 8.5). We are nobody's tunnel to anywhere.
    refuse(ParseError::method_refused);
    return Verdict::good;
  }
  if (!path_.set || !scheme_.set || (protocol_.set && method != "CONNECT")) return Verdict::malformed;
  if (!http::is_token(method)) return Verdict::malformed;
  if (!authority_.set && !host_.set) return Verdict::malformed;
  // RFC 9113 8.3.1: two names of whom the request is for.
  if (authority_.set && host_.set && !http::same(view(authority_), view(host_))) return Verdict::malformed;
  if (protocol_.set) {
    if (const Verdict verdict = become_websocket(); verdict != Verdict::good || refused_) return verdict;
  } else {
    if (!http::is_known_method(method)) refuse(ParseError::method_unknown);
    head_.method_text = method;
    head_.method = http::method_of(method);
    if (head_.method == http::Method::trace || method == "PRI") refuse(ParseError::method_refused);
  }
  if (cookies_ > 1) join_cookies();
  // Nothing is appended from here on: the views hold.
  if (!websocket_) head_.method_text = view(method_);
  const std::string_view text = text_;
  for (const Slot& slot : slots_) {
    views_.push_back(
        {text.substr(slot.name_at, slot.name_size), text.substr(slot.value_at, slot.value_size), slot.id});
    if (slot.id == HeaderId::expect) head_.expects_continue = http::same(views_.back().value, "100-continue");
  }
  head_.headers = views_;
  if (!read_authority() || !read_target()) return Verdict::good;
  const auto framing = http::framing_of(head_);
  if (!framing) return Verdict::malformed;
  framing_ = *framing;
  if (ended && framing_.length > 0) return Verdict::malformed;
  // A body of unknown length: it ends where the client says.
  if (!ended && !websocket_ && framing_.kind == http::Framing::Kind::none)
    framing_ = {http::Framing::Kind::chunked, 0};
  if (websocket_) {
    if (ended) return Verdict::malformed;
    framing_ = {};
  }
  return Verdict::good;
}

Verdict Request::become_websocket() {
  // RFC 8441 5: of the protocols that a CONNECT may be extended by, we have one.
  if (!http::same(view(protocol_), "websocket")) {
    refuse(ParseError::method_unknown);
    return Verdict::good;
  }
  websocket_ = true;
  for (const Slot& slot : slots_) {
    // The key and its answer are HTTP/1's; RFC 8441 5 leaves them out.
    if (slot.id == HeaderId::sec_websocket_key || slot.id == HeaderId::sec_websocket_accept ||
        slot.id == HeaderId::content_length)
      return Verdict::malformed;
  }
  add_slot("upgrade", "websocket", HeaderId::upgrade);
  add_slot("sec-websocket-key", kNoKey, HeaderId::sec_websocket_key);
  key_at_ = slots_.back().value_at;
  head_.method = http::Method::get;
  head_.method_text = "GET";
  head_.connection.upgrade = true;
  head_.connection.elements = 1;
  return Verdict::good;
}

void Request::set_websocket_key(std::string_view key) {
  if (!websocket_ || key.size() != kNoKey.size()) return;
  std::copy(key.begin(), key.end(), text_.begin() + static_cast<std::ptrdiff_t>(key_at_));
}

bool Request::read_authority() {
  head_.authority = view(authority_.set ? authority_ : host_);
  if (http::is_authority(head_.authority)) return true;
  refuse(ParseError::host_syntax);
  return false;
}

bool Request::read_target() {
  head_.target_text = view(path_);
  const auto target = http::parse_target(head_.target_text, head_.method_text);
  const std::string_view scheme = view(scheme_);
  // RFC 9113 8.3.1: :path has no other form.
  if (!target || target->form == http::TargetForm::absolute ||
      !(http::same(scheme, "https") || http::same(scheme, "http"))) {
    refuse(ParseError::target_syntax);
    return false;
  }
  head_.target = *target;
  return true;
}

// RFC 9113 8.2.3: crumbs become one field again, since HTTP/1 servers read only one.
void Request::join_cookies() {
  const auto at = static_cast<std::uint32_t>(text_.size());
  std::size_t kept = 0;
  std::size_t first = slots_.size();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const Slot slot = slots_[i];
    if (slot.id != HeaderId::cookie) {
      slots_[kept++] = slot;
      continue;
    }
    if (first == slots_.size()) {
      first = kept;
      slots_[kept++] = slot;
    } else {
      text_.append("; ");
    }
    text_.append(text_, slot.value_at, slot.value_size);
  }
  slots_[first].value_at = at;
  slots_[first].value_size = static_cast<std::uint32_t>(text_.size() - at);
  slots_.resize(kept);
}

void Request::reset() {
  constexpr std::size_t kUsual = 8 * 1024;
  if (text_.capacity() > kUsual) text_ = std::string();
  text_.clear();
  slots_.clear();
  views_.clear();
  cookies_ = 0;
  bytes_ = 0;
  method_ = path_ = authority_ = scheme_ = protocol_ = host_ = Part();
  websocket_ = false;
  head_ = {};
  framing_ = {};
  refused_.reset();
}

}  // namespace roomgate::router::h2

#include "router/http/target.hpp"

#include <algorithm>

#include "router/http/scan.hpp"
#include "router/http/syntax.hpp"

namespace roomgate::router::http {
namespace {

// Bytes that no path may hold, however they are spelled: they end strings or lines in servers behind us.
bool is_forbidden(unsigned char c) { return c == '\0' || c == '\r' || c == '\n'; }

bool is_plain_path(std::string_view path) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%') return false;
    if (path[i] == '/' && i + 1 < path.size() && (path[i + 1] == '/' || path[i + 1] == '.')) return false;
  }
  return true;
}

int escaped_byte(std::string_view path, std::size_t at) {
  if (at + 2 >= path.size() || path[at] != '%') return -1;
  const int high = hex_digit(path[at + 1]);
  const int low = hex_digit(path[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

// UTF-8 that is longer than it may be: to careless decoders "%c0%ae" is a dot (CVE-2000-0884).
bool is_overlong(int first, int second) {
  if (first == 0xc0 || first == 0xc1) return second >= 0x80 && second < 0xc0;
  return (first == 0xe0 && second >= 0x80 && second < 0xa0) ||
         (first == 0xf0 && second >= 0x80 && second < 0x90);
}

// RFC 3986 6.2.2: escapes of unreserved characters decoded. A stray '%' becomes "%25", what clients mean by
// it: sent as it is, it could form a new escape with what follows.
Result<void, ParseError> decode_unreserved(std::string_view path, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < path.size(); ++i) {
    const std::size_t next = std::min(path.find('%', i), path.size());
    out.append(path.substr(i, next - i));
    i = next;
    if (i == path.size()) break;
    const int byte = escaped_byte(path, i);
    if (byte < 0) {
      out.append("%25");
      continue;
    }
    const char c = static_cast<char>(byte);
    if (is_forbidden(static_cast<unsigned char>(c)) || is_overlong(byte, escaped_byte(path, i + 3)))
      return fail(ParseError::target_syntax);
    if (is_unreserved(c)) {
      out.push_back(c);
    } else {
      out.append(path.substr(i, 3));
    }
    i += 2;
  }
  return {};
}

// Every escape decoded once; what is no escape stays.
void decode_all(std::string_view path, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < path.size(); ++i) {
    const std::size_t next = std::min(path.find('%', i), path.size());
    out.append(path.substr(i, next - i));
    i = next;
    if (i == path.size()) break;
    const int byte = escaped_byte(path, i);
    out.push_back(byte < 0 ? '%' : static_cast<char>(byte));
    if (byte >= 0) i += 2;
  }
}

// RFC 3986 5.2.4 in place, and runs of slashes merged, as the servers of shards do before they look at a
// path.
void remove_dot_segments(std::string& path) {
  std::size_t write = 0;  // path[0, write) is done; it never ends with a slash
  std::size_t read = 0;
  bool slash_at_end = false;
  while (read < path.size()) {
    while (read < path.size() && path[read] == '/') ++read;
    std::size_t end = path.find('/', read);
    if (end == std::string::npos) end = path.size();
    const std::string_view segment = std::string_view(path).substr(read, end - read);
    slash_at_end = end < path.size() || segment.empty() || segment == "." || segment == "..";
    if (segment == "..") {
      while (write > 0 && path[--write] != '/') {
      }
    } else if (!segment.empty() && segment != ".") {
      path[write++] = '/';
      for (std::size_t i = read; i < end; ++i) path[write++] = path[i];
    }
    read = end;
  }
  path.resize(write);
  if (slash_at_end || path.empty()) path.push_back('/');
}

// Dot segments as some servers see them: a backslash parts segments, too, and ";" begins a parameter that is
// cut off.
bool has_dot_segment(std::string_view path) {
  while (!path.empty()) {
    const std::size_t slash = path.find_first_of("/\\");
    std::string_view segment = path.substr(0, slash);
    segment = segment.substr(0, segment.find(';'));
    if (segment == "." || segment == "..") return true;
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  }
  return false;
}

}  // namespace

Result<Target, ParseError> parse_target(std::string_view text, std::string_view method) {
  const char* const end = text.data() + text.size();
  if (text.empty() || find_target_end(text.data(), end) != end) return fail(ParseError::target_syntax);
  Target target;
  if (text == "*") {
    if (method != "OPTIONS" && method != "M-SEARCH") return fail(ParseError::target_syntax);
    target.form = TargetForm::asterisk;
    target.path = text;
    return target;
  }
  const std::size_t question = text.find('?');
  std::string_view path = text.substr(0, question);
  if (question != std::string_view::npos) {
    target.query = text.substr(question + 1);
    target.has_query = true;
  }
  if (path.front() != '/') {
    target.form = TargetForm::absolute;
    const std::size_t scheme = path.find("://");
    if (scheme == std::string_view::npos) return fail(ParseError::target_syntax);
    if (!same(path.substr(0, scheme), "http") && !same(path.substr(0, scheme), "https")) {
      return fail(ParseError::target_syntax);
    }
    path = path.substr(scheme + 3);
    const std::size_t slash = path.find('/');
    target.authority = path.substr(0, slash);
    if (!is_authority(target.authority)) return fail(ParseError::target_syntax);
    // RFC 9112 3.2.4: OPTIONS of a whole host becomes the asterisk at the last proxy.
    const bool whole_host = method == "OPTIONS" && !target.has_query;
    path = slash == std::string_view::npos ? std::string_view(whole_host ? "*" : "/") : path.substr(slash);
  }
  // Browsers turn it into a slash, some servers do, some do not.
  if (path.find('\\') != std::string_view::npos) return fail(ParseError::target_syntax);
  target.path = path;
  return target;
}

Result<RoutedPath, ParseError> routed_path(std::string_view path, PathScratch& scratch) {
  if (is_plain_path(path)) return RoutedPath{path, path};
  if (auto decoded = decode_unreserved(path, scratch.forward); !decoded) return fail(decoded.error());
  remove_dot_segments(scratch.forward);
  const bool escapes = scratch.forward.find('%') != std::string::npos;
  if (escapes) decode_all(scratch.forward, scratch.plain);
  const std::string_view plain = escapes ? scratch.plain : scratch.forward;
  if (has_dot_segment(plain)) return fail(ParseError::target_syntax);
  return RoutedPath{scratch.forward, plain};
}

}  // namespace roomgate::router::http

#include "bench/roomload/signal/url.hpp"

#include <algorithm>
#include <charconv>

#include "base/encoding.hpp"

namespace roomgate::bench::roomload::signal {
namespace {

constexpr std::size_t kMaxUrl = 8 * 1024;

// What would break a request line or a header field apart.
bool clean(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c != '\x7f'; });
}

}  // namespace

std::optional<Url> Url::parse(std::string_view text) {
  if (text.size() > kMaxUrl || !clean(text)) return std::nullopt;
  Url out;
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return std::nullopt;
  const std::string scheme = ascii_lower(text.substr(0, scheme_end));
  if (scheme != "https" && scheme != "http" && scheme != "wss" && scheme != "ws") return std::nullopt;
  out.secure = scheme == "https" || scheme == "wss";
  out.port = out.secure ? 443 : 80;

  std::string_view rest = text.substr(scheme_end + 3);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, authority_end);
  rest.remove_prefix(authority_end);
  if (authority.find('@') != std::string_view::npos) return std::nullopt;  // nobody logs in that way
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    out.host = authority.substr(1, end - 1);
    authority.remove_prefix(end + 1);
    if (!authority.empty() && !authority.starts_with(':')) return std::nullopt;
    port = authority;
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    out.host = ascii_lower(authority.substr(0, colon));
    port = authority.substr(colon);
  }
  if (out.host.empty()) return std::nullopt;
  if (port.size() > 1) {
    port.remove_prefix(1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (error != std::errc() || end != port.data() + port.size() || out.port == 0) return std::nullopt;
  }

  const std::size_t question = std::min(rest.find('?'), rest.size());
  if (question > 0) out.path = rest.substr(0, question);
  if (question < rest.size()) out.query = rest.substr(question + 1);
  return out;
}

std::string Url::authority() const {
  std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (secure ? 443 : 80)) out += ":" + std::to_string(port);
  return out;
}

Url Url::at(std::string other_path, std::string other_query) const {
  Url out = *this;
  out.path = std::move(other_path);
  out.query = std::move(other_query);
  return out;
}

}  // namespace roomgate::bench::roomload::signal

#include "bench/roomload/signal/settings.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <vector>

#include "base/encoding.hpp"
#include "bench/roomload/signal/http.hpp"

namespace roomgate::bench::roomload::signal {
namespace {

namespace json = boost::json;

bool is_name_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$'; }

// The value of a JavaScript expression made of string literals joined by +, names in between counting as
// empty: 'conference.' + subdomain + 'meet.jitsi'. Empty when it is none.
std::string joined_literals(std::string_view text) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '\'' || c == '"' || c == '`') {
      const std::size_t end = text.find(c, at + 1);
      if (end == std::string_view::npos) return "";
      out += text.substr(at + 1, end - at - 1);
      at = end + 1;
    } else if (is_name_char(c) || c == '+' || c == ' ' || c == '\t' || c == '(' || c == ')' || c == '.') {
      ++at;
    } else {
      break;
    }
  }
  return out;
}

// The first `key: VALUE` or `key = VALUE` that is no comment and has a literal in it.
std::string js_value(std::string_view text, std::string_view key) {
  for (std::size_t at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
    if (at > 0 && is_name_char(text[at - 1])) continue;
    const std::size_t line = text.rfind('\n', at) + 1;  // npos + 1 is the beginning
    if (text.substr(line, at - line).find("//") != std::string_view::npos) continue;
    std::string_view rest = text.substr(at + key.size());
    const auto skip = [&] {
      while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\'' || rest.front() == '"'))
        rest.remove_prefix(1);
    };
    skip();  // a quoted key ends here
    if (rest.empty() || (rest.front() != ':' && rest.front() != '=')) continue;
    rest.remove_prefix(1);
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    if (std::string value = joined_literals(rest.substr(0, rest.find('\n'))); !value.empty()) return value;
  }
  return "";
}

Settings completed(Settings given, const Settings& found) {
  const auto fill = [](std::string& into, const std::string& otherwise) {
    if (into.empty()) into = otherwise;
  };
  // Domains go together: who names one by hand does not mean the others of the page.
  if (given.domain.empty() || given.domain == found.domain) {
    fill(given.muc, found.muc);
    fill(given.focus, found.focus);
  }
  fill(given.domain, found.domain);
  fill(given.websocket, found.websocket);
  fill(given.conference_request, found.conference_request);
  fill(given.muc, "conference." + given.domain);
  fill(given.focus, "focus." + given.domain);
  return given;
}

std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0) out.push_back(percent_decode(path.substr(0, slash)));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return out;
}

}  // namespace

std::optional<Settings> read_config_json(std::string_view text) {
  json::error_code error;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !value.is_object()) return std::nullopt;
  const auto read = [&](std::string_view key) {
    const json::value* found = value.get_object().if_contains(json::string_view(key.data(), key.size()));
    return found != nullptr && found->is_string() ? std::string(std::string_view(found->get_string())) : "";
  };
  Settings out{.domain = read("domain"),
               .muc = read("muc"),
               .focus = read("focus"),
               .websocket = read("websocket"),
               .conference_request = read("conferenceRequestUrl")};
  if (out.domain.empty()) return std::nullopt;
  return out;
}

std::optional<Settings> read_config_js(std::string_view text) {
  if (text.find("config") == std::string_view::npos || text.starts_with('<')) return std::nullopt;
  Settings out{.domain = js_value(text, "domain"),
               .muc = js_value(text, "muc"),
               .focus = js_value(text, "focus"),
               .websocket = js_value(text, "websocket"),
               .conference_request = js_value(text, "conferenceRequestUrl")};
  if (out.domain.empty()) return std::nullopt;
  return out;
}

net::Task<Result<Settings, Problem>> find_settings(Network& network, net::Core& core, Url page,
                                                   Settings given, std::string room_key, TimePoint deadline) {
  if (!given.domain.empty() && !given.websocket.empty()) co_return completed(given, {});
  HttpRequest request;
  // With the room in it, a front door asks the room's shard.
  request.url = page.at("/config.json", "room=" + room_key);
  const auto ours = co_await http_exchange(network, core, request, deadline);
  if (!ours) co_return fail(ours.error());
  if (ours->status == 200) {
    if (const auto found = read_config_json(ours->body)) co_return completed(given, *found);
  }
  request.url = page.at("/config.js");
  const auto theirs = co_await http_exchange(network, core, request, deadline);
  if (!theirs) co_return fail(theirs.error());
  if (theirs->status == 200) {
    if (const auto found = read_config_js(theirs->body)) co_return completed(given, *found);
  }
  if (!given.domain.empty()) co_return completed(given, {});
  co_return fail(Problem{ProblemKind::not_jitsi,
                         page.origin() + " is no Jitsi deployment: neither /config.json (answer " +
                             std::to_string(ours->status) + ") nor /config.js (answer " +
                             std::to_string(theirs->status) +
                             ") tells its XMPP domain; --domain does, where it is known"});
}

std::optional<RoomName> room_prefix(const Url& page) {
  const auto segments = segments_of(page.path);
  if (segments.size() > 2) return std::nullopt;
  RoomName out;
  if (segments.size() == 2) out.tenant = ascii_lower(segments[0]);
  if (!segments.empty()) out.room = ascii_lower(percent_encode(ascii_lower(segments.back())));
  return out;
}

std::string room_jid(const Settings& settings, const RoomName& name) {
  // A tenant stands in the domain, as Jitsi's clients have it: room@conference.TENANT.meet.jitsi.
  const std::string tail = "." + settings.domain;
  if (name.tenant.empty() || !settings.muc.ends_with(tail)) return name.room + "@" + settings.muc;
  const std::string service = settings.muc.substr(0, settings.muc.size() - tail.size());
  return name.room + "@" + service + "." + name.tenant + tail;
}

Url websocket_url(const Settings& settings, const Url& page, const RoomName& name) {
  Url url = Url::parse(settings.websocket)
                .value_or(page.at((name.tenant.empty() ? "" : "/" + percent_encode(name.tenant)) +
                                  "/xmpp-websocket"));
  url.query += (url.query.empty() ? "room=" : "&room=") + name.room;
  return url;
}

}  // namespace roomgate::bench::roomload::signal

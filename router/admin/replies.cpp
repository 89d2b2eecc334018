#include "router/admin/replies.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "base/encoding.hpp"
#include "router/admin/nearest.hpp"
#include "router/http/access_log.hpp"

namespace roomgate::router::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t kNamesShown = 20;
constexpr std::size_t kLongestShown = 64;

}  // namespace

ApiResponse reply(const json::value& value, int status) {
  return {.status = status, .body = json::serialize(value) + "\n"};
}

ApiResponse refuse(int status, std::string_view text) { return reply(json::object{{"error", text}}, status); }

std::string parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    const auto equals = pair.find('=');
    if (pair.substr(0, equals) == name) {
      if (equals == pair.npos) return {};
      // A form sends a space as a plus.
      std::string value(pair.substr(equals + 1));
      std::replace(value.begin(), value.end(), '+', ' ');
      return percent_decode(value);
    }
    query = end == query.npos ? std::string_view() : query.substr(end + 1);
  }
  return {};
}

Scope scope_of(std::string_view query) {
  return parameter(query, "local") == "1" ? Scope::here : Scope::everywhere;
}

std::optional<std::size_t> number_parameter(std::string_view query, std::string_view name,
                                            std::size_t otherwise) {
  const std::string text = parameter(query, name);
  if (text.empty()) return otherwise;
  std::size_t number = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (wrong != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<json::object> body_object(std::string_view body) {
  boost::system::error_code wrong;
  auto parsed = json::parse({body.data(), body.size()}, wrong, {}, {.max_depth = 4});
  if (wrong || !parsed.is_object()) return std::nullopt;
  return std::move(parsed.get_object());
}

std::optional<std::string_view> text_field(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains({name.data(), name.size()});
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string_view(value->get_string().data(), value->get_string().size());
}

std::string rfc3339(std::chrono::system_clock::time_point time) {
  std::string out;
  http::append_rfc3339(time, out);
  return out;
}

ApiResponse no_such_shard(Subject& subject, std::string_view name) {
  std::vector<std::string> names;
  for (ShardRow& row : subject.shards()) names.push_back(std::move(row.name));
  std::string text = "no such shard: " + std::string(name.substr(0, kLongestShown));
  if (names.empty()) return refuse(404, text + "; there are none");
  const auto meant = nearest(name, names);
  text += meant.empty() ? "; there are " : "; did you mean " + std::string(meant) + "? There are ";
  for (std::size_t i = 0; i < std::min(names.size(), kNamesShown); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > kNamesShown) text += " and " + std::to_string(names.size() - kNamesShown) + " more";
  return refuse(404, text);
}

}  // namespace roomgate::router::admin

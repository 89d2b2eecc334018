#include "router/admin/api.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "base/bytes.hpp"
#include "base/encoding.hpp"
#include "router/admin/stats_page.hpp"
#include "router/http/access_log.hpp"

namespace roomgate::router::admin {
namespace {

namespace json = boost::json;
using http::Method;

constexpr std::size_t kDefaultRooms = 100;
constexpr std::size_t kMaxRooms = 10'000;

ApiResponse of(const json::value& value, int status = 200) {
  return {status, "application/json", json::serialize(value) + "\n"};
}
ApiResponse error(int status, std::string_view text) { return of(json::object{{"error", text}}, status); }
ApiResponse text(int status, std::string body) {
  return {status, "text/plain; charset=utf-8", std::move(body)};
}

std::string since_text(std::chrono::system_clock::time_point time) {
  std::string out;
  http::append_rfc3339(time, out);
  return out;
}

json::object to_json(const ShardRow& row) {
  return {{"name", row.name},     {"address", row.address},     {"region", row.region},
          {"weight", row.weight}, {"state", row.state},         {"up", row.up},
          {"rooms", row.rooms},   {"tunnels", row.tunnels},     {"takes_rooms", row.takes_rooms},
          {"load", row.load},     {"announced", row.announced}, {"reason", row.reason}};
}

json::object to_json(const RoomRow& row) {
  return {{"room", row.room},
          {"shard", row.shard},
          {"since", since_text(row.since)},
          {"tunnels", row.tunnels},
          {"origin", row.origin},
          {"generation", row.generation},
          {"provisional", row.provisional}};
}

// The value of one query parameter, decoded.
std::string parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    const auto equals = pair.find('=');
    if (pair.substr(0, equals) == name) {
      return equals == pair.npos ? std::string() : percent_decode(pair.substr(equals + 1));
    }
    query = end == query.npos ? std::string_view() : query.substr(end + 1);
  }
  return {};
}

bool may_write(const ApiRequest& request, Access access, std::string_view token) {
  if (access == Access::full) return true;
  constexpr std::string_view kScheme = "Bearer ";
  if (token.empty() || !request.authorization.starts_with(kScheme)) return false;
  const auto given = request.authorization.substr(kScheme.size());
  return given.size() == token.size() && CRYPTO_memcmp(given.data(), token.data(), token.size()) == 0;
}

ApiResponse list_rooms(Subject& subject, std::string_view query) {
  std::size_t limit = kDefaultRooms;
  const std::string wanted = parameter(query, "limit");
  if (!wanted.empty()) {
    const auto [end, wrong] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), limit);
    if (wrong != std::errc() || end != wanted.data() + wanted.size())
      return error(400, "limit is not a number");
  }
  json::array rooms;
  for (const RoomRow& row : subject.rooms(parameter(query, "prefix"), std::min(limit, kMaxRooms))) {
    rooms.push_back(to_json(row));
  }
  return of(json::object{{"rooms", std::move(rooms)}, {"total", subject.status().rooms}});
}

ApiResponse one_room(Subject& subject, const ApiRequest& request, std::string_view key, bool writes) {
  const std::string decoded = percent_decode(key);
  if (request.method == Method::get) {
    const auto row = subject.room(decoded);
    return row ? of(to_json(*row)) : error(404, "no such room");
  }
  if (request.method != Method::del) return error(405, "GET or DELETE");
  if (!writes) return error(403, "changes need the socket or the token");
  if (!subject.forget(decoded)) return error(404, "no such room");
  return of(json::object{{"forgotten", decoded}});
}

ApiResponse set_state(Subject& subject, const ApiRequest& request, std::string_view shard, bool writes) {
  if (request.method != Method::post) return error(405, "POST");
  if (!writes) return error(403, "changes need the socket or the token");
  boost::system::error_code wrong;
  const auto parsed = json::parse({request.body.data(), request.body.size()}, wrong);
  const auto* object = wrong ? nullptr : parsed.if_object();
  const auto* state = object == nullptr ? nullptr : object->if_contains("state");
  if (state == nullptr || !state->is_string())
    return error(400, R"(the body is {"state":"ready|drain|maint"})");
  const std::string name = percent_decode(shard);
  const std::string_view wanted(state->get_string().data(), state->get_string().size());
  const auto done = subject.set_state(name, wanted);
  if (done) return of(json::object{{"shard", name}, {"state", wanted}});
  return done.error() == Subject::StateError::no_such_shard ? error(404, "no such shard")
                                                            : error(400, "state is ready, drain or maint");
}

ApiResponse status_of(Subject& subject) {
  const Status s = subject.status();
  return of(json::object{{"name", s.name},
                         {"region", s.region},
                         {"ready", s.ready},
                         {"draining", s.draining},
                         {"threads", s.threads},
                         {"connections", s.connections},
                         {"rooms", s.rooms},
                         {"shards", s.shards},
                         {"shards_up", s.shards_up},
                         {"uptime_seconds", s.uptime_seconds}});
}

}  // namespace

ApiResponse answer(Subject& subject, const ApiRequest& request, Access access, std::string_view token) {
  const bool get = request.method == Method::get || request.method == Method::head;
  std::string_view path = request.path;
  if (get && path == "/live") return text(200, "live\n");
  if (get && path == "/ready") {
    return subject.status().ready ? text(200, "ready\n") : text(503, "not ready: draining\n");
  }
  if (get && path == "/metrics") {
    const auto format = metrics::asked_for(request.accept);
    return {200, std::string(metrics::content_type(format)), subject.metrics_text(format)};
  }
  if (access == Access::probe) return error(404, "not here");
  if (get && (path == "/stats" || path == "/")) {
    return {200, "text/html; charset=utf-8",
            stats_page(subject, parameter(request.query, "prefix"), std::chrono::system_clock::now())};
  }
  constexpr std::string_view kRoot = "/api/v1/";
  if (!path.starts_with(kRoot)) return error(404, "not here");
  path.remove_prefix(kRoot.size());
  const bool writes = may_write(request, access, token);
  if (get && path == "status") return status_of(subject);
  if (get && path == "shards") {
    json::array shards;
    for (const ShardRow& row : subject.shards()) shards.push_back(to_json(row));
    return of(json::object{{"shards", std::move(shards)}});
  }
  if (get && path == "rooms") return list_rooms(subject, request.query);
  if (get && path == "peers") return of(json::object{{"mode", "off"}, {"peers", json::array()}});
  constexpr std::string_view kRoom = "rooms/";
  if (path.starts_with(kRoom)) return one_room(subject, request, path.substr(kRoom.size()), writes);
  constexpr std::string_view kShard = "shards/";
  constexpr std::string_view kState = "/state";
  if (path.starts_with(kShard) && path.ends_with(kState) && path.size() > kShard.size() + kState.size()) {
    path.remove_prefix(kShard.size());
    path.remove_suffix(kState.size());
    return set_state(subject, request, path, writes);
  }
  return error(404, "not here");
}

}  // namespace roomgate::router::admin

#include "sfu/web/site.hpp"

#include <boost/json.hpp>
#include <ctime>
#include <unordered_map>

#include "sfu/web/origin.hpp"

namespace roomgate::sfu::web {
namespace {

namespace json = boost::json;

Response json_response(const json::value& value, unsigned status = 200) {
  return {.status = status,
          .content_type = "application/json",
          .headers = {},
          .body = json::serialize(value) + "\n"};
}

Response text_response(unsigned status, std::string text) {
  return {.status = status, .body = std::move(text) + "\n"};
}

// "/xmpp-websocket", and the same behind a tenant or "/v1/_ws/SHARD" where no front door has cut that off.
bool is_endpoint(std::string_view path, std::string_view endpoint) {
  if (!path.ends_with(endpoint)) return false;
  path.remove_suffix(endpoint.size());
  return path.empty() || path.rfind('/') == 0 || path.starts_with("/v1/_ws/");
}

std::string rfc3339(std::int64_t unix_milliseconds) {
  const std::time_t whole = unix_milliseconds / 1000;
  std::tm utc{};
  gmtime_r(&whole, &utc);
  std::array<char, 32> text;
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return {text.data(), length};
}

std::string room_name(const std::string& jid) { return jid.substr(0, jid.find('@')); }

std::string_view state_name(focus::ShardState state) {
  switch (state) {
    case focus::ShardState::ready: return "ready";
    case focus::ShardState::drain: return "drain";
    case focus::ShardState::full: return "full";
  }
  return "ready";
}

json::object room_object(const xmpp::RoomCensus& room) {
  json::object out = {{"room", room_name(room.room)},
                      {"jid", room.room},
                      {"participants", room.participants},
                      {"created", rfc3339(room.created)}};
  // With it a front door knows the room's key, TENANT/ROOM.
  if (!room.tenant.empty()) out["tenant"] = room.tenant;
  return out;
}

json::object traffic_object(const bridge::TrafficReport& traffic) {
  return {{"bits_per_second", traffic.bits_per_second},
          {"packets_per_second", traffic.packets_per_second},
          {"loss", traffic.loss}};
}

json::object endpoint_object(const bridge::EndpointReport& endpoint) {
  json::array videos;
  for (const bridge::VideoReport& video : endpoint.videos) {
    videos.push_back(json::object{{"source", video.source},
                                  {"wanted_height", video.wanted_height},
                                  {"spatial", video.spatial},
                                  {"temporal", video.temporal}});
  }
  return {{"endpoint", endpoint.id},
          {"in", traffic_object(endpoint.in)},
          {"out", traffic_object(endpoint.out)},
          {"round_trip_ms", std::chrono::duration<double, std::milli>(endpoint.round_trip).count()},
          {"estimate", endpoint.estimate},
          {"limited", endpoint.limited},
          {"wanted_videos", endpoint.wanted_videos},
          {"last_n", endpoint.last_n},
          {"dropped", endpoint.dropped},
          {"rewritten", endpoint.rewritten},
          {"relabelled", endpoint.relabelled},
          {"videos", std::move(videos)}};
}

json::object room_stats(const std::string& name, const bridge::ConferenceReport& conference) {
  double in = 0;
  double out = 0;
  json::array endpoints;
  for (const bridge::EndpointReport& endpoint : conference.endpoints) {
    in += endpoint.in.bits_per_second;
    out += endpoint.out.bits_per_second;
    endpoints.push_back(endpoint_object(endpoint));
  }
  return {{"room", name},
          {"in_bits_per_second", in},
          {"out_bits_per_second", out},
          {"endpoints", std::move(endpoints)}};
}

}  // namespace

std::string room_event_line(bool created, const xmpp::RoomCensus& room) {
  json::object line = room_object(room);
  line["event"] = created ? "created" : "ended";
  return json::serialize(line);
}

Response ShardSite::respond(const Request& request) {
  Response response = dispatch(request);
  add_common_headers(response.headers);
  return response;
}

Response ShardSite::refuse(unsigned status, std::string reason) {
  Response response = text_response(status, std::move(reason));
  add_common_headers(response.headers);
  return response;
}

Response ShardSite::dispatch(const Request& request) {
  const std::string& path = request.path;
  if (path == "/about/health") return health();
  if (path == "/about/rooms") return rooms(request);
  if (path == "/about/stats") return stats(request);
  if (path == "/about/drain") return drain(request, true);
  if (path == "/about/undrain") return drain(request, false);
  if (path == "/metrics")
    return {.content_type = "text/plain; version=0.0.4", .headers = {}, .body = parts_.metrics.text()};
  if (path == "/config.json") return client_config();
  if (is_endpoint(path, "/conference-request/v1")) return conference_request(request);
  // Clients ask now and then whether they are still with their shard (jitsi-signalling 1.5).
  if (is_endpoint(path, "/xmpp-websocket") || is_endpoint(path, "/_unlock")) return text_response(200, "ok");
  if (path.starts_with("/colibri-ws/")) return text_response(426, "this path is a WebSocket");
  return parts_.files.get(request);
}

Response ShardSite::health() const {
  const std::string broken = parts_.broken();
  json::object body = {{"shard", config_.shard},
                       {"region", config_.region},
                       {"rooms", parts_.xmpp.room_count()},
                       {"participants", parts_.xmpp.participant_count()},
                       {"stress", parts_.focus.stress()},
                       {"state", state_name(parts_.focus.state())}};
  if (!broken.empty()) body["reason"] = broken;
  return json_response(body, broken.empty() ? 200 : 500);
}

Response ShardSite::rooms(const Request& request) const {
  if (request.parameter("watch") == "1") {
    Response response;
    response.watch = true;
    for (const xmpp::RoomCensus& room : parts_.xmpp.rooms()) {
      if (!response.body.empty()) response.body += "\n";
      response.body += room_event_line(true, room);
    }
    return response;
  }
  json::array list;
  for (const xmpp::RoomCensus& room : parts_.xmpp.rooms()) list.push_back(room_object(room));
  return json_response(json::object{{"shard", config_.shard}, {"rooms", std::move(list)}});
}

// All rooms, or the one of ?room=, as /about/rooms names it.
Response ShardSite::stats(const Request& request) const {
  const xmpp::Counters& counters = parts_.xmpp.counters();
  const bridge::BridgeReport media = parts_.media();
  json::array workers;
  for (const bridge::WorkerReport& worker : media.workers) {
    workers.push_back(json::object{{"stress", worker.stress}, {"last_n", worker.last_n}});
  }
  std::unordered_map<std::string_view, const bridge::ConferenceReport*> by_id;
  for (const bridge::ConferenceReport& conference : media.conferences) by_id[conference.id] = &conference;
  json::array rooms;
  const auto only = request.parameter("room");
  for (const focus::RoomCensus& room : parts_.focus.census()) {
    if (only && *only != room_name(room.room)) continue;
    const auto found = by_id.find(parts_.focus.conference_id(room.room));
    if (found != by_id.end()) rooms.push_back(room_stats(room_name(room.room), *found->second));
  }
  return json_response(json::object{{"shard", config_.shard},
                                    {"region", config_.region},
                                    {"conferences", parts_.focus.conferences()},
                                    {"participants", parts_.focus.participants()},
                                    {"stress", parts_.focus.stress()},
                                    {"state", state_name(parts_.focus.state())},
                                    {"workers", std::move(workers)},
                                    {"rooms", std::move(rooms)},
                                    {"xmpp", json::object{{"connections", parts_.xmpp.connection_count()},
                                                          {"sessions", parts_.xmpp.session_count()},
                                                          {"stanzas_in", counters.stanzas_in},
                                                          {"stanzas_out", counters.stanzas_out},
                                                          {"ill_formed", counters.ill_formed},
                                                          {"rate_limited", counters.rate_limited},
                                                          {"resumed", counters.resumed},
                                                          {"expired", counters.expired}}}});
}

Response ShardSite::drain(const Request& request, bool on) {
  if (request.method != "POST") return {.status = 405, .headers = {{"Allow", "POST"}}, .body = "use POST\n"};
  if (!may_administer(request, config_.admin_token)) {
    return text_response(403, "only from this machine itself, or with the admin token");
  }
  parts_.set_draining(on);
  return json_response(json::object{{"state", state_name(parts_.focus.state())}});
}

Response ShardSite::conference_request(const Request& request) {
  if (request.method == "OPTIONS") {
    return {.status = 204,
            .headers = {{"Access-Control-Allow-Methods", "POST, OPTIONS"},
                        {"Access-Control-Allow-Headers", "content-type, authorization"},
                        {"Access-Control-Max-Age", "86400"}},
            .body = ""};
  }
  if (request.method != "POST")
    return {.status = 405, .headers = {{"Allow", "POST, OPTIONS"}}, .body = "use POST\n"};
  xmpp::HttpAnswer answer = parts_.xmpp.conference_request(
      request.body, origin_of(request, config_.trusted, config_.public_url).client, Clock::now());
  return {.status = answer.status,
          .content_type = "application/json",
          .headers = {},
          .body = std::move(answer.body)};
}

Response ShardSite::client_config() const {
  return json_response(json::object{
      {"domain", config_.domains.domain}, {"muc", config_.domains.muc}, {"focus", config_.domains.focus}});
}

Upgrade ShardSite::upgrade(const Request& request) {
  Upgrade upgrade;
  if (is_endpoint(request.path, "/xmpp-websocket")) {
    upgrade = upgrade_xmpp(request);
  } else if (request.path.starts_with("/colibri-ws/")) {
    upgrade = upgrade_channel(request);
  } else {
    upgrade.refusal = text_response(404, "no WebSocket here");
  }
  add_common_headers(upgrade.headers);
  add_common_headers(upgrade.refusal.headers);
  return upgrade;
}

Upgrade ShardSite::upgrade_xmpp(const Request& request) {
  Upgrade upgrade;
  std::string_view offered = request.header("Sec-WebSocket-Protocol");
  bool xmpp = false;
  while (!offered.empty()) {
    const std::size_t comma = std::min(offered.find(','), offered.size());
    std::string_view one = offered.substr(0, comma);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    xmpp = xmpp || one == "xmpp";
    offered.remove_prefix(std::min(comma + 1, offered.size()));
  }
  if (!xmpp) {
    upgrade.refusal = text_response(400, "the subprotocol must be xmpp (RFC 7395)");
    return upgrade;
  }
  Origin origin = origin_of(request, config_.trusted, config_.public_url);
  upgrade.subprotocol = "xmpp";
  upgrade.handler = parts_.xmpp_sockets.handler({.room = request.parameter("room").value_or(""),
                                                 .previd = request.parameter("previd").value_or(""),
                                                 .channel_base = std::move(origin.channel_base),
                                                 .region = std::move(origin.region),
                                                 .remote = std::move(origin.client)});
  return upgrade;
}

// /colibri-ws/SHARD/CONFERENCE/ENDPOINT?pwd=SECRET
Upgrade ShardSite::upgrade_channel(const Request& request) {
  Upgrade upgrade;
  std::vector<std::string> segments;
  std::string_view rest = request.path;
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    segments.push_back(percent_decode(rest.substr(0, slash)));
    rest.remove_prefix(slash);
  }
  if (segments.size() != 4 || segments[1] != config_.shard) {
    upgrade.refusal = text_response(404, "no such bridge here");
    return upgrade;
  }
  if (!parts_.focus.channel_check(segments[2], segments[3], request.parameter("pwd").value_or(""))) {
    upgrade.refusal = text_response(403, "no such endpoint, or wrong pwd");
    return upgrade;
  }
  upgrade.handler = parts_.channels.handler(segments[2], segments[3]);
  return upgrade;
}

void ShardSite::add_common_headers(Headers& headers) const {
  headers.emplace_back("X-Jitsi-Shard", config_.shard);
  if (!config_.region.empty()) headers.emplace_back("X-Jitsi-Region", config_.region);
  headers.emplace_back("Access-Control-Allow-Origin", "*");
  headers.emplace_back("Access-Control-Expose-Headers", "X-Jitsi-Shard, X-Jitsi-Region");
}

}  // namespace roomgate::sfu::web

// What is only read: how the gate is, what DNS says, who else is there.
#include <boost/json/array.hpp>

#include "router/admin/replies.hpp"
#include "router/admin/resources.hpp"

namespace roomgate::router::admin {

namespace json = boost::json;

namespace {

// Set: what a request that is no plain GET is told.
std::optional<ApiResponse> not_a_read(const ApiRequest& request, std::string_view rest) {
  if (!rest.empty()) return refuse(404, "not here");
  if (request.method != http::Method::get) return refuse(405, "GET");
  return std::nullopt;
}

}  // namespace

ApiResponse status_resource(Subject& subject, const ApiRequest& request, std::string_view rest,
                            bool may_write) {
  if (auto refusal = not_a_read(request, rest)) return std::move(*refusal);
  const Status s = subject.status();
  const Overview seen = subject.overview();
  json::object refused;
  for (const auto& refusal : seen.refused) {
    refused[refusal.reason] = json::object{{"last_minute", refusal.last_minute}, {"total", refusal.total}};
  }
  json::array certificates;
  for (const auto& certificate : seen.certificates) {
    certificates.push_back({{"file", certificate.file}, {"ends", rfc3339(certificate.ends)}});
  }
  return reply(json::object{{"name", s.name},
                            {"region", s.region},
                            {"ready", s.ready},
                            {"not_ready", s.not_ready},
                            {"draining", s.draining},
                            {"threads", s.threads},
                            {"connections", s.connections},
                            {"rooms", s.rooms},
                            {"tunnels", seen.tunnels},
                            {"shards", s.shards},
                            {"shards_up", s.shards_up},
                            {"uptime_seconds", s.uptime_seconds},
                            {"requests_per_second", seen.requests_per_second},
                            {"connections_per_second", seen.connections_per_second},
                            {"handshakes_per_second", seen.handshakes_per_second},
                            {"waiting", seen.waiting},
                            {"refused", std::move(refused)},
                            {"certificates", std::move(certificates)},
                            {"new_rooms_last_minute", seen.new_rooms_last_minute},
                            {"may_change", may_write}});
}

ApiResponse discovery_resource(Subject& subject, const ApiRequest& request, std::string_view rest, bool) {
  if (auto refusal = not_a_read(request, rest)) return std::move(*refusal);
  json::array rows;
  for (const DiscoveryRow& row : subject.discovery()) {
    rows.push_back({{"question", row.question},
                    {"state", row.state},
                    {"error", row.error},
                    {"shards", row.shards},
                    {"seconds_since_good", row.seconds_since_good},
                    {"seconds_to_next", row.seconds_to_next}});
  }
  return reply(json::object{{"discovery", std::move(rows)}});
}

ApiResponse peers_resource(Subject& subject, const ApiRequest& request, std::string_view rest, bool) {
  if (auto refusal = not_a_read(request, rest)) return std::move(*refusal);
  const Peers seen = subject.peers();
  if (seen.mode == "off") return reply(json::object{{"mode", "off"}, {"peers", json::array()}});
  json::array rows;
  for (const Peers::Row& row : seen.rows) {
    rows.push_back({{"name", row.name},
                    {"address", row.address},
                    {"kind", row.kind},
                    {"state", row.state},
                    {"up", row.up},
                    {"in_view", row.in_view},
                    {"via", row.via},
                    {"round_trip_ms", row.round_trip_ms},
                    {"updates_in", row.updates_in},
                    {"updates_out", row.updates_out},
                    {"behind", row.behind},
                    {"reconnects", row.reconnects},
                    {"up_seconds", row.up_seconds},
                    {"error", row.error}});
  }
  return reply(json::object{{"mode", seen.mode},
                            {"state", seen.state},
                            {"ready", seen.ready},
                            {"may_decide", seen.may_decide},
                            {"view", json::array(seen.view.begin(), seen.view.end())},
                            {"missing", json::array(seen.missing.begin(), seen.missing.end())},
                            {"splits", seen.splits},
                            {"asked", seen.asked},
                            {"asked_in_vain", seen.asked_in_vain},
                            {"clamped", seen.clamped},
                            {"lease_ms", seen.lease_ms},
                            {"peers", std::move(rows)}});
}

}  // namespace roomgate::router::admin

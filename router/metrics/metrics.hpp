// Every metric of roomgate, once: the list below is the documentation. Names and labels of the first block
// are what dashboards rely on. Made once, by the gate; updating is safe from any thread.
#pragma once

#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "base/metrics.hpp"

namespace roomgate::router {

// METRIC(kind, member, name, help, labels...)
#define ROOMGATE_GATE_METRICS(METRIC)                                                                        \
  METRIC(counter, requests, "roomgate_requests_total",                                                       \
         "Requests answered, by shard and status; shard \"\": the gate "                                     \
         "itself",                                                                                           \
         "shard", "code")                                                                                    \
  METRIC(histogram, request_duration, "roomgate_request_duration_seconds",                                   \
         "First byte of a request to the last of "                                                           \
         "its answer")                                                                                       \
  METRIC(gauge, rooms, "roomgate_rooms", "Entries of the room table")                                        \
  METRIC(gauge, tunnels, "roomgate_tunnels", "Open WebSocket tunnels", "shard")                              \
  METRIC(gauge, shard_up, "roomgate_shard_up", "1: new requests go there", "shard", "region")                \
  METRIC(counter, assignments, "roomgate_assignments_total", "Rooms given to a shard: new, moved", "shard",  \
         "how")                                                                                              \
  METRIC(counter, spills, "roomgate_placement_spills_total",                                                 \
         "Rooms placed off their wish: region, release_live, release_any, soft_cap", "kind")                 \
  METRIC(counter, pins_unmet, "roomgate_pins_unmet_total", "Rooms that no shard of their release took",      \
         "release")                                                                                          \
  METRIC(gauge, bans, "roomgate_bans", "Banned rooms, prefixes and tenants")                                 \
  METRIC(gauge, geoip_built, "roomgate_geoip_build_timestamp_seconds",                                       \
         "When the GeoIP database in use was built, Unix time")                                              \
  METRIC(counter, geoip_reloads, "roomgate_geoip_reloads_total",                                             \
         "Changed GeoIP databases read anew: ok, refused", "result")                                         \
  METRIC(counter, claims, "roomgate_claims_total",                                                           \
         "Rooms asked of the front doors together: created, known, no_owner, no_shard, table_full, "         \
         "page_full",                                                                                        \
         "result")                                                                                           \
  METRIC(counter, split_rooms, "roomgate_split_rooms_total", "Rooms found with two homes")                   \
  METRIC(counter, clamped_times, "roomgate_clamped_times_total",                                             \
         "Rooms said to be made over a minute ahead of our clock, and taken as made now")                    \
  METRIC(gauge, peer_up, "roomgate_peer_up", "1: a session with it is open", "peer")                         \
  METRIC(counter, peer_updates, "roomgate_peer_updates_total",                                               \
         "Updates from and to other front doors: in, out", "peer", "direction")                              \
  METRIC(counter, peer_asks_dropped, "roomgate_peer_asks_dropped_total",                                     \
         "Questions of another front door beyond what one may ask", "peer")                                  \
  METRIC(counter, sent_away, "roomgate_sent_away_total",                                                     \
         "Tunnels and held polls ended because their room has left their shard, or is banned", "what")       \
  METRIC(counter, rejected, "roomgate_rejected_total", "Requests and connections the gate refused",          \
         "reason")                                                                                           \
                                                                                                             \
  METRIC(gauge, connections, "roomgate_connections", "Open client connections")                              \
  METRIC(counter, accepted, "roomgate_connections_accepted_total", "Client connections accepted")            \
  METRIC(counter, handshakes, "roomgate_tls_handshakes_total",                                               \
         "TLS handshakes: full, resumed, failed, refused", "result")                                         \
  METRIC(gauge, certificate_expiry, "roomgate_certificate_expiry_seconds", "End of validity, Unix time",     \
         "file")                                                                                             \
  METRIC(counter, certificate_reloads, "roomgate_certificate_reloads_total",                                 \
         "Changed TLS files read anew: ok, refused", "result")                                               \
  METRIC(gauge, ocsp_expiry, "roomgate_ocsp_staple_expiry_seconds", "Stapled until then, Unix time", "file") \
  METRIC(gauge, rooms_provisional, "roomgate_rooms_provisional", "Entries that only a page load has made")   \
  METRIC(gauge, addresses_crowded, "roomgate_addresses_crowded",                                             \
         "Clients counted on one shared count since the start: limits.addresses was full")                   \
  METRIC(gauge, evicted, "roomgate_rooms_evicted", "Entries dropped for room since the start")               \
  METRIC(counter, upstream_connects, "roomgate_upstream_connects_total",                                     \
         "Connections to shards: ok, refused, tls, "                                                         \
         "timed_out, failed",                                                                                \
         "shard", "result")                                                                                  \
  METRIC(counter, upstream_retries, "roomgate_upstream_retries_total",                                       \
         "Requests repeated on a fresh connection", "shard")                                                 \
  METRIC(counter, upstream_failures, "roomgate_upstream_failures_total",                                     \
         "Requests a shard broke, left unanswered "                                                          \
         "or answered with a 5xx",                                                                           \
         "shard", "kind")                                                                                    \
  METRIC(counter, health_checks, "roomgate_health_checks_total",                                             \
         "Health checks: ok, failed; observed: clients' connections that failed and counted as one",         \
         "shard", "result")                                                                                  \
  METRIC(counter, agent_checks, "roomgate_agent_checks_total",                                               \
         "Questions to the agents beside shards: ok, failed, ignored (a line without a word known)",         \
         "shard", "result")                                                                                  \
  METRIC(gauge, shard_soft_down, "roomgate_shard_soft_down",                                                 \
         "1: checks fail, not yet often enough to call it down; new rooms go elsewhere", "shard")            \
  METRIC(gauge, shard_empty, "roomgate_shard_empty",                                                         \
         "Of shards being drained: 1: no room and no tunnel is left", "shard")                               \
  METRIC(gauge, shard_drain_rooms, "roomgate_shard_drain_rooms",                                             \
         "Of shards being drained: rooms that are left", "shard")                                            \
  METRIC(counter, shard_name_differs, "roomgate_shard_name_differs_total",                                   \
         "Answers whose X-Jitsi-Shard is not the "                                                           \
         "name the shard announced",                                                                         \
         "shard")                                                                                            \
  METRIC(gauge, peer_behind, "roomgate_peer_behind", "Of what we said, not yet acknowledged by it", "peer")  \
  METRIC(gauge, peer_round_trip, "roomgate_peer_round_trip_seconds", "To it and back", "peer")               \
  METRIC(gauge, peers_view, "roomgate_peers_view", "Front doors that decide together, this one included")    \
  METRIC(gauge, peers_ready, "roomgate_peers_ready", "1: a member; /ready follows")                          \
  METRIC(gauge, peers_may_decide, "roomgate_peers_may_decide",                                               \
         "1: this front door may decide about the rooms that it owns")                                       \
  METRIC(gauge, peers_missing, "roomgate_peers_missing", "Front doors that left without goodbye, lately")    \
  METRIC(counter, redis_asked, "roomgate_redis_asked_total",                                                 \
         "Claims of this front door while it had no Redis, by others that have it: answered, in_vain",       \
         "result")                                                                                           \
  METRIC(gauge, peers_lease, "roomgate_peers_lease_seconds", "Its length")                                   \
  METRIC(gauge, table_full, "roomgate_table_full",                                                           \
         "1: a room was refused in the last minute since the table is full of rooms in use")                 \
  METRIC(gauge, panic, "roomgate_panic",                                                                     \
         "1: so many shards are down that the gate's own network is suspected")                              \
  METRIC(gauge, draining, "roomgate_draining", "1: this gate is going away")                                 \
  METRIC(counter, reloads, "roomgate_reloads_total", "Settings read anew: ok, refused", "result")            \
  METRIC(counter, upgrades, "roomgate_upgrades_total",                                                       \
         "Takeovers: ok (this process has taken over), failed, refused (this process went on)", "result")    \
  METRIC(gauge, leaving, "roomgate_leaving",                                                                 \
         "1: another process has taken over, this one ends with its tunnels")                                \
  METRIC(gauge, old_processes, "roomgate_old_processes",                                                     \
         "Processes from before an upgrade that still have tunnels")                                         \
  METRIC(gauge, snapshot_age, "roomgate_snapshot_age_seconds",                                               \
         "Since the room table was last written to rooms.snapshot; no value before the first time")          \
  METRIC(counter, snapshot_failures, "roomgate_snapshot_failures_total", "Times it could not be written")    \
  METRIC(counter, h2_floods, "roomgate_h2_floods_total",                                                     \
         "HTTP/2 connections ended for too many frames of a kind", "kind")                                   \
  METRIC(histogram, tls_handshake, "roomgate_tls_handshake_duration_seconds",                                \
         "TLS handshakes that succeeded")                                                                    \
  METRIC(histogram, queue_wait, "roomgate_queue_wait_seconds",                                               \
         "Waiting for one of a shard's max_connections, by requests that had to")                            \
  METRIC(histogram, claim_wait, "roomgate_claim_wait_seconds",                                               \
         "Asking where a room is, by requests for rooms that this gate does not hold")                       \
  METRIC(histogram, upstream_connect, "roomgate_upstream_connect_seconds",                                   \
         "Opening a connection to a shard")                                                                  \
  METRIC(histogram, first_byte, "roomgate_upstream_first_byte_seconds",                                      \
         "Request sent to the head of the shard's answer")                                                   \
  METRIC(gauge, queue_length, "roomgate_queue_length",                                                       \
         "Requests that wait for one of a shard's max_connections", "shard")                                 \
  METRIC(gauge, slots_used, "roomgate_shard_slots_used",                                                     \
         "Requests and tunnels at a shard that has max_connections", "shard")                                \
  METRIC(gauge, discovery_shards, "roomgate_discovery_shards", "Shards that a [[discover]] block has found", \
         "question")                                                                                         \
  METRIC(gauge, discovery_stale, "roomgate_discovery_stale",                                                 \
         "1: the last DNS answer was empty, failed or not whole; what was known is kept", "question")        \
  METRIC(gauge, discovery_left_out, "roomgate_discovery_left_out",                                           \
         "Endpoints that DNS gave and the gate does not use: too many, or no valid name", "question")        \
  METRIC(counter, discovery_answers, "roomgate_discovery_answers_total",                                     \
         "DNS answers: ok, partial, empty, failed", "question", "result")                                    \
  METRIC(gauge, census_rooms, "roomgate_census_rooms", "Rooms with people in them, by the shard's own word", \
         "shard")                                                                                            \
  METRIC(gauge, census_unknown_rooms, "roomgate_census_unknown_rooms",                                       \
         "Of those, rooms that the room table does not know")                                                \
  METRIC(gauge, census_split_rooms, "roomgate_census_split_rooms", "Of those, rooms that two shards have")   \
  METRIC(gauge, build_info, "roomgate_build_info", "1", "version", "compiler", "openssl")                    \
  METRIC(counter, log_dropped, "roomgate_access_log_dropped_total",                                          \
         "Access log lines lost: the reader was too slow")

struct Metrics {
  Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  metrics::Registry registry;

  using counter = metrics::Counter;
  using gauge = metrics::Gauge;
  using histogram = metrics::Histogram;
#define ROOMGATE_DECLARE(kind, member, ...) metrics::Family<kind>& member;
  ROOMGATE_GATE_METRICS(ROOMGATE_DECLARE)
#undef ROOMGATE_DECLARE
};

// The counters of one shard that a request touches, looked up once: one per core and shard, that core's
// thread.
class ShardMetrics {
 public:
  ShardMetrics(Metrics& metrics, std::string_view shard);

  const std::string& shard() const { return shard_; }
  void answered(int status);
  metrics::Gauge& tunnels();

 private:
  Metrics& metrics_;
  std::string shard_;
  metrics::Gauge* tunnels_ = nullptr;
  std::array<metrics::Counter*, 600> by_status_{};
};

}  // namespace roomgate::router

#include "conf/gate_parts.hpp"

namespace roomgate::conf {

using std::chrono::hours;

void describe_limits(Binder& b, Gate& gate) {
  b.table("limits", "Bounds on what a client may send.");
  b.key("header_bytes", gate.limits.header_bytes, between(std::int64_t{1024}, std::int64_t{65536}),
        "request line and headers; more: 431");
  b.key("headers", gate.limits.headers, between(std::int64_t{10}, std::int64_t{128}), "how many; more: 431");
  b.key("target_bytes", gate.limits.target_bytes, between(std::int64_t{256}, std::int64_t{65536}),
        "the request target; longer: 414");
  b.key("connections", gate.limits.connections, between(std::int64_t{1}, std::int64_t{10'000'000}),
        "client connections in all");
  b.key("per_address.connections", gate.limits.per_address.connections,
        between(std::int64_t{0}, std::int64_t{10'000'000}),
        "client connections of one address, of IPv6 one /64; 0: off. Addresses in proxy_protocol_from and "
        "trust_forwarded_from are not limited, but the clients they name");
  b.key("per_address.handshakes", gate.limits.per_address.handshakes,
        "TLS handshakes of one address; more: closed without one");
  b.key("per_address.requests", gate.limits.per_address.requests, "requests of one address; more: 429");
  b.key("per_address.new_rooms", gate.limits.per_address.new_rooms,
        "rooms that one address may be the first in; more: 429");
  b.key("addresses", gate.limits.addresses, between(std::int64_t{1024}, std::int64_t{16'777'216}),
        "addresses counted apart, 44 bytes each; when none can be forgotten, newcomers share one count");
  b.key("tunnels_per_room", gate.limits.tunnels_per_room, between(std::int64_t{0}, std::int64_t{10'000'000}),
        "WebSockets of one room; more: 429; 0: off");
  b.key("body_bytes", gate.limits.body_bytes, between(std::int64_t{1024}, std::int64_t{1} << 50),
        "body of a request; larger: 413");
  b.key("body_rate", gate.limits.body_rate, between(std::int64_t{0}, std::int64_t{1'000'000'000}),
        "bytes a second at which a request's body must arrive on average; slower: 408; 0: off");
  b.key("body_rate_after", gate.limits.body_rate_after, between(Duration(0), Duration(hours(1))),
        "not judged before");
  b.key("pool_per_shard", gate.limits.pool_per_shard, between(std::int64_t{0}, std::int64_t{10'000}),
        "idle connections kept per core and shard (HAProxy: pool-max-conn)");
  b.key("queue_per_shard", gate.limits.queue_per_shard, between(std::int64_t{0}, std::int64_t{1'000'000}),
        "requests that may wait for one of a shard's max_connections; more: 503 (HAProxy: maxqueue)");
  auto& h2 = gate.limits.h2;
  b.key("h2.streams", h2.streams, between(std::int64_t{1}, std::int64_t{1000}),
        "requests of one HTTP/2 connection at a time; one counts until its work with the shard has ended");
  b.key("h2.stream_window", h2.stream_window, between(std::int64_t{16'384}, std::int64_t{16'777'216}),
        "bytes of a request's body that may be here and not yet with the shard");
  b.key("h2.connection_window", h2.connection_window,
        between(std::int64_t{65'535}, std::int64_t{134'217'728}), "of all bodies of a connection");
  const char* calm = "more of them end the connection with ENHANCE_YOUR_CALM";
  b.key("h2.resets", h2.resets, std::string("requests a client takes back; ").append(calm));
  b.key("h2.settings", h2.settings, "SETTINGS frames");
  b.key("h2.pings", h2.pings, "PING frames");
  b.key("h2.priorities", h2.priorities, "PRIORITY and PRIORITY_UPDATE frames");
  b.key("h2.window_updates", h2.window_updates,
        "WINDOW_UPDATE frames, beyond two for each DATA frame and one for 512 bytes that it was sent");
  b.key("h2.empty_frames", h2.empty_frames, "DATA and CONTINUATION frames that carry nothing");
  b.key("h2.refused", h2.refused, "requests beyond h2.streams");
  b.key("h2.errors", h2.errors, "streams that we reset for what was sent on them");
  b.key("h2.others", h2.others, "GOAWAY, and frames of unknown kinds");
}

}  // namespace roomgate::conf

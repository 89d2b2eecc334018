#include "conf/gate.hpp"

#include <unistd.h>

#include <set>

namespace roomgate::conf {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

Allowed<std::string> room_source() {
  return {"\"query:NAME\", \"path\", \"header:NAME\", \"cookie:NAME\" or \"host\"",
          [](const std::string& text) {
            for (const char* prefix : {"query:", "header:", "cookie:"}) {
              if (text.starts_with(prefix)) return text.size() > std::string(prefix).size();
            }
            return text == "path" || text == "host";
          }};
}

// A shard's name stands in paths (/colibri-ws/NAME/...), headers and metrics.
Allowed<std::string> shard_name() {
  return {"1 to 64 of a-z A-Z 0-9 . _ -", [](const std::string& text) {
            constexpr std::string_view kSet =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
            return !text.empty() && text.size() <= 64 && text.find_first_not_of(kSet) == std::string::npos;
          }};
}

void describe_listen(Binder& b, Gate::Listen& listen) {
  b.required("address");
  b.key("address", listen.address, address_and_port(), "where to listen; [::] is dual stack");
  b.key(
      "tls.certificates", listen.tls.certificates, not_empty(),
      "files or folders of PEM (key and chain), chosen by SNI, the first is the default; empty: plain HTTP");
  b.key("tls.min_version", listen.tls.min_version, one_of({"1.2", "1.3"}), "oldest TLS version accepted");
  b.key("tls.alpn", listen.tls.alpn, one_of({"h2", "http/1.1"}),
        "protocols offered, the first that the client knows is spoken");
  b.key("tls.tickets", listen.tls.tickets, between(std::int64_t{0}, std::int64_t{4}),
        "session tickets after a full handshake (TLS 1.3); 0: nobody resumes");
  b.key("tls.ticket_keys", listen.tls.ticket_keys, anything<std::string>(),
        "file of ticket keys, the same on every front door; empty: random ones, changed every 4 h");
  b.key("tls.client_ca", listen.tls.client_ca, anything<std::string>(),
        "PEM file of authorities; clients are then asked for a certificate of theirs");
  b.key("tls.client_verify", listen.tls.client_verify, one_of({"required", "optional"}),
        "with client_ca; optional: who shows none is let in");
  b.key("proxy_protocol_from", listen.proxy_protocol_from, network_or_address(),
        "a PROXY header, version 1 or 2, is required from these, and understood from nobody else");
  b.key("trust_forwarded_from", listen.trust_forwarded_from, network_or_address(),
        "X-Forwarded-For, -Proto, -Host and X-Proxy-Region are believed from these");
  b.key("redirect_to_https", listen.redirect_to_https, "answer 308 to https:// instead of forwarding");
  b.key("http2_cleartext", listen.http2_cleartext,
        "without TLS: also take HTTP/2 from clients that begin with its preface (prior knowledge)");
}

void describe_shard(Binder& b, Gate::Shard& shard) {
  b.required("name");
  b.required("address");
  b.key("name", shard.name, shard_name(), "the identity, everywhere; the order of blocks never matters");
  b.key("address", shard.address, address_and_port(), "where the shard answers HTTP");
  b.key("region", shard.region, anything<std::string>(), "region of the shard, may be empty");
  b.key("weight", shard.weight, between(std::int64_t{0}, std::int64_t{256}), "share of new rooms; 0: none");
  b.key("announce", shard.announce, anything<std::string>(),
        "the name the shard itself puts in X-Jitsi-Shard, where it differs from name");
  b.key("check", shard.check, "false: counts as up always");
  b.key("tls", shard.tls, "TLS to the shard, checks too");
  b.key("tls_verify", shard.tls_verify, "false: its certificate may be anybody's");
  b.key("tls_ca", shard.tls_ca, anything<std::string>(),
        "PEM file of the authorities that may vouch for it; empty: the system's");
  b.key("tls_sni", shard.tls_sni, anything<std::string>(),
        "the name asked for and verified; empty: the address, by IP and without SNI");
  b.key("max_connections", shard.max_connections, between(std::int64_t{0}, std::int64_t{1'000'000}),
        "requests and tunnels at a time, from this gate; further ones wait; 0: no bound (HAProxy: maxconn)");
}

void check_across(Binder& b, Gate& gate) {
  std::set<std::string> names;
  b.table("", "");
  if (gate.listen.empty()) b.reject("listen", "at least one [[listen]] block with an address is needed");
  if (gate.shards.empty())
    b.reject("shards", "at least one [[shards]] block with name and address is needed");
  for (const Gate::Listen& listen : gate.listen) {
    if (listen.redirect_to_https && !listen.tls.certificates.empty()) {
      b.reject("listen", listen.address + ": redirect_to_https is for listeners without tls.certificates");
    }
    if (listen.http2_cleartext && !listen.tls.certificates.empty()) {
      b.reject("listen", listen.address +
                             ": http2_cleartext is for listeners without tls.certificates; with them "
                             "tls.alpn chooses");
    }
    if (listen.tls.certificates.empty() &&
        !(listen.tls.client_ca.empty() && listen.tls.ticket_keys.empty())) {
      b.reject("listen", listen.address +
                             ": tls.client_ca and tls.ticket_keys are for listeners with tls.certificates");
    }
  }
  for (const Gate::Shard& shard : gate.shards) {
    if (!shard.name.empty() && !names.insert(shard.name).second) {
      b.reject("shards", "two shards are named \"" + shard.name + "\"; names are unique");
    }
    if (!shard.tls && (!shard.tls_verify || !shard.tls_ca.empty() || !shard.tls_sni.empty())) {
      b.reject("shards",
               "shard \"" + shard.name + "\": tls_verify, tls_ca and tls_sni are for shards with tls = true");
    }
  }
}

}  // namespace

void describe(Binder& b, Gate& gate) {
  b.table("", "");
  b.key("expose", gate.expose, not_empty(),
        "paths forwarded to shards although closed by default, such as \"/about/stats\"");
  b.key("debug_headers", gate.debug_headers, "add X-Roomgate-Why to answers");

  b.table("gate", "This front door.");
  b.key("name", gate.name, anything<std::string>(), "unique among front doors; empty: the host name");
  b.key("region", gate.region, anything<std::string>(), "its region, may be empty");
  b.key("threads", gate.threads, between(std::int64_t{0}, std::int64_t{1024}),
        "0: the CPUs this process may use");

  b.blocks("listen", gate.listen, "Where clients come in; one block per address.", describe_listen);

  b.table("admin", "For operators: metrics, probes, the API. Reads only, unless a token is given.");
  b.key("address", gate.admin.address, address_and_port_or_empty(),
        "/metrics /ready /live /stats /api/v1/...; empty: none");
  b.key("socket", gate.admin.socket, anything<std::string>(),
        "unix socket with full rights, mode 0600; empty: none");
  b.key("token_file", gate.admin.token_file, anything<std::string>(),
        "file with the bearer token that allows writes over TCP");
  b.key("probe_address", gate.admin.probe_address, address_and_port_or_empty(),
        "only /live /ready /metrics; empty: none");
  b.key("access_log", gate.admin.access_log, not_empty(), "\"off\", \"stdout\", or a file; JSON lines");
  b.key("access_log_addresses", gate.admin.access_log_addresses, one_of({"truncated", "full"}),
        "client addresses in it");

  b.table("rooms", "How the room is found in a request, and how long it is remembered.");
  b.key("sources", gate.rooms.sources, room_source(), "where the room's name is looked for, in this order");
  b.key("tenants", gate.rooms.tenants,
        "the key is TENANT/ROOM (first path segment); the host name never part of it");
  b.key("pages_create", gate.rooms.pages_create,
        "a page request /ROOM may create a provisional entry (60 s)");
  b.key("force_suffix", gate.rooms.force_suffix,
        "a room ending in _SHARD, or a first segment equal to a shard's name, forces that shard");
  b.key("max_key_bytes", gate.rooms.max_key_bytes, between(std::int64_t{16}, std::int64_t{8192}),
        "a longer key is refused with 414, never cut");
  b.key("idle", gate.rooms.idle, between(Duration(seconds(1)), Duration(hours(24 * 7))),
        "an entry nobody holds for this long is released");
  b.key("max_entries", gate.rooms.max_entries, between(std::int64_t{100}, std::int64_t{100'000'000}),
        "at the limit only idle entries go");

  b.table("balance", "Where a new room goes.");
  b.key("policy", gate.policy, one_of({"roundrobin", "leastrooms"}),
        "among the shards that are up and ready");

  b.blocks("shards", gate.shards, "The shards; one block each.", describe_shard);

  b.table("health", "How shards are checked.");
  b.key("enabled", gate.health.enabled, "false: every shard counts as up");
  b.key("path", gate.health.path, anything<std::string>(), "GET must give 200; empty: a connect is enough");
  b.key("interval", gate.health.interval, between(Duration(milliseconds(100)), Duration(minutes(10))),
        "between checks, with jitter");
  b.key("interval_fast", gate.health.interval_fast,
        between(Duration(milliseconds(50)), Duration(minutes(10))), "while the state is changing");
  b.key("timeout", gate.health.timeout, between(Duration(milliseconds(50)), Duration(minutes(1))),
        "of one check (HAProxy: timeout check)");
  b.key("rise", gate.health.rise, between(std::int64_t{1}, std::int64_t{100}),
        "good checks until a shard that was down is up");
  b.key("fall", gate.health.fall, between(std::int64_t{1}, std::int64_t{100}),
        "failed checks until it is down");

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

  b.table("timeouts", "How long is waited before giving up.");
  const auto sane = between(Duration(milliseconds(100)), Duration(hours(24)));
  b.key("request", gate.timeouts.request, sane,
        "for the whole head of a request; then 408 (HAProxy: http-request)");
  b.key("keep_alive", gate.timeouts.keep_alive, sane,
        "between two requests of one connection (HAProxy: http-keep-alive)");
  b.key("client", gate.timeouts.client, sane,
        "silence of the client while a body is under way; then 408 (HAProxy: client)");
  b.key("queue", gate.timeouts.queue, sane,
        "for one of the shard's max_connections; then 503 (HAProxy: queue)");
  b.key("connect", gate.timeouts.connect, sane,
        "to a shard, its TLS handshake included; then 503 (HAProxy: connect)");
  b.key("server", gate.timeouts.server, sane, "silence of the shard; then 504 (HAProxy: server)");
  b.key("tunnel", gate.timeouts.tunnel, sane, "silence of a WebSocket on both sides (HAProxy: tunnel)");
  b.key("client_fin", gate.timeouts.client_fin, sane,
        "silence of a WebSocket's client after its shard has ended (HAProxy: client-fin)");
  b.key("server_fin", gate.timeouts.server_fin, sane,
        "silence of a WebSocket's shard after its client has ended (HAProxy: server-fin)");
  b.key("handshake", gate.timeouts.handshake, sane, "for a client's TLS handshake (HAProxy: client-hs)");
  b.key("pool", gate.timeouts.pool, sane,
        "an idle connection to a shard is kept this long (HAProxy: pool-purge-delay)");

  b.table("shutdown", "After SIGTERM.");
  b.key("delay", gate.shutdown.delay, between(Duration(0), Duration(minutes(10))),
        "/ready says 503, accepting goes on");
  b.key("grace", gate.shutdown.grace, between(Duration(0), Duration(hours(24))),
        "open tunnels may last this long");

  if (b.reading()) check_across(b, gate);
}

namespace {

Result<Gate, std::vector<Mistake>> named(Result<Gate, std::vector<Mistake>> gate) {
  if (gate && gate->name.empty()) {
    std::array<char, 256> host{};
    if (gethostname(host.data(), host.size() - 1) == 0) gate->name = host.data();
  }
  return gate;
}

}  // namespace

Result<Gate, std::vector<Mistake>> load_gate(const std::string& file) {
  return named(read_settings<Gate>(read_toml_file(file), file));
}

Result<Gate, std::vector<Mistake>> parse_gate(const std::string& text, const std::string& file) {
  return named(read_settings<Gate>(parse_toml(text, file), file));
}

std::string gate_reference() { return write_reference<Gate>(); }

}  // namespace roomgate::conf

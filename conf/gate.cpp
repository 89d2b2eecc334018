#include "conf/gate.hpp"

#include <unistd.h>

#include "conf/gate_parts.hpp"

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

void check_across(Binder& b, Gate& gate) {
  b.table("", "");
  if (gate.listen.empty()) b.reject("listen", "at least one [[listen]] block with an address is needed");
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
  check_shards(b, gate);
  if (b.reading()) check_peers(b, gate);
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
  b.key("reconnect_grace", gate.rooms.reconnect_grace, between(Duration(0), Duration(hours(1))),
        "what a front door that died held counts as held this long");
  b.key("max_entries", gate.rooms.max_entries, between(std::int64_t{100}, std::int64_t{100'000'000}),
        "at the limit only idle entries go");
  b.key("snapshot", gate.rooms.snapshot, anything<std::string>(),
        "file that remembers rooms over a restart by hand, written anew now and then; empty: none");
  b.key("snapshot_interval", gate.rooms.snapshot_interval, between(Duration(seconds(1)), Duration(hours(1))),
        "between two of them");

  describe_placement(b, gate);
  describe_shards(b, gate);
  describe_peers(b, gate);
  describe_limits(b, gate);

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

  b.table("heal", "Closing the WebSockets of rooms that moved.");
  b.key("window", gate.heal.window, between(Duration(0), Duration(hours(1))),
        "each is closed at a moment of its own within this time");
  b.key("rate", gate.heal.rate, between(std::int64_t{1}, std::int64_t{1'000'000}),
        "at most so many a second");

  b.table("upgrade", "roomgate serve --takeover.");
  b.key("socket", gate.upgrade.socket, anything<std::string>(),
        "where the next process finds this one; empty: admin.socket with .upgrade behind it");
  b.key("grace", gate.upgrade.grace, between(Duration(0), Duration(hours(24 * 7))),
        "tunnels of the old process may last this long");

  if (b.reading()) check_across(b, gate);
}

namespace {

Result<Gate, std::vector<Mistake>> named(Result<Gate, std::vector<Mistake>> gate) {
  if (gate && gate->name.empty()) {
    std::array<char, 256> host{};
    if (gethostname(host.data(), host.size() - 1) == 0) gate->name = host.data();
  }
  // All front doors may have the same list, with themselves in it, as HAProxy's have.
  if (gate) {
    std::erase_if(gate->peers.members,
                  [&gate](const Gate::Peers::Member& member) { return member.name == gate->name; });
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

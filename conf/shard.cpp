#include "conf/shard.hpp"

#include "base/address.hpp"

namespace roomgate::conf {
namespace {

Allowed<std::string> ip_or_empty() {
  return {"an IP address, or \"\"",
          [](const std::string& v) { return v.empty() || Address::from_ip(v, 0).has_value(); }};
}

Allowed<std::string> turn_uri() {
  return {"turn:HOST:PORT?transport=udp|tcp, or turns:...", [](const std::string& v) {
            return v.starts_with("turn:") || v.starts_with("turns:") || v.starts_with("stun:");
          }};
}

}  // namespace

void describe(Binder& b, Shard& shard) {
  b.table("", "");
  b.key("name", shard.name, anything<std::string>(),
        "the shard's name: X-Jitsi-Shard, bridge channel paths, metrics");
  b.key("listen", shard.listen, address_and_port(), "HTTP and WebSocket");
  b.key("region", shard.region, anything<std::string>(), "X-Jitsi-Region, may be empty");

  b.table("xmpp", "Names of the signalling; a Jitsi client's config.js must say the same.");
  b.key("domain", shard.xmpp.domain, not_empty(), "XMPP domain");
  b.key("muc", shard.xmpp.muc, anything<std::string>(), "where rooms are; empty: conference.DOMAIN");
  b.key("focus", shard.xmpp.focus, anything<std::string>(),
        "where conference requests go; empty: focus.DOMAIN");
  b.key("focus_user", shard.xmpp.focus_user, anything<std::string>(),
        "JID of the focus; empty: focus@auth.DOMAIN");

  b.table("media", "Audio and video over UDP.");
  b.key("address", shard.media.address, ip_or_empty(), "bind only this address; empty: all, both families");
  b.key("port", shard.media.port, between(std::int64_t{0}, std::int64_t{65000}),
        "worker w binds port + w; 0: free ports");
  b.key("workers", shard.media.workers, between(std::int64_t{1}, std::int64_t{32}), "media threads");
  b.key("spread_from", shard.media.spread_from, between(std::int64_t{1}, std::int64_t{100'000}),
        "people on a worker from which on a conference goes on with another");
  b.key("advertise", shard.media.advertise, ip_with_optional_port(),
        "addresses offered to clients besides those of the interfaces: for NAT and node ports");
  b.key("loudest", shard.media.loudest, between(std::int64_t{0}, std::int64_t{100}),
        "of a large room only so many voices are heard at once; 0: all");
  b.key("loudest_from", shard.media.loudest_from, between(std::int64_t{0}, std::int64_t{10'000}),
        "microphones of a room from which on it is large");
  b.key("rewritten_videos", shard.media.rewritten_videos, between(std::int64_t{0}, std::int64_t{200}),
        "videos at once for a client that lists ssrc-rewriting-1 and is told of no sources; 0: it is told of "
        "all");
  b.key("rewritten_voices", shard.media.rewritten_voices, between(std::int64_t{1}, std::int64_t{100}),
        "voices at once for such a client; at least media.loudest are kept");
  b.key(
      "opus_red", shard.media.opus_red,
      "offer RED: each packet of a voice repeats what came before, about twice the sound for every receiver");

  b.table("web", "The pages and who may say what about clients.");
  b.key("root", shard.web.root, anything<std::string>(),
        "folder of static files, such as a Jitsi Meet build; empty: the built-in client");
  b.key("public_url", shard.web.public_url, anything<std::string>(),
        "https://meet.example.org; empty: taken from each request");
  b.key("trust_forwarded_from", shard.web.trust_forwarded_from, network_or_address(),
        "X-Forwarded-* and X-Proxy-Region are believed from these networks");
  b.key("admin_token_file", shard.web.admin_token_file, anything<std::string>(),
        "bearer token that allows drain from other than local addresses");

  b.table("turn", "Relays offered to clients (extdisco:2), with time-limited credentials.");
  b.key("uris", shard.turn.uris, turn_uri(), "TURN servers that share `secret`");
  b.key("secret", shard.turn.secret, anything<std::string>(), "static-auth-secret of the TURN server");
  b.key("ttl", shard.turn.ttl,
        between(Duration(std::chrono::minutes(1)), Duration(std::chrono::hours(24 * 7))),
        "how long a credential is good");

  b.table("limits", "Bounds of this shard; beyond them it says it is full.");
  b.key("rooms", shard.limits.rooms, between(std::int64_t{1}, std::int64_t{100'000}), "conferences at once");
  b.key("participants", shard.limits.participants, between(std::int64_t{1}, std::int64_t{100'000}),
        "people at once");
  b.key("participants_per_room", shard.limits.participants_per_room,
        between(std::int64_t{1}, std::int64_t{10'000}), "people in one room");
  b.key("new_rooms_per_second", shard.limits.new_rooms_per_second, between(0.01, 10'000.0),
        "rooms that one client address may open");
  b.key("new_rooms_burst", shard.limits.new_rooms_burst, between(std::int64_t{1}, std::int64_t{100'000}),
        "as many at once");
  b.key("sources_per_participant", shard.limits.sources_per_participant,
        between(std::int64_t{2}, std::int64_t{100}), "microphones, cameras and screens of one");
  b.key("sender_packets_per_second", shard.limits.sender_packets_per_second,
        between(std::int64_t{100}, std::int64_t{1'000'000}), "media of one; what is above is dropped");
  b.key("sender_kbps", shard.limits.sender_kbps, between(std::int64_t{100}, std::int64_t{10'000'000}),
        "likewise");

  b.table("overload", "What a busy shard does: first no new rooms, then fewer videos for each receiver.");
  b.key("busy", shard.overload.busy, between(0.1, 1.0),
        "share of a media thread's time that is a stress of 1");
  b.key("packets_per_second", shard.overload.packets_per_second,
        between(std::int64_t{0}, std::int64_t{10'000'000}),
        "in and out, of a media thread, that are a stress of 1; 0: any number");
  b.key("lag", shard.overload.lag,
        between(Duration(std::chrono::milliseconds(1)), Duration(std::chrono::seconds(1))),
        "mean time of packets in the shard that is a stress of 1");
  b.key("full_at", shard.overload.full_at, between(0.1, 1.0), "no new rooms from this stress on");
  b.key("ready_below", shard.overload.ready_below, between(0.0, 1.0), "new rooms again below this stress");
  b.key("reduce_last_n_at", shard.overload.reduce_last_n_at, between(0.1, 2.0),
        "each receiver gets fewer videos, a quarter less every 3 s, from this stress of its thread on");
  b.key("raise_last_n_below", shard.overload.raise_last_n_below, between(0.0, 2.0),
        "and more again, every 10 s, below this one");
  b.key("least_last_n", shard.overload.least_last_n, between(std::int64_t{1}, std::int64_t{1000}),
        "never fewer videos than this");

  b.table("shutdown", "After SIGTERM.");
  b.key("grace", shard.shutdown_grace, between(Duration(0), Duration(std::chrono::hours(24))),
        "conferences may last this long");
}

void complete(Shard& shard) {
  if (shard.xmpp.muc.empty()) shard.xmpp.muc = "conference." + shard.xmpp.domain;
  if (shard.xmpp.focus.empty()) shard.xmpp.focus = "focus." + shard.xmpp.domain;
  if (shard.xmpp.focus_user.empty()) shard.xmpp.focus_user = "focus@auth." + shard.xmpp.domain;
}

Result<Shard, std::vector<Mistake>> load_shard(const std::string& file) {
  return read_settings<Shard>(read_toml_file(file), file);
}

Result<Shard, std::vector<Mistake>> parse_shard(const std::string& text, const std::string& file) {
  return read_settings<Shard>(parse_toml(text, file), file);
}

std::string shard_reference() { return write_reference<Shard>(); }

}  // namespace roomgate::conf

#include "conf/gate_parts.hpp"

namespace roomgate::conf {
namespace {

using std::chrono::hours;

Allowed<std::string> country() {
  return {"an ISO 3166 code, such as \"DE\"", [](const std::string& text) {
            return text.size() == 2 && text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == text.npos;
          }};
}

void describe_region(Binder& b, Gate::Region& region) {
  b.key("fallback", region.fallback, not_empty(),
        "where its new rooms go when none of its shards takes them, in this order; none: anywhere");
  b.key("cidrs", region.cidrs, network_or_address(), "client networks of this region");
  b.key("countries", region.countries, country(), "countries of this region, for [geoip] database");
}

void describe_pin(Binder& b, Gate::Pin& pin) {
  b.required("release");
  b.key("release", pin.release, not_empty(), "the shards' release that these rooms go to");
  b.key("tenant", pin.tenant, anything<std::string>(), "rooms of this tenant");
  b.key("prefix", pin.prefix, anything<std::string>(), "rooms whose name begins so, without the tenant");
}

void describe_ban(Binder& b, Gate::Ban& ban) {
  b.key("room", ban.room, anything<std::string>(), "exactly this room, ROOM or TENANT/ROOM");
  b.key("prefix", ban.prefix, anything<std::string>(), "or all whose key begins so");
  b.key("tenant", ban.tenant, anything<std::string>(), "or all of this tenant");
  b.key("status", ban.status, one_of_numbers({403, 429}), "what they are told");
}

}  // namespace

void describe_placement(Binder& b, Gate& gate) {
  b.table("balance", "Where a new room goes.");
  b.key("policy", gate.balance.policy, one_of({"roundrobin", "leastrooms", "leastload", "hash"}),
        "among the shards that are up and ready");
  b.key("slow_start", gate.balance.slow_start, between(Duration(0), Duration(hours(1))),
        "a shard that came up gets its full share of new rooms only after this time; 0s: at once");
  b.key("live_release", gate.balance.live_release, anything<std::string>(),
        "release of the shards that rooms without a pin go to; empty: any shard");
  b.key("release_override", gate.balance.release_override,
        "?release=NAME in a request chooses the release of a new room, for testing");

  b.named("regions", gate.regions, "A region: where its rooms go, and whose clients are of it.", "eu-central",
          describe_region);

  b.table("geo", "Which region a client is of.");
  b.key("header", gate.geo.header, not_empty(),
        "a region's name, or a country of one; believed from trust_forwarded_from only and never passed on; "
        "X-Proxy-Region goes before it");
  b.key("order", gate.geo.order, one_of({"header", "cidr", "geoip", "gate"}),
        "asked in turn, the first that knows decides; gate: gate.region");
  b.table("geoip", "");
  b.key("database", gate.geoip_database, anything<std::string>(),
        "an .mmdb of countries or cities, for the regions' countries; empty: none");

  b.blocks("pins", gate.pins, "Rooms that go to shards of a certain release; the first that fits.",
           describe_pin);
  b.blocks("bans", gate.bans, "Rooms that nobody may enter; one of room, prefix, tenant each.", describe_ban);
}

}  // namespace roomgate::conf

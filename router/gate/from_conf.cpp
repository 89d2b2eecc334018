#include "router/gate/from_conf.hpp"

#include <fstream>
#include <set>

#include "router/room/normalise.hpp"

namespace roomgate::router::gate {
namespace {

std::size_t size_of(std::int64_t value) { return static_cast<std::size_t>(value); }

limits::Rate rate_of(const conf::Rate& rate) { return {rate.per_second(), static_cast<double>(rate.burst)}; }

// "off": as many as come.
h2::Rate flood_rate(const conf::Rate& rate) {
  if (rate.count == 0) return {0, 1e18};
  return {rate.per_second(), static_cast<double>(rate.burst)};
}

h2::Limits http2_limits(const conf::Gate::Limits::Http2& c, const http::Limits& head) {
  h2::Limits limits{.head = head,
                    .streams = static_cast<std::uint32_t>(c.streams),
                    .stream_window = static_cast<std::uint32_t>(c.stream_window),
                    .connection_window = static_cast<std::uint32_t>(c.connection_window)};
  using h2::Flood;
  limits.rate(Flood::reset) = flood_rate(c.resets);
  limits.rate(Flood::settings) = flood_rate(c.settings);
  limits.rate(Flood::ping) = flood_rate(c.pings);
  limits.rate(Flood::priority) = flood_rate(c.priorities);
  limits.rate(Flood::window_update) = flood_rate(c.window_updates);
  limits.rate(Flood::empty) = flood_rate(c.empty_frames);
  limits.rate(Flood::refused) = flood_rate(c.refused);
  limits.rate(Flood::error) = flood_rate(c.errors);
  limits.rate(Flood::other) = flood_rate(c.others);
  return limits;
}

Result<std::string, std::string> read_token(const std::string& file) {
  if (file.empty()) return std::string();
  std::ifstream in(file);
  std::string token;
  if (!std::getline(in, token) || token.empty())
    return fail("admin.token_file: " + file + " has no token in it");
  while (!token.empty() && (token.back() == '\r' || token.back() == ' ')) token.pop_back();
  return token;
}

Result<std::vector<health::StatusRange>, std::string> statuses_of(const std::vector<std::string>& texts) {
  if (texts.empty()) return fail(std::string("health.expect: at least one status"));
  std::vector<health::StatusRange> ranges;
  for (const auto& text : texts) {
    const auto range = health::parse_status_range(text);
    if (!range) return fail("health.expect: \"" + text + "\" is no status and no range of them");
    ranges.push_back(*range);
  }
  return ranges;
}

directory::ShardKind kind_of(const conf::Gate& gate, const conf::Gate::ShardKind& c) {
  directory::ShardKind kind{.region = c.region,
                            .weight = static_cast<std::uint32_t>(c.weight),
                            .release = c.release,
                            .check = c.check,
                            .max_connections = static_cast<std::uint32_t>(c.max_connections),
                            .soft_rooms = static_cast<std::uint32_t>(c.soft_rooms),
                            .max_rooms = static_cast<std::uint32_t>(c.max_rooms),
                            .census = "",
                            .tls = std::nullopt};
  // A gate on its own can do without, and its shards may be none that know the question.
  if (gate.peers.mode != "off" || c.wants_census) kind.census = c.census;
  if (c.tls) kind.tls = {.address = "", .verify = c.tls_verify, .ca = c.tls_ca, .sni = c.tls_sni};
  return kind;
}

DiscoverBlock discover_of(const conf::Gate& gate, const conf::Gate::Discover& c) {
  DiscoverBlock block{.srv = c.srv,
                      .name_prefix = c.name_prefix,
                      .refresh = c.refresh,
                      .srv_weight = c.srv_weight,
                      .agent_port = static_cast<std::uint16_t>(c.agent_port),
                      .kind = kind_of(gate, c.kind)};
  if (const auto colon = c.a.rfind(':'); colon != std::string::npos) {
    block.host = c.a.substr(0, colon);
    block.port = static_cast<std::uint16_t>(std::stoi(c.a.substr(colon + 1)));
  }
  block.name_from = c.name_from == "target"    ? directory::NameFrom::target
                    : c.name_from == "address" ? directory::NameFrom::address
                                               : directory::NameFrom::announced;
  return block;
}

// A header that the gate itself goes by cannot be taken out of requests.
bool may_be_region_header(const std::string& name) {
  using http::HeaderId;
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
  if (name.empty() || name.find_first_not_of(kAllowed) != std::string::npos) return false;
  const HeaderId id = http::header_id(name);
  return id == HeaderId::other || id == HeaderId::x_forwarded_any || id == HeaderId::x_proxy_region;
}

// Opens the GeoIP database: a file that is no good is a mistake in the settings.
Result<std::shared_ptr<const region::Locator>, std::string> locator_of(const conf::Gate& c) {
  region::Settings settings{.order = {}, .header = c.geo.header, .gate = c.region};
  if (!may_be_region_header(settings.header)) {
    return fail("geo.header: \"" + settings.header +
                "\" is no header for this: letters, digits and dashes, and none that the gate itself uses");
  }
  for (const auto& source : c.geo.order) {
    const auto parsed = region::parse_source(source);
    if (!parsed) return fail("geo.order: what is \"" + source + "\"?");
    settings.order.push_back(*parsed);
  }
  std::set<std::string> further;
  for (const auto& [name, region] : c.regions) {
    settings.regions.push_back({name, region.cidrs, region.countries});
    further.insert(region.fallback.begin(), region.fallback.end());
  }
  for (const auto& shard : c.shards) further.insert(shard.kind.region);
  for (const auto& block : c.discover) further.insert(block.kind.region);
  settings.names.assign(further.begin(), further.end());
  std::shared_ptr<const region::GeoIp> database;
  if (!c.geoip_database.empty()) {
    auto opened = region::GeoIp::open(c.geoip_database);
    if (!opened) return fail("geoip.database: " + opened.error());
    database = std::move(opened).value();
  }
  return region::Locator::make(std::move(settings), std::move(database));
}

Result<route::Pins, std::string> pins_of(const conf::Gate& c) {
  constexpr std::size_t kMost = 1000;  // each is looked at for each new room
  if (c.pins.size() > kMost) return fail("pins: more than " + std::to_string(kMost));
  std::vector<route::Pin> pins;
  for (const auto& pin : c.pins) pins.push_back({pin.release, pin.tenant, pin.prefix});
  return route::Pins(std::move(pins), c.balance.live_release, c.balance.release_override);
}

Result<std::vector<route::Ban>, std::string> bans_of(const conf::Gate& c) {
  using Kind = route::Ban::Kind;
  std::vector<route::Ban> bans;
  if (c.bans.size() > route::Bans::kMost)
    return fail("bans: more than " + std::to_string(route::Bans::kMost));
  for (const auto& ban : c.bans) {
    const bool room = !ban.room.empty();
    const bool prefix = !ban.prefix.empty();
    bans.push_back({.kind = room     ? Kind::room
                            : prefix ? Kind::prefix
                                     : Kind::tenant,
                    .text = room     ? ban.room
                            : prefix ? ban.prefix
                                     : ban.tenant,
                    .status = static_cast<int>(ban.status),
                    .from_settings = true});
  }
  return bans;
}

// What a client wrote, as HAProxy has it, as our key.
std::optional<std::string> key_of_spelling(std::string_view spelling) {
  std::string key = room::normalised(spelling, room::Where::query);
  if (key.empty()) return std::nullopt;
  return key;
}

peers_sync::mesh::HaproxyOptions haproxy_of(const conf::Gate& c) {
  peers_sync::mesh::HaproxyOptions o;
  o.settings.table = c.peers.table;
  o.settings.key_length = size_of(c.peers.key_length);
  o.settings.form = peers_sync::haproxy::key_form(c.peers.haproxy_key).value();
  o.settings.by_address = c.peers.server_key == "addr";
  o.settings.expire = c.peers.expire;
  for (const auto& shard : c.shards) {
    o.servers.push_back({shard.name, shard.haproxy_id, shard.haproxy_name, shard.address});
  }
  o.key_of = key_of_spelling;
  return o;
}

// `key`: the setting that names the file.
Result<std::string, std::string> password_in(const std::string& file, const std::string& key) {
  std::string password;
  std::ifstream in(file);
  if (!std::getline(in, password) || password.empty()) {
    return fail(key + ": " + file + " has no password in it");
  }
  if (password.back() == '\r') password.pop_back();
  return password;
}

Result<peers_sync::redis::Options, std::string> redis_of(const conf::Gate& c, const stick::Limits& table) {
  const conf::Gate::Peers::Redis& r = c.peers.redis;
  const auto place = peers_sync::redis::parse_place(r.url);
  if (!place) return fail(std::string("peers.redis.url: no place of a Redis (it may have a password)"));
  peers_sync::redis::Options o{
      .name = c.name, .place = *place, .sentinel_master = r.sentinel_master, .ca = r.ca};
  std::string sentinel_password;
  if (!r.sentinel_password_file.empty()) {
    auto read = password_in(r.sentinel_password_file, "peers.redis.sentinel_password_file");
    if (!read) return fail(read.error());
    sentinel_password = std::move(*read);
  }
  for (const auto& sentinel : r.sentinels) {
    auto at = peers_sync::redis::parse_sentinel(sentinel);
    if (!at) return fail("peers.redis.sentinels: " + sentinel + " is no address");
    at->tls = r.sentinel_tls;
    at->user = r.sentinel_user;
    at->password = sentinel_password;
    o.sentinels.push_back(std::move(*at));
  }
  if (!r.password_file.empty()) {
    auto read = password_in(r.password_file, "peers.redis.password_file");
    if (!read) return fail(read.error());
    o.place.password = std::move(*read);
  }
  o.failover_hold = r.failover_hold;
  o.claim_timeout = c.peers.claim_timeout;
  o.idle = table.idle;
  o.recent = table.recent;
  o.provisional_life = table.provisional_life;
  o.reconnect_grace = c.rooms.reconnect_grace;
  o.max_entries = table.max_entries;
  return o;
}

// `dns`: of discover_srv. `table`: what it may hold, and for how long.
Result<Peers, std::string> peers_of(const conf::Gate& c, const dns::Options& dns,
                                    const stick::Limits& table) {
  const conf::Gate::Peers& p = c.peers;
  Peers out;
  out.mode = p.mode;
  if (!out.on()) return out;
  // What a hello can carry.
  if (c.name.empty() || c.name.size() > 64 || c.name.find_first_of(" \t\r\n") != c.name.npos) {
    return fail(std::string("gate.name: among front doors it has 1 to 64 characters, and no spaces"));
  }
  peers_sync::mesh::PeersOptions& o = out.mesh;
  o.name = c.name;
  o.address = *Address::parse(p.address);
  for (const auto& member : p.members) {
    o.members.push_back({.name = member.name, .addresses = {*Address::parse(member.address)}});
  }
  o.discover_srv = p.discover_srv;
  o.dns = dns;
  auto allow = Networks::parse(p.allow);
  if (!allow) return fail(std::string("peers.allow has what is no network"));
  o.allow = std::move(*allow);
  if (!p.tls.certificate.empty()) {
    o.tls = peers_sync::mesh::TlsFiles{.certificate = p.tls.certificate, .key = p.tls.key, .ca = p.tls.ca};
  }
  o.claim_timeout = p.claim_timeout;
  if (p.lease != "auto") o.lease = conf::parse_duration(p.lease).value();
  o.idle = table.idle;
  o.recent = table.recent;
  o.provisional_life = table.provisional_life;
  o.reconnect_grace = c.rooms.reconnect_grace;
  o.max_entries = table.max_entries;
  o.provisional_share = table.provisional_share;
  o.haproxy = haproxy_of(c);
  if (out.mode == "redis") {
    auto redis = redis_of(c, table);
    if (!redis) return fail(redis.error());
    out.redis = std::move(redis).value();
  }
  return out;
}

}  // namespace

Result<Options, std::string> from_conf(const conf::Gate& c) {
  Options o;
  o.name = c.name;
  o.threads = size_of(c.threads);
  for (const auto& block : c.listen) {
    auto trusted = Networks::parse(block.trust_forwarded_from);
    if (!trusted) return fail("trust_forwarded_from of " + block.address + " has what is no network");
    auto fronts = Networks::parse(block.proxy_protocol_from);
    if (!fronts) return fail("proxy_protocol_from of " + block.address + " has what is no network");
    o.listen.push_back(
        {block.address,
         {block.tls.certificates, block.tls.min_version, block.tls.alpn, static_cast<int>(block.tls.tickets),
          block.tls.ticket_keys, block.tls.client_ca, block.tls.client_verify},
         std::move(*fronts),
         std::move(*trusted),
         block.redirect_to_https,
         block.http2_cleartext});
  }
  for (const auto& shard : c.shards) {
    o.shards.push_back({shard.name, shard.address, shard.announce, shard.agent, kind_of(c, shard.kind),
                        shard.haproxy_id, shard.haproxy_name});
  }
  for (const auto& block : c.discover) o.discover.push_back(discover_of(c, block));
  o.dns = {
      .servers = c.dns.servers, .timeout = c.dns.timeout, .tries = static_cast<std::uint32_t>(c.dns.tries)};
  session::Settings& s = o.session;
  s.head.max_head_bytes = size_of(c.limits.header_bytes);
  s.head.max_headers = size_of(c.limits.headers);
  s.head.max_target_bytes = size_of(c.limits.target_bytes);
  s.http2 = http2_limits(c.limits.h2, s.head);
  s.limits.queue_per_shard = static_cast<std::uint32_t>(c.limits.queue_per_shard);
  s.limits.max_body_bytes = static_cast<std::uint64_t>(c.limits.body_bytes);
  s.limits.min_body_bytes_per_second = static_cast<std::uint64_t>(c.limits.body_rate);
  s.limits.min_rate_after = c.limits.body_rate_after;
  s.limits.max_tunnels_per_room = size_of(c.limits.tunnels_per_room);
  s.timeouts = {.handshake = c.timeouts.handshake,
                .request = c.timeouts.request,
                .keep_alive = c.timeouts.keep_alive,
                .client = c.timeouts.client,
                .server = c.timeouts.server,
                .queue = c.timeouts.queue};
  s.key.sources.clear();
  for (const auto& source : c.rooms.sources) {
    const auto parsed = room::parse_source(source);
    if (!parsed) return fail("rooms.sources: what is \"" + source + "\"?");
    s.key.sources.push_back(*parsed);
  }
  s.key.tenants = c.rooms.tenants;
  s.key.max_key_bytes = size_of(c.rooms.max_key_bytes);
  s.urls = room::UrlMap({.expose = c.expose});
  s.route.pages_create = c.rooms.pages_create;
  s.route.force_suffix = c.rooms.force_suffix;
  s.region = c.region;
  auto locator = locator_of(c);
  if (!locator) return fail(locator.error());
  s.locator = std::move(locator).value();
  for (const auto& [name, region] : c.regions) {
    // A region may have a line only for its networks or countries.
    if (!region.fallback.empty()) s.route.regions.fallback[name] = region.fallback;
  }
  s.route.slow_start = c.balance.slow_start;
  auto pins = pins_of(c);
  if (!pins) return fail(pins.error());
  s.route.pins = std::move(pins).value();
  auto bans = bans_of(c);
  if (!bans) return fail(bans.error());
  o.bans = std::move(bans).value();
  s.route.panic_share = c.health.panic;
  s.route.panic_hold = c.health.panic_hold;
  s.debug_headers = c.debug_headers;
  s.full_addresses = c.admin.access_log_addresses == "full";
  s.upstream.connect = c.timeouts.connect;
  s.upstream.idle_per_shard = size_of(c.limits.pool_per_shard);
  s.upstream.idle_time = c.timeouts.pool;
  s.tunnel.idle = c.timeouts.tunnel;
  s.tunnel.stall = c.timeouts.client;
  s.tunnel.client_fin = c.timeouts.client_fin;
  s.tunnel.server_fin = c.timeouts.server_fin;
  o.policy = c.balance.policy;
  auto expected = statuses_of(c.health.expect);
  if (!expected) return fail(expected.error());
  for (const auto& line : c.health.headers) {
    if (!health::is_own_field(line.substr(0, line.find(':')))) continue;
    return fail("health.headers: \"" + line + "\" is said by the check itself (see health.host)");
  }
  o.health = {.enabled = c.health.enabled,
              .path = c.health.path,
              .host = c.health.host,
              .headers = c.health.headers,
              .expect = std::move(expected).value(),
              .timeout = c.health.timeout,
              .settings = {.rise = static_cast<std::uint32_t>(c.health.rise),
                           .fall = static_cast<std::uint32_t>(c.health.fall),
                           .interval = c.health.interval,
                           .interval_fast = c.health.interval_fast},
              .observe = c.health.observe,
              .agent_interval = c.health.agent_interval};
  o.census = {
      .interval = c.peers.census_interval, .host = c.health.host, .headers = c.health.headers, .keys = s.key};
  auto token = read_token(c.admin.token_file);
  if (!token) return fail(token.error());
  o.admin = {.address = c.admin.address,
             .socket = c.admin.socket,
             .probe_address = c.admin.probe_address,
             .token = std::move(token).value()};
  o.table.max_entries = size_of(c.rooms.max_entries);
  o.table.idle = c.rooms.idle;
  auto peers = peers_of(c, o.dns, o.table);
  if (!peers) return fail(peers.error());
  o.peers = std::move(peers).value();
  o.table.managed = o.peers.on();
  o.access_log = c.admin.access_log;
  o.max_connections = size_of(c.limits.connections);
  const auto& per_address = c.limits.per_address;
  o.limits = {.connections = size_of(per_address.connections),
              .handshakes = rate_of(per_address.handshakes),
              .requests = rate_of(per_address.requests),
              .new_rooms = rate_of(per_address.new_rooms),
              .addresses = size_of(c.limits.addresses)};
  o.shutdown_delay = c.shutdown.delay;
  o.shutdown_grace = c.shutdown.grace;
  o.upgrade_grace = c.upgrade.grace;
  o.upgrade_socket = c.upgrade.socket;
  if (o.upgrade_socket.empty() && !c.admin.socket.empty()) o.upgrade_socket = c.admin.socket + ".upgrade";
  o.snapshot = c.rooms.snapshot;
  o.snapshot_interval = c.rooms.snapshot_interval;
  o.heal_window = c.heal.window;
  o.heal_rate = static_cast<std::uint32_t>(c.heal.rate);
  return o;
}

}  // namespace roomgate::router::gate

#include "sfu/shard.hpp"

#include <algorithm>
#include <fstream>

#include "base/log.hpp"

namespace roomgate::sfu {
namespace {

namespace asio = boost::asio;

constexpr Duration kTick = milliseconds(100);
// The bridge says how it is every other second; this long without a word and the shard is not to be used.
constexpr Duration kBridgeSilence = seconds(15);

std::int64_t unix_milliseconds() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

xmpp::Domains domains_of(const conf::Shard& settings) {
  return {.domain = settings.xmpp.domain,
          .muc = settings.xmpp.muc,
          .focus = settings.xmpp.focus,
          .focus_user = settings.xmpp.focus_user};
}

xmpp::Config xmpp_config(const conf::Shard& settings) {
  xmpp::Config config;
  config.domains = domains_of(settings);
  config.shard = settings.name;
  config.region = settings.region;
  config.turn = {.uris = settings.turn.uris,
                 .secret = settings.turn.secret,
                 .ttl = std::chrono::duration_cast<seconds>(settings.turn.ttl)};
  config.limits.rooms = static_cast<std::size_t>(settings.limits.rooms);
  config.limits.participants = static_cast<std::size_t>(settings.limits.participants);
  config.limits.occupants_per_room = static_cast<std::size_t>(settings.limits.participants_per_room);
  config.limits.new_rooms_by_address.per_second = settings.limits.new_rooms_per_second;
  config.limits.new_rooms_by_address.burst = static_cast<double>(settings.limits.new_rooms_burst);
  config.unix_milliseconds = unix_milliseconds;
  return config;
}

focus::Config focus_config(const conf::Shard& settings) {
  focus::Config config;
  config.shard = settings.name;
  config.region = settings.region;
  config.focus_jid = settings.xmpp.focus_user;
  config.limits.conferences = static_cast<std::size_t>(settings.limits.rooms);
  config.limits.participants_per_conference = static_cast<std::size_t>(settings.limits.participants_per_room);
  config.ssrc_rewriting = settings.media.rewritten_videos > 0;
  config.opus_red = settings.media.opus_red;
  config.full_at = settings.overload.full_at;
  config.ready_below = settings.overload.ready_below;
  return config;
}

bridge::BridgeConfig bridge_config(const conf::Shard& settings) {
  bridge::BridgeConfig config;
  config.name = settings.name;
  config.region = settings.region;
  config.workers = static_cast<std::size_t>(settings.media.workers);
  config.limits.worker_endpoints = static_cast<std::size_t>(settings.media.spread_from);
  if (!settings.media.address.empty()) config.bind_ip = settings.media.address;
  config.port = static_cast<std::uint16_t>(settings.media.port);
  for (const std::string& text : settings.media.advertise) {
    if (const auto advertised = bridge::Advertised::parse(text)) config.advertise.push_back(*advertised);
  }
  config.limits.max_conferences = static_cast<std::size_t>(settings.limits.rooms);
  config.limits.max_endpoints = static_cast<std::size_t>(settings.limits.participants);
  config.limits.max_endpoints_per_conference =
      static_cast<std::size_t>(settings.limits.participants_per_room);
  config.limits.max_sources_per_endpoint = static_cast<std::size_t>(settings.limits.sources_per_participant);
  config.limits.loudest.places = static_cast<std::size_t>(settings.media.loudest);
  config.limits.loudest.from = static_cast<std::size_t>(settings.media.loudest_from);
  config.limits.rewriting.videos = static_cast<std::size_t>(settings.media.rewritten_videos);
  config.limits.rewriting.voices =
      std::max(static_cast<std::size_t>(settings.media.rewritten_voices), config.limits.loudest.places);
  config.limits.sender = {
      .packets_per_second = static_cast<double>(settings.limits.sender_packets_per_second),
      .bits_per_second = 1000.0 * static_cast<double>(settings.limits.sender_kbps)};
  config.limits.stress.busy = settings.overload.busy;
  config.limits.stress.packets_per_second = static_cast<double>(settings.overload.packets_per_second);
  config.limits.stress.lag = settings.overload.lag;
  config.limits.last_n.reduce_at = settings.overload.reduce_last_n_at;
  config.limits.last_n.raise_below = settings.overload.raise_last_n_below;
  config.limits.last_n.least = static_cast<int>(settings.overload.least_last_n);
  return config;
}

// What a Jitsi Meet build of `web.root` needs to know, where its folder has no config.js of its own.
std::string jitsi_config_js(const conf::Shard& settings) {
  return "var config = {\n  hosts: { domain: '" + settings.xmpp.domain + "', muc: '" + settings.xmpp.muc +
         "', focus: '" + settings.xmpp.focus +
         "' },\n  websocket: (location.protocol === 'https:' ? 'wss://' : 'ws://') + location.host + " +
         "'/xmpp-websocket',\n  bosh: '//' + location.host + '/http-bind',\n  p2p: { enabled: false },\n};\n";
}

web::StaticFiles static_files(const conf::Shard& settings) {
  if (settings.web.root.empty()) return web::StaticFiles(web::built_in_client());
  return web::StaticFiles(settings.web.root, jitsi_config_js(settings));
}

std::string first_line_of(const std::string& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

web::SiteConfig site_config(const conf::Shard& settings) {
  return {.shard = settings.name,
          .region = settings.region,
          .domains = domains_of(settings),
          .trusted = Networks::parse(settings.web.trust_forwarded_from).value_or(Networks()),
          .public_url = settings.web.public_url,
          .admin_token =
              settings.web.admin_token_file.empty() ? "" : first_line_of(settings.web.admin_token_file)};
}

}  // namespace

Result<std::unique_ptr<Shard>, std::string> Shard::start(asio::io_context& context,
                                                         const conf::Shard& settings) {
  auto registry = std::make_unique<metrics::Registry>();
  auto bridge = bridge::Bridge::start(bridge_config(settings), *registry);
  if (!bridge) return fail(bridge.error());
  std::unique_ptr<Shard> shard(new Shard(context, settings, std::move(registry), std::move(*bridge)));
  const auto address = shard->server_.listen(*Address::parse(settings.listen));
  if (!address) return fail(address.error());
  shard->address_ = *address;
  return shard;
}

Shard::Shard(asio::io_context& context, const conf::Shard& settings,
             std::unique_ptr<metrics::Registry> registry, std::unique_ptr<bridge::Bridge> bridge)
    : context_(context),
      settings_(settings),
      registry_(std::move(registry)),
      bridge_(std::move(bridge)),
      xmpp_(xmpp_config(settings_), xmpp_sockets_),
      xmpp_metrics_(*registry_),
      focus_(xmpp_, *bridge_, *registry_, focus_config(settings_)),
      channels_(focus_),
      files_(static_files(settings_)),
      site_(site_config(settings_), {.xmpp = xmpp_,
                                     .focus = focus_,
                                     .xmpp_sockets = xmpp_sockets_,
                                     .channels = channels_,
                                     .files = files_,
                                     .metrics = *registry_,
                                     .set_draining = [this](bool on) { set_draining(on); },
                                     .broken = [this] { return broken(); },
                                     .media = [this] { return bridge_->report(); }}),
      server_(context, site_, {}),
      bridge_events_(context),
      timer_(context),
      last_bridge_news_(Clock::now()) {
  xmpp_sockets_.set_server(xmpp_);
  xmpp_.set_listener(focus_);
  xmpp_.set_room_watcher([this](bool created, const xmpp::RoomCensus& room) {
    server_.publish(web::room_event_line(created, room));
  });
  focus_.set_channel_sink(channels_);
  // The descriptor stays the bridge's: released, not closed, in the destructor.
  bridge_events_.assign(bridge_->event_fd());
  wait_for_bridge();
  schedule_tick();
}

Shard::~Shard() { bridge_events_.release(); }

void Shard::wait_for_bridge() {
  bridge_events_.async_wait(asio::posix::stream_descriptor::wait_read,
                            [this](const boost::system::error_code& error) {
                              if (error) return;
                              on_bridge_events();
                              wait_for_bridge();
                            });
}

void Shard::on_bridge_events() {
  const TimePoint now = Clock::now();
  for (bridge::Event& event : bridge_->poll_events(now)) {
    last_bridge_news_ = now;
    focus_.on_event(std::move(event), now);
  }
}

void Shard::schedule_tick() {
  timer_.expires_after(kTick);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    on_tick(Clock::now());
  });
}

void Shard::on_tick(TimePoint now) {
  focus_.tick(now);
  if (now >= next_second_) {
    next_second_ = now + seconds(1);
    on_second(now);
  }
  if (draining_ && (now >= stop_at_ || (stop_at_ != TimePoint::max() && xmpp_.participant_count() == 0)))
    return stop();
  schedule_tick();
}

void Shard::on_second(TimePoint now) {
  for (const focus::RoomCensus& room : focus_.census()) {
    for (const xmpp::OccupantInfo& who : xmpp_.occupants(room.room)) {
      xmpp_.media_alive(who.full_jid, focus_.media_alive(room.room, who.nick));
    }
  }
  xmpp_.tick(now);
  xmpp_metrics_.publish(xmpp_.counters());
}

void Shard::set_draining(bool on) {
  draining_ = on;
  focus_.set_draining(on);
  xmpp_.drain(on);
  LOG(info, on ? "drain_started" : "drain_ended", {"rooms", xmpp_.room_count()},
      {"participants", xmpp_.participant_count()});
}

std::string Shard::broken() const {
  return Clock::now() - last_bridge_news_ > kBridgeSilence ? "the bridge does not answer" : "";
}

void Shard::drain_and_stop() {
  if (stop_at_ != TimePoint::max()) {
    stop_at_ = Clock::now();  // asked twice: now
    return;
  }
  if (!draining_) set_draining(true);
  stop_at_ = Clock::now() + settings_.shutdown_grace;
}

void Shard::stop() {
  LOG(info, "stopping", {"rooms", xmpp_.room_count()}, {"participants", xmpp_.participant_count()});
  server_.stop_accepting();
  xmpp_.shut_down(Clock::now());
  server_.close_all();
  // Closing handshakes get a moment, then everything ends.
  timer_.expires_after(milliseconds(200));
  timer_.async_wait([this](const boost::system::error_code&) { context_.stop(); });
}

}  // namespace roomgate::sfu

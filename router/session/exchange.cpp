#include "router/session/exchange.hpp"

#include "base/log.hpp"
#include "router/http/error_response.hpp"
#include "router/http/forwarded.hpp"
#include "router/session/decide.hpp"

namespace roomgate::router::session {

using http::Reason;
using net::Task;

namespace {

// Retry-After, seconds: a fault is soon over, a ban is not.
constexpr int kRetry = 2;
constexpr int kBanRetry = 300;

}  // namespace

Exchange::Exchange(Worker& worker, const Connection& connection, Requester& requester, bool first)
    : worker_(worker),
      connection_(connection),
      requester_(requester),
      settings_(worker.settings),
      shards_(worker.shards),
      scratch_(worker.take_scratch()),
      first_(first) {
  worker_.next_request_id(request_id_);
  facts_.request_id = {request_id_.data(), request_id_.size()};
  facts_.client_ip = connection_.peer.ip;
  facts_.wall = std::chrono::system_clock::now();
  facts_.began = worker_.core.now();
}

Exchange::~Exchange() { worker_.give_back(std::move(scratch_)); }

void Exchange::client_gone() {
  gone_ = true;
  interrupt();
}

void Exchange::interrupt() {
  if (upstream_ != nullptr) upstream_->stream->interrupt();
}

void Exchange::rooms_moved(const MovedRooms& moved) {
  // XEP-0124: of what waits at a shard, only a poll may wait long.
  if (!waits_for_answer_ || facts_.shard == nullptr || !facts_.path.ends_with("/http-bind")) return;
  if (!facts_.key || !moved.concerns(*facts_.key, facts_.shard->name)) return;
  departure_ = std::make_unique<Departure>(*this);
  worker_.depart(*departure_, moved.window);
}

void Exchange::room_left() {
  if (!waits_for_answer_) return;
  room_left_ = true;
  upstream_->stream->cancel_read();
}

Task<void> Exchange::refuse_head(Reason reason) { (void)co_await answer(reason); }

void Exchange::find_client() {
  const http::RequestHead& head = *head_;
  const Peer& peer = connection_.peer;
  facts_.https = peer.https || peer.tls_before;
  facts_.trusted = peer.trusted;
  const region::Locator& locator = *settings_->locator;
  if (!peer.trusted) {
    facts_.region = peer.region.of(peer.address, locator);
    return;
  }
  const auto trusted = [&peer](std::string_view ip) {
    const auto address = Address::from_ip(ip, 0);
    return address && peer.entrance->trust_forwarded_from.contains(*address);
  };
  const auto said = http::client_facts(head.headers, peer.ip, facts_.https, trusted);
  facts_.client_ip = said.ip;
  facts_.https = said.https;
  facts_.forwarded_host = said.host;
  const auto client = Address::from_ip(said.ip, 0);
  facts_.region = locator.of_request(client.value_or(peer.address), head.headers);
  // A front that speaks for itself is not limited.
  if (client && !peer.entrance->is_front(*client)) {
    client_ticket_ = worker_.shared.gatekeeper.client(*client, worker_.core.now());
  }
  const auto* id = http::find_header(head.headers, http::HeaderId::x_request_id);
  if (id != nullptr && !id->value.empty()) facts_.request_id = id->value;
}

Reason Exchange::check_request() {
  const http::RequestHead& head = *head_;
  const auto framing = requester_.framing_of(head);
  if (!framing) return http::reason_of(framing.error());
  facts_.framing = *framing;
  facts_.keep_alive = http::keeps_alive(head) && !worker_.draining && !worker_.winding_down;
  if (framing->kind == http::Framing::Kind::length && framing->length > settings_->limits.max_body_bytes) {
    return Reason::body_too_large;
  }
  facts_.upgrade = http::accept_upgrade(head);
  if (facts_.upgrade.kind == http::UpgradeDecision::Kind::refused) return Reason::bad_upgrade;
  if (connection_.peer.https) {
    std::string_view host = head.authority;
    if (const auto colon = host.rfind(':');
        colon != std::string_view::npos && host.find(']', colon) == host.npos) {
      host = host.substr(0, colon);
    }
    if (!connection_.peer.entrance->contexts->host_fits(connection_.stream->tls(), host)) {
      return Reason::misdirected;
    }
  }
  return Reason::none;
}

Reason Exchange::check_rate() {
  if (worker_.shared.gatekeeper.request(ticket(), worker_.core.now())) return Reason::none;
  limits::log_refusal(limits::Limit::requests, facts_.client_ip);
  return Reason::rate_limited;
}

bool Exchange::may_create_room() {
  if (worker_.shared.gatekeeper.new_room(ticket(), worker_.core.now())) return true;
  limits::log_refusal(limits::Limit::new_rooms, facts_.client_ip);
  return false;
}

Reason Exchange::check_tunnel(const route::Decision& decision) {
  if (facts_.upgrade.kind != http::UpgradeDecision::Kind::websocket) return Reason::none;
  const std::size_t most = settings_->limits.max_tunnels_per_room;
  if (most != 0 && decision.sticky && facts_.key) {
    // Those that are being opened in this moment are not seen: the bound is exact to a few.
    const auto entry = worker_.shared.table.peek(*facts_.key);
    if (entry && entry->holds >= most) {
      limits::log_refusal(limits::Limit::tunnels_per_room, facts_.client_ip);
      return Reason::tunnels_limited;
    }
  }
  // Many tunnels may share a connection: a front's, or one of HTTP/2. Each counts as one of its client's.
  const bool shared = connection_.peer.trusted || requester_.protocol().starts_with("HTTP/2");
  if (!shared || !ticket().limited()) return Reason::none;
  const auto client = Address::from_ip(facts_.client_ip, 0);
  if (!client) return Reason::none;
  auto counted = worker_.shared.gatekeeper.connection(*client, worker_.core.now());
  if (!counted) {
    limits::log_refusal(limits::Limit::connections, facts_.client_ip);
    return Reason::connections_limited;
  }
  tunnel_ticket_ = std::move(*counted);
  return Reason::none;
}

Task<After> Exchange::respond(const http::RequestHead& head) {
  head_ = &head;
  facts_.headed = worker_.core.now();
  Scratch& x = *scratch_;
  find_client();
  const Reason limited = check_rate();
  if (const Reason wrong = check_request(); wrong != Reason::none) co_return co_await answer(wrong);
  if (limited != Reason::none) co_return co_await answer(limited);

  const auto path = http::routed_path(head.target.path, x.path);
  if (!path) co_return co_await answer(http::reason_of(path.error()));
  facts_.path = path->forward;
  if (connection_.peer.entrance->redirect_to_https && !facts_.https) {
    const auto location = http::https_location(head, connection_.peer.entrance->https_port);
    co_return co_await answer(location.empty() ? Reason::bad_request : Reason::redirect, location);
  }

  const auto info = settings_->urls.classify(path->plain, head.target.query);
  const auto key =
      room::room_key({info, head.target.query, head.headers, head.authority}, settings_->key, x.key);
  if (!key) co_return co_await answer(Reason::key_too_long);
  if (*key) facts_.key = (*key)->text;

  const std::function<bool()> may_create = [this] { return may_create_room(); };
  const route::Request request{.path = info,
                               .key = facts_.key,
                               .region = facts_.region,
                               .query = head.target.query,
                               .bans = worker_.bans.get(),
                               .turn = worker_.turn++,
                               .may_create = &may_create};
  route::Decision decision;
  if (worker_.alone()) {
    decision = route::route(request, worker_.shared.table, *shards_, *worker_.policy, settings_->route,
                            worker_.core.now());
  } else {
    decision = co_await ask(request);
  }
  facts_.decided = worker_.core.now();
  facts_.why = route::to_text(decision.why);
  if (decision.gate_answers) co_return co_await answer_health();
  if (decision.answer != Reason::none) co_return co_await answer(decision.answer);
  if (const Reason full = check_tunnel(decision); full != Reason::none) co_return co_await answer(full);
  co_return co_await forward(decision);
}

Task<route::Decision> Exchange::ask(route::Request request) {
  stick::Table& table = worker_.shared.table;
  if (worker_.guide() != nullptr) {
    const auto guided = co_await ask_guide(request);
    if (guided) co_return *guided;
  }
  if (!table.limits().managed) {
    co_return route::route(request, table, *shards_, *worker_.policy, settings_->route, worker_.core.now());
  }
  const Ground ground{table, worker_.shards, settings_->route, worker_.arbiter()};
  const auto decided = co_await decide(worker_.core, ground, request);
  shards_ = decided.shards;
  if (decided.waited >= Duration(0)) worker_.waited_for_claim(decided.waited);
  co_return decided.decision;
}

// Another process has taken over: it decides, so that no room is split between the two. nullopt: it is about
// no room, or there was no answer.
Task<std::optional<route::Decision>> Exchange::ask_guide(route::Request request) {
  using Nothing = std::optional<route::Decision>;
  if (!route::is_about_a_room(request)) co_return Nothing();
  const auto told = co_await worker_.guide()->ask(worker_.core, request);
  // A shard that only the other one knew has come with its answer.
  shards_ = worker_.shards;
  if (!told) co_return Nothing();
  const auto now = worker_.core.now();
  route::Decision decision;
  decision.answer = told->refusal;
  if (decision.answer != Reason::none) co_return decision;
  decision.shard = shards_->by_name(told->shard);
  if (decision.shard == nullptr || decision.shard->addresses.empty()) {
    decision.answer = Reason::unknown_shard;
    co_return decision;
  }
  decision.why = told->why;
  decision.sticky = told->sticky;
  decision.unlock_fallback = request.path.kind == room::PathKind::unlock;
  decision.was_in_use = true;  // whether it moves is not ours to say
  decision.made_at = now;
  if (told->sticky) worker_.shared.table.learn(*request.key, told->entry_on(decision.shard->id, now), now);
  co_return decision;
}

bool Exchange::body_is_here() {
  switch (facts_.framing.kind) {
    case http::Framing::Kind::none: return true;
    case http::Framing::Kind::length:
      if (requester_.early_body().size() < facts_.framing.length) return false;
      requester_.take_early(static_cast<std::size_t>(facts_.framing.length));
      return true;
    case http::Framing::Kind::chunked:
    case http::Framing::Kind::until_close:
    case http::Framing::Kind::tunnel: break;
  }
  return false;
}

Task<After> Exchange::answer(Reason reason, std::string_view location) {
  Scratch& x = *scratch_;
  const auto& text = http::describe(reason);
  const bool known = head_ != nullptr;
  // Another request may follow only where we know that this one's body is over; none is read just to be
  // thrown away.
  const bool settled = known && (facts_.framing.kind == http::Framing::Kind::none || upload_complete() ||
                                 (!body_touched_ && body_is_here()));
  if (!settled || http::ends_connection(reason)) facts_.keep_alive = false;
  x.out.clear();
  http::write_error_response({.reason = reason,
                              .keep_alive = facts_.keep_alive,
                              .client_minor_version = known ? head_->minor_version : 1,
                              .head_only = known && head_->method == http::Method::head,
                              .retry_after = reason == Reason::banned_for_now ? kBanRetry : kRetry,
                              .location = location,
                              .request_id = facts_.request_id,
                              .why = settings_->debug_headers ? facts_.why : std::string_view()},
                             x.out);
  worker_.shared.metrics.rejected.with({text.label}).add();
  co_return co_await send_own(text.status, text.label);
}

Task<After> Exchange::answer_health() {
  Scratch& x = *scratch_;
  const bool any_up =
      std::any_of(shards_->all().begin(), shards_->all().end(),
                  [](const balance::Shard& shard) { return shard.up && !shard.addresses.empty(); });
  if (worker_.leaving) co_return co_await answer(Reason::draining);
  if (!any_up) co_return co_await answer(Reason::no_shard);
  if (!body_is_here()) facts_.keep_alive = false;
  x.out.clear();
  http::write_plain_response({.keep_alive = facts_.keep_alive,
                              .client_minor_version = head_->minor_version,
                              .head_only = head_->method == http::Method::head,
                              .body = "ok\n"},
                             x.out);
  co_return co_await send_own(200, "");
}

Task<After> Exchange::send_own(int status, std::string_view reason) {
  facts_.bytes_out = scratch_->out.size();
  const auto sent = co_await requester_.own_answer(scratch_->out, settings_->timeouts.client);
  log(status, reason);
  if (!sent) co_return After::close;
  co_return facts_.keep_alive ? After::next : After::linger;
}

void Exchange::log(int status, std::string_view reason, bool tunnel) {
  const auto now = worker_.core.now();
  const auto milliseconds_between = [](TimePoint from, TimePoint to) {
    if (from == TimePoint{} || to == TimePoint{}) return -1.0;
    return std::chrono::duration<double, std::milli>(to - from).count();
  };
  ShardMetrics& metrics = facts_.shard == nullptr ? worker_.own_metrics() : worker_.metrics_of(*facts_.shard);
  metrics.answered(status);
  if (status >= 500 && facts_.shard != nullptr && reason.empty()) note_failure("5xx");
  if (!tunnel) worker_.duration.observe(std::chrono::duration<double>(now - facts_.began).count());
  if (!worker_.shared.log.on() || tunnel) return;
  http::AccessLine line;
  line.time = facts_.wall;
  line.client_ip = facts_.client_ip;
  line.protocol = requester_.protocol();
  if (head_ != nullptr) {
    line.method = head_->method_text;
    line.path = facts_.path.empty() ? head_->target.path : facts_.path;
    line.query = head_->target.query;
    line.host = head_->authority;
  }
  if (connection_.peer.https) {
    line.tls = SSL_get_version(connection_.stream->tls());
    line.tls_resumed = connection_.resumed;
  }
  if (first_) {
    line.accept_ms = milliseconds_between(connection_.accepted + connection_.handshake, facts_.began);
    if (connection_.peer.https)
      line.tls_ms = std::chrono::duration<double, std::milli>(connection_.handshake).count();
  }
  line.status = status;
  line.bytes_in = facts_.bytes_in;
  line.bytes_out = facts_.bytes_out;
  line.head_ms = milliseconds_between(facts_.began, facts_.headed);
  line.decide_ms = milliseconds_between(facts_.headed, facts_.decided);
  if (facts_.waited >= Duration(0))
    line.wait_ms = std::chrono::duration<double, std::milli>(facts_.waited).count();
  line.connect_ms = facts_.reused ? 0 : milliseconds_between(facts_.connecting, facts_.connected);
  line.answer_ms = milliseconds_between(facts_.sent, facts_.answered);
  line.total_ms = milliseconds_between(facts_.began, now);
  line.room = facts_.key.value_or(std::string_view());
  if (facts_.shard != nullptr) {
    line.shard = facts_.shard->name;
    line.why = facts_.why;
  }
  line.reason = reason;
  line.request_id = facts_.request_id;
  line.retries = facts_.retries;
  worker_.log(line);
}

}  // namespace roomgate::router::session

#include "router/session/session.hpp"

#include <limits>

#include "base/log.hpp"
#include "router/http/error_response.hpp"
#include "router/http/forwarded.hpp"

namespace roomgate::router::session {

using http::Reason;
using net::IoError;
using net::Task;

void Session::start(Worker& worker, int descriptor, const Address& from,
                    std::shared_ptr<const listen::Entrance> entrance) {
  auto session = std::make_shared<Session>(worker, descriptor, from, std::move(entrance));
  worker.add(*session);
  worker.core.spawn(stay(std::move(session)));
}

Task<void> Session::stay(std::shared_ptr<Session> self) { co_await self->run(); }

Session::Session(Worker& worker, int descriptor, const Address& from,
                 std::shared_ptr<const listen::Entrance> entrance)
    : worker_(worker),
      entrance_(std::move(entrance)),
      client_(std::make_unique<net::Stream>(worker.core, descriptor)),
      seat_(worker.shared.admission, worker.connections),
      peer_ip_(from.ip()),
      peer_trusted_(entrance_->trust_forwarded_from.contains(from)),
      settings_(worker.settings),
      shards_(worker.shards) {}

Session::~Session() = default;

void Session::leave_when_idle() {
  if (idle_ && requests_ > 0) client_->cancel_read();
}

void Session::leave_now() {
  if (client_ != nullptr) client_->interrupt();
  if (upstream_ != nullptr) upstream_->stream->interrupt();
}

Task<void> Session::run() {
  if (entrance_->contexts != nullptr && !co_await handshake()) co_return;
  while (true) {
    const Head head = co_await read_head();
    if (head == Head::closed) break;
    const Next next = head == Head::ready ? co_await respond() : Next::linger;
    ++requests_;
    if (next == Next::handed_over) co_return;
    if (next == Next::linger) {
      co_await linger();
      break;
    }
    end_request();
    if (next == Next::close) break;
  }
  client_->shutdown_write();
}

Task<bool> Session::handshake() {
  auto& handshakes = worker_.shared.metrics.handshakes;
  const auto done = co_await client_->handshake(entrance_->contexts->accept(),
                                                Clock::now() + settings_->timeouts.handshake);
  if (!done) {
    handshakes.with({"failed"}).add();
    LOG(debug, "handshake_failed", {"client", peer_ip_}, {"error", net::to_string(done.error())});
    co_return false;
  }
  handshakes.with({SSL_session_reused(client_->tls()) == 1 ? "resumed" : "full"}).add();
  co_return true;
}

void Session::begin_request() {
  settings_ = worker_.settings;
  shards_ = worker_.shards;
  facts_ = {};
  facts_.client_ip = peer_ip_;
  client_fault_ = Reason::none;
  request_sent_ = false;
  body_touched_ = false;
}

Task<Session::Head> Session::read_head() {
  const bool more = exchange_ != nullptr || !pipelined_.empty();
  if (!more) {
    if (requests_ > 0 && worker_.draining) co_return Head::closed;
    idle_ = true;
    const auto& timeouts = worker_.settings->timeouts;
    // No byte yet, so nobody is owed an answer.
    const auto patience = requests_ == 0 ? timeouts.request : timeouts.keep_alive;
    if (!co_await client_->wait_readable(Clock::now() + patience)) co_return Head::closed;
  }
  idle_ = false;
  begin_request();
  if (exchange_ == nullptr) exchange_ = worker_.take_exchange();
  Exchange& x = *exchange_;
  if (!x.in.buffer) {
    const bool small = settings_->head.max_head_bytes <= net::BufferPool::kSmall;
    x.in.buffer =
        worker_.core.buffers().take(small ? net::BufferPool::Size::small : net::BufferPool::Size::large);
    std::copy(pipelined_.begin(), pipelined_.end(), x.in.buffer.span().begin());
    x.in.end = pipelined_.size();
    pipelined_ = {};
  }
  x.in.compact();
  worker_.next_request_id(x.request_id);
  facts_.request_id = {x.request_id.data(), x.request_id.size()};
  facts_.wall = std::chrono::system_clock::now();
  facts_.began = Clock::now();
  const auto deadline = facts_.began + settings_->timeouts.request;
  while (true) {
    if (!x.in.empty()) {
      const auto parsed = x.request.parse(x.in.bytes());
      Reason wrong = Reason::none;
      if (!parsed)
        wrong = http::reason_of(parsed.error());
      else if (*parsed)
        break;
      else if (x.in.room().empty())
        wrong = Reason::head_too_large;
      if (wrong != Reason::none) {
        (void)co_await answer(wrong);
        co_return Head::refused;
      }
    }
    const auto read = co_await client_->read_some(x.in.room(), deadline);
    if (!read) {
      if (read.error() != IoError::timed_out || x.request.idle(x.in.bytes())) co_return Head::closed;
      (void)co_await answer(Reason::head_timeout);
      co_return Head::refused;
    }
    if (*read == 0) co_return Head::closed;
    x.in.end += *read;
  }
  facts_.headed = Clock::now();
  co_return Head::ready;
}

void Session::end_request() {
  upload_.reset();
  upstream_.reset();
  Exchange& x = *exchange_;
  x.request.reset();
  x.response.reset();
  x.reply.release();
  // A pipelined request is in the buffer already.
  if (x.in.empty()) worker_.give_back(std::move(exchange_));
}

Reason Session::check_request() {
  const http::RequestHead& head = exchange_->request.head();
  const auto framing = http::framing_of(head);
  if (!framing) return http::reason_of(framing.error());
  facts_.framing = *framing;
  facts_.keep_alive = http::keeps_alive(head) && !worker_.draining;
  if (framing->kind == http::Framing::Kind::length && framing->length > settings_->limits.max_body_bytes) {
    return Reason::body_too_large;
  }
  facts_.upgrade = http::accept_upgrade(head);
  if (facts_.upgrade.kind == http::UpgradeDecision::Kind::refused) return Reason::bad_upgrade;
  if (client_->tls() != nullptr) {
    std::string_view host = head.authority;
    if (const auto colon = host.rfind(':');
        colon != std::string_view::npos && host.find(']', colon) == host.npos) {
      host = host.substr(0, colon);
    }
    if (!entrance_->contexts->host_fits(client_->tls(), host)) return Reason::misdirected;
  }
  return Reason::none;
}

Task<Session::Next> Session::respond() {
  Exchange& x = *exchange_;
  const http::RequestHead& head = x.request.head();
  // The head's bytes are used up, and stay where they are until the request is done: views point into them.
  x.in.begin += head.size;
  const auto trusted = [this](std::string_view ip) {
    const auto address = Address::from_ip(ip, 0);
    return address && entrance_->trust_forwarded_from.contains(*address);
  };
  facts_.https = client_->tls() != nullptr;
  facts_.trusted = peer_trusted_;
  facts_.region = settings_->region;
  if (peer_trusted_) {
    const auto said = http::client_facts(head.headers, peer_ip_, facts_.https, trusted);
    facts_.client_ip = said.ip;
    facts_.https = said.https;
    const auto* region = http::find_header(head.headers, http::HeaderId::x_proxy_region);
    if (region != nullptr && !region->value.empty()) facts_.region = region->value;
    const auto* id = http::find_header(head.headers, http::HeaderId::x_request_id);
    if (id != nullptr && !id->value.empty()) facts_.request_id = id->value;
  }
  if (const Reason wrong = check_request(); wrong != Reason::none) co_return co_await answer(wrong);

  const auto path = http::routed_path(head.target.path, x.path);
  if (!path) co_return co_await answer(http::reason_of(path.error()));
  facts_.path = path->forward;
  if (entrance_->redirect_to_https && !facts_.https) {
    const auto location = http::https_location(head, entrance_->https_port);
    co_return co_await answer(location.empty() ? Reason::bad_request : Reason::redirect, location);
  }

  const auto info = settings_->urls.classify(path->plain, head.target.query);
  const auto key =
      room::room_key({info, head.target.query, head.headers, head.authority}, settings_->key, x.key);
  if (!key) co_return co_await answer(Reason::key_too_long);
  if (*key) facts_.key = (*key)->text;

  const route::Request request{info, facts_.key, facts_.region, worker_.turn++};
  const auto decision =
      route::route(request, worker_.shared.table, *shards_, *worker_.policy, settings_->route, Clock::now());
  facts_.decided = Clock::now();
  facts_.why = route::to_text(decision.why);
  if (decision.gate_answers) co_return co_await answer_health();
  if (decision.answer != Reason::none) co_return co_await answer(decision.answer);
  co_return co_await forward(decision);
}

bool Session::body_is_here() {
  Input& in = exchange_->in;
  switch (facts_.framing.kind) {
    case http::Framing::Kind::none: return true;
    case http::Framing::Kind::length:
      if (in.end - in.begin < facts_.framing.length) return false;
      in.begin += static_cast<std::size_t>(facts_.framing.length);
      return true;
    case http::Framing::Kind::chunked:
    case http::Framing::Kind::until_close:
    case http::Framing::Kind::tunnel: break;
  }
  return false;
}

Task<Session::Next> Session::answer(Reason reason, std::string_view location) {
  Exchange& x = *exchange_;
  const auto& text = http::describe(reason);
  const auto& head = x.request.head();
  const bool known = facts_.headed != TimePoint{};
  // Another request may follow only where we know that this one's body is over; none is read just to be
  // thrown away.
  const bool settled = known && (facts_.framing.kind == http::Framing::Kind::none || upload_complete() ||
                                 (!body_touched_ && body_is_here()));
  if (!settled) facts_.keep_alive = false;
  x.out.clear();
  http::write_error_response({.reason = reason,
                              .keep_alive = facts_.keep_alive,
                              .client_minor_version = known ? head.minor_version : 1,
                              .head_only = known && head.method == http::Method::head,
                              .location = location,
                              .request_id = facts_.request_id,
                              .why = settings_->debug_headers ? facts_.why : std::string_view()},
                             x.out);
  worker_.shared.metrics.rejected.with({text.label}).add();
  co_return co_await send_own(text.status, text.label);
}

Task<Session::Next> Session::answer_health() {
  Exchange& x = *exchange_;
  const bool any_up =
      std::any_of(shards_->all().begin(), shards_->all().end(),
                  [](const balance::Shard& shard) { return shard.up && !shard.addresses.empty(); });
  if (worker_.leaving) co_return co_await answer(Reason::draining);
  if (!any_up) co_return co_await answer(Reason::no_shard);
  if (!body_is_here()) facts_.keep_alive = false;
  const auto& head = x.request.head();
  x.out.clear();
  http::write_plain_response({.keep_alive = facts_.keep_alive,
                              .client_minor_version = head.minor_version,
                              .head_only = head.method == http::Method::head,
                              .body = "ok\n"},
                             x.out);
  co_return co_await send_own(200, "");
}

Task<Session::Next> Session::send_own(int status, std::string_view reason) {
  facts_.bytes_out = exchange_->out.size();
  const auto sent = co_await client_->write_all(as_bytes(exchange_->out), settings_->timeouts.client);
  log(status, reason);
  if (!sent) co_return Next::close;
  co_return facts_.keep_alive ? Next::request : Next::linger;
}

Task<void> Session::linger() {
  client_->shutdown_write();
  exchange_.reset();
  const auto deadline = Clock::now() + settings_->limits.linger;
  std::size_t taken = 0;
  while (taken < settings_->limits.linger_bytes) {
    if (!co_await client_->wait_readable(deadline)) co_return;
    net::Buffer buffer = worker_.core.buffers().take(net::BufferPool::Size::small);
    const auto read = client_->try_read(buffer.span());
    if (!read) continue;
    if (!read->ok() || **read == 0) co_return;
    taken += **read;
  }
}

void Session::log(int status, std::string_view reason, bool tunnel) {
  const auto now = Clock::now();
  const auto milliseconds_between = [](TimePoint from, TimePoint to) {
    if (from == TimePoint{} || to == TimePoint{}) return -1.0;
    return std::chrono::duration<double, std::milli>(to - from).count();
  };
  ShardMetrics& metrics = facts_.shard == nullptr ? worker_.own_metrics() : worker_.metrics_of(*facts_.shard);
  metrics.answered(status);
  if (status >= 500 && facts_.shard != nullptr && reason.empty()) note_failure("5xx");
  if (!tunnel) worker_.duration.observe(std::chrono::duration<double>(now - facts_.began).count());
  if (!worker_.shared.log.on() || tunnel) return;
  const bool known = facts_.headed != TimePoint{};
  const http::RequestHead& head = exchange_->request.head();
  http::AccessLine line;
  line.time = facts_.wall;
  line.client_ip = facts_.client_ip;
  if (known) {
    line.method = head.method_text;
    line.path = facts_.path.empty() ? head.target.path : facts_.path;
    line.query = head.target.query;
    line.host = head.authority;
    line.protocol = head.minor_version == 0 ? "HTTP/1.0" : "HTTP/1.1";
  }
  line.status = status;
  line.bytes_in = facts_.bytes_in;
  line.bytes_out = facts_.bytes_out;
  line.head_ms = milliseconds_between(facts_.began, facts_.headed);
  line.decide_ms = milliseconds_between(facts_.headed, facts_.decided);
  line.connect_ms = facts_.reused ? 0 : milliseconds_between(facts_.decided, facts_.connected);
  line.answer_ms = milliseconds_between(facts_.sent, facts_.answered);
  line.total_ms = milliseconds_between(facts_.began, now);
  line.room = facts_.key.value_or(std::string_view());
  if (facts_.shard != nullptr) {
    line.shard = facts_.shard->name;
    line.why = facts_.why;
  }
  line.reason = reason;
  line.request_id = facts_.request_id;
  worker_.log(line);
}

}  // namespace roomgate::router::session

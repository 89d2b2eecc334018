// The second half of a request's way: to the shard and back.

#include "base/log.hpp"
#include "router/http/error_response.hpp"
#include "router/http/rewrite.hpp"
#include "router/session/session.hpp"

namespace roomgate::router::session {

using http::Reason;
using net::IoError;
using net::Task;
using upstream::Wanted;

namespace {

// RFC 9110 9.2.2: sending these twice does no harm.
bool repeatable(http::Method method) {
  return method == http::Method::get || method == http::Method::head || method == http::Method::options;
}

Reason connect_reason(IoError error) {
  return error == IoError::timed_out ? Reason::connect_timeout : Reason::connect_refused;
}

std::string_view connect_label(IoError error) {
  switch (error) {
    case IoError::refused: return "refused";
    case IoError::timed_out: return "timed_out";
    case IoError::closed:
    case IoError::unreachable:
    case IoError::tls:
    case IoError::interrupted:
    case IoError::system: return "failed";
  }
  return "failed";
}

}  // namespace

Task<Session::Next> Session::forward(route::Decision decision) {
  const http::RequestHead& head = exchange_->request.head();
  const bool may_repeat = repeatable(head.method) && facts_.framing.kind == http::Framing::Kind::none;
  Wanted wanted = may_repeat ? Wanted::any : Wanted::fresh;
  std::size_t relocations = 0;
  count_assignment(decision);
  while (true) {
    facts_.shard = decision.shard;
    facts_.why = route::to_text(decision.why);
    auto opened = co_await open_upstream(decision, wanted);
    if (!opened) {
      const auto other =
          relocations++ < settings_->limits.max_relocations ? elsewhere(decision) : std::nullopt;
      if (!other) co_return co_await answer(connect_reason(opened.error()));
      decision = *other;
      count_assignment(decision);
      continue;
    }
    upstream_ = std::move(opened).value();
    Fault fault = co_await send_request(decision);
    if (fault == Fault::none) fault = co_await read_answer();
    if (fault == Fault::none) break;
    // Only a connection that was used before may have been closed under us; a new one that breaks is the
    // shard's fault.
    if (fault != Fault::before_answer || !may_repeat || !upstream_->reused) co_return co_await failed(fault);
    wanted = Wanted::only_new;
    worker_.shared.metrics.upstream_retries.with({decision.shard->name}).add();
    upstream_.reset();
  }
  facts_.answered = Clock::now();
  const http::ResponseHead& answer_head = exchange_->response.head();
  if (http::shard_name_differs(answer_head, decision.shard->announced)) {
    // Clients reload on a name that is not the one their XMPP server told them: an alarm, never a rewrite.
    worker_.shared.metrics.shard_name_differs.with({decision.shard->name}).add();
    LOG(warn, "shard_name_differs", {"shard", decision.shard->name},
        {"announced", decision.shard->announced});
  }
  if (answer_head.status == 101) co_return co_await open_tunnel(decision);
  if (answer_head.status == 404 && decision.unlock_fallback) co_return co_await unlock_answer(decision);
  co_return co_await relay_answer(decision);
}

void Session::count_assignment(const route::Decision& decision) {
  const bool fresh = decision.why == route::Why::fresh;
  if (!fresh && decision.why != route::Why::moved) return;
  worker_.shared.metrics.assignments.with({decision.shard->name, fresh ? "new" : "moved"}).add();
  LOG(info, fresh ? "room_assigned" : "room_moved", {"room", facts_.key.value_or("")},
      {"shard", decision.shard->name});
}

void Session::note_failure(std::string_view kind) {
  if (facts_.shard != nullptr)
    worker_.shared.metrics.upstream_failures.with({facts_.shard->name, kind}).add();
}

std::optional<route::Decision> Session::elsewhere(const route::Decision& refused) {
  if (refused.sticky && facts_.key) {
    return route::relocate(*facts_.key, facts_.region, refused, worker_.shared.table, *shards_,
                           *worker_.policy, settings_->route, Clock::now());
  }
  if (refused.why != route::Why::any) return std::nullopt;
  // What any shard can answer goes to the next one in turn.
  const auto& all = shards_->all();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const balance::Shard& shard = all[(worker_.turn + i) % all.size()];
    if (shard.id == refused.shard->id || !balance::takes_new_rooms(shard)) continue;
    route::Decision other = refused;
    other.shard = &shard;
    return other;
  }
  return std::nullopt;
}

Task<Result<std::unique_ptr<upstream::Connection>, IoError>> Session::open_upstream(const route::Decision& to,
                                                                                    Wanted wanted) {
  const balance::Shard& shard = *to.shard;
  IoError last = IoError::unreachable;
  for (const auto& address : shard.addresses) {
    if (auto idle = worker_.pool.take(shard.id, address, wanted, Clock::now())) {
      facts_.reused = true;
      facts_.connected = facts_.decided;
      co_return std::move(idle);
    }
    auto opened = co_await worker_.pool.connect(shard.id, address);
    worker_.shared.metrics.upstream_connects
        .with({shard.name, opened ? std::string_view("ok") : connect_label(opened.error())})
        .add();
    facts_.reused = false;
    facts_.connected = Clock::now();
    if (opened) co_return std::move(opened);
    last = opened.error();
  }
  LOG(warn, "connect_failed", {"shard", shard.name}, {"error", net::to_string(last)});
  co_return fail(last);
}

Task<Session::Fault> Session::send_request(const route::Decision&) {
  Exchange& x = *exchange_;
  const http::RequestHead& head = x.request.head();
  x.out.clear();
  http::write_request_head(head,
                           {.path = facts_.path,
                            .client_ip = peer_ip_,
                            .https = facts_.https,
                            .trust_forwarded = facts_.trusted,
                            .request_id = facts_.request_id,
                            .region = facts_.region,
                            .framing = facts_.framing,
                            .websocket = facts_.upgrade.kind == http::UpgradeDecision::Kind::websocket},
                           x.out);
  const bool has_body = facts_.framing.kind != http::Framing::Kind::none;
  // RFC 9110 10.1.1: the shard decides whether it wants the body; its 100 or its refusal goes back to the
  // client.
  if (has_body && head.expects_continue) x.out.insert(x.out.size() - 2, "Expect: 100-continue\r\n");
  RelayLimits limits{.read_silence = settings_->timeouts.client,
                     .write_stall = settings_->timeouts.server,
                     .max_bytes = settings_->limits.max_body_bytes,
                     .min_bytes_per_second = settings_->limits.min_body_bytes_per_second,
                     .min_rate_after = settings_->limits.min_rate_after};
  Relay relay(*client_, *upstream_->stream, facts_.framing, facts_.framing, limits);
  body_touched_ = has_body;
  const auto end = co_await relay.start(as_bytes(x.out), has_body ? x.in.bytes() : ByteSpan());
  x.in.begin += relay.consumed();
  facts_.bytes_in = relay.bytes();
  facts_.sent = Clock::now();
  if (!end) {
    if (relay.may_overshoot()) relay.keep_reads_small();
    start_upload(std::move(relay));
    co_return Fault::none;
  }
  if (is_client_fault(*end)) {
    client_fault_ = client_reason(*end);
    co_return Fault::client;
  }
  // A shard that closed early may have said why: look for its answer before calling it broken.
  request_sent_ = *end == RelayEnd::complete;
  co_return Fault::none;
}

bool Session::is_client_fault(RelayEnd end) {
  switch (end) {
    case RelayEnd::source_ended:
    case RelayEnd::source_broke:
    case RelayEnd::source_silent:
    case RelayEnd::source_bad:
    case RelayEnd::too_large: return true;
    case RelayEnd::complete:
    case RelayEnd::sink_broke:
    case RelayEnd::sink_silent: break;
  }
  return false;
}

Reason Session::client_reason(RelayEnd end) {
  switch (end) {
    case RelayEnd::source_bad: return Reason::bad_framing;
    case RelayEnd::source_silent: return Reason::body_timeout;
    case RelayEnd::too_large: return Reason::body_too_large;
    case RelayEnd::source_ended:
    case RelayEnd::source_broke:
    case RelayEnd::complete:
    case RelayEnd::sink_broke:
    case RelayEnd::sink_silent: break;
  }
  return Reason::none;
}

void Session::start_upload(Relay relay) {
  upload_ = std::make_shared<Upload>(worker_.core, std::move(relay));
  worker_.core.spawn(run_upload(shared_from_this(), upload_));
}

Task<void> Session::run_upload(std::shared_ptr<Session> self, std::shared_ptr<Upload> upload) {
  const RelayEnd end = co_await upload->relay.run();
  upload->end = end;
  upload->finished.set();
  if (upload->abandoned) co_return;
  self->facts_.sent = Clock::now();
  self->facts_.bytes_in = upload->relay.bytes();
  if (end == RelayEnd::complete) {
    self->request_sent_ = true;
    self->pipelined_ = upload->relay.take_rest();
  }
  // Whoever waits for the shard's answer to a request that will never be whole need not wait longer.
  if (is_client_fault(end) && self->upstream_ != nullptr) self->upstream_->stream->cancel_read();
}

Task<void> Session::stop_upload() {
  if (upload_ == nullptr || upload_->end) co_return;
  upload_->abandoned = true;
  client_->cancel_read();
  if (upstream_ != nullptr) upstream_->stream->interrupt();
  (void)co_await upload_->finished.wait(TimePoint::max());
}

Task<Session::Fault> Session::wait_for_answer() {
  while (true) {
    if (upload_ != nullptr && upload_->end && is_client_fault(*upload_->end)) {
      client_fault_ = client_reason(*upload_->end);
      co_return Fault::client;
    }
    // A shard may be silent while it is being told something.
    const auto since = upload_ == nullptr ? facts_.sent : upload_->relay.last_progress();
    const auto ready = co_await upstream_->stream->wait_readable(since + settings_->timeouts.server);
    if (ready) co_return Fault::none;
    if (upload_ != nullptr &&
        (upload_->relay.last_progress() > since || (upload_->end && is_client_fault(*upload_->end)))) {
      continue;
    }
    if (ready.error() == IoError::timed_out) co_return Fault::silent;
    co_return exchange_->reply.empty() ? Fault::before_answer : Fault::broke;
  }
}

Task<Session::Fault> Session::read_answer() {
  Exchange& x = *exchange_;
  x.response.reset();
  x.reply.release();
  std::size_t interim = 0;
  bool any_byte = false;
  while (true) {
    if (!x.reply.empty()) {
      const auto parsed = x.response.parse(x.reply.bytes());
      if (!parsed) co_return Fault::nonsense;
      if (*parsed) {
        const http::ResponseHead& head = x.response.head();
        if (head.status >= 200 || head.status == 101) co_return Fault::none;
        if (++interim > settings_->limits.max_interim_answers) co_return Fault::nonsense;
        if (x.request.head().minor_version >= 1) {
          x.out.clear();
          http::write_response_head(head, {.framing = {}, .keep_alive = true}, x.out);
          if (!co_await client_->write_all(as_bytes(x.out), settings_->timeouts.client))
            co_return Fault::client;
        }
        x.reply.begin += head.size;
        x.response.reset();
        continue;
      }
    }
    if (x.reply.empty() || !x.reply.buffer) {
      if (const Fault fault = co_await wait_for_answer(); fault != Fault::none) {
        co_return fault == Fault::before_answer&& any_byte ? Fault::broke : fault;
      }
      if (!x.reply.buffer) x.reply.buffer = worker_.core.buffers().take(net::BufferPool::Size::small);
    }
    x.reply.compact();
    if (x.reply.room().empty()) co_return Fault::nonsense;
    const auto read = upstream_->stream->try_read(x.reply.room());
    if (!read) {
      if (const Fault fault = co_await wait_for_answer(); fault != Fault::none) {
        co_return fault == Fault::before_answer&& any_byte ? Fault::broke : fault;
      }
      continue;
    }
    if (!read->ok() || **read == 0) co_return any_byte ? Fault::broke : Fault::before_answer;
    any_byte = true;
    x.reply.end += **read;
  }
}

Task<Session::Next> Session::failed(Fault fault) {
  co_await stop_upload();
  upstream_.reset();
  switch (fault) {
    case Fault::none:
    case Fault::client:
      facts_.keep_alive = false;
      if (client_fault_ != Reason::none) co_return co_await answer(client_fault_);
      log(499, "client_gone");
      co_return Next::close;
    case Fault::before_answer:
    case Fault::broke: note_failure("broke"); co_return co_await answer(Reason::upstream_broke);
    case Fault::silent: note_failure("silent"); co_return co_await answer(Reason::upstream_silent);
    case Fault::nonsense: note_failure("nonsense"); break;
  }
  co_return co_await answer(Reason::bad_answer);
}

void Session::finish_upstream(bool reusable) {
  if (reusable && upload_complete()) worker_.pool.give_back(std::move(upstream_), Clock::now());
  upstream_.reset();
}

Task<Session::Next> Session::relay_answer(const route::Decision& decision) {
  Exchange& x = *exchange_;
  const http::ResponseHead& head = x.response.head();
  const http::RequestHead& request = x.request.head();
  const bool upgrading = facts_.upgrade.kind == http::UpgradeDecision::Kind::websocket;
  const auto reads = http::framing_of(head, request.method, upgrading);
  if (!reads) co_return co_await failed(Fault::nonsense);
  const auto writes = http::framing_towards(*reads, request.minor_version);
  // An answer before the request is whole: what is still to come of it cannot be told from a next request by
  // then.
  facts_.keep_alive = facts_.keep_alive && upload_complete() && !worker_.draining &&
                      writes.kind != http::Framing::Kind::until_close;
  const int status = head.status;
  const bool shard_stays = http::keeps_alive(head);
  const bool announced = !decision.shard->announced.empty();
  x.out.clear();
  http::write_response_head(head,
                            {.framing = writes,
                             .client_minor_version = request.minor_version,
                             .keep_alive = facts_.keep_alive,
                             .announced_shard = decision.shard->announced,
                             .announced_region = announced ? std::string_view(decision.shard->region) : "",
                             .why = settings_->debug_headers ? facts_.why : std::string_view()},
                            x.out);
  x.reply.begin += head.size;
  Relay relay(*upstream_->stream, *client_, *reads, writes,
              {.read_silence = settings_->timeouts.server, .write_stall = settings_->timeouts.client});
  auto end = co_await relay.start(as_bytes(x.out), x.reply.bytes());
  // Bytes behind the answer that nobody asked for: whose they are nobody could say later.
  const bool excess = relay.consumed() < x.reply.bytes().size();
  x.reply.release();
  if (!end) end = co_await relay.run();
  facts_.bytes_out = relay.bytes();
  if (*end == RelayEnd::complete) {
    const bool whole = upload_complete();
    if (!whole) {
      co_await stop_upload();
      facts_.keep_alive = false;
    }
    finish_upstream(whole && shard_stays && !excess && relay.take_rest().empty() &&
                    reads->kind != http::Framing::Kind::until_close);
    log(status, "");
    if (facts_.keep_alive) co_return Next::request;
    co_return whole ? Next::close : Next::linger;
  }
  co_await stop_upload();
  const bool shard_failed = *end == RelayEnd::source_ended || *end == RelayEnd::source_broke ||
                            *end == RelayEnd::source_silent || *end == RelayEnd::source_bad;
  if (shard_failed) {
    // The client must not take half an answer for a whole one.
    note_failure("broke");
    client_->reset_on_close();
    log(status,
        http::describe(*end == RelayEnd::source_silent ? Reason::upstream_silent : Reason::upstream_broke)
            .label);
    client_->close();
  } else {
    log(status, "client_gone");
  }
  co_return Next::close;
}

// An old shard knows no /_unlock: the client only wants to hear that the way is open, and which shard it
// leads to.
Task<Session::Next> Session::unlock_answer(const route::Decision& decision) {
  Exchange& x = *exchange_;
  co_await stop_upload();
  upstream_.reset();
  if (!upload_complete()) facts_.keep_alive = false;
  const bool announced = !decision.shard->announced.empty();
  x.out.clear();
  http::write_plain_response({.keep_alive = facts_.keep_alive,
                              .client_minor_version = x.request.head().minor_version,
                              .head_only = x.request.head().method == http::Method::head,
                              .body = "ok\n",
                              .shard = decision.shard->announced,
                              .region = announced ? std::string_view(decision.shard->region) : ""},
                             x.out);
  co_return co_await send_own(200, "");
}

Task<Session::Next> Session::open_tunnel(const route::Decision& decision) {
  Exchange& x = *exchange_;
  const http::ResponseHead& head = x.response.head();
  const http::RequestHead& request = x.request.head();
  // RFC 6455 4.1: only a shard that knows our key has really switched.
  const bool switched = facts_.upgrade.kind == http::UpgradeDecision::Kind::websocket &&
                        http::verify_upgrade_answer(head, facts_.upgrade.key);
  if (!switched) co_return co_await failed(Fault::nonsense);
  const bool announced = !decision.shard->announced.empty();
  x.out.clear();
  http::write_response_head(head,
                            {.framing = {.kind = http::Framing::Kind::tunnel},
                             .announced_shard = decision.shard->announced,
                             .announced_region = announced ? std::string_view(decision.shard->region) : "",
                             .why = settings_->debug_headers ? facts_.why : std::string_view()},
                            x.out);
  x.reply.begin += head.size;
  if (!co_await client_->write_all(as_bytes(x.out), settings_->timeouts.client)) {
    log(499, "client_gone");
    co_return Next::close;
  }
  log(101, "", true);
  std::optional<std::uint64_t> hold;  // the entry's serial
  if (decision.sticky && facts_.key) {
    auto& table = worker_.shared.table;
    const auto now = Clock::now();
    // Gone in the moment between route() and now: an operator's forget, or a full table. The tunnel makes it
    // anew.
    auto held = table.hold(*facts_.key, now);
    if (!held.known) {
      (void)table.find_or_create(*facts_.key, stick::Use::signalling, now,
                                 [&] { return std::optional(decision.shard->id); });
      held = table.hold(*facts_.key, now);
    }
    if (held.known) hold = held.serial;
  }
  TunnelLog note{.wall = facts_.wall,
                 .began = facts_.began,
                 .client_ip = std::string(facts_.client_ip),
                 .path = std::string(facts_.path),
                 .host = std::string(request.authority),
                 .key = std::string(facts_.key.value_or("")),
                 .shard = decision.shard->name,
                 .why = std::string(facts_.why),
                 .request_id = std::string(facts_.request_id)};
  const auto early = x.in.bytes();
  const auto behind = x.reply.bytes();
  start_tunnel(worker_, std::move(client_), std::move(upstream_->stream), settings_->tunnel,
               {early.begin(), early.end()}, {behind.begin(), behind.end()}, hold, entrance_,
               std::move(seat_), worker_.metrics_of(*decision.shard), std::move(note));
  worker_.give_back(std::move(exchange_));
  co_return Next::handed_over;
}

}  // namespace roomgate::router::session

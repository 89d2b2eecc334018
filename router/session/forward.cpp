// The second half of a request's way: to the shard and back.

#include "base/log.hpp"
#include "router/http/error_response.hpp"
#include "router/http/rewrite.hpp"
#include "router/session/exchange.hpp"
#include "router/session/tunnel_guest.hpp"
#include "router/tls/client_context.hpp"

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
  if (error == IoError::tls) return Reason::connect_tls;
  return error == IoError::timed_out ? Reason::connect_timeout : Reason::connect_refused;
}

std::string_view connect_label(IoError error) {
  switch (error) {
    case IoError::refused: return "refused";
    case IoError::timed_out: return "timed_out";
    case IoError::tls: return "tls";
    case IoError::closed:
    case IoError::unreachable:
    case IoError::interrupted:
    case IoError::system: return "failed";
  }
  return "failed";
}

}  // namespace

Task<After> Exchange::forward(route::Decision decision) {
  const http::RequestHead& head = *head_;
  const bool may_repeat = repeatable(head.method) && facts_.framing.kind == http::Framing::Kind::none;
  Wanted wanted = may_repeat ? Wanted::any : Wanted::fresh;
  std::size_t relocations = 0;
  count_assignment(decision);
  while (true) {
    facts_.shard = decision.shard;
    facts_.why = route::to_text(decision.why);
    if (!slot_.held() || slot_.shard() != decision.shard->id) {
      slot_.release();
      if (auto slot = worker_.slots.try_enter(decision.shard->id)) {
        slot_ = std::move(*slot);
      } else if (const auto entered = co_await wait_for_slot(*decision.shard); !entered) {
        co_return co_await not_entered(entered.error());
      }
    }
    facts_.connecting = worker_.core.now();
    auto opened = co_await open_upstream(decision, wanted);
    if (!opened) {
      // That we are out of descriptors says nothing about the shard.
      if (opened.error() == IoError::system) co_return co_await answer(Reason::overloaded);
      const auto other =
          relocations++ < settings_->limits.max_relocations ? elsewhere(decision) : std::nullopt;
      if (!other) co_return co_await answer(connect_reason(opened.error()));
      ++facts_.retries;
      decision = *other;
      count_assignment(decision);
      continue;
    }
    if (gone_) {
      worker_.pool.give_back(std::move(opened).value(), worker_.core.now());
      co_return co_await failed(Fault::client);
    }
    upstream_ = std::move(opened).value();
    Fault fault = co_await send_request();
    if (fault == Fault::none) fault = co_await read_answer();
    if (fault == Fault::none) break;
    if (gone_) co_return co_await failed(Fault::client);
    // Only a connection that was used before may have been closed under us; a new one that breaks is the
    // shard's fault.
    if (fault != Fault::before_answer || !may_repeat || !upstream_->reused) co_return co_await failed(fault);
    wanted = Wanted::only_new;
    ++facts_.retries;
    worker_.shared.metrics.upstream_retries.with({decision.shard->name}).add();
    upstream_.reset();
  }
  facts_.answered = worker_.core.now();
  worker_.first_byte.observe(std::chrono::duration<double>(facts_.answered - facts_.sent).count());
  const http::ResponseHead& answer_head = scratch_->response.head();
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

Task<Result<void, upstream::Refusal>> Exchange::wait_for_slot(const balance::Shard& shard) {
  const auto began = worker_.core.now();
  auto entered =
      co_await worker_.slots.enter(shard.id, began + settings_->timeouts.queue, requester_.channel());
  facts_.waited = worker_.core.now() - began;
  worker_.queue_wait.observe(std::chrono::duration<double>(facts_.waited).count());
  if (!entered) co_return fail(entered.error());
  slot_ = std::move(entered).value();
  co_return Result<void, upstream::Refusal>();
}

Task<After> Exchange::not_entered(upstream::Refusal refusal) {
  const balance::Shard& shard = *facts_.shard;
  switch (refusal) {
    case upstream::Refusal::full:
      LOG(warn, "queue_full", {"shard", shard.name}, {"max_connections", shard.max_connections},
          {"limits.queue_per_shard", settings_->limits.queue_per_shard});
      co_return co_await answer(Reason::queue_full);
    case upstream::Refusal::late:
      LOG(warn, "queue_timeout", {"shard", shard.name}, {"max_connections", shard.max_connections});
      co_return co_await answer(Reason::queue_timeout);
    case upstream::Refusal::gone: break;
  }
  log(499, "client_gone");
  co_return After::close;
}

void Exchange::count_assignment(const route::Decision& decision) {
  const bool fresh = decision.why == route::Why::fresh;
  if (!fresh && decision.why != route::Why::moved) return;
  worker_.shared.metrics.assignments.with({decision.shard->name, fresh ? "new" : "moved"}).add();
  LOG(info, fresh ? "room_assigned" : "room_moved", {"room", facts_.key.value_or("")},
      {"shard", decision.shard->name});
}

void Exchange::note_failure(std::string_view kind) {
  if (facts_.shard != nullptr)
    worker_.shared.metrics.upstream_failures.with({facts_.shard->name, kind}).add();
}

std::optional<route::Decision> Exchange::elsewhere(const route::Decision& refused) {
  if (refused.sticky && facts_.key) {
    return route::relocate(*facts_.key, facts_.region, refused, worker_.shared.table, *shards_,
                           *worker_.policy, settings_->route, worker_.core.now());
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

Task<Result<std::unique_ptr<upstream::Connection>, IoError>> Exchange::open_upstream(
    const route::Decision& to, Wanted wanted) {
  const balance::Shard& shard = *to.shard;
  IoError last = IoError::unreachable;
  for (const auto& address : shard.addresses) {
    if (auto idle = worker_.pool.take(shard.id, address, wanted, worker_.core.now(), shard.tls.get())) {
      facts_.reused = true;
      facts_.connected = facts_.connecting;
      co_return std::move(idle);
    }
    // Who is idle makes room for who works.
    if (worker_.slots.crowded(shard.id) && !worker_.pool.close_oldest(shard.id))
      worker_.slots.close_idle_elsewhere(shard.id);
    const auto began = worker_.core.now();
    auto tls = shard.tls;
    auto opened = co_await worker_.pool.connect(shard.id, address, std::move(tls));
    worker_.shared.metrics.upstream_connects
        .with({shard.name, opened ? std::string_view("ok") : connect_label(opened.error())})
        .add();
    facts_.reused = false;
    facts_.connected = worker_.core.now();
    if (opened) {
      worker_.upstream_connect.observe(std::chrono::duration<double>(facts_.connected - began).count());
      co_return std::move(opened);
    }
    last = opened.error();
  }
  LOG(warn, "connect_failed", {"shard", shard.name}, {"error", net::to_string(last)});
  co_return fail(last);
}

Task<Exchange::Fault> Exchange::send_request() {
  Scratch& x = *scratch_;
  const http::RequestHead& head = *head_;
  x.out.clear();
  http::write_request_head(head,
                           {.path = facts_.path,
                            .client_ip = connection_.peer.ip,
                            .https = facts_.https,
                            .forwarded_ip = facts_.client_ip,
                            .forwarded_host = facts_.forwarded_host,
                            .request_id = facts_.request_id,
                            .region = facts_.region,
                            .client_subject = connection_.peer.certificate_subject,
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
  Relay relay(requester_.channel(), *upstream_->stream, requester_.body_on_channel(facts_.framing),
              facts_.framing, limits);
  body_touched_ = has_body;
  const auto end = co_await relay.start(as_bytes(x.out), has_body ? requester_.early_body() : ByteSpan());
  requester_.take_early(relay.consumed());
  facts_.bytes_in = relay.bytes();
  facts_.sent = worker_.core.now();
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

bool Exchange::is_client_fault(RelayEnd end) {
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

Reason Exchange::client_reason(RelayEnd end) {
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

void Exchange::start_upload(Relay relay) {
  upload_ = std::make_shared<Upload>(worker_.core, std::move(relay));
  worker_.core.spawn(run_upload(upload_));
}

// stop_upload() waits for its end: the exchange is there as long as this runs.
Task<void> Exchange::run_upload(std::shared_ptr<Upload> upload) {
  const RelayEnd end = co_await upload->relay.run();
  upload->end = end;
  upload->finished.set();
  if (upload->abandoned) co_return;
  facts_.sent = worker_.core.now();
  facts_.bytes_in = upload->relay.bytes();
  if (end == RelayEnd::complete) {
    request_sent_ = true;
    requester_.keep_rest(upload->relay.take_rest());
  }
  // Whoever waits for the shard's answer to a request that will never be whole need not wait longer.
  if (is_client_fault(end) && upstream_ != nullptr) upstream_->stream->cancel_read();
}

Task<void> Exchange::stop_upload() {
  if (upload_ == nullptr || upload_->end) co_return;
  upload_->abandoned = true;
  requester_.channel().cancel_read();
  if (upstream_ != nullptr) upstream_->stream->interrupt();
  (void)co_await upload_->finished.wait(TimePoint::max());
}

Task<Exchange::Fault> Exchange::wait_for_answer() {
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
    co_return scratch_->reply.empty() ? Fault::before_answer : Fault::broke;
  }
}

Task<Exchange::Fault> Exchange::read_answer() {
  Scratch& x = *scratch_;
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
        // It has no body, whatever it says; what it says has to make sense all the same.
        if (!http::framing_of(head, head_->method, false)) co_return Fault::nonsense;
        if (!co_await requester_.interim(head, settings_->timeouts.client)) co_return Fault::client;
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

Task<After> Exchange::failed(Fault fault) {
  co_await stop_upload();
  upstream_.reset();
  slot_.release();
  switch (fault) {
    case Fault::none:
    case Fault::client:
      facts_.keep_alive = false;
      if (client_fault_ != Reason::none) co_return co_await answer(client_fault_);
      log(499, "client_gone");
      co_return After::close;
    case Fault::before_answer:
    case Fault::broke: note_failure("broke"); co_return co_await answer(Reason::upstream_broke);
    case Fault::silent: note_failure("silent"); co_return co_await answer(Reason::upstream_silent);
    case Fault::nonsense: note_failure("nonsense"); break;
  }
  co_return co_await answer(Reason::bad_answer);
}

void Exchange::finish_upstream(bool reusable) {
  if (reusable && upload_complete()) worker_.pool.give_back(std::move(upstream_), worker_.core.now());
  upstream_.reset();
  // After the connection is in the pool: who has waited takes it.
  slot_.release();
}

http::ResponseRewrite Exchange::rewrite_for(const route::Decision& decision, http::Framing framing) const {
  const bool announced = !decision.shard->announced.empty();
  return {.framing = framing,
          .client_minor_version = head_->minor_version,
          .keep_alive = facts_.keep_alive,
          .announced_shard = decision.shard->announced,
          .announced_region = announced ? std::string_view(decision.shard->region) : "",
          .why = settings_->debug_headers ? facts_.why : std::string_view(),
          .request_id = facts_.request_id};
}

Task<After> Exchange::relay_answer(const route::Decision& decision) {
  Scratch& x = *scratch_;
  const http::ResponseHead& head = x.response.head();
  const bool upgrading = facts_.upgrade.kind == http::UpgradeDecision::Kind::websocket;
  const auto reads = http::framing_of(head, head_->method, upgrading);
  if (!reads) co_return co_await failed(Fault::nonsense);
  const auto writes = requester_.answer_on_channel(*reads);
  // An answer before the request is whole: what is still to come of it cannot be told from a next request by
  // then.
  facts_.keep_alive = facts_.keep_alive && upload_complete() && !worker_.draining &&
                      writes.kind != http::Framing::Kind::until_close;
  const int status = head.status;
  const bool shard_stays = http::leaves_connection_clean(head, *reads);
  const ByteView first = requester_.answer_head(head, rewrite_for(decision, writes));
  x.reply.begin += head.size;
  net::Channel& client = requester_.channel();
  Relay relay(*upstream_->stream, client, *reads, writes,
              {.read_silence = settings_->timeouts.server, .write_stall = settings_->timeouts.client});
  auto end = co_await relay.start(first, x.reply.bytes());
  // Bytes behind the answer that nobody asked for: whose they are nobody could say later.
  const bool excess = relay.consumed() < x.reply.bytes().size();
  x.reply.release();
  if (!end) end = co_await relay.run();
  facts_.bytes_out = relay.bytes();
  if (*end == RelayEnd::complete) {
    requester_.answer_complete();
    const bool whole = upload_complete();
    if (!whole) {
      co_await stop_upload();
      facts_.keep_alive = false;
    }
    finish_upstream(whole && shard_stays && !excess && relay.take_rest().empty());
    log(status, "");
    if (facts_.keep_alive) co_return After::next;
    co_return whole ? After::close : After::linger;
  }
  co_await stop_upload();
  const bool shard_failed = !gone_ && (*end == RelayEnd::source_ended || *end == RelayEnd::source_broke ||
                                       *end == RelayEnd::source_silent || *end == RelayEnd::source_bad);
  if (shard_failed) {
    // The client must not take half an answer for a whole one.
    note_failure("broke");
    client.reset_on_close();
    log(status,
        http::describe(*end == RelayEnd::source_silent ? Reason::upstream_silent : Reason::upstream_broke)
            .label);
    client.close();
  } else {
    log(status, "client_gone");
  }
  co_return After::close;
}

// An old shard knows no /_unlock: the client only wants to hear that the way is open, and which shard it
// leads to.
Task<After> Exchange::unlock_answer(const route::Decision& decision) {
  Scratch& x = *scratch_;
  co_await stop_upload();
  upstream_.reset();
  slot_.release();
  if (!upload_complete()) facts_.keep_alive = false;
  const bool announced = !decision.shard->announced.empty();
  x.out.clear();
  http::write_plain_response({.keep_alive = facts_.keep_alive,
                              .client_minor_version = head_->minor_version,
                              .head_only = head_->method == http::Method::head,
                              .body = "ok\n",
                              .shard = decision.shard->announced,
                              .region = announced ? std::string_view(decision.shard->region) : ""},
                             x.out);
  co_return co_await send_own(200, "");
}

Task<After> Exchange::open_tunnel(const route::Decision& decision) {
  Scratch& x = *scratch_;
  const http::ResponseHead& head = x.response.head();
  // RFC 6455 4.1: only a shard that knows our key has really switched.
  const bool switched = facts_.upgrade.kind == http::UpgradeDecision::Kind::websocket &&
                        http::verify_upgrade_answer(head, facts_.upgrade.key);
  if (!switched) co_return co_await failed(Fault::nonsense);
  const auto rewrite = rewrite_for(decision, {.kind = http::Framing::Kind::tunnel});
  x.reply.begin += head.size;
  if (!co_await requester_.switched(head, rewrite, settings_->timeouts.client)) {
    log(499, "client_gone");
    co_return After::close;
  }
  log(101, "", true);
  std::optional<std::uint64_t> hold;  // the entry's serial
  if (decision.sticky && facts_.key) {
    auto& table = worker_.shared.table;
    const auto now = worker_.core.now();
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
  const balance::Shard& shard = *decision.shard;
  TunnelNote note({facts_.client_ip, facts_.path, head_->authority, facts_.key.value_or(""), shard.name,
                   facts_.request_id});
  note.wall = facts_.wall;
  note.began = facts_.began;
  note.why = facts_.why;
  note.protocol = requester_.protocol();
  if (connection_.peer.https) note.tls = SSL_get_version(connection_.stream->tls());
  note.resumed = connection_.resumed;
  const auto early = requester_.early_body();
  const auto behind = x.reply.bytes();
  std::vector<std::uint8_t> from_client(early.begin(), early.end());
  std::vector<std::uint8_t> from_shard(behind.begin(), behind.end());
  auto over = requester_.take_over();
  start_tunnel(worker_, std::move(over.channel), std::move(upstream_->stream), std::move(from_client),
               std::move(from_shard),
               {.slot = std::move(slot_),
                .entrance = connection_.peer.entrance,
                .hold = hold,
                .seat = std::move(over.seat),
                .ticket = std::move(tunnel_ticket_),
                .tunnels = &worker_.metrics_of(shard).tunnels(),
                .note = std::move(note)});
  co_return After::handed_over;
}

}  // namespace roomgate::router::session

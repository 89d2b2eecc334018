// The shard's answer: waited for, read, and passed on; or what is made of it, a tunnel among others.

#include "router/http/error_response.hpp"
#include "router/http/rewrite.hpp"
#include "router/route/agreed.hpp"
#include "router/session/exchange.hpp"
#include "router/session/tunnel_guest.hpp"

namespace roomgate::router::session {

using http::Reason;
using net::IoError;
using net::Task;

namespace {

// A request that waits holds its room: well within the time for which a use counts (agreement.md, hold).
constexpr Duration kRenewEvery = seconds(30);

}  // namespace

Task<Exchange::Fault> Exchange::wait_for_answer() {
  while (true) {
    if (upload_ != nullptr && upload_->end && is_client_fault(*upload_->end)) {
      client_fault_ = client_reason(*upload_->end);
      co_return Fault::client;
    }
    // A shard may be silent while it is being told something.
    const auto since = upload_ == nullptr ? facts_.sent : upload_->relay.last_progress();
    const TimePoint silent_at = since + settings_->timeouts.server;
    const TimePoint until =
        worker_.alone() ? silent_at : std::min(silent_at, worker_.core.now() + kRenewEvery);
    waits_for_answer_ = true;
    const auto ready = co_await upstream_->stream->wait_readable(until);
    waits_for_answer_ = false;
    if (ready) co_return Fault::none;
    if (room_left_) co_return Fault::room_left;
    if (until < silent_at && ready.error() == IoError::timed_out) {
      renew_hold();
      continue;
    }
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
  const balance::Shard& shard = *decision.shard;
  const bool of_room = decision.sticky && facts_.key;
  TunnelHold hold(worker_, worker_.metrics_of(shard).tunnels());
  if (of_room) co_await hold_room(decision, hold);
  if (!co_await requester_.switched(head, rewrite, settings_->timeouts.client)) {
    log(499, "client_gone");
    co_return After::close;
  }
  log(101, "", true);
  const bool moved = of_room && has_left(decision, hold);
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
                .seat = std::move(over.seat),
                .ticket = std::move(tunnel_ticket_),
                .note = std::move(note),
                .hold = std::move(hold),
                .moved = moved});
  co_return After::handed_over;
}

// The tunnel holds its room. In the moment between route() and now the room may have moved, or be gone: an
// operator's forget, a full table, or what front doors have agreed on meanwhile.
Task<void> Exchange::hold_room(const route::Decision& decision, TunnelHold& hold) {
  stick::Table& table = worker_.shared.table;
  const std::string_view key = *facts_.key;
  const stick::ShardId here = decision.shard->id;
  auto held = table.hold(key, worker_.core.now());
  if (!table.limits().managed) {
    // The tunnel makes it anew.
    if (!held.known) {
      (void)table.find_or_create(key, stick::Use::signalling, worker_.core.now(),
                                 [here] { return std::optional<stick::Choice>(here); });
      held = table.hold(key, worker_.core.now());
    }
  } else {
    // The shard took so long that this gate did not hold the room any more: then it asks once more, and holds
    // what is there, so that it is there when the answer comes.
    if (held.known) hold.of_room(key, held.serial);
    const bool asks = !held.known || !held.was_held;
    if (asks && worker_.guide() == nullptr && worker_.arbiter() != nullptr) {
      auto claim = route::claim_to_stay(key, facts_.region, *decision.shard, *shards_);
      (void)co_await worker_.arbiter()->claim(worker_.core, std::move(claim));
      if (!held.known) held = table.hold(key, worker_.core.now());
    }
  }
  if (held.known) hold.of_room(key, held.serial);
  if (worker_.guide() != nullptr) worker_.guide()->holds_changed(key);
}

bool Exchange::has_left(const route::Decision& decision, const TunnelHold& hold) const {
  const auto entry = worker_.shared.table.peek(*facts_.key);
  const bool without = !entry || !hold.has_room();
  if (without ? worker_.shared.table.limits().managed : entry->shard != decision.shard->id) return true;
  // Those that look for a banned room's tunnels would not have found this one.
  return worker_.bans != nullptr && worker_.bans->find(*facts_.key) != nullptr;
}

}  // namespace roomgate::router::session

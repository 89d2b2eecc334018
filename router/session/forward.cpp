// To the shard: a place there, a connection, the request, the answer; what is repeated, what moves, and how
// it ends. The steps themselves: request_out.cpp, answer_in.cpp.

#include <algorithm>

#include "base/log.hpp"
#include "router/http/error_response.hpp"
#include "router/route/agreed.hpp"
#include "router/session/exchange.hpp"

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
  std::vector<stick::ShardId> tried;  // in vain
  count_assignment(decision);
  while (true) {
    facts_.shard = decision.shard;
    facts_.why = route::to_text(decision.why);
    if (!slot_.held() || slot_.shard() != decision.shard->id) {
      slot_.release();
      if (auto slot = worker_.slots.try_enter(decision.shard->id)) {
        slot_ = std::move(*slot);
      } else {
        const auto entered = co_await wait_for_slot(*decision.shard);
        if (!entered) co_return co_await not_entered(entered.error());
      }
    }
    facts_.connecting = worker_.core.now();
    // A room moves only to where a connection has just been made: an idle one may be as dead as the first.
    auto opened = co_await open_upstream(decision, decision.moves_from ? Wanted::only_new : wanted);
    if (!opened) {
      // That we are out of descriptors says nothing about the shard.
      if (opened.error() == IoError::system) co_return co_await answer(Reason::overloaded);
      const auto other = co_await elsewhere(decision, tried);
      if (!other) co_return co_await answer(connect_reason(opened.error()));
      ++facts_.retries;
      decision = *other;
      continue;
    }
    if (decision.moves_from && facts_.key) {
      const stick::ShardId reached = decision.shard->id;
      const auto settled = co_await settle(decision);
      if (!settled || settled->shard == nullptr || settled->shard->id != reached) {
        worker_.pool.give_back(std::move(opened).value(), worker_.core.now());
        if (!settled) co_return co_await answer(Reason::connect_refused);
        if (!settled->forwards()) co_return co_await answer(settled->answer);
        decision = *settled;
        continue;
      }
      // Where front doors agree, all of them hear of it, this one too.
      if (settled->moved_now && worker_.alone()) tell_moved(*decision.moves_from);
      decision = *settled;
      count_assignment(decision);
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
  if (!worker_.alone()) renew_hold();
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
  const std::string_view room = facts_.key.value_or("");
  if (decision.moved_now) {
    worker_.shared.metrics.assignments.with({decision.shard->name, "moved"}).add();
    LOG(info, "room_moved", {"room", room}, {"shard", decision.shard->name}, {"why", "failure"});
  } else if (decision.why == route::Why::fresh) {
    worker_.shared.metrics.assignments.with({decision.shard->name, "new"}).add();
    LOG(info, "room_assigned", {"room", room}, {"shard", decision.shard->name});
  } else {
    return;
  }
  for (const std::string_view kind : balance::kinds_of(decision.spill)) {
    if (!kind.empty()) worker_.shared.metrics.spills.with({kind}).add();
  }
  if (!decision.release_unmet) return;
  worker_.shared.metrics.pins_unmet.with({decision.release}).add();
  LOG(warn, "pin_unmet", {"room", room}, {"release", decision.release}, {"shard", decision.shard->name});
}

void Exchange::tell_moved(stick::ShardId from) {
  const balance::Shard* left = shards_->by_id(from);
  if (left != nullptr && worker_.on_room_moved) worker_.on_room_moved(*facts_.key, left->name);
}

void Exchange::note_failure(std::string_view kind) {
  if (facts_.shard != nullptr)
    worker_.shared.metrics.upstream_failures.with({facts_.shard->name, kind}).add();
}

Task<std::optional<route::Decision>> Exchange::elsewhere(const route::Decision& refused,
                                                         std::vector<stick::ShardId>& tried) {
  using Nothing = std::optional<route::Decision>;
  if (tried.size() >= settings_->limits.max_relocations) co_return Nothing();
  tried.push_back(refused.shard->id);
  if (refused.sticky && facts_.key) {
    if (worker_.guide() != nullptr) co_return Nothing();  // the room is another process's to move
    Nothing other;
    if (!worker_.shared.table.limits().managed) {
      other = route::relocate(*facts_.key, facts_.region, refused, tried, worker_.shared.table, *shards_,
                              *worker_.policy, settings_->route, worker_.core.now());
    } else {
      other = co_await ask_elsewhere(refused, tried);
    }
    if (other && !other->forwards()) other.reset();
    co_return other;
  }
  if (refused.why != route::Why::any) co_return Nothing();
  // What any shard can answer goes to the next one in turn, of the same release if there is one.
  const auto& all = shards_->all();
  const balance::Shard* next = nullptr;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const balance::Shard& shard = all[(worker_.turn + i) % all.size()];
    if (std::find(tried.begin(), tried.end(), shard.id) != tried.end() || !balance::takes_new_rooms(shard))
      continue;
    const bool same_release = shard.release == refused.shard->release;
    if (next == nullptr || same_release) next = &shard;
    if (same_release) break;
  }
  if (next == nullptr) co_return Nothing();
  route::Decision other = refused;
  other.shard = next;
  co_return other;
}

Task<std::optional<route::Decision>> Exchange::ask_elsewhere(const route::Decision& refused,
                                                             const std::vector<stick::ShardId>& tried) {
  using Nothing = std::optional<route::Decision>;
  if (worker_.arbiter() == nullptr) co_return Nothing();
  if (leaving_ == nullptr) leaving_ = std::make_unique<Leaving>();
  if (!refused.moves_from) leaving_->from = refused.shard->name;
  const stick::ShardId from = refused.moves_from.value_or(refused.shard->id);
  auto ask = route::ask_elsewhere(*facts_.key, facts_.region, leaving_->from, refused, tried,
                                  worker_.shared.table, *shards_, settings_->route);
  const auto outcome = co_await worker_.arbiter()->elsewhere(worker_.core, std::move(ask));
  find_shard(outcome);
  co_return route::go_elsewhere(outcome, refused, from, *shards_);
}

Task<std::optional<route::Decision>> Exchange::settle(const route::Decision& reached) {
  if (!worker_.shared.table.limits().managed) {
    co_return route::settle(*facts_.key, reached, worker_.shared.table, *shards_, settings_->route,
                            worker_.core.now());
  }
  using Nothing = std::optional<route::Decision>;
  if (worker_.arbiter() == nullptr || leaving_ == nullptr) co_return Nothing();
  peers_sync::Settle words{.key = std::string(*facts_.key),
                           .from = leaving_->from,
                           .to = reached.shard->name,
                           .was_in_use = route::is_in_use(*facts_.key, reached, worker_.shared.table),
                           .placed = static_cast<std::uint8_t>(stick::Placed::failure)};
  const auto outcome = co_await worker_.arbiter()->settle(worker_.core, std::move(words));
  find_shard(outcome);
  co_return route::settled(outcome, reached, *shards_);
}

void Exchange::find_shard(const peers_sync::Outcome& outcome) {
  if (outcome.refusal != peers_sync::Refusal::none || shards_->by_name(outcome.home.shard) != nullptr) return;
  leaving_->shards_before.push_back(std::exchange(shards_, worker_.shards));
}

void Exchange::renew_hold() {
  if (facts_.key) (void)worker_.shared.table.touch(*facts_.key, worker_.core.now());
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
  worker_.connect_failed(shard, last);
  LOG(warn, "connect_failed", {"shard", shard.name}, {"error", net::to_string(last)});
  co_return fail(last);
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
    case Fault::room_left:
      worker_.shared.metrics.sent_away.with({"poll"}).add();
      co_return co_await answer(Reason::room_moved);
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

}  // namespace roomgate::router::session

#include "router/session/decide.hpp"

#include <array>

namespace roomgate::router::session {

using http::Reason;
using net::Task;

namespace {

// Nothing may go to a shard in maintenance: a room that nobody is in starts anew elsewhere, others wait.
// Nothing has to be tried first, as where a connection failed: it is not a matter of who reaches whom.
Task<std::optional<route::Decision>> leave_maintenance(net::Core& core, Ground ground, route::Request request,
                                                       Decided& so_far) {
  const auto shards = so_far.shards;  // of the decision that is replaced
  const std::array<stick::ShardId, 1> tried = {so_far.decision.shard->id};
  auto ask = route::ask_elsewhere(*request.key, request.region, so_far.decision.shard->name, so_far.decision,
                                  tried, ground.table, *shards, ground.settings);
  peers_sync::Settle settle{.key = ask.key, .from = ask.from, .was_in_use = ask.was_in_use};
  const auto found = co_await ground.arbiter->elsewhere(core, std::move(ask));
  so_far.shards = ground.shards;
  const auto other = route::go_elsewhere(found, so_far.decision, tried.front(), *so_far.shards);
  if (!other || !other->moves_from) co_return other;
  settle.to = other->shard->name;
  settle.placed = static_cast<std::uint8_t>(stick::Placed::failure);
  const auto outcome = co_await ground.arbiter->settle(core, std::move(settle));
  co_return route::settled(outcome, *other, *so_far.shards);
}

}  // namespace

Task<Decided> decide(net::Core& core, Ground ground, route::Request request) {
  Decided decided;
  decided.shards = ground.shards;
  const auto began = core.now();
  if (auto known = route::look_up(request, ground.table, *decided.shards, ground.settings, began)) {
    decided.decision = *known;
    co_return decided;
  }
  const auto before = ground.table.peek(*request.key);
  if (!before && request.may_create != nullptr && !(*request.may_create)()) {
    decided.decision.answer = Reason::new_rooms_limited;
    co_return decided;
  }
  if (ground.arbiter == nullptr) {
    decided.decision.answer = Reason::no_owner;
    co_return decided;
  }
  auto claim = route::claim_of(request, *decided.shards, ground.settings);
  const auto outcome = co_await ground.arbiter->claim(core, std::move(claim));
  decided.shards = ground.shards;
  const bool was_in_use = before && ground.table.in_use(*before, began);
  decided.decision = route::decide_from(request, outcome, was_in_use, ground.table, *decided.shards,
                                        ground.settings, core.now());
  if (decided.decision.answer == Reason::shard_maintenance && decided.decision.shard != nullptr &&
      !was_in_use && request.path.kind != room::PathKind::shard_socket) {
    const auto other = co_await leave_maintenance(core, ground, request, decided);
    if (other) {
      decided.decision = *other;
      decided.decision.unlock_fallback = request.path.kind == room::PathKind::unlock && other->forwards();
    } else {
      decided.decision = {};
      decided.decision.answer = Reason::shard_maintenance;
    }
  }
  decided.waited = core.now() - began;
  co_return decided;
}

}  // namespace roomgate::router::session

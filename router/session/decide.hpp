// Where a request goes, when front doors agree: by the table where this gate holds the room, else by the
// replica. The way of a request that an exchange has, and of one that an old process asks about. Coroutines
// of any core.
#pragma once

#include <memory>
#include <optional>

#include "base/net/core.hpp"
#include "base/net/task.hpp"
#include "router/route/agreed.hpp"
#include "router/session/arbiter.hpp"

namespace roomgate::router::session {

// What deciding stands on; all of it outlives the task.
struct Ground {
  stick::Table& table;
  // As they are now, read anew after a question: the answer may name one that has come since.
  const std::shared_ptr<const balance::ShardSet>& shards;
  const route::Settings& settings;
  Arbiter* arbiter;  // null: its time is over, and what is not held is answered no_owner
};

struct Decided {
  route::Decision decision;
  std::shared_ptr<const balance::ShardSet> shards;  // of the decision
  Duration waited{-1};                              // for the replica; negative: it was not asked
};

net::Task<Decided> decide(net::Core& core, Ground ground, route::Request request);

}  // namespace roomgate::router::session

// Who decides in place of this process where a room is: the one that has taken over. Implemented by the gate;
// asked on any core.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/net/task.hpp"
#include "router/route/route.hpp"

namespace roomgate::router::session {

class Guide {
 public:
  struct Guidance {
    http::Reason refusal = http::Reason::none;
    std::string shard;  // by name: in the worker's shards by now, if it is known at all
    route::Why why = route::Why::stick;
    bool sticky = false;
    bool provisional = false;
    std::uint64_t generation = 1;

    stick::Entry entry_on(stick::ShardId id, TimePoint now) const {
      stick::Entry entry;
      entry.shard = id;
      entry.generation = generation;
      entry.created = now;
      entry.last_used = now;
      entry.provisional = provisional;
      entry.origin = stick::Origin::peer;
      return entry;
    }
  };

  // The request has a key. nullopt: no answer in time, or nobody is there to ask; then our own copy of the
  // table counts. What the request's views point into outlives the task.
  virtual net::Task<std::optional<Guidance>> ask(net::Core& core, route::Request request) = 0;
  // A tunnel of that room has begun or ended.
  virtual void holds_changed(std::string_view key) = 0;

 protected:
  ~Guide() = default;
};

}  // namespace roomgate::router::session

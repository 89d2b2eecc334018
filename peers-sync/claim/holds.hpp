// Which rooms this gate uses, as the others are told (docs/agreement.md 4): the first use at once, the end
// when the cores have not used it for a while. Owned by a Node.
#pragma once

#include <deque>

#include "peers-sync/claim/book.hpp"
#include "peers-sync/claim/node.hpp"
#include "peers-sync/claim/record.hpp"

namespace roomgate::peers_sync::claim {

class Holds {
 public:
  Holds(const NodeOptions& options, Host& host, Book& book, Record& record)
      : options_(options), host_(host), book_(book), record_(record) {}

  // A signalling request is on its way there.
  void use(Room& room, TimePoint now) {
    const Holder* ours = room.holder(kSelf);
    if (ours != nullptr && ours->generation == room.generation && ours->shard == book_.shard_hash(room)) {
      book_.used(room, now);
      return;
    }
    if (ours == nullptr) looks_.push_back({now + options_.recent, room.id});
    record_.say_hold(room, now);
  }

  void tick(TimePoint now) {
    for (std::size_t left = kAtOnce; left > 0 && !looks_.empty() && looks_.front().at <= now; --left) {
      Room& room = book_.room(looks_.front().room);
      looks_.pop_front();
      if (room.holder(kSelf) == nullptr) continue;
      const auto use = host_.local_use(room.key, now);
      if (use.held) {
        looks_.push_back({now + options_.recent, room.id});
      } else {
        record_.say_unhold(room, std::max(use.last_used, room.last_use));
      }
    }
  }

  TimePoint next() const { return looks_.empty() ? TimePoint::max() : looks_.front().at; }

 private:
  static constexpr std::size_t kAtOnce = 1000;
  struct Look {
    TimePoint at;
    RoomId room = 0;
  };

  const NodeOptions& options_;
  Host& host_;
  Book& book_;
  Record& record_;
  std::deque<Look> looks_;  // in the order of time
};

}  // namespace roomgate::peers_sync::claim

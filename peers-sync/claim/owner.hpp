// The one who decides: claims, moves and ends of rooms whose keys are ours in our view, while we may decide
// (docs/agreement.md 3 and 5). What comes while we may not waits here, until its asker gives up. Each gate
// that asks has a budget of its own, so that one that floods takes nothing from the others: what is beyond it
// is lost, and asked again. Owned by a Node.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "peers-sync/claim/book.hpp"
#include "peers-sync/claim/links.hpp"
#include "peers-sync/claim/membership.hpp"
#include "peers-sync/claim/node.hpp"
#include "peers-sync/claim/record.hpp"

namespace roomgate::peers_sync::claim {

class Owner {
 public:
  // Answers to ourselves.
  using Own = std::function<void(Answer answer, TimePoint now)>;

  Owner(const NodeOptions& options, Host& host, Membership& membership, Book& book, Record& record,
        Links& links, Own own)
      : options_(options),
        host_(host),
        membership_(membership),
        book_(book),
        record_(record),
        links_(links),
        own_(std::move(own)) {}

  void take(Ask ask, LifeIndex from, TimePoint now);
  void view_changed();
  void forget(LifeIndex gate) { askers_.erase(gate); }
  void tick(TimePoint now);
  TimePoint next() const;
  // Decisions so far are in our log, and the log is told: now their answers go.
  void answer(TimePoint now);
  bool has_answers() const { return !answers_.empty(); }

  bool owns(std::string_view key) const;
  bool is_full() const { return book_.homes() >= membership_.table_limit(); }
  bool wants_room() const { return waits_for_room_ > 0; }
  // Of the table: nothing could go (Releases).
  void set_hopeless(bool hopeless) { hopeless_ = hopeless; }
  std::uint64_t clamped() const { return clamped_; }
  std::uint64_t dropped(LifeIndex gate) const;  // asks of it, beyond its budget

 private:
  struct Waiting {
    Ask ask;
    LifeIndex from = kNobody;
    TimePoint until{};
  };
  // A gate whose asks come to us; ourselves too.
  struct Asker {
    std::map<std::pair<GateId, std::uint64_t>, Waiting> waiting;  // by who asked first, and its number there
    TimePoint paid{};  // when what it has asked so far is within its rate
    std::uint64_t dropped = 0;
  };

  bool affords(Asker& asker, TimePoint now) const;
  void wait(Ask ask, LifeIndex from, TimePoint now);
  void work(TimePoint now);
  std::optional<Answer> decide(const Ask& ask, TimePoint now);  // nullopt: the table is full for now
  std::optional<Answer> claim(const Ask& ask, TimePoint now);
  Answer elsewhere(const Ask& ask, TimePoint now);
  Answer settle(const Ask& ask, TimePoint now);
  Answer move(const Ask& ask, TimePoint now);
  Answer forget(const Ask& ask, TimePoint now);
  std::optional<Host::Chosen> choose(const Ask& ask, std::string_view from, TimePoint now);
  bool may_move(const Room& room, const Ask& ask, TimePoint now);
  bool majority_sees_down(std::string_view shard, TimePoint now);
  bool in_use_elsewhere(const Room& room, const Ask& ask, TimePoint now);
  void judge_conflicts(TimePoint now);
  void judge(Room& room, TimePoint now);

  const NodeOptions& options_;
  Host& host_;
  Membership& membership_;
  Book& book_;
  Record& record_;
  Links& links_;
  Own own_;
  std::map<LifeIndex, Asker> askers_;
  TimePoint looked_at_{};      // at all that waits
  bool could_decide_ = false;  // at the last look
  bool hopeless_ = false;
  std::size_t waits_for_room_ = 0;
  std::map<RoomId, TimePoint> split_since_;
  std::uint64_t clamped_ = 0;
  std::vector<std::pair<Waiting, Answer>> answers_;
};

}  // namespace roomgate::peers_sync::claim

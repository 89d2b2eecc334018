// How a name's entry ends (docs/agreement.md 4): its owner asks all who live whether they use it; each gives
// its copy back, or says that it does. Looks at a part of the table at a time: what is idle, and when the
// table is full what has been idle longest. Owned by a Node.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "peers-sync/claim/book.hpp"
#include "peers-sync/claim/links.hpp"
#include "peers-sync/claim/membership.hpp"
#include "peers-sync/claim/node.hpp"
#include "peers-sync/claim/owner.hpp"
#include "peers-sync/claim/record.hpp"

namespace roomgate::peers_sync::claim {

class Releases {
 public:
  struct Limits {
    Duration patience = seconds(2);      // with those who are asked
    Duration pause = milliseconds(500);  // between looks
    Duration pause_full = milliseconds(20);
    std::size_t parts = 64;       // of the table, of which one is looked at
    std::size_t least = 1024;     // rooms of a part
    std::size_t rounds = 8;       // at once
    std::size_t names = 256;      // of one round
    Duration fresh = seconds(2);  // used so long ago: not let go, however full the table
    double full = 0.95;
  };
  using AsksFor = std::function<bool(std::string_view key)>;  // a claim of ours is under way

  Releases(const NodeOptions& options, Host& host, Membership& membership, Book& book, Record& record,
           Links& links, Owner& owner, AsksFor asks_for)
      : options_(options),
        host_(host),
        membership_(membership),
        book_(book),
        record_(record),
        links_(links),
        owner_(owner),
        asks_for_(std::move(asks_for)) {}

  void take(LifeIndex from, const Release& release, TimePoint now);
  void take(LifeIndex from, const Released& released, TimePoint now);
  void view_changed();
  void tick(TimePoint now);
  TimePoint next() const;

 private:
  struct Name {
    RoomId room = 0;
    std::uint64_t generation = 0;
    bool off = false;
  };
  struct Round {
    std::vector<Name> names;
    std::set<LifeIndex> asked;
    std::set<LifeIndex> missing;  // of these, their answers
    TimePoint until{};
    std::uint64_t view = 0;
  };

  void look(TimePoint now);
  bool is_unused(const Room& room, TimePoint now) const;
  bool is_idle(const Room& room, TimePoint now) const;
  void begin(const std::vector<RoomId>& rooms, TimePoint now);
  void end(Round& round, TimePoint now);
  void call_off(Round& round);
  bool is_used(const Release::Name& name, TimePoint now);

  const NodeOptions& options_;
  Host& host_;
  Membership& membership_;
  Book& book_;
  Record& record_;
  Links& links_;
  Owner& owner_;
  AsksFor asks_for_;
  Limits limits_;
  std::map<std::uint64_t, Round> rounds_;
  std::uint64_t last_round_ = 0;
  std::size_t place_ = 0;     // of the look
  std::size_t could_go_ = 0;  // of this pass over the table
  bool full_pass_ = false;
  TimePoint look_at_{};
};

}  // namespace roomgate::peers_sync::claim

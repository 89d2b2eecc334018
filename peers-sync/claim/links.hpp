// Between this gate and each life of another: packets with their heads, whose log is told to whom and how far
// that has come, and what is to be ignored (docs/agreement.md 1 and 2). Owned by a Node.
//
//   us                                        them
//   follow {epoch, have}            ->        their log is told from there on; all they send has that epoch
//   have, in statuses               ->        told again from there, when it does not grow
//   (they are dropped from our view: another epoch, so what is under way from them is not read any more)
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "peers-sync/claim/book.hpp"
#include "peers-sync/claim/membership.hpp"
#include "peers-sync/claim/node.hpp"
#include "peers-sync/claim/packets.hpp"
#include "peers-sync/claim/record.hpp"

namespace roomgate::peers_sync::claim {

class Links {
 public:
  struct Limits {
    std::size_t in_flight = 1 << 20;  // bytes of our log that one gate has not said to have
    Duration again = milliseconds(300);
    std::uint8_t hops = 8;
  };

  Links(Transport& transport, Membership& membership, Book& book, Record& record)
      : transport_(transport), membership_(membership), book_(book), record_(record) {}

  // --- Packets.
  void send(LifeIndex to, PacketType type, std::string body, TimePoint now);
  void forward(const std::string& to, std::uint8_t type, std::string body, TimePoint now);
  // Who it is from, if it is to be read at all.
  std::optional<LifeIndex> judge(const std::string& from, const Head& head, PacketType type);
  void take(LifeIndex from, const Follow& follow, TimePoint now);
  void take(LifeIndex from, const LogBatch& batch, TimePoint now);

  // --- Time.
  void tick(TimePoint now);
  TimePoint next() const { return next_; }
  // Our log, as far as it is not told: before anything that rests on it.
  void flush(TimePoint now);

  // --- Who is where.
  void drop(LifeIndex gate);
  void forget(LifeIndex gate);
  void forget_histories();  // of all: they are learnt anew
  // We have its history: from a lesson, or since it has none.
  bool knows(LifeIndex gate) const;
  void set_known(LifeIndex gate);
  bool wants_lesson_of(LifeIndex gate) const;
  bool complete(LifeIndex gate) const;
  // Both sides have the other's epoch.
  bool speaks(LifeIndex gate) const;
  Duration again(const std::string& gate) const;
  std::uint64_t items_out(LifeIndex gate) const;
  std::uint64_t items_in(LifeIndex gate) const;

  // What was sent before that to somebody was not read: an epoch is new to one of us.
  bool take_spoken() { return std::exchange(spoken_, false); }
  // Something that the others should know of our progress.
  bool take_progress() { return std::exchange(progress_, false); }

 private:
  struct Link {
    std::uint32_t epoch = 1;     // that they have to say
    std::uint32_t epoch_to = 0;  // that we have to say
    bool answered = false;       // they have said ours
    bool told = false;           // their log comes
    bool complete = false;
    bool known = false;
    std::optional<TimePoint> asked;
    // Of our log.
    bool follows = false;
    bool greet = false;     // a batch is due, even an empty one
    std::uint64_t end = 0;  // where it was when they asked
    std::uint64_t cursor = 0;
    std::uint64_t has = 0;
    TimePoint has_since{};
    std::deque<std::pair<std::uint64_t, std::size_t>> flight;  // up to where, bytes
    std::size_t in_flight = 0;
    std::uint64_t items_in = 0;
    std::uint64_t items_out = 0;
  };

  Link* find(LifeIndex gate);
  const Link* find(LifeIndex gate) const;
  void follow(LifeIndex gate, Link& link, TimePoint now);
  void notice_have(LifeIndex gate, Link& link, TimePoint now);
  void tell(LifeIndex gate, Link& link, TimePoint now);

  Transport& transport_;
  Membership& membership_;
  Book& book_;
  Record& record_;
  Limits limits_;
  std::map<LifeIndex, Link> links_;
  bool spoken_ = false;
  bool progress_ = false;
  TimePoint next_ = TimePoint::max();
};

}  // namespace roomgate::peers_sync::claim

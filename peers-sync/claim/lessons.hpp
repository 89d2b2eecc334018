// How a gate without history gets one, from one that has it (docs/agreement.md 2): words, then rooms in the
// order in which they changed last, so that what changes meanwhile comes once more at the end. The teacher
// keeps a place and a number of parts that may be under way; whatever gets lost, the learner asks again from
// where it is. Both sides in one; owned by a Node.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "peers-sync/claim/book.hpp"
#include "peers-sync/claim/links.hpp"
#include "peers-sync/claim/membership.hpp"
#include "peers-sync/claim/record.hpp"

namespace roomgate::peers_sync::claim {

class Lessons {
 public:
  struct Limits {
    std::uint32_t ahead = 64;          // parts that may be under way: a megabyte
    std::uint32_t parts_at_once = 16;  // that a teacher makes before others get their turn
    unsigned tries = 6;                // of one teacher without a part, then another
    Duration patience = seconds(10);   // of a teacher with a learner that asks no more
  };

  Lessons(Membership& membership, Book& book, Record& record, Links& links)
      : membership_(membership), book_(book), record_(record), links_(links) {}

  void take(LifeIndex from, const LessonAsk& ask, TimePoint now);
  void take(LifeIndex from, const LessonPart& part, TimePoint now);
  void tick(TimePoint now);
  TimePoint next() const { return next_; }
  void forget(LifeIndex gate);
  void begin_anew();  // a lesson that is under way is of no use

  bool learning() const { return lesson_.has_value(); }
  bool taught() const { return taught_; }  // to the end, once

 private:
  struct Lesson {
    LifeIndex teacher = kNobody;
    std::uint32_t number = 0;
    LessonPlace place;
    std::uint32_t got = 0;
    std::uint32_t allowed = 0;
    unsigned tries = 0;
    TimePoint asked{};
  };
  struct Pupil {
    std::uint32_t lesson = 0;
    LessonPlace place;
    std::uint32_t sent = 0;
    std::uint32_t allowed = 0;
    bool over = false;
    TimePoint asked{};
  };

  void choose_teacher(TimePoint now);
  void ask(TimePoint now);
  void end(const LessonPart& part, TimePoint now);
  void teach(LifeIndex gate, Pupil& pupil, TimePoint now);

  Membership& membership_;
  Book& book_;
  Record& record_;
  Links& links_;
  Limits limits_;
  std::optional<Lesson> lesson_;
  std::uint32_t last_number_ = 0;
  std::set<LifeIndex> failed_;
  bool taught_ = false;
  std::map<LifeIndex, Pupil> pupils_;
  TimePoint next_ = TimePoint::max();
};

}  // namespace roomgate::peers_sync::claim

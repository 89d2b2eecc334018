// A session with a HAProxy once both have said hello: who teaches, who learns, what is pushed and
// acknowledged. Sans-I/O; of a Session.
//
//   learning   from the request until "finished", "partial" or silence; nothing is pushed meanwhile
//   otherwise  pushes, or teaches (Pusher)
//   local      our own name: an old process, which teaches unasked and is told nothing unless it asks
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.hpp"
#include "peers-sync/codec/frame.hpp"
#include "peers-sync/haproxy/learner.hpp"
#include "peers-sync/haproxy/pusher.hpp"
#include "peers-sync/haproxy/tables.hpp"

namespace roomgate::peers_sync::haproxy {

class Conversation {
 public:
  struct Limits {
    std::size_t max_unsent = 4 << 20;   // bytes in `out`: then nothing is pushed or acknowledged
    std::size_t updates_at_once = 200;  // then others get their turn
    Duration lesson = seconds(5);       // without an entry: it is over
  };
  struct Options {
    std::string peer;
    bool local = false;
    bool timed = true;  // it speaks 2.1
    Limits limits;
  };
  // `tables` and `out` outlive it. Whoever ends it says so by end().
  Conversation(Options options, Tables& tables, std::string& out);

  enum class Read : std::uint8_t { understood, skipped, malformed };
  Read read(const codec::Frame& frame, TimePoint now);
  // After everything that has come was read, when the table has news, and when next() is due.
  void work(TimePoint now);
  TimePoint next() const;
  void end(TimePoint now);

  std::uint64_t updates_in() const { return updates_in_; }
  std::uint64_t updates_out() const { return pusher_.updates(); }
  bool learning() const { return learning_; }
  // It said that we made a mistake, and is about to close.
  bool complained() const { return complained_; }

 private:
  Read control(codec::Control message, TimePoint now);
  Read update(const codec::UpdateBody& body, TimePoint now);
  void lesson_over(bool complete, TimePoint now);

  Options options_;
  Tables& tables_;
  std::string& out_;
  Pusher pusher_;
  Learner learner_;
  bool learning_ = false;
  TimePoint lesson_until_{};
  bool confirm_due_ = false;
  bool more_ = false;  // to push, at once
  bool complained_ = false;
  std::uint64_t updates_in_ = 0;
};

}  // namespace roomgate::peers_sync::haproxy

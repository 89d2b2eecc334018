// What a HAProxy is told of our table in one session: changes as they come, and all of it when it asks for a
// lesson. Sans-I/O; of a Conversation.
//
//   pushing  -> newer    it asked for a lesson: first what it has not acknowledged, then the rest, timed
//   newer    -> older
//   older    -> waiting  "finished" or "partial" is said
//   any      -> pushing  it confirmed: again from where the lesson began; or it did not, for long
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "peers-sync/codec/definition.hpp"
#include "peers-sync/codec/dictionary.hpp"
#include "peers-sync/codec/message.hpp"
#include "peers-sync/haproxy/tables.hpp"

namespace roomgate::peers_sync::haproxy {

class Pusher {
 public:
  // `timed`: it takes updates with a remaining time (2.1). `tables` and `out` outlive it.
  Pusher(std::string peer, bool timed, Tables& tables, std::string& out);

  void requested();  // a lesson
  void confirmed();
  void acknowledged(const codec::Ack& ack);

  // At most `count` updates, one round of HAProxy's. True: there is more to be said at once.
  bool push(std::size_t count, TimePoint now);

  TimePoint next() const { return state_ == State::waiting ? waits_until_ : TimePoint::max(); }
  bool teaching() const { return state_ != State::pushing; }
  std::uint64_t updates() const { return updates_; }

 private:
  enum class State : std::uint8_t { pushing, newer, older, waiting };
  struct Round;

  void tell(const Entry& entry, Round& round);
  void define();
  void end_lesson(TimePoint now);

  std::string peer_;
  bool timed_;
  Tables& tables_;
  std::string& out_;

  State state_ = State::pushing;
  std::uint64_t at_;          // told up to there, in pushing; in a lesson as far as it got
  std::uint64_t from_;        // where this session began
  std::uint64_t furthest_;    // told in this session
  std::uint64_t origin_ = 0;  // of the lesson
  TimePoint waits_until_{};
  std::optional<codec::TableDefinition> said_;
  codec::SendDictionary names_;
  std::uint64_t updates_ = 0;
};

}  // namespace roomgate::peers_sync::haproxy

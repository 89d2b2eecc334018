// What this gate asks owners of keys: each ask goes to whoever is the owner now, again and again, until the
// answer, or its time is over (docs/agreement.md 3). Owned by a Node.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "peers-sync/claim/book.hpp"
#include "peers-sync/claim/links.hpp"
#include "peers-sync/claim/membership.hpp"
#include "peers-sync/claim/node.hpp"
#include "peers-sync/claim/packets.hpp"

namespace roomgate::peers_sync::claim {

class Asks {
 public:
  // Of an answer, before anybody hears of it: puts it into the book.
  using Done = std::function<void(const Outcome&, TimePoint now)>;
  // An ask to ourselves.
  using Own = std::function<void(Ask ask, TimePoint now)>;

  Asks(const NodeOptions& options, Host& host, Membership& membership, Book& book, Links& links, Own own)
      : options_(options),
        host_(host),
        membership_(membership),
        book_(book),
        links_(links),
        own_(std::move(own)) {}

  void ask(Ask ask, Duration time, Done done, TimePoint now);
  // Of a gate, or of ourselves (kSelf).
  void take(LifeIndex from, Answer answer, TimePoint now);
  // Another view: all go out again, under new numbers, so that no older answer counts.
  void view_changed(TimePoint now);
  // We have none, and ask by another's: has that changed, or do we speak with one of them from now on?
  void notice_others_view(TimePoint now);
  void tick(TimePoint now);
  TimePoint next() const;

  bool full() const { return waiting_.size() >= options_.max_claims; }
  bool asks_for(std::string_view key) const { return keys_.contains(std::string(key)); }
  std::size_t size() const { return waiting_.size(); }

 private:
  struct Waiting {
    Ask ask;
    Done done;
    TimePoint until;
    TimePoint again;
    bool in_full = false;  // the wish was spelled out
  };

  void send(Waiting& waiting, TimePoint now);
  const View* view_to_ask_by(TimePoint now) const;
  std::optional<GateId> owner(std::string_view key, TimePoint now) const;
  void end(std::uint64_t id, const Outcome& outcome, TimePoint now);

  const NodeOptions& options_;
  Host& host_;
  Membership& membership_;
  Book& book_;
  Links& links_;
  Own own_;
  View asked_by_;  // another's
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, Waiting> waiting_;
  std::unordered_map<std::string, std::size_t> keys_;
  std::multimap<TimePoint, std::uint64_t> due_;
};

}  // namespace roomgate::peers_sync::claim

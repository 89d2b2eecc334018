// Puts what was said into the book, by others or by us, and tells the host what comes of it. Owned by a Node.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "peers-sync/claim/book.hpp"
#include "peers-sync/claim/membership.hpp"
#include "peers-sync/claim/node.hpp"
#include "peers-sync/claim/packets.hpp"

namespace roomgate::peers_sync::claim {

class Record {
 public:
  // The cores used the room before they got this entry, and go on without asking: this gate holds it.
  using Used = std::function<void(Room& room, TimePoint now)>;

  Record(const NodeOptions& options, Host& host, Membership& membership, Book& book, Used used)
      : options_(options), host_(host), membership_(membership), book_(book), used_(std::move(used)) {}

  // --- Of others. `said`: in whose log it is.
  void take(const Item& item, const std::vector<GateId>& gates, Book::Said said, TimePoint now);
  // From an answer: nobody's log has told us yet.
  void take_answer(std::string_view key, const Home& home, TimePoint now);

  // --- Ours: into our log.
  void say_entry(Room& room, const Home& home, TimePoint now);
  void say_tombstone(Room& room, bool forgotten, TimePoint now);
  void say_hold(Room& room, TimePoint now);
  void say_unhold(Room& room, TimePoint last_use);
  void say_word(std::string name, std::string value);
  // What others said and somebody may lack.
  void say_again(Room& room);
  void say_again(LifeIndex life, std::uint64_t above);
  // What an answer told us before its owner's log did: with that owner the others would lose it.
  void say_again_answered();

  // Our own copy is one that the cores may use again.
  void take_back(Room& room);
  // Who decided it is live, or this gate.
  bool source_is_here(const Room& room, TimePoint now) const;

  // Rule 11: somebody released a room that is in use here, while there was no way between us. It is still
  // where it was, for our cores, and goes to its owner as the generation behind the release.
  struct Rescued {
    std::string key;
    Home home;
  };
  std::vector<Rescued> take_rescued() { return std::exchange(rescued_, {}); }
  // Its owner has said where it is now, or it is of no use any more.
  void rescue_ended(std::string_view key, bool lost);

 private:
  struct Tombstone {
    std::uint64_t generation = 0;
    TimePoint since{};
    bool forgotten = false;
  };
  void entry(Room& room, const Home& home, Book::Said said, TimePoint now);
  void put(Room& room, TimePoint now);
  void notice_use(Room& room, TimePoint now);
  void make_real(Room& room);  // signalling has used it: a hold says so, to all
  void tombstone(Room& room, const Tombstone& stone, Book::Said said, TimePoint now);
  std::uint64_t next_number();

  const NodeOptions& options_;
  Host& host_;
  Membership& membership_;
  Book& book_;
  Used used_;
  std::vector<Rescued> rescued_;
  std::set<RoomId> answered_;  // in nobody's log when it came
  std::map<std::string, std::string, std::less<>>
      still_at_;  // shards of rooms in use that were released or forgotten, until they are somewhere again
};

// For packets. What our log says at that place, with its number (and of a gate that is gone `of_number`).
Item item_of(const Book& book, const LogItem& logged, TimePoint now);
Item item_of_home(const Book& book, const Room& room, TimePoint now);  // or that it was released
Item item_of_hold(const Book& book, const Room& room, const Holder& holder, TimePoint now);
Item item_of_other_home(const Room& room, const Home& other, TimePoint now);  // of a conflict
Item item_of_word(const Words::Known& known);

}  // namespace roomgate::peers_sync::claim

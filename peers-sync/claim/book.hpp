// What is known of each room, and which of two things said of it counts (docs/agreement.md 2, 4, 5). Knows no
// sessions and decides nothing. Owned by a Node, its thread.
//
// What counts does not hang on the order in which it comes, or on how often:
//   entry over entry        the higher generation; of one generation and another shard: a conflict, for the owner
//   tombstone over entry    of generations up to its own
//   hold, its end           per gate the one with the higher number in that gate's log
//
// A room takes some 380 bytes with all that points to it, a key of 20 characters and one holder
// (tests/peers-sync/claim/book_test.cpp measures it).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/siphash.hpp"
#include "peers-sync/claim/gate_id.hpp"
#include "peers-sync/claim/log.hpp"
#include "peers-sync/claim/words.hpp"
#include "peers-sync/types.hpp"

namespace roomgate::peers_sync::claim {

using RoomId = std::uint32_t;
using LifeIndex = std::uint32_t;  // of Book::life()
inline constexpr LifeIndex kNobody = 0;
inline constexpr LifeIndex kSelf = 1;

// A gate's tunnel or recent request.
struct Holder {
  LifeIndex gate = kNobody;
  std::uint32_t shard = 0;  // short_hash of where its requests go
  std::uint64_t generation = 0;
  std::uint64_t number = 0;  // in its log
  std::uint64_t again = 0;   // in ours, where we said it again
};

struct Room {
  enum class State : std::uint8_t { unknown, home, tombstone };

  std::string key;
  std::uint64_t generation = 0;
  TimePoint since{};           // made, or released
  TimePoint last_use{};        // as far as known here
  std::uint64_t number = 0;    // in the log of `source`
  std::uint64_t own_hold = 0;  // of our hold or its end, in our log
  std::uint64_t change = 0;
  std::vector<Holder> holders;
  RoomId id = 0;
  LifeIndex source = kNobody;
  std::uint32_t shard = 0;
  std::uint32_t region = 0;
  State state = State::unknown;
  std::uint8_t placed = 0;
  bool provisional = false;
  bool given_back = false;  // the cores ask for it
  bool said_again = false;  // source is ourselves, but another gate decided it
  bool releasing = false;
  bool conflict = false;
  bool forgotten = false;  // a tombstone that an operator asked for

  bool has_home() const { return state == State::home; }
  const Holder* holder(LifeIndex gate) const;
};

class Book {
 public:
  struct Options {
    Duration reconnect_grace = std::chrono::minutes(2);
    Duration tombstone_life = std::chrono::hours(1);
    bool generations = true;  // Rules
  };
  Book(Options options, GateId self);

  // --- Lives of gates. Those that are gone for an hour are forgotten, and their numbers used again.

  struct Life {
    GateId id;
    Log log;
    std::uint64_t have = 0;                 // of it
    std::uint64_t said_again = UINT64_MAX;  // what is above this we have said again, for it is gone
    std::optional<TimePoint> gone;
    bool used = false;
  };
  LifeIndex life(const GateId& gate);  // makes one
  std::optional<LifeIndex> find_life(const GateId& gate) const;
  Life& at(LifeIndex life) { return lives_[life]; }
  const Life& at(LifeIndex life) const { return lives_[life]; }
  template <typename Visit>
  void for_each_life(const Visit& visit) const {
    for (LifeIndex index = kSelf; index < lives_.size(); ++index) {
      if (lives_[index].used) visit(index, lives_[index]);
    }
  }
  void forget_life(LifeIndex life);

  // --- Rooms.

  Room* find(std::string_view key);
  const Room* find(std::string_view key) const;
  Room& make(std::string_view key);
  Room& room(RoomId id) { return rooms_[id]; }
  const Room& room(RoomId id) const { return rooms_[id]; }
  std::size_t slots() const { return rooms_.size(); }  // ids below; some are unused
  bool is_room(RoomId id) const { return used_[id]; }
  Home home_of(const Room& room) const;
  std::string_view shard_of(const Room& room) const { return names_[room.shard]; }
  std::string_view region_of(const Room& room) const { return names_[room.region]; }
  std::uint32_t shard_hash(const Room& room) const { return hashes_[room.shard]; }

  // At most, of all that a lesson says of it.
  std::size_t bytes_of(const Room& room) const;

  std::size_t homes() const { return homes_; }
  std::size_t provisionals() const { return provisionals_; }

  // --- What was said, and by whom, under which number of its log.

  struct Said {
    LifeIndex by = kNobody;
    std::uint64_t number = 0;
  };
  enum class Effect : std::uint8_t {
    none,      // known, or older
    better,    // the home stays, what is said of it changed
    home,      // a new one
    moved,     // from another shard
    conflict,  // another one of the same generation
    released,
  };
  Effect entry(Room& room, const Home& home, Said said);
  Effect tombstone(Room& room, std::uint64_t generation, TimePoint since, Said said);
  void make_real(Room& room);  // not provisional any more
  // As if others had never spoken of it: their holds, and the home too if it is not to be kept.
  void discard(Room& room, bool keep_home);
  // True: it is news.
  bool hold(Room& room, const Holder& holder);
  bool unhold(Room& room, LifeIndex gate, std::uint64_t number, TimePoint last_use);
  void used(Room& room, TimePoint when);

  // Live gates, those of which we know nothing worse, and those that went not long ago.
  bool counts(const Holder& holder, TimePoint now) const;
  bool held(const Room& room, TimePoint now, LifeIndex but = kNobody) const;

  // Null: known, or older.
  const Word* word(const Word& word, Said said);
  const Words& words() const { return words_; }
  // The same word, in our log too.
  void word_again(WordId id, std::uint64_t number);

  // --- Conflicts: the other homes, of the same generation, than the one in the room.

  const std::map<RoomId, std::vector<Home>>& conflicts() const { return conflicts_; }
  std::uint64_t conflicts_found() const { return conflicts_found_; }

  // --- Logs.

  bool alive(LifeIndex log, const LogItem& item) const;
  // Numbers in our log: of our own hold or its end; of another gate's hold that we say again.
  void note_own_hold(Room& room, std::uint64_t number);
  void note_again(Room& room, LifeIndex gate, std::uint64_t number);
  void entry_again(Room& room, std::uint64_t number);  // the home, or that it was released
  // Our log's next number.
  std::uint64_t next_number() { return ++own_end_; }
  std::uint64_t own_end() const { return own_end_; }

  // Those changed after `position`, in the order of their last change. False ends it.
  template <typename Visit>
  void changed_since(std::uint64_t position, const Visit& visit) const {
    changes_.after(position, [&](const LogItem& item) {
      return !change_alive(item) || visit(rooms_[item.what], item.number);
    });
  }
  std::uint64_t last_change() const { return last_change_; }

  // Forgets what is over: an old tombstone, what nothing is known of. True: the room is gone.
  bool tidy(RoomId id, TimePoint now);

 private:
  std::uint32_t name(std::string_view text);
  void set_source(Room& room, Said said);
  void set_home(Room& room, const Home& home);
  void count(const Room& room, int by);
  void changed(Room& room);
  bool change_alive(const LogItem& item) const;
  void drop_conflict(Room& room);
  void item_died(LifeIndex log);

  struct ByText {
    std::size_t operator()(std::string_view text) const { return siphash(as_bytes(text)); }
  };
  using Index = std::unordered_map<std::string_view, RoomId, ByText>;
  // Many small ones: one that grows is moved in a millisecond.
  static constexpr std::size_t kParts = 64;
  Index& part(std::string_view key) { return index_[siphash(as_bytes(key)) >> 58]; }
  const Index& part(std::string_view key) const { return index_[siphash(as_bytes(key)) >> 58]; }

  Options options_;
  std::deque<Life> lives_;
  std::map<GateId, LifeIndex> life_index_;
  std::deque<Room> rooms_;
  std::vector<bool> used_;
  std::vector<RoomId> free_;
  std::array<Index, kParts> index_;
  // Names of shards and regions are few.
  std::deque<std::string> names_;
  std::vector<std::uint32_t> hashes_;
  std::unordered_map<std::string_view, std::uint32_t, ByText> name_index_;
  std::map<RoomId, std::vector<Home>> conflicts_;
  Words words_;
  std::uint64_t conflicts_found_ = 0;
  std::uint64_t own_end_ = 0;
  Log changes_;
  std::uint64_t last_change_ = 0;
  std::size_t homes_ = 0;
  std::size_t provisionals_ = 0;
};

}  // namespace roomgate::peers_sync::claim

// What gates say to each other besides their status (status.hpp), as values and as bytes. Values that were
// read look into the packet: they hold for the call. Malformed or over a bound: nullopt. Pure, any thread.
//
//   128 status       ten times a second: status.hpp
//   129 envelope     a packet for a gate, or of one, without a session to us
//   130 follow       "tell me your log, from here on; and say this epoch with all you send me"
//   131 log          items of the sender's log
//   132 lesson ask   "teach me, from here on"
//   133 lesson       part of what the teacher knows, whoever decided it
//   134 ask          to a key's owner: claim, elsewhere, settle, move, forget
//   135 answer
//   136 release      "is anybody using these? Else give them back"
//   137 released
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "peers-sync/claim/gate_id.hpp"
#include "peers-sync/types.hpp"

namespace roomgate::peers_sync::claim {

enum PacketType : std::uint8_t {
  kStatus = 128,
  kEnvelope = 129,
  kFollow = 130,
  kLog = 131,
  kLessonAsk = 132,
  kLesson = 133,
  kAsk = 134,
  kAnswer = 135,
  kRelease = 136,
  kReleased = 137,
};

inline constexpr std::size_t kMaxName = 255;  // of gates, shards, regions
inline constexpr std::size_t kMaxKey = 2048;
inline constexpr std::size_t kMaxWish = 10'000;
inline constexpr std::size_t kMaxWord = 1024;  // its name
inline constexpr std::size_t kMaxWordValue = 10'000;
inline constexpr std::size_t kMaxItems = 4096;     // of one packet
inline constexpr std::size_t kMaxGatesSaid = 256;  // in one packet
// What a packet may grow to: an envelope around it still fits.
inline constexpr std::size_t kFullPacket = 14'000;

// Stands before each packet but status and envelope. A packet that is for an earlier life of ours, or of one
// of theirs, or was sent before they knew our epoch, is old and is not read.
struct Head {
  std::uint64_t from_life = 0;
  std::uint64_t to_life = 0;
  std::uint32_t epoch = 0;  // what the receiver gave the sender last
  friend bool operator==(const Head&, const Head&) = default;
};
void put_head(const Head& head, std::string& out);
struct Headed {
  Head head;
  ByteView body;
};
std::optional<Headed> read_head(ByteView bytes);

struct Envelope {
  std::string_view from;
  std::string_view to;
  std::uint8_t hops = 0;  // that it may still go
  std::uint8_t type = 0;
  ByteView body;
};
std::string encode(const Envelope& envelope);
std::optional<Envelope> read_envelope(ByteView bytes);

struct Follow {
  std::uint32_t epoch = 0;
  bool log = false;        // else only the epoch
  std::uint64_t have = 0;  // of the receiver's log
  friend bool operator==(const Follow&, const Follow&) = default;
};
std::string encode(const Follow& follow);
std::optional<Follow> read_follow(ByteView bytes);

// One thing that was said of a room, or a word.
struct Item {
  enum class Kind : std::uint8_t { entry, tombstone, hold, unhold, word };
  Kind kind = Kind::entry;
  std::uint64_t number = 0;     // in the log that the packet is of; not 0
  std::uint32_t of = 0;         // it was another gate that said it: 1 + index in `gates`
  std::uint64_t of_number = 0;  // and in its log it had this number
  std::string_view key;         // a word's name; never empty
  std::uint64_t generation = 0;
  // Since: entry: it was made; tombstone: it was released; unhold: the last use; hold: its gate has been
  // gone.
  Duration age{0};
  std::string_view shard;        // entry
  std::string_view region;       // entry
  std::uint8_t placed = 0;       // entry
  bool provisional = false;      // entry
  bool forgotten = false;        // tombstone: by an operator, in use or not
  std::uint32_t shard_hash = 0;  // hold: of the shard where that gate's requests go
  std::string_view value;        // word, and the next two
  std::uint64_t version = 0;
  std::string_view by;
  friend bool operator==(const Item&, const Item&) = default;
};

// Gates that items are of, and items, of which bytes are made at once.
class ItemWriter {
 public:
  std::uint32_t gate(const GateId& gate);  // for Item::of
  bool full() const { return items_.size() + gates_.size() >= kFullPacket || count_ >= kMaxItems; }
  bool fits(std::size_t more) const { return items_.size() + gates_.size() + more <= kFullPacket; }
  void add(const Item& item);
  std::size_t count() const { return count_; }
  void put(std::string& out) const;  // all of it

 private:
  std::string gates_;
  std::vector<GateId> known_;
  std::string items_;
  std::string last_key_;  // is not said twice
  std::size_t count_ = 0;
};
struct Items {
  std::vector<GateId> gates;
  std::vector<Item> items;
};
// How many bytes it takes, at most.
std::size_t size_of(const Item& item);

struct LogBatch {
  std::uint64_t after = 0;  // fits whoever has that much
  std::uint64_t upto = 0;   // and then has this much
  std::uint64_t end = 0;    // where the log was when the receiver asked to follow it
  bool follows = false;     // it did; else it gets no more than this
  Items items;
};
void put_log_head(const LogBatch& batch, std::string& out);  // then the items
std::optional<LogBatch> read_log(ByteView bytes);

// Where a lesson stands: words first, then rooms, in the order in which they changed last at the teacher.
struct LessonPlace {
  std::uint64_t words = 0;
  std::uint64_t rooms = 0;
  friend auto operator<=>(const LessonPlace&, const LessonPlace&) = default;
};
struct LessonAsk {
  std::uint32_t lesson = 0;  // a new one each time the learner starts again from a place
  LessonPlace after;
  std::uint32_t parts = 0;  // that may come, in all of this lesson
  friend bool operator==(const LessonAsk&, const LessonAsk&) = default;
};
std::string encode(const LessonAsk& ask);
std::optional<LessonAsk> read_lesson_ask(ByteView bytes);

struct LessonPart {
  std::uint32_t lesson = 0;
  LessonPlace after;
  LessonPlace upto;
  bool last = false;
  struct Have {
    GateId gate;
    std::uint64_t number = 0;
    friend bool operator==(const Have&, const Have&) = default;
  };
  std::vector<Have> have;  // in the last part: what the teacher has of everybody's log
  Items items;
};
void put_lesson_head(const LessonPart& part, std::string& out);  // then the items
std::optional<LessonPart> read_lesson(ByteView bytes);

// To the owner of a key.
struct Ask {
  enum class Kind : std::uint8_t { claim, elsewhere, settle, move, forget };
  std::uint64_t id = 0;  // of the asker
  Kind kind = Kind::claim;
  bool relayed = false;
  GateId asker;           // who it came from first
  Duration time_left{0};  // that the asker waits
  std::string key;
  Use use = Use::signalling;
  std::string wish;
  std::string from;  // elsewhere, settle
  std::string to;    // settle, move
  bool was_in_use = false;
  std::uint8_t placed = 0;
  std::optional<Home> known;  // claim: to be taken if the owner knows nothing
};
std::string encode(const Ask& ask, TimePoint now);
std::optional<Ask> read_ask(ByteView bytes, TimePoint now);

struct Answer {
  std::uint64_t id = 0;
  bool say_more = false;  // the wish in full, please
  Outcome outcome;
};
std::string encode(const Answer& answer, TimePoint now);
std::optional<Answer> read_answer(ByteView bytes, TimePoint now);

struct Release {
  std::uint64_t round = 0;
  struct Name {
    std::string_view key;
    std::uint64_t generation = 0;
    friend bool operator==(const Name&, const Name&) = default;
  };
  std::vector<Name> names;
};
std::string encode(const Release& release);
std::optional<Release> read_release(ByteView bytes);

struct Released {
  std::uint64_t round = 0;
  std::vector<bool> used;  // in the order of the names
};
std::string encode(const Released& released);
std::optional<Released> read_released(ByteView bytes);

}  // namespace roomgate::peers_sync::claim

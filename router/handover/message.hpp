// What two processes of one front door say to each other while the newer takes over, and for as long as the
// older still has tunnels. Pure; any thread.
//
//   size of the rest(4) | type(1) | fields          numbers big-endian, texts with their size (4) before them
//
// A type that is not known is passed over, and so is what stands behind the last known field: either of the
// two may be the newer program.
//
//   successor                              the process that serves
//   Hello{successor}                  ->
//                                     <-   Descriptor ..., TicketKeys, ShardWord ..., Drain ..., Ban ...,
//                                          Found ..., Table, Offered
//   Prepared                          ->   (from now on it asks rather than decides)
//                                     <-   Table (what has changed since), Go
//   Serving                           ->   (now it has left)
//
//   one that has left                      the process that serves
//   Hello{left}, Holds ..., Reported  ->   (only where another one has taken over meanwhile)
//                                     <-   Welcome
//   Ask                               ->
//                                     <-   Answer
//   Holds                             ->
//                                     <-   CloseTunnels, Follow, End
//
// Refused, with words for people, may come from either side at any time, and is the last.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace roomgate::router::handover {

inline constexpr std::uint32_t kVersion = 1;

struct Hello {
  enum class Role : std::uint8_t { successor, left };
  Role role = Role::successor;
  std::uint32_t version = kVersion;
  std::string gate;  // its name
};
// Comes with a listening descriptor.
struct Descriptor {
  enum class Kind : std::uint8_t { door, admin, probe, admin_socket, upgrade_socket };
  Kind kind = Kind::door;
  std::string address;       // as the settings have it
  std::uint32_t number = 0;  // of the blocks with that address, which one
};
struct TicketKeys {
  std::string keys;  // tls::TicketKeys::bytes()
};
// A field that an earlier program does not say: then it is not set.
struct LaterFlag {
  bool set = false;
};
struct ShardWord {  // an operator's
  std::string shard;
  std::string state;
  std::uint64_t version = 0;
  LaterFlag local;  // of this front door alone
};
struct Ban {  // an operator's
  std::uint8_t kind = 0;
  std::string text;
  std::uint32_t status = 403;
  LaterFlag local;
};
// A piece of a stick image; the last says so.
struct Table {
  bool last = false;
  std::string bytes;
};
struct Offered {};
struct Prepared {
  std::string upgrade_socket;  // where it will be found
};
struct Go {};
struct Serving {};
struct Refused {
  std::string reason;
};
struct Reported {};
struct Welcome {};
// Where does this request go? For route::route().
struct Ask {
  std::uint64_t number = 0;
  std::uint8_t kind = 0;  // room::PathKind
  std::string key;
  std::string region;
  std::string shard;  // that the path names
  std::string query;
};
struct Answer {
  std::uint64_t number = 0;
  std::uint8_t refusal = 0;  // http::Reason; none: to this shard
  std::string shard;
  std::string address;
  std::uint8_t why = 0;  // route::Why
  bool sticky = false;
  bool provisional = false;
  std::uint64_t generation = 1;
  bool tls = false;
};
// So many tunnels it has of that room now.
struct Holds {
  std::string key;
  std::uint32_t count = 0;
};
// Those of a room that go to a shard which is no longer the room's, over this time.
struct CloseTunnels {
  std::string key;
  std::string shard;
  std::uint32_t window_milliseconds = 0;
};
// Another one has taken over: it is there.
struct Follow {
  std::string upgrade_socket;
};
// The gate is being stopped: so are you.
struct End {};
// A shard that DNS has told of, in the last good answer to that question.
struct Found {
  std::string question;
  std::string name;
  std::string address;
  bool weighted = false;
  std::uint32_t weight = 0;
};
// How far the emptying of a shard is. In lengths of time: clocks that only go forward are a process's own.
struct Drain {
  std::string shard;
  std::uint64_t age_milliseconds = 0;
  std::uint64_t rooms_at_start = 0;
  bool has_deadline = false;
  std::uint64_t milliseconds_left = 0;  // to it; 0: it is over
  bool empty = false;                   // and that has been said
};

using Message =
    std::variant<Hello, Descriptor, TicketKeys, ShardWord, Ban, Table, Offered, Prepared, Go, Serving,
                 Refused, Reported, Welcome, Ask, Answer, Holds, CloseTunnels, Follow, End, Found, Drain>;

inline constexpr std::size_t kMostMessage = 1024 * 1024;
inline constexpr std::size_t kTablePiece = 256 * 1024;

void append(const Message& message, std::string& out);

struct Parsed {
  std::size_t size = 0;            // what it took of the bytes; 0: more must come
  std::optional<Message> message;  // none: of a type that is not known
};
// The error is for the log; nothing that follows can be read.
Result<Parsed, std::string_view> parse(ByteView bytes);

}  // namespace roomgate::router::handover

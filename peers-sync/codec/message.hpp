// The messages of HAProxy's peers protocol 2.1, bytes to values and back. An update needs the definition of
// its table, which the session keeps: Message has its body as it came. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "peers-sync/codec/definition.hpp"
#include "peers-sync/codec/frame.hpp"

namespace roomgate::peers_sync::codec {

enum Class : std::uint8_t { kControl = 0, kError = 1, kStickTable = 10, kReserved = 255 };
enum StickTableType : std::uint8_t {
  kUpdate = 128,
  kIncremental = 129,
  kDefinition = 130,
  kSwitch = 131,
  kAck = 132,
  kTimedUpdate = 133,
  kTimedIncremental = 134,
};

enum class Control : std::uint8_t {
  resync_request = 0,
  resync_finished = 1,
  resync_partial = 2,
  resync_confirm = 3,
  heartbeat = 4,
};
enum class ErrorSaid : std::uint8_t { protocol = 0, size_limit = 1 };

struct UpdateBody {
  std::uint8_t type = kUpdate;
  ByteView body;  // in the input; for parse_update
};
struct TableSwitch {
  std::uint64_t table = 0;
  friend bool operator==(const TableSwitch&, const TableSwitch&) = default;
};
// "So far I have got": the table's id as the sender of its updates gave it.
struct Ack {
  std::uint64_t table = 0;
  std::uint32_t update = 0;
  friend bool operator==(const Ack&, const Ack&) = default;
};
// Nothing we know: to be skipped.
struct Skipped {
  std::uint8_t klass = 0;
  std::uint8_t type = 0;
};
// A definition that cannot be used: to be ignored, and its updates too, but it ends no session.
struct UnusableDefinition {};

using Message = std::variant<Control, ErrorSaid, TableDefinition, UnusableDefinition, TableSwitch, UpdateBody,
                             Ack, Skipped>;

// An error: malformed, or class 255. Whoever sent it is told protocol error, and the session ends.
Result<Message, MessageError> read_message(const Frame& frame);

void append_control(Control control, std::string& out);
void append_error(ErrorSaid error, std::string& out);
void append_switch(const TableSwitch& message, std::string& out);
void append_ack(const Ack& ack, std::string& out);

}  // namespace roomgate::peers_sync::codec

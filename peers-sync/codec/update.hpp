// One entry of a table on its way to a peer. What stands in it hangs on the sender's definition of the table.
// Pure, any thread.
//
//   128 update             id         key  values     133 timed update       id  expiry  key  values
//   129 ... of id + 1                 key  values     134 ... of id + 1          expiry  key  values
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "peers-sync/codec/definition.hpp"

namespace roomgate::peers_sync::codec {

// A name under a number of the session's dictionary; the text comes with its first use only.
struct Reference {
  std::uint64_t id = 0;  // 1 .. 128
  std::optional<std::string> text;
  friend bool operator==(const Reference&, const Reference&) = default;
};
inline constexpr std::uint64_t kDictionarySize = 128;

struct Update {
  std::optional<std::uint32_t> id;         // none: one more than the last
  std::optional<std::uint32_t> remaining;  // ms to live; none: the table's whole time
  std::string key;                         // strings as they are, others in their bytes
  // Of all types of the definition but server_key, in the order of their bits.
  std::vector<std::uint64_t> numbers;
  std::optional<Reference> server;  // server_key; none: no value, which leaves the receiver's as it was
  friend bool operator==(const Update&, const Update&) = default;
};

// `type`: one of the four. What stands behind the values that we know is ignored.
Result<Update, MessageError> parse_update(std::uint8_t type, ByteView body, const TableDefinition& table);
// The whole message; its type follows from what is there.
void append_update(const Update& update, const TableDefinition& table, std::string& out);

// server_id, which is signed; 0 where the table has none.
std::int64_t server_id_of(const Update& update, const TableDefinition& table);

}  // namespace roomgate::peers_sync::codec

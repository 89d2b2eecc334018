// A table as its sender announces it: which values its updates carry. Pure values, any thread.
//
//   id  name  key type  key length  types (a bit each)  expire  parameters of the types that have some
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace roomgate::peers_sync::codec {

enum class KeyType : std::uint8_t { integer = 2, ipv4 = 4, ipv6 = 5, string = 6, binary = 7 };

// Those that we speak of by name; all others are carried along as numbers.
enum DataType : std::uint8_t { server_id = 0, server_key = 19 };
inline constexpr std::uint64_t kStickTypes = (1U << server_id) | (1U << server_key);

// How the values of a type stand on the wire.
enum class Shape : std::uint8_t { number, frequency, text, numbers, frequencies };
struct TypeInfo {
  const char* name;
  Shape shape;
};
// By bit; values of bits beyond stand last in an update, and are not read.
inline constexpr std::array<TypeInfo, 25> kTypes = {{
    {"server_id", Shape::number},
    {"gpt0", Shape::number},
    {"gpc0", Shape::number},
    {"gpc0_rate", Shape::frequency},
    {"conn_cnt", Shape::number},
    {"conn_rate", Shape::frequency},
    {"conn_cur", Shape::number},
    {"sess_cnt", Shape::number},
    {"sess_rate", Shape::frequency},
    {"http_req_cnt", Shape::number},
    {"http_req_rate", Shape::frequency},
    {"http_err_cnt", Shape::number},
    {"http_err_rate", Shape::frequency},
    {"bytes_in_cnt", Shape::number},
    {"bytes_in_rate", Shape::frequency},
    {"bytes_out_cnt", Shape::number},
    {"bytes_out_rate", Shape::frequency},
    {"gpc1", Shape::number},
    {"gpc1_rate", Shape::frequency},
    {"server_key", Shape::text},
    {"http_fail_cnt", Shape::number},
    {"http_fail_rate", Shape::frequency},
    {"gpt", Shape::numbers},
    {"gpc", Shape::numbers},
    {"gpc_rate", Shape::frequencies},
}};

inline constexpr std::size_t kMaxTableName = 256;
inline constexpr std::uint64_t kMaxElements = 100;  // of an array; HAProxy's own bound

enum class MessageError : std::uint8_t { cut_off, too_long, unusable, bad_dictionary };

struct TypeParameters {
  std::uint64_t type = 0;
  std::uint64_t elements = 0;  // of arrays
  std::uint64_t period = 0;    // ms, of frequencies
  friend bool operator==(const TypeParameters&, const TypeParameters&) = default;
};

struct TableDefinition {
  std::uint64_t id = 0;  // the sender's, for this session and direction
  std::string name;
  std::uint64_t key_type = static_cast<std::uint64_t>(KeyType::string);
  std::uint64_t key_length = 0;  // of strings one more than the longest
  std::uint64_t types = kStickTypes;
  std::optional<std::uint64_t> expire;     // ms, for information
  std::vector<TypeParameters> parameters;  // in the order of the bits
  friend bool operator==(const TableDefinition&, const TableDefinition&) = default;

  bool has(std::uint8_t type) const { return (types >> type & 1) != 0; }
  // How many numbers an update has for that type; none for server_key.
  std::size_t numbers_of(std::uint8_t type) const;
};

// unusable: its updates cannot be read (an array without its length, an unknown type of key); to be ignored,
// and they with it.
Result<TableDefinition, MessageError> parse_definition(ByteView body);
// The whole message.
void append_definition(const TableDefinition& definition, std::string& out);

}  // namespace roomgate::peers_sync::codec

// The chunked coding (RFC 9112 7.1), both ways. The decoder takes bytes as they come and hands out spans of
// payload without copying; extensions and trailers are checked to their end and dropped. One body, one
// thread.
//
//   while (!decoder.done() && !in.empty()) {
//     auto step = decoder.next(in);            // error: answer 400 or 502, close
//     use(step->payload); in = in.subspan(step->consumed);
//   }
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "router/http/types.hpp"

namespace roomgate::router::http {

class ChunkedDecoder {
 public:
  struct Limits {
    std::size_t max_size_digits = 15;       // fits 60 bits: no overflow to check for
    std::size_t max_extension_bytes = 256;  // per chunk
    std::size_t max_trailer_bytes = 8 * 1024;
  };
  struct Step {
    std::size_t consumed = 0;
    ByteView payload;  // part of the input; may be empty
  };

  ChunkedDecoder() = default;
  explicit ChunkedDecoder(Limits limits) : limits_(limits) {}

  // Goes on to the end of the next stretch of payload, of the body, or of `in`. After an error: always that
  // error.
  Result<Step, ParseError> next(ByteView in);

  bool done() const { return state_ == State::done; }

 private:
  enum class State : std::uint8_t {
    size_first,  // first digit of a chunk size
    size,        // further digits, ';' or CR
    extension_name_first,
    extension_name,
    extension_value_first,
    extension_value,
    extension_quoted,
    extension_escaped,
    extension_quoted_end,  // ';' or CR
    size_line_feed,
    data,
    data_return,
    data_line_feed,
    trailer_first,  // first byte of a trailer line: CR ends the body
    trailer_name,
    trailer_value,
    trailer_line_feed,
    last_line_feed,
    done,
    failed,
  };

  // One byte outside of data; the state after it.
  Result<State, ParseError> step(char c);

  Limits limits_;
  State state_ = State::size_first;
  ParseError error_ = ParseError::chunk_size;
  std::uint64_t left_ = 0;  // of this chunk
  std::size_t digits_ = 0;
  std::size_t extension_bytes_ = 0;
  std::size_t trailer_bytes_ = 0;
};

// "1a2b\r\n" for a chunk of that size; send it, the payload, then kChunkEnd. Never for size 0, which is the
// last chunk.
struct ChunkHeader {
  std::array<char, 20> bytes{};
  std::size_t size = 0;
  std::string_view text() const { return {bytes.data(), size}; }
};
ChunkHeader chunk_header(std::uint64_t size);
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace roomgate::router::http

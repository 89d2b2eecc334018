// Lines and fields of a head, as they arrive: the part that request_parser and response_parser share. Each
// byte is looked for a line end once, however small the reads are; every complete line is judged at once, so
// that a bad head is refused before its end has come. CRLF only, no folding (RFC 9112 2.2, 5.2). One
// connection's, its thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "router/http/types.hpp"

namespace roomgate::router::http {

class HeadReader {
 public:
  explicit HeadReader(Limits limits) : limits_(limits) {}

  // The next line without its CRLF; nullopt: not all of it is there. `head` grows at its end between calls.
  Result<std::optional<std::string_view>, ParseError> next_line(std::string_view head);

  // A field line inside `head`; kept as offsets, since the buffer may move before the head is complete.
  Result<void, ParseError> add_field(std::string_view head, std::string_view line);

  // The fields as views into `head`, valid until the next reset() or until the buffer moves.
  Headers views(std::string_view head);

  std::size_t line_at() const { return line_at_; }
  std::size_t fields() const { return count_; }
  const Limits& limits() const { return limits_; }
  void reset();

 private:
  struct Slot {
    std::uint16_t name_at;
    std::uint16_t name_size;
    std::uint16_t value_at;
    std::uint16_t value_size;
    HeaderId id;
  };

  Limits limits_;
  std::size_t line_at_ = 0;  // where the unfinished line starts
  std::size_t scanned_ = 0;  // no line end before this
  std::size_t count_ = 0;
  std::array<Slot, kHeaderSlots> slots_;
  std::array<HeaderView, kHeaderSlots> views_;
};

ConnectionOptions connection_options(Headers headers);

}  // namespace roomgate::router::http

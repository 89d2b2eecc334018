// The fields of a head, as they arrive: the part that request_parser and response_parser share. One pass
// finds the end of a field and judges every byte before it, however small the reads are, so that a bad head
// is refused at its first bad byte. CRLF only, no folding (RFC 9112 2.2, 5.2). One connection's, its thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/result.hpp"
#include "router/http/types.hpp"

namespace roomgate::router::http {

class HeadReader {
 public:
  enum class Line : std::uint8_t { incomplete, field, end };

  explicit HeadReader(Limits limits) : limits_(limits) {}

  // Where the fields begin: behind the request or status line.
  void begin_at(const char* head, std::size_t offset) {
    base_ = head;
    at_ = offset;
  }
  // The next field, in last(), or the empty line that ends the head. `head` grows at its end between calls,
  // and may be somewhere else by then.
  Result<Line, ParseError> next(std::string_view head);

  const HeaderView& last() const { return fields_[count_ - 1]; }
  // Views into the head, valid until reset() or until the buffer moves.
  Headers fields() const { return {fields_.data(), count_}; }
  // The head is elsewhere now: the views are made to point there.
  void move_to(const char* head);

  std::size_t at() const { return at_; }  // what has been read: behind the last whole line
  const Limits& limits() const { return limits_; }
  void reset();

 private:
  // The value of a field whose colon has come; it is good up to `scanned`.
  Result<Line, ParseError> value(std::string_view head, std::size_t name_size, std::size_t scanned,
                                 bool plain_name);

  Limits limits_;
  const char* base_ = nullptr;  // where the head was when the views were made
  std::size_t at_ = 0;
  std::size_t count_ = 0;
  // Of the unfinished field, once its colon has come; else 0.
  std::size_t name_size_ = 0;
  std::size_t scanned_ = 0;
  bool plain_name_ = false;
  std::array<HeaderView, kHeaderSlots> fields_;
};

// What one Connection line adds to what the others said.
void add_connection_options(std::string_view value, ConnectionOptions& options);
// Of all of them.
ConnectionOptions connection_options(Headers headers);

}  // namespace roomgate::router::http

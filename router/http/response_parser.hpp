// Reads an HTTP/1 response head from a shard (RFC 9112 4, 5): as strict as request_parser, since what a shard
// says is re-framed for clients. Owned by the upstream connection, on its thread. Allocates nothing.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "router/http/head_reader.hpp"
#include "router/http/types.hpp"

namespace roomgate::router::http {

class ResponseParser {
 public:
  explicit ResponseParser(Limits limits = {}) : reader_(limits) {}
  ResponseParser(const ResponseParser&) = delete;
  ResponseParser& operator=(const ResponseParser&) = delete;

  // As RequestParser::parse. Interim answers (1xx) are heads of their own: reset() and read on behind
  // head().size.
  Result<bool, ParseError> parse(ByteView buffer);
  const ResponseHead& head() const { return head_; }
  void reset();

 private:
  // True: all of the status line is there.
  Result<bool, ParseError> status_line(std::string_view text);

  HeadReader reader_;
  ResponseHead head_;
  const char* base_ = nullptr;  // where the buffer was when the views were made
  std::size_t scanned_ = 0;     // of the status line: good up to here
  bool have_status_ = false;
};

}  // namespace roomgate::router::http

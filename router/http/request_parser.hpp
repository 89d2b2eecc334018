// Reads an HTTP/1 request head from a growing buffer (RFC 9112 3, 5), strictly: whatever two readers could
// take for different things is refused. Owned by the connection that owns the buffer, on its thread.
// Allocates nothing.
//
//   RequestParser parser(limits);
//   auto done = parser.parse(buffer);     // again with the longer buffer while *done is false
//   parser.head()                         // views into that buffer, until it moves or reset()
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "router/http/head_reader.hpp"
#include "router/http/types.hpp"

namespace roomgate::router::http {

class RequestParser {
 public:
  explicit RequestParser(Limits limits = {}) : reader_(limits) {}
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // `buffer` starts where the message starts; bytes behind the head may be in it already (head().size says
  // where the body begins). True: the head is complete. After an error only reset() helps, and the connection
  // closes.
  Result<bool, ParseError> parse(ByteView buffer);

  const RequestHead& head() const { return head_; }

  // Nothing but empty lines has come: an idle connection, which may be closed without an answer.
  bool idle(ByteView buffer) const;

  void reset();

 private:
  // What of the head comes next.
  enum class Part : std::uint8_t { method, target, version, fields, done };

  // True: all of the request line is there.
  Result<bool, ParseError> request_line(std::string_view text);
  Result<bool, ParseError> method(std::string_view text);
  Result<bool, ParseError> target(std::string_view text);
  Result<bool, ParseError> version(std::string_view text);
  // What the field just read means to the whole.
  Result<void, ParseError> field();
  Result<void, ParseError> finish();
  void move_to(std::string_view text);

  HeadReader reader_;
  RequestHead head_;
  Part part_ = Part::method;
  const char* base_ = nullptr;  // where the buffer was when the views were made
  std::size_t at_ = 0;          // of the request line: what has been read
  std::size_t scanned_ = 0;     // of the target: good up to here
  std::size_t empty_lines_ = 0;
  std::string_view host_;
  bool have_host_ = false;
};

// The methods that are in a registry (IANA's, and SSDP's and caches' that clients use).
bool is_known_method(std::string_view method);
Method method_of(std::string_view text);

}  // namespace roomgate::router::http

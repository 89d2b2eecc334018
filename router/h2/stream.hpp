// One request and its answer on an HTTP/2 connection: what has come and was not taken, what is to go and was
// not framed. Made by the pool, lent to a Connection, which alone changes it; whoever works on the request
// keeps a reference until Connection::release().
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "router/h2/request.hpp"

namespace roomgate::router::h2 {

// Bytes in order: added at the end, taken from the front.
class ByteQueue {
 public:
  std::size_t size() const { return bytes_.size() - begin_; }
  bool empty() const { return size() == 0; }
  ByteView front() const { return as_bytes(std::string_view(bytes_).substr(begin_)); }
  void add(ByteView bytes);
  void drop(std::size_t count);
  // Empty, and without memory beyond what most need.
  void reset();

 private:
  std::string bytes_;
  std::size_t begin_ = 0;
};

class Stream {
 public:
  std::int32_t id() const { return id_; }
  const http::RequestHead& head() const { return request_.head(); }
  Request& request() { return request_; }
  const Request& request() const { return request_; }

  // Body bytes that are here.
  std::size_t readable() const { return in_.size(); }
  // No further ones will come; all of them have.
  bool request_ended() const { return request_ended_; }
  // The client, or an error of its, ended this stream: nothing that is sent will arrive.
  bool broken() const { return broken_; }
  std::size_t waiting() const { return out_.size(); }
  bool answer_ended() const { return answer_ended_; }
  bool answer_begun() const { return answer_begun_; }

  // The worker's own.
  void* owner = nullptr;

 private:
  friend class Connection;
  friend struct Callbacks;
  friend class Pool;
  void reset();

  std::int32_t id_ = 0;
  Request request_;
  ByteQueue in_;
  ByteQueue out_;
  std::size_t index_ = 0;  // in Connection::streams_
  std::uint8_t events_ = 0;
  bool queued_ = false;  // in Connection::ready_
  bool headed_ = false;  // the request's head is complete; what follows are trailers
  bool request_ended_ = false;
  bool answer_begun_ = false;
  bool answer_ended_ = false;  // all of it is queued
  bool answer_sent_ = false;   // END_STREAM is framed
  bool has_provider_ = false;
  bool deferred_ = false;  // libnghttp2 waits for more to frame
  bool writer_waits_ = false;
  bool broken_ = false;
  bool closed_ = false;   // libnghttp2 has forgotten it
  bool working_ = false;  // somebody holds a reference
};

}  // namespace roomgate::router::h2

// What one exchange needs while it is under way: parsers, buffers, strings. Taken from the worker at the
// first byte of a request, given back at the end: an idle connection holds none of it.
#pragma once

#include <algorithm>
#include <string>

#include "base/net/buffer_pool.hpp"
#include "router/http/request_parser.hpp"
#include "router/http/response_parser.hpp"
#include "router/http/target.hpp"

namespace roomgate::router::session {

// A buffer with the bytes that are in it.
struct Input {
  net::Buffer buffer;
  std::size_t begin = 0;
  std::size_t end = 0;

  ByteSpan bytes() { return buffer.span().subspan(begin, end - begin); }
  ByteSpan room() { return buffer.span().subspan(end); }
  bool empty() const { return begin == end; }
  void release() {
    buffer.release();
    begin = 0;
    end = 0;
  }
  // Bytes to the front, so that there is room behind them.
  void compact() {
    if (begin == 0) return;
    std::copy(buffer.span().begin() + static_cast<std::ptrdiff_t>(begin),
              buffer.span().begin() + static_cast<std::ptrdiff_t>(end), buffer.span().begin());
    end -= begin;
    begin = 0;
  }
};

// Of the HTTP/1 connection: where requests arrive.
struct Inbox {
  Inbox(http::Limits limits, std::uint64_t made_for_version) : request(limits), version(made_for_version) {}

  http::RequestParser request;
  Input in;
  std::uint64_t version;  // of the settings whose limits the parser has
};

// Of one exchange.
struct Scratch {
  Scratch(http::Limits limits, std::uint64_t made_for_version)
      : response(limits), version(made_for_version) {}

  http::ResponseParser response;
  Input reply;  // from the shard
  std::string out;
  std::string key;
  http::PathScratch path;
  std::uint64_t version;
};

}  // namespace roomgate::router::session

// A client's connection as the gate sees it, without sockets: heads and bodies read one after the other by
// the parts that a session uses. For the tests that replay corpora.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "router/http/chunked.hpp"
#include "router/http/framing.hpp"
#include "router/http/request_parser.hpp"
#include "router/http/target.hpp"
#include "router/http/upgrade.hpp"

namespace roomgate::router::http {

// A connection as the gate would see it.
class Connection {
 public:
  // False: closed with an error, or after a request that asked for it while more came.
  bool feed(std::string_view stream) {
    while (at_ < stream.size()) {
      const ByteView in = as_bytes(stream.substr(at_));
      if (closing_) return false;
      if (!in_body_) {
        const auto done = parser_.parse(in);
        if (!done) return false;
        if (!*done) return true;
        if (!begin_body()) return false;
        continue;
      }
      if (framing_.kind == Framing::Kind::chunked) {
        const auto step = decoder_.next(in);
        if (!step) return false;
        body_ += step->payload.size();
        at_ += step->consumed;
        if (decoder_.done()) end_message();
      } else {
        const auto take = std::min<std::uint64_t>(in.size(), framing_.length - body_);
        body_ += take;
        at_ += static_cast<std::size_t>(take);
        if (body_ == framing_.length) end_message();
      }
    }
    return true;
  }

  const std::vector<std::uint64_t>& bodies() const { return bodies_; }

 private:
  bool begin_body() {
    const RequestHead& head = parser_.head();
    const auto framing = framing_of(head);
    PathScratch scratch;
    if (!framing || !routed_path(head.target.path, scratch)) return false;
    if (accept_upgrade(head).kind == UpgradeDecision::Kind::refused) return false;
    framing_ = *framing;
    close_after_ = !keeps_alive(head);
    at_ += head.size;
    in_body_ = true;
    body_ = 0;
    decoder_ = {};
    if (framing_.kind != Framing::Kind::chunked && framing_.length == 0) end_message();
    return true;
  }

  void end_message() {
    bodies_.push_back(body_);
    in_body_ = false;
    closing_ = close_after_;
    parser_.reset();
  }

  RequestParser parser_;
  ChunkedDecoder decoder_;
  Framing framing_;
  std::size_t at_ = 0;
  std::uint64_t body_ = 0;
  bool in_body_ = false;
  bool close_after_ = false;
  bool closing_ = false;
  std::vector<std::uint64_t> bodies_;
};

struct Outcome {
  bool refused = false;
  std::vector<std::uint64_t> bodies;
};

inline Outcome replay(const std::string& stream, bool byte_by_byte) {
  Connection connection;
  Outcome outcome;
  for (std::size_t size = byte_by_byte ? 1 : stream.size(); size <= stream.size(); ++size) {
    const std::string copy = stream.substr(0, size);
    if (!connection.feed(copy)) {
      outcome.refused = true;
      break;
    }
  }
  outcome.bodies = connection.bodies();
  return outcome;
}

}  // namespace roomgate::router::http

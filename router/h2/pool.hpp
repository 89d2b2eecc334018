// What the HTTP/2 connections of one core share: their limits, libnghttp2's tables of callbacks and options,
// and streams to be used again. Replaced as a whole when limits change; connections keep the one they began
// with. One thread.
#pragma once

#include <nghttp2/nghttp2.h>

#include <memory>
#include <string>
#include <vector>

#include "router/h2/limits.hpp"
#include "router/h2/stream.hpp"

namespace roomgate::router::h2 {

class Pool {
 public:
  explicit Pool(const Limits& limits);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  const Limits& limits() const { return limits_; }
  std::unique_ptr<Stream> take();
  void give_back(std::unique_ptr<Stream> stream);

  nghttp2_session_callbacks* callbacks() { return callbacks_.get(); }
  nghttp2_option* option() { return option_.get(); }
  // For what is framed: whoever writes it empties it before anybody else writes.
  std::string& output() { return output_; }

 private:
  struct Delete {
    void operator()(nghttp2_session_callbacks* callbacks) const { nghttp2_session_callbacks_del(callbacks); }
    void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
  };
  Limits limits_;
  std::unique_ptr<nghttp2_session_callbacks, Delete> callbacks_;
  std::unique_ptr<nghttp2_option, Delete> option_;
  std::string output_;
  std::vector<std::unique_ptr<Stream>> spare_;
};

}  // namespace roomgate::router::h2

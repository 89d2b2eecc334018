// Makes the head of an HTTP/1 request of the fields of an HTTP/2 one, as strictly as request_parser reads one
// (RFC 9113 8.2, 8.3): from there on both are routed and rewritten by the same code. Field order, upper case
// and doubled pseudo fields have been judged by libnghttp2 before. Owned by its stream. Copies each field
// once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "router/http/framing.hpp"
#include "router/http/types.hpp"

namespace roomgate::router::h2 {

class Request {
 public:
  enum class Verdict {
    good,
    malformed,  // RFC 9113 8.1.1: a stream error
    flood,      // far more than is allowed: the connection ends
  };
  Verdict add(std::string_view name, std::string_view value, const http::Limits& limits);
  // After the last field; `ended`: no body follows. A head that is well-formed but not served is `good` and
  // has refused().
  Verdict finish(bool ended);

  // Views into this object, valid until reset().
  const http::RequestHead& head() const { return head_; }
  // What the client is to be told instead of an answer.
  std::optional<http::ParseError> refused() const { return refused_; }
  // How the body goes on to the shard.
  http::Framing framing() const { return framing_; }
  // RFC 8441: the head reads as a GET with an Upgrade, under a key of ours. The key is to be set, in base64,
  // before the head is used.
  bool websocket() const { return websocket_; }
  void set_websocket_key(std::string_view key);

  void reset();

 private:
  struct Slot {
    std::uint32_t name_at;
    std::uint32_t name_size;
    std::uint32_t value_at;
    std::uint32_t value_size;
    http::HeaderId id;
  };
  struct Part {
    std::uint32_t at = 0;
    std::uint32_t size = 0;
    bool set = false;
  };

  Verdict add_pseudo(std::string_view name, std::string_view value, const http::Limits& limits);
  Part append(std::string_view text);
  std::string_view view(Part part) const { return std::string_view(text_).substr(part.at, part.size); }
  void add_slot(std::string_view name, std::string_view value, http::HeaderId id);
  void refuse(http::ParseError error) {
    if (!refused_) refused_ = error;
  }
  void join_cookies();
  Verdict become_websocket();
  bool read_target();
  bool read_authority();

  std::string text_;
  std::vector<Slot> slots_;  // as many as most requests need, once they have been used
  std::vector<http::HeaderView> views_;
  std::size_t cookies_ = 0;
  std::size_t bytes_ = 0;  // of the whole list, stored or not
  Part method_;
  Part path_;
  Part authority_;
  Part scheme_;
  Part protocol_;
  Part host_;
  std::size_t key_at_ = 0;
  bool websocket_ = false;
  http::RequestHead head_;
  http::Framing framing_;
  std::optional<http::ParseError> refused_;
};

}  // namespace roomgate::router::h2

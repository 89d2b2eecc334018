// What Redis says and is told (RESP 2), by hiredis' reader and formatter; no sockets. One connection, one
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

struct redisReader;

namespace roomgate::peers_sync::redis {

struct Reply {
  enum class Kind : std::uint8_t { nil, status, error, number, text, list };
  Kind kind = Kind::nil;
  std::string text;  // of status, error and text
  std::int64_t number = 0;
  std::vector<Reply> items;  // of list

  bool is_error() const { return kind == Kind::error; }
  bool is_list(std::size_t size) const { return kind == Kind::list && items.size() >= size; }
  friend bool operator==(const Reply&, const Reply&) = default;
};

// One command, ready to be sent.
std::string encode_command(std::span<const std::string> words);

class Decoder {
 public:
  explicit Decoder(std::size_t max_bytes = 64 * 1024 * 1024);
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  // Bytes in, whole replies out, in order. The error ends the connection: that is no Redis, or a reply of
  // more than max_bytes.
  Result<void, std::string> feed(ByteView bytes);
  Result<std::optional<Reply>, std::string> next();

 private:
  struct Free {
    void operator()(redisReader* reader) const;
  };
  std::unique_ptr<redisReader, Free> reader_;
  std::size_t max_bytes_;
  std::size_t pending_ = 0;  // fed since the last whole reply
};

}  // namespace roomgate::peers_sync::redis

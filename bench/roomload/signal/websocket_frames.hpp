// WebSocket framing of the client's side (RFC 6455 5): masked frames out, messages in. Sans-I/O; owned by a
// WebSocket, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace roomgate::bench::roomload::signal {

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

enum class FrameError { masked, reserved_bits, bad_opcode, bad_control, out_of_order, too_large };

struct FrameLimits {
  std::size_t max_message = 1024 * 1024;  // the source map of a room of hundreds
};

struct FrameMessage {
  Opcode opcode = Opcode::text;  // never continuation
  std::string payload;
};

class FrameReader {
 public:
  explicit FrameReader(FrameLimits limits = {}) : limits_(limits) {}

  void consume(ByteView bytes);
  // The next whole message; nothing when it has not all come. After an error: always that error.
  Result<std::optional<FrameMessage>, FrameError> next();

 private:
  Result<std::optional<FrameMessage>, FrameError> read();

  FrameLimits limits_;
  std::string buffer_;   // bytes that came and are no whole frame yet
  std::size_t at_ = 0;   // of buffer_, taken already
  std::string message_;  // fragments so far
  std::optional<Opcode> fragmented_;
  std::optional<FrameError> error_;
};

// One whole frame, final, masked with `mask`.
std::string write_frame(Opcode opcode, std::string_view payload, std::uint32_t mask);

}  // namespace roomgate::bench::roomload::signal

// Where a message of the peers protocol begins and ends: class, type, and from type 128 on a length and a
// body. This holds for classes nobody knows, too, so those can be skipped. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace roomgate::peers_sync::codec {

enum class FrameError : std::uint8_t {
  bad_length,  // a length that is none: protocol error
  too_large,   // a body beyond kMaxBody: size limit
};

inline constexpr std::size_t kMaxBody = 16384;       // what HAProxy's default buffer takes
inline constexpr std::size_t kMaxLengthBytes = 5;    // of a body's length
inline constexpr std::uint8_t kFirstWithBody = 128;  // types below have none

struct Frame {
  std::uint8_t klass = 0;
  std::uint8_t type = 0;
  ByteView body;         // in the input
  std::size_t size = 0;  // of all of it
};

// The first message of `input`; nullopt: there is more to come.
Result<std::optional<Frame>, FrameError> next_frame(ByteView input);

// A message with a body: begin, append the body to `out`, end. The length is written once it is known.
class FrameWriter {
 public:
  FrameWriter(std::uint8_t klass, std::uint8_t type, std::string& out);
  void end();

 private:
  std::string& out_;
  std::size_t body_;
};

}  // namespace roomgate::peers_sync::codec

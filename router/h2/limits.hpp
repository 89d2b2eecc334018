// Every bound of an HTTP/2 connection, in one place, and the names under which a crossed one is counted.
// Filled from the settings, the same for all connections of a core.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "router/http/types.hpp"

namespace roomgate::router::h2 {

// What a peer can send too much of. Each ends the connection with ENHANCE_YOUR_CALM.
enum class Flood : std::uint8_t {
  reset,          // RST_STREAM (CVE-2023-44487)
  settings,       // CVE-2019-9515
  ping,           // CVE-2019-9512
  priority,       // CVE-2019-9513; PRIORITY_UPDATE as well
  window_update,  // more than what we send gives cause for
  empty,          // DATA and CONTINUATION that carry nothing (CVE-2019-9518)
  continuation,   // frames of one head (CVE-2024-27316)
  header_list,    // a head that unpacks to far more than is allowed
  refused,        // requests beyond the streams that are allowed
  error,          // frames that make us reset streams (CVE-2025-8671)
  other,          // GOAWAY and frames of kinds that we do not know
};
inline constexpr std::size_t kFloods = 11;
std::string_view label(Flood flood);

struct Rate {
  double per_second;
  double burst;
};

struct Limits {
  http::Limits head;

  // A stream counts until its work with the shard has ended, so that reset streams free nothing at once.
  std::uint32_t streams = 100;
  // Body bytes that may be with us and not yet with the shard.
  std::uint32_t stream_window = 64 * 1024;
  std::uint32_t connection_window = 256 * 1024;
  // Answer bytes that may wait for the client. A stream that has none waiting may always queue `least_queue`,
  // so that one slow stream does not stop the others.
  std::size_t stream_queue = 64 * 1024;
  std::size_t connection_queue = 256 * 1024;
  std::size_t least_queue = 4 * 1024;
  // How much of that is framed at once, ahead of the socket.
  std::size_t output = 64 * 1024;
  // Frames of our own that wait for a client which does not read; with more, nothing is read from it.
  std::size_t queued_frames = 256;

  std::size_t continuations = 8;
  std::size_t settings_entries = 32;

  // By Flood. What has no rate is bounded otherwise.
  std::array<Rate, kFloods> rates = {{
      {33, 200},  // reset: a page that is left cancels all it had asked for
      {1, 20},    // settings
      {10, 100},  // ping
      {50, 500},  // priority
      {50, 500},  // window_update, beyond two per DATA frame and one per 512 bytes that we sent
      {10, 50},   // empty
      {0, 0},     // continuation: Limits::continuations
      {0, 0},     // header_list: four times Limits::head.max_head_bytes
      {20, 200},  // refused
      {10, 100},  // error
      {5, 50},    // other
  }};
  Rate& rate(Flood flood) { return rates[static_cast<std::size_t>(flood)]; }
};

}  // namespace roomgate::router::h2

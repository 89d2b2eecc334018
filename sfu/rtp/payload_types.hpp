// The payload types we offer, and so the only ones there are: clients answer with our numbers, which makes
// them equal for all and spares any rewriting. Pure table; any thread.
#pragma once

#include <cstdint>

namespace roomgate::sfu::rtp {

enum class Codec : std::uint8_t { unknown, opus, telephone_event, vp8, vp9, h264, av1, rtx };

struct PayloadType {
  Codec codec = Codec::unknown;
  std::uint32_t clock_rate = 90000;
  std::uint8_t original = 0;  // rtx: the payload type it repairs (apt)
};

inline constexpr std::uint8_t kRed = 112;  // RFC 2198: opus, and what came before

constexpr PayloadType payload_type(std::uint8_t number) {
  switch (number) {
    case 111: return {Codec::opus, 48000, 0};
    case 126: return {Codec::telephone_event, 8000, 0};
    case 41: return {Codec::av1, 90000, 0};
    case 100: return {Codec::vp8, 90000, 0};
    case 101: return {Codec::vp9, 90000, 0};
    case 107: return {Codec::h264, 90000, 0};
    case 42: return {Codec::rtx, 90000, 41};
    case 96: return {Codec::rtx, 90000, 100};
    case 97: return {Codec::rtx, 90000, 101};
    case 99: return {Codec::rtx, 90000, 107};
    default: return {};
  }
}

// The rtx payload type that repairs `original`; 0 when there is none.
constexpr std::uint8_t rtx_payload_type(std::uint8_t original) {
  switch (original) {
    case 41: return 42;
    case 100: return 96;
    case 101: return 97;
    case 107: return 99;
    default: return 0;
  }
}

}  // namespace roomgate::sfu::rtp

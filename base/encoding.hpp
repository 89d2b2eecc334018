// Text encodings shared by both programs: hex, base64 (RFC 4648 4), percent-encoding (RFC 3986 2.1), UTF-8
// checks. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace roomgate {

std::string to_hex(ByteView bytes);

// Padded base64.
std::string to_base64(ByteView bytes);
// Empty optional for anything but well-formed, padded base64.
std::optional<std::vector<std::uint8_t>> from_base64(std::string_view text);

// One pass; an invalid escape stays as the text it is.
std::string percent_decode(std::string_view text);

// Everything but RFC 3986 unreserved characters is escaped, upper-case hex.
std::string percent_encode(std::string_view text);

// RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF.
bool is_valid_utf8(std::string_view text);

// Lower-cases A to Z only.
std::string ascii_lower(std::string_view text);
bool ascii_iequals(std::string_view a, std::string_view b);

}  // namespace roomgate

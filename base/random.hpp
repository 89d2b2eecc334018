// Unguessable bytes and identifiers from the system's generator (getrandom through OpenSSL). Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.hpp"

namespace roomgate {

void random_bytes(ByteSpan out);
std::uint32_t random_u32();
std::uint64_t random_u64();

// `bytes` random bytes as lower-case hex: 16 for a bearer secret (128 bit).
std::string random_hex(std::size_t bytes);

// RFC 9562 version 4, lower case: 8fc6a697-7e2a-453e-a39d-3e70a1abad01.
std::string random_uuid();

}  // namespace roomgate

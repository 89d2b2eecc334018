// Keys of session tickets (RFC 5077, RFC 8446 4.6.1). The first encrypts, all open: so a rotation costs
// nobody a full handshake, and front doors that share a key file resume each other's sessions. Values; any
// thread.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace roomgate::router::tls {

struct TicketKey {
  std::array<std::uint8_t, 16> name{};
  std::array<std::uint8_t, 32> cipher{};  // AES-256-CBC
  std::array<std::uint8_t, 32> mac{};     // HMAC-SHA-256
};

class TicketKeys {
 public:
  static constexpr std::size_t kMost = 8;
  // A ticket is good for this long; own keys change after half of it and two old ones stay, so none is gone
  // before its tickets.
  static constexpr auto kLifetime = std::chrono::hours(8);
  static constexpr auto kRotation = std::chrono::hours(4);

  // One key, of this process only.
  static TicketKeys random();
  // A new key in front; of the old ones the newest two.
  TicketKeys rotated() const;

  // The format of key files: each line 80 random bytes in base64 (16 name, 32 cipher, 32 mac); empty lines
  // and lines that begin with # are passed over. 1 to 8 keys. The error says which line; it never shows one.
  static Result<TicketKeys, std::string> parse(std::string_view text);

  // For the process that takes over, and back; nothing when they are no such bytes.
  std::string bytes() const;
  static std::optional<TicketKeys> from_bytes(std::string_view bytes);

  const TicketKey& current() const { return keys_.front(); }
  const TicketKey* find(const unsigned char* name) const;
  std::size_t size() const { return keys_.size(); }

 private:
  explicit TicketKeys(std::vector<TicketKey> keys) : keys_(std::move(keys)) {}
  std::vector<TicketKey> keys_;
};

}  // namespace roomgate::router::tls

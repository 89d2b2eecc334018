// STUN binding messages (RFC 8489 as ICE uses it, RFC 8445 7): a bounds-checked view of one, its checks under
// short-term credentials, and the three we write. Pure functions over bytes, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "sfu/transport/hmac_sha1.hpp"

namespace roomgate::sfu::transport {

struct StunLimits {
  std::size_t max_message_bytes = 1280;
  std::size_t max_attributes = 32;
  std::size_t max_username_bytes = 513;  // RFC 8489 14.3
};

enum class StunError { too_short, too_long, not_stun, bad_length, bad_attribute, too_many_attributes };
enum class StunClass : std::uint8_t { request = 0, indication = 1, success = 2, error = 3 };

inline constexpr std::uint16_t kStunBinding = 1;
using StunTransaction = std::array<std::uint8_t, 12>;

// Borrows from the datagram it was parsed from. Of an attribute that comes twice the first counts; what
// follows MESSAGE-INTEGRITY does not count at all, FINGERPRINT excepted (RFC 8489 14.5).
struct StunMessageView {
  static Result<StunMessageView, StunError> parse(ByteView datagram, const StunLimits& limits = {});

  // Both in constant time with regard to the secret; false when the attribute is absent.
  bool integrity_matches(const HmacSha1& key) const;
  bool fingerprint_matches() const;

  bool is_binding(StunClass c) const { return method == kStunBinding && message_class == c; }

  ByteView bytes;
  StunClass message_class = StunClass::request;
  std::uint16_t method = 0;
  StunTransaction transaction{};

  std::string_view username;
  std::optional<std::uint32_t> priority;
  std::optional<std::uint64_t> controlling;  // the tie-breakers
  std::optional<std::uint64_t> controlled;
  bool use_candidate = false;
  std::optional<std::uint16_t> error_code;
  std::optional<Address> xor_mapped;
  bool has_integrity = false;
  bool has_fingerprint = false;

  // Comprehension-required attributes that we do not know: the first few, for a 420.
  std::array<std::uint16_t, 4> unknown{};
  std::size_t unknown_count = 0;

 private:
  std::size_t integrity_at_ = 0;  // offset of the attribute's header
  std::size_t fingerprint_at_ = 0;
};

// The ufrag before the colon: in a request to us, the one we made up, by which the endpoint is found. Empty
// without colon.
std::string_view local_ufrag_of(std::string_view username);
std::string_view remote_ufrag_of(std::string_view username);

struct BindingRequest {
  StunTransaction transaction{};
  std::string_view username;
  std::uint32_t priority = 0;
  std::uint64_t tie_breaker = 0;
  bool controlling = true;
  bool use_candidate = false;
};

// All three end with MESSAGE-INTEGRITY and FINGERPRINT, and return the bytes written: 0 when `out` is too
// small. Answers carry nothing that is not required (no SOFTWARE, no reason phrase): never a lever for
// amplification.
std::size_t write_binding_request(ByteSpan out, const BindingRequest& request, const HmacSha1& key);
std::size_t write_binding_success(ByteSpan out, const StunTransaction& transaction, const Address& mapped,
                                  const HmacSha1& key);
// 400, 401, 487; 420 lists `unknown`.
std::size_t write_binding_error(ByteSpan out, const StunTransaction& transaction, std::uint16_t code,
                                const HmacSha1& key, std::span<const std::uint16_t> unknown = {});

}  // namespace roomgate::sfu::transport

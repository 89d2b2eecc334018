#include "sfu/transport/stun.hpp"

#include <openssl/crypto.h>

#include <algorithm>

namespace roomgate::sfu::transport {
namespace {

constexpr std::size_t kHeader = 20;
constexpr std::uint32_t kCookie = 0x2112a442;
constexpr std::uint32_t kFingerprintXor = 0x5354554e;

enum Attribute : std::uint16_t {
  kMappedAddress = 0x0001,
  kUsername = 0x0006,
  kIntegrity = 0x0008,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000a,
  kRealm = 0x0014,
  kNonce = 0x0015,
  kIntegritySha256 = 0x001c,
  kXorMappedAddress = 0x0020,
  kPriority = 0x0024,
  kUseCandidate = 0x0025,
  kFingerprint = 0x8028,
  kIceControlled = 0x8029,
  kIceControlling = 0x802a,
};

// The CRC of RFC 8489 14.7 (ITU V.42), one table lookup per byte.
constexpr std::array<std::uint32_t, 256> kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xedb88320u : 0u);
    table[i] = value;
  }
  return table;
}();

std::uint32_t fingerprint_of(ByteView bytes) {
  std::uint32_t crc = 0xffffffff;
  for (std::uint8_t b : bytes) crc = kCrcTable[(crc ^ b) & 0xff] ^ (crc >> 8);
  return ~crc ^ kFingerprintXor;
}

constexpr std::size_t padded(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

std::array<std::uint8_t, 16> xor_mask(const StunTransaction& transaction) {
  std::array<std::uint8_t, 16> mask;
  store32(mask.data(), kCookie);
  std::copy(transaction.begin(), transaction.end(), mask.begin() + 4);
  return mask;
}

std::optional<Address> read_xor_address(ByteView value, const StunTransaction& transaction) {
  ByteReader in(value);
  in.skip(1);
  const std::uint8_t family = in.u8();
  const std::uint16_t port = in.u16() ^ static_cast<std::uint16_t>(kCookie >> 16);
  const std::array<std::uint8_t, 16> mask = xor_mask(transaction);
  if (family == 1 && value.size() == 8) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    v4.sin_addr.s_addr = htonl(in.u32() ^ kCookie);
    return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  }
  if (family == 2 && value.size() == 20) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    const ByteView ip = in.bytes(16);
    for (std::size_t i = 0; i < 16; ++i) v6.sin6_addr.s6_addr[i] = ip[i] ^ mask[i];
    return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
  }
  return std::nullopt;
}

// False: the attribute's value has a form it must not have.
bool read_attribute(StunMessageView& message, std::uint16_t type, ByteView value, const StunLimits& limits) {
  ByteReader in(value);
  switch (type) {
    case kUsername:
      if (value.size() > limits.max_username_bytes) return false;
      if (message.username.empty()) message.username = as_text(value);
      return true;
    case kPriority:
      if (value.size() != 4) return false;
      if (!message.priority) message.priority = in.u32();
      return true;
    case kUseCandidate: message.use_candidate = true; return value.empty();
    case kIceControlled:
      if (value.size() != 8) return false;
      if (!message.controlled) message.controlled = in.u64();
      return true;
    case kIceControlling:
      if (value.size() != 8) return false;
      if (!message.controlling) message.controlling = in.u64();
      return true;
    case kErrorCode: {
      if (value.size() < 4) return false;
      in.skip(2);
      const std::uint8_t hundreds = in.u8() & 7;
      const std::uint8_t rest = in.u8();
      if (hundreds < 3 || hundreds > 6 || rest > 99) return false;
      if (!message.error_code) message.error_code = static_cast<std::uint16_t>(hundreds * 100 + rest);
      return true;
    }
    case kXorMappedAddress: {
      const std::optional<Address> address = read_xor_address(value, message.transaction);
      if (!address) return false;
      if (!message.xor_mapped) message.xor_mapped = address;
      return true;
    }
    case kMappedAddress:
    case kUnknownAttributes:
    case kRealm:
    case kNonce:
    case kIntegritySha256: return true;
    default:
      if (type < 0x8000 && message.unknown_count < message.unknown.size()) {
        message.unknown[message.unknown_count++] = type;
      }
      return true;
  }
}

class Builder {
 public:
  Builder(ByteSpan out, StunClass c, const StunTransaction& transaction) : out_(out), writer_(out) {
    const unsigned bits = static_cast<unsigned>(c);
    // RFC 8489 5: the two class bits stand at 0x0010 and 0x0100 of the type.
    writer_.u16(static_cast<std::uint16_t>(kStunBinding | ((bits & 1) << 4) | ((bits & 2) << 7)));
    writer_.u16(0);
    writer_.u32(kCookie);
    writer_.bytes(transaction);
  }

  ByteWriter& begin(std::uint16_t type, std::size_t size) {
    writer_.u16(type);
    writer_.u16(static_cast<std::uint16_t>(size));
    return writer_;
  }
  void pad() { writer_.zeros(padded(writer_.position()) - writer_.position()); }

  std::size_t finish(const HmacSha1& key) {
    set_length(24);
    const HmacSha1::Digest digest = key.digest(writer_.written());
    begin(kIntegrity, digest.size()).bytes(digest);
    set_length(8);
    const std::uint32_t fingerprint = fingerprint_of(writer_.written());
    begin(kFingerprint, 4).u32(fingerprint);
    return writer_.failed() ? 0 : writer_.position();
  }

 private:
  // The length as it will be once the attribute of `more` bytes is there: what is hashed includes it.
  void set_length(std::size_t more) {
    if (!writer_.failed()) store16(&out_[2], static_cast<std::uint16_t>(writer_.position() - kHeader + more));
  }

  ByteSpan out_;
  ByteWriter writer_;
};

}  // namespace

Result<StunMessageView, StunError> StunMessageView::parse(ByteView datagram, const StunLimits& limits) {
  if (datagram.size() < kHeader) return fail(StunError::too_short);
  if (datagram.size() > limits.max_message_bytes) return fail(StunError::too_long);
  ByteReader in(datagram);
  const std::uint16_t type = in.u16();
  const std::size_t length = in.u16();
  if ((type & 0xc000) != 0 || in.u32() != kCookie) return fail(StunError::not_stun);
  if (length != datagram.size() - kHeader || length % 4 != 0) return fail(StunError::bad_length);

  StunMessageView message;
  message.bytes = datagram;
  message.message_class = static_cast<StunClass>(((type >> 4) & 1) | ((type >> 7) & 2));
  message.method = static_cast<std::uint16_t>((type & 0xf) | ((type >> 1) & 0x70) | ((type >> 2) & 0xf80));
  const ByteView transaction = in.bytes(message.transaction.size());
  std::copy(transaction.begin(), transaction.end(), message.transaction.begin());

  std::size_t count = 0;
  while (in.left() > 0) {
    if (++count > limits.max_attributes) return fail(StunError::too_many_attributes);
    if (message.has_fingerprint) return fail(StunError::bad_attribute);  // RFC 8489 14.7: it is the last one
    const std::size_t at = in.position();
    const std::uint16_t attribute = in.u16();
    const std::size_t size = in.u16();
    const ByteView value = in.bytes(size);
    in.skip(padded(size) - size);
    if (in.failed()) return fail(StunError::bad_attribute);
    if (attribute == kFingerprint) {
      if (size != 4) return fail(StunError::bad_attribute);
      message.has_fingerprint = true;
      message.fingerprint_at_ = at;
    } else if (message.has_integrity) {
      continue;  // RFC 8489 14.5: nothing else behind MESSAGE-INTEGRITY counts, since nothing vouches for it
    } else if (attribute == kIntegrity) {
      if (size != HmacSha1::kSize) return fail(StunError::bad_attribute);
      message.has_integrity = true;
      message.integrity_at_ = at;
    } else if (!read_attribute(message, attribute, value, limits)) {
      return fail(StunError::bad_attribute);
    }
  }
  return message;
}

bool StunMessageView::integrity_matches(const HmacSha1& key) const {
  if (!has_integrity) return false;
  // RFC 8489 14.5: hashed with the length as if MESSAGE-INTEGRITY were the last attribute.
  std::array<std::uint8_t, kHeader> header;
  std::copy_n(bytes.begin(), kHeader, header.begin());
  store16(&header[2], static_cast<std::uint16_t>(integrity_at_ + 24 - kHeader));
  const HmacSha1::Digest digest = key.digest(header, bytes.subspan(kHeader, integrity_at_ - kHeader));
  return CRYPTO_memcmp(digest.data(), &bytes[integrity_at_ + 4], digest.size()) == 0;
}

bool StunMessageView::fingerprint_matches() const {
  return has_fingerprint &&
         fingerprint_of(bytes.first(fingerprint_at_)) == load32(&bytes[fingerprint_at_ + 4]);
}

std::string_view local_ufrag_of(std::string_view username) {
  const std::size_t colon = username.find(':');
  return colon == std::string_view::npos ? std::string_view{} : username.substr(0, colon);
}

std::string_view remote_ufrag_of(std::string_view username) {
  const std::size_t colon = username.find(':');
  return colon == std::string_view::npos ? std::string_view{} : username.substr(colon + 1);
}

std::size_t write_binding_request(ByteSpan out, const BindingRequest& request, const HmacSha1& key) {
  Builder builder(out, StunClass::request, request.transaction);
  builder.begin(kUsername, request.username.size()).bytes(as_bytes(request.username));
  builder.pad();
  builder.begin(kPriority, 4).u32(request.priority);
  builder.begin(request.controlling ? kIceControlling : kIceControlled, 8).u64(request.tie_breaker);
  if (request.use_candidate) builder.begin(kUseCandidate, 0);
  return builder.finish(key);
}

std::size_t write_binding_success(ByteSpan out, const StunTransaction& transaction, const Address& mapped,
                                  const HmacSha1& key) {
  Builder builder(out, StunClass::success, transaction);
  const bool v4 = mapped.is_v4();
  ByteWriter& writer = builder.begin(kXorMappedAddress, v4 ? 8 : 20);
  writer.u16(v4 ? 1 : 2);
  writer.u16(mapped.port() ^ static_cast<std::uint16_t>(kCookie >> 16));
  if (v4) {
    sockaddr_in address;
    std::memcpy(&address, mapped.data(), sizeof address);
    writer.u32(ntohl(address.sin_addr.s_addr) ^ kCookie);
  } else {
    sockaddr_in6 address;
    std::memcpy(&address, mapped.data(), sizeof address);
    const std::array<std::uint8_t, 16> mask = xor_mask(transaction);
    for (std::size_t i = 0; i < mask.size(); ++i) writer.u8(address.sin6_addr.s6_addr[i] ^ mask[i]);
  }
  return builder.finish(key);
}

std::size_t write_binding_error(ByteSpan out, const StunTransaction& transaction, std::uint16_t code,
                                const HmacSha1& key, std::span<const std::uint16_t> unknown) {
  Builder builder(out, StunClass::error, transaction);
  ByteWriter& writer = builder.begin(kErrorCode, 4);
  writer.u16(0);
  writer.u8(static_cast<std::uint8_t>(code / 100));
  writer.u8(static_cast<std::uint8_t>(code % 100));
  if (!unknown.empty()) {
    builder.begin(kUnknownAttributes, unknown.size() * 2);
    for (std::uint16_t type : unknown) writer.u16(type);
    builder.pad();
  }
  return builder.finish(key);
}

}  // namespace roomgate::sfu::transport

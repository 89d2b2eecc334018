// RTP header extensions (RFC 8285, both forms), and the one function that writes the header of a packet we
// send. What leaves is an allow list: mid (10) forwarded as is would bind the sender's media section to the
// receiver's, so nothing passes that is not named here. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "sfu/rtp/packet.hpp"

namespace roomgate::sfu::rtp {

// Equal for all clients, since the answerer keeps what we offer.
enum ExtensionId : std::uint8_t {
  kAudioLevelId = 1,
  kRidId = 4,
  kAbsSendTimeId = 3,
  kTransportSequenceId = 5,
  kMidId = 10,
  kDependencyDescriptorId = 11,
};

inline constexpr std::uint16_t kOneByteProfile = 0xbede;
inline constexpr std::uint16_t kTwoByteProfile = 0x1000;

struct Extension {
  std::uint8_t id = 0;
  ByteView data;  // borrows the packet
};

// Walks the elements; stops at the first that is torn.
class ExtensionReader {
 public:
  explicit ExtensionReader(const RtpPacketView& packet);
  std::optional<Extension> next();
  bool failed() const { return failed_; }

 private:
  ByteView left_;
  bool one_byte_ = false;
  bool failed_ = false;
};

std::optional<ByteView> find_extension(const RtpPacketView& packet, std::uint8_t id);
// The sender's transport-wide sequence number, for the feedback we owe it.
std::optional<std::uint16_t> transport_sequence(const RtpPacketView& packet,
                                                std::uint8_t id = kTransportSequenceId);

// Which elements a forwarded packet keeps. Ids above 31 never.
class ExtensionPolicy {
 public:
  constexpr ExtensionPolicy() = default;
  constexpr ExtensionPolicy& keep(std::uint8_t id) {
    if (id > 0 && id < 32) kept_ |= std::uint32_t{1} << id;
    return *this;
  }
  // mid, rid, abs-send-time and the sender's transport sequence can not be let through, whatever keep() was
  // told.
  constexpr bool keeps(std::uint8_t id) const {
    constexpr std::uint32_t never =
        (1u << kMidId) | (1u << kRidId) | (1u << kAbsSendTimeId) | (1u << kTransportSequenceId);
    return id < 32 && ((kept_ & ~never) >> id & 1) != 0;
  }

 private:
  std::uint32_t kept_ = (1u << kAudioLevelId) | (1u << kDependencyDescriptorId);
};

struct OutgoingHeader {
  std::uint32_t ssrc = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint8_t payload_type = 0;
  bool marker = false;
  std::optional<std::uint16_t> transport_sequence;  // written as extension 5 when set
};

// Most bytes a written header can have beyond the packet's own (a new extension block with a transport
// sequence).
inline constexpr std::size_t kHeaderGrowth = 12;

// Writes the header of `packet` as it leaves: fields of `fields`, CSRCs and kept extensions of `packet`, in
// one pass over its elements; one-byte form unless an element needs the other. Keeps the padding bit, so
// body() is to follow. `replacement`, when given, takes the place of the element with its id. Returns the
// header's length, 0 when it does not fit `out`. `out` must not overlap the packet.
std::size_t write_header(const RtpPacketView& packet, const OutgoingHeader& fields,
                         const ExtensionPolicy& policy, ByteSpan out, const Extension* replacement = nullptr);

// The header of a packet that has nothing but its numbers: no CSRC, no extension but the transport sequence,
// no padding.
std::size_t write_bare_header(const OutgoingHeader& fields, ByteSpan out);

}  // namespace roomgate::sfu::rtp

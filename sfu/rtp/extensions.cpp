#include "sfu/rtp/extensions.hpp"

namespace roomgate::sfu::rtp {
namespace {

bool is_two_byte(std::uint16_t profile) { return (profile & 0xfff0) == kTwoByteProfile; }

struct Needs {
  bool two_byte = false;
  std::size_t elements = 0;
};

ByteView data_of(const Extension& element, const Extension* replacement) {
  return replacement != nullptr && replacement->id == element.id ? replacement->data : element.data;
}

Needs needs_of(const RtpPacketView& packet, const ExtensionPolicy& policy, const Extension* replacement) {
  Needs needs;
  ExtensionReader reader(packet);
  while (const auto element = reader.next()) {
    if (!policy.keeps(element->id)) continue;
    ++needs.elements;
    const ByteView data = data_of(*element, replacement);
    // RFC 8285 4.2: ids 1 to 14, 1 to 16 bytes; all else takes the two-byte form.
    if (element->id > 14 || data.empty() || data.size() > 16) needs.two_byte = true;
  }
  return needs;
}

void put_element(ByteWriter& out, bool two_byte, std::uint8_t id, ByteView data) {
  if (two_byte) {
    out.u8(id);
    out.u8(static_cast<std::uint8_t>(data.size()));
  } else {
    out.u8(static_cast<std::uint8_t>((id << 4) | (data.size() - 1)));
  }
  out.bytes(data);
}

// `first` with the version, padding bit and CSRC count.
void put_fixed(ByteWriter& out, std::uint8_t first, bool extended, const OutgoingHeader& fields) {
  out.u8(static_cast<std::uint8_t>(first | (extended ? 0x10u : 0u)));
  out.u8(static_cast<std::uint8_t>((fields.marker ? 0x80u : 0u) | (fields.payload_type & 0x7fu)));
  out.u16(fields.sequence);
  out.u32(fields.timestamp);
  out.u32(fields.ssrc);
}

// Where the elements begin.
std::size_t begin_extensions(ByteWriter& out, bool two_byte) {
  out.u16(two_byte ? kTwoByteProfile : kOneByteProfile);
  out.u16(0);
  return out.position();
}

void end_extensions(ByteWriter& out, ByteSpan buffer, std::size_t begin, bool two_byte,
                    const OutgoingHeader& fields) {
  if (fields.transport_sequence) {
    std::uint8_t value[2];
    store16(value, *fields.transport_sequence);
    put_element(out, two_byte, kTransportSequenceId, value);
  }
  const std::size_t body = out.position() - begin;
  out.zeros((4 - body % 4) % 4);
  if (!out.failed()) store16(&buffer[begin - 2], static_cast<std::uint16_t>((body + 3) / 4));
}

}  // namespace

ExtensionReader::ExtensionReader(const RtpPacketView& packet) {
  if (!packet.has_extension()) return;
  one_byte_ = packet.extension_profile() == kOneByteProfile;
  // Elements of a profile we do not know can not be told apart, so there are none.
  if (one_byte_ || is_two_byte(packet.extension_profile())) left_ = packet.extension_body();
}

std::optional<Extension> ExtensionReader::next() {
  while (!left_.empty()) {
    const std::uint8_t first = left_[0];
    if (first == 0) {  // padding between elements
      left_ = left_.subspan(1);
      continue;
    }
    std::uint8_t id = first;
    std::size_t head = 2;
    std::size_t size = 0;
    if (one_byte_) {
      id = static_cast<std::uint8_t>(first >> 4);
      // RFC 8285 4.2: id 15 ends the processing. Id 0 with a length is padding in disguise: refuse the rest
      // as well.
      if (id == 15 || id == 0) {
        left_ = {};
        break;
      }
      head = 1;
      size = std::size_t{first & 0x0fu} + 1;
    } else {
      if (left_.size() < 2) {
        failed_ = true;
        left_ = {};
        break;
      }
      size = left_[1];
    }
    if (size > left_.size() - head) {
      failed_ = true;
      left_ = {};
      break;
    }
    const Extension element{id, left_.subspan(head, size)};
    left_ = left_.subspan(head + size);
    return element;
  }
  return std::nullopt;
}

std::optional<ByteView> find_extension(const RtpPacketView& packet, std::uint8_t id) {
  ExtensionReader reader(packet);
  while (const auto element = reader.next()) {
    if (element->id == id) return element->data;
  }
  return std::nullopt;
}

std::optional<std::uint16_t> transport_sequence(const RtpPacketView& packet, std::uint8_t id) {
  const auto data = find_extension(packet, id);
  if (!data || data->size() != 2) return std::nullopt;
  return load16(data->data());
}

std::size_t write_header(const RtpPacketView& packet, const OutgoingHeader& fields,
                         const ExtensionPolicy& policy, ByteSpan buffer, const Extension* replacement) {
  const Needs needs = needs_of(packet, policy, replacement);
  const bool extended = needs.elements > 0 || fields.transport_sequence.has_value();
  ByteWriter out(buffer);
  put_fixed(out, static_cast<std::uint8_t>(packet.bytes()[0] & ~0x10u), extended, fields);
  out.bytes(packet.bytes().subspan(kFixedHeader, 4 * packet.csrc_count()));
  if (extended) {
    const std::size_t begin = begin_extensions(out, needs.two_byte);
    ExtensionReader reader(packet);
    while (const auto element = reader.next()) {
      if (policy.keeps(element->id))
        put_element(out, needs.two_byte, element->id, data_of(*element, replacement));
    }
    end_extensions(out, buffer, begin, needs.two_byte, fields);
  }
  return out.failed() ? 0 : out.position();
}

std::size_t write_bare_header(const OutgoingHeader& fields, ByteSpan buffer) {
  const bool extended = fields.transport_sequence.has_value();
  ByteWriter out(buffer);
  put_fixed(out, 0x80, extended, fields);
  if (extended) end_extensions(out, buffer, begin_extensions(out, false), false, fields);
  return out.failed() ? 0 : out.position();
}

}  // namespace roomgate::sfu::rtp

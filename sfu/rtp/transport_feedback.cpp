#include "sfu/rtp/transport_feedback.hpp"

#include <algorithm>
#include <array>

namespace roomgate::sfu::rtp {
namespace {

enum Symbol : std::uint8_t { kMissing = 0, kSmallDelta = 1, kLargeDelta = 2 };

constexpr std::size_t kHead = 16;  // SSRCs, base, count, reference time, feedback count
constexpr std::size_t kOneBitSymbols = 14;
constexpr std::size_t kTwoBitSymbols = 7;
constexpr std::size_t kMaxRun = 0x1fff;

Symbol symbol_of(const PacketStatus& status) {
  if (!status.received) return kMissing;
  return status.delta >= 0 && status.delta <= 255 ? kSmallDelta : kLargeDelta;
}

// The next chunk for the symbols from `first` on, and how many of them it tells.
struct Chunk {
  std::uint16_t word = 0;
  std::size_t symbols = 0;
};

Chunk next_chunk(std::span<const std::uint8_t> symbols) {
  std::size_t run = 1;
  while (run < symbols.size() && run < kMaxRun && symbols[run] == symbols[0]) ++run;
  const std::span<const std::uint8_t> near = symbols.first(std::min(symbols.size(), kOneBitSymbols));
  const bool one_bit = std::all_of(near.begin(), near.end(), [](std::uint8_t s) { return s != kLargeDelta; });
  const std::size_t vector = one_bit ? kOneBitSymbols : kTwoBitSymbols;
  // A run wins when it tells at least as much as a vector would, or all that is left.
  if (run >= vector || run == symbols.size()) {
    return {static_cast<std::uint16_t>((unsigned{symbols[0]} << 13) | run), run};
  }
  const std::size_t told = std::min(vector, symbols.size());
  unsigned word = one_bit ? 0x8000u : 0xc000u;
  for (std::size_t i = 0; i < told; ++i) {
    word |= one_bit ? unsigned{symbols[i]} << (13 - i) : unsigned{symbols[i]} << (12 - 2 * i);
  }
  return {static_cast<std::uint16_t>(word), told};
}

}  // namespace

bool write_transport_feedback(ByteWriter& out, const TransportFeedbackHead& head,
                              std::span<const PacketStatus> statuses) {
  if (statuses.empty() || statuses.size() > kMaxStatuses) return false;
  std::array<std::uint8_t, kMaxStatuses> symbols;
  std::array<std::uint16_t, kMaxStatuses> chunks;
  std::size_t chunk_count = 0;
  std::size_t delta_bytes = 0;
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    symbols[i] = symbol_of(statuses[i]);
    delta_bytes += symbols[i];  // by design of the format the symbol is the delta's size
  }
  for (std::size_t at = 0; at < statuses.size();) {
    const Chunk chunk = next_chunk(std::span<const std::uint8_t>(symbols).subspan(at, statuses.size() - at));
    chunks[chunk_count++] = chunk.word;
    at += chunk.symbols;
  }
  const std::size_t unpadded = kHead + 2 * chunk_count + delta_bytes;
  const std::size_t padding = (4 - unpadded % 4) % 4;
  const std::size_t body = unpadded + padding;
  if (out.failed() || 4 + body > out.left()) return false;

  out.u8(static_cast<std::uint8_t>(0x80u | (padding > 0 ? 0x20u : 0u) | kTransportCc));
  out.u8(kTransportFeedback);
  out.u16(static_cast<std::uint16_t>(body / 4));
  out.u32(head.sender_ssrc);
  out.u32(head.media_ssrc);
  out.u16(head.base_sequence);
  out.u16(static_cast<std::uint16_t>(statuses.size()));
  out.u24(head.reference_time & 0xffffff);
  out.u8(head.feedback_count);
  for (std::size_t i = 0; i < chunk_count; ++i) out.u16(chunks[i]);
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    if (symbols[i] == kSmallDelta) out.u8(static_cast<std::uint8_t>(statuses[i].delta));
    if (symbols[i] == kLargeDelta) out.u16(static_cast<std::uint16_t>(statuses[i].delta));
  }
  if (padding > 0) {
    out.zeros(padding - 1);
    out.u8(static_cast<std::uint8_t>(padding));
  }
  return true;
}

std::optional<TransportFeedback> read_transport_feedback(const RtcpPacketView& packet,
                                                         std::span<PacketStatus> statuses) {
  if (!packet.is(kTransportCc)) return std::nullopt;
  ByteReader in(packet.body);
  TransportFeedback feedback;
  feedback.head.sender_ssrc = in.u32();
  feedback.head.media_ssrc = in.u32();
  feedback.head.base_sequence = in.u16();
  const std::size_t count = in.u16();
  feedback.head.reference_time = in.u24();
  feedback.head.feedback_count = in.u8();
  if (in.failed() || count == 0 || count > statuses.size()) return std::nullopt;

  // Pass one: the symbols, kept in the deltas until these are read.
  for (std::size_t at = 0; at < count;) {
    const std::uint16_t word = in.u16();
    if (in.failed()) return std::nullopt;
    const bool is_vector = (word & 0x8000) != 0;
    const bool two_bit = (word & 0x4000) != 0;
    std::size_t told = word & kMaxRun;
    if (is_vector) told = two_bit ? kTwoBitSymbols : kOneBitSymbols;
    if (told == 0) return std::nullopt;  // a run of none would never end
    for (std::size_t i = 0; i < told && at < count; ++i, ++at) {
      unsigned symbol = (word >> 13) & 3u;
      if (is_vector) symbol = two_bit ? (word >> (12 - 2 * i)) & 3u : (word >> (13 - i)) & 1u;
      if (symbol == 3) return std::nullopt;
      statuses[at] = PacketStatus{symbol != kMissing, static_cast<std::int16_t>(symbol)};
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (!statuses[i].received) continue;
    statuses[i].delta =
        statuses[i].delta == kSmallDelta ? std::int16_t{in.u8()} : static_cast<std::int16_t>(in.u16());
  }
  if (in.failed()) return std::nullopt;
  feedback.count = count;
  return feedback;
}

}  // namespace roomgate::sfu::rtp

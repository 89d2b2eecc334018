// Walk a compound, read every packet as everything it may be; what transport feedback reads as must write and
// read back.
#include <array>
#include <string>

#include "sfu/rtp/rtcp.hpp"
#include "sfu/rtp/transport_feedback.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::sfu::rtp;

namespace {

void round_trip(const TransportFeedback& feedback, std::span<const PacketStatus> statuses) {
  std::array<std::uint8_t, kMaxFeedbackBytes> bytes;
  ByteWriter writer(bytes);
  require(write_transport_feedback(writer, feedback.head, statuses));
  RtcpReader reader(writer.written());
  const auto packet = reader.next();
  require(packet.has_value());
  std::array<PacketStatus, kMaxStatuses> again;
  const auto read = read_transport_feedback(*packet, again);
  require(read && read->count == statuses.size());
  for (std::size_t i = 0; i < statuses.size(); ++i) require(again[i] == statuses[i]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  RtcpReader reader(ByteView(data, size));
  std::size_t packets = 0;
  std::uint64_t touched = 0;
  while (const auto packet = reader.next()) {
    require(++packets <= size / 4);
    if (const auto report = read_sender_report(*packet)) touched += report->ntp;
    touched += read_report_sender(*packet).value_or(0);
    if (const auto blocks = read_report_blocks(*packet)) {
      for (const ReportBlock& block : blocks->view()) touched += block.ssrc + block.jitter;
    }
    if (const auto feedback = read_feedback(*packet)) {
      require(for_each_nacked(*feedback, 100, [&](std::uint16_t sequence) { touched += sequence; }) <= 100);
      for_each_fir(*feedback, [&](std::uint32_t ssrc, std::uint8_t) { touched += ssrc; });
    }
    if (const auto remb = read_remb(*packet)) touched += remb->bitrate + remb->ssrcs.size();
    if (const auto cname = read_cname(*packet)) touched += std::string(cname->name).size();
    for_each_bye(*packet, [&](std::uint32_t ssrc) { touched += ssrc; });
    std::array<PacketStatus, kMaxStatuses> statuses;
    if (const auto feedback = read_transport_feedback(*packet, statuses)) {
      round_trip(*feedback, std::span(statuses).first(feedback->count));
    }
  }
  (void)touched;
  return 0;
}

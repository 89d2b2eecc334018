// One client on its worker: its transport (ICE, SRTP, where to send), what it sends and what it wishes for. A
// record that the worker's steps read and write; owned by the worker, never seen by another thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "sfu/bridge/allocation.hpp"
#include "sfu/bridge/config.hpp"
#include "sfu/bridge/messages.hpp"
#include "sfu/bridge/sender_allowance.hpp"
#include "sfu/bridge/spending.hpp"
#include "sfu/bridge/ssrc_pool.hpp"
#include "sfu/bridge/udp_socket.hpp"
#include "sfu/congestion/bandwidth_estimator.hpp"
#include "sfu/congestion/peak_rate.hpp"
#include "sfu/congestion/transport_cc_collector.hpp"
#include "sfu/forward/audio_forwarder.hpp"
#include "sfu/forward/forwarder.hpp"
#include "sfu/send/send_batch.hpp"
#include "sfu/transport/ice.hpp"
#include "sfu/transport/srtp.hpp"

namespace roomgate::sfu::bridge {

class Conference;
struct SourceState;

// Which of the endpoint's sources an SSRC belongs to.
struct IncomingStream {
  std::uint32_t ssrc = 0;
  SourceState* source = nullptr;
  std::size_t layer = 0;
  bool rtx = false;
};

// Where an outgoing stream stopped: a source that was removed and comes back under the same SSRC goes on from
// there, and so does the next one under an SSRC of ours, since no number may be used twice under one key
// (shard.md 10).
struct StoppedStream {
  std::optional<forward::OutgoingState> video;
  std::optional<forward::OutgoingAudio> audio;
  std::uint16_t rtx = 0;
};

// Sender reports that went to this client, to know the round trip from what it echoes. The reports carry the
// original sender's clock, so the echo alone says nothing.
class SentReports {
 public:
  void add(std::uint32_t ntp_middle, TimePoint at) { sent_[next_++ % sent_.size()] = {ntp_middle, at}; }
  std::optional<TimePoint> find(std::uint32_t ntp_middle) const {
    for (const Sent& sent : sent_) {
      if (sent.ntp_middle == ntp_middle && sent.at != TimePoint{}) return sent.at;
    }
    return std::nullopt;
  }

 private:
  struct Sent {
    std::uint32_t ntp_middle = 0;
    TimePoint at{};
  };
  std::array<Sent, 16> sent_{};
  std::size_t next_ = 0;
};

// What the others' sources are called towards a client that lets the bridge own their SSRCs (shard rule 13).
struct OwnSsrcs {
  SsrcPool audio;
  SsrcPool video;
  TimePoint told_at{};           // the last time signalling was told the maps
  std::uint64_t relabelled = 0;  // times that an SSRC went from one source to another

  SsrcPool& of(Media media) { return media == Media::video ? video : audio; }
  const SsrcPool& of(Media media) const { return media == Media::video ? video : audio; }
  // The source that one of its SSRCs stands for; 0: none.
  std::uint32_t holder_of(std::uint32_t ssrc) const {
    const std::uint32_t holder = video.holder_of(ssrc);
    return holder != 0 ? holder : audio.holder_of(ssrc);
  }
};

// Asks the processor for `size` bytes from `begin` on; reads nothing itself.
inline void prefetch(const void* begin, std::size_t size) {
  constexpr std::size_t kLine = 64;
  const auto* bytes = static_cast<const std::uint8_t*>(begin);
  for (std::size_t at = 0; at < size; at += kLine) __builtin_prefetch(bytes + at);
}

struct TrafficCount {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};

struct Endpoint {
  static constexpr std::size_t kMaxStopped = 512;

  Endpoint(EndpointKey number, Conference& in, transport::IceCredentials credentials, std::uint32_t at,
           const BridgeLimits& limits)
      : key(number),
        conference(in),
        destination(at),
        ice(std::move(credentials), limits.ice),
        allowance(limits.sender),
        bandwidth(limits.estimator) {}

  const EndpointKey key;  // its DTLS association goes by the same number
  Conference& conference;
  const std::uint32_t destination;  // its number in the send batch

  // ---- what each packet to it reads, side by side
  send::SendBatch::Lane lane;
  TrafficCount traffic_out;
  std::optional<Path> path;  // the selected pair
  TimePoint path_at{};       // when the kernel was asked for it
  std::optional<transport::SrtpSession> outbound;
  void prefetch_sending() const {
    const auto* begin = reinterpret_cast<const std::uint8_t*>(&key);
    prefetch(begin, static_cast<std::size_t>(reinterpret_cast<const std::uint8_t*>(&outbound + 1) - begin));
  }

  // ---- transport
  transport::IceAgent ice;
  std::optional<transport::SrtpSession> inbound;
  Features features;
  std::optional<EndpointState> told;  // what signalling was last told
  bool dtls_failed = false;
  Duration round_trip = milliseconds(100);

  bool ready() const { return outbound.has_value() && path.has_value(); }

  // ---- what it sends
  SenderAllowance allowance;
  std::uint64_t over_allowance = 0;  // packets dropped
  TrafficCount traffic_in;
  std::vector<IncomingStream> streams;                         // sorted by SSRC
  std::unique_ptr<congestion::TransportCcCollector> arrivals;  // 10 KB: made with the first packet
  TimePoint next_report{};
  std::uint64_t remb = 0;
  std::uint64_t remb_bytes = 0;  // at the last one

  IncomingStream* find_stream(std::uint32_t ssrc);

  // ---- what it wishes for
  Wishes wishes;
  bool all_audio = true;
  std::unordered_set<std::string> include_audio;
  std::unordered_set<std::string> exclude_audio;
  int wanted_videos = 0;               // before what a busy worker takes off
  std::vector<std::string> forwarded;  // the sources signalling was last told of
  std::vector<std::string> suspended;  // likewise: those it wants, for which its path has no room
  bool wants_audio(const std::string& source) const;

  // ---- what it is sent
  std::unordered_map<std::uint32_t, StoppedStream> stopped;  // by outgoing SSRC, at most kMaxStopped
  std::unique_ptr<OwnSsrcs> own;                             // none: the announced SSRCs
  SentReports sent_reports;

  // ---- what its path carries
  congestion::BandwidthEstimator bandwidth;
  congestion::PeakRate audio_rate;
  RiseHold rise_hold;
  double spent = 0;             // on video, bit/s
  bool limited = false;         // less than it wants, for lack of bandwidth
  bool allocation_due = false;  // of this receiver alone
  TimePoint next_allocation{};
  TimePoint next_told{};  // what it can have
  TimePoint told_at{};
  bool told_limited = false;
  // No key frame is asked for before: what still fills its queue would drown it.
  std::optional<TimePoint> keyframes_from;

  // ---- what people ask
  double loss_in = 0;  // of the last report, either way
  double loss_out = 0;
  struct Reported {
    TrafficCount in;
    TrafficCount out;
    TimePoint at{};
  } reported;
  // Rates since the last one; its videos are the conference's to add.
  EndpointReport report(TimePoint now);

  // Shard rule 12: one counter for all RTP to this client, taken only when the packet has left. Empty for a
  // client without transport-wide feedback.
  std::optional<std::uint16_t> next_number() const {
    return features.transport_cc ? std::optional(bandwidth.next_number()) : std::nullopt;
  }
  // An RTP packet of `bytes`, sealed, is on its way.
  void sent(std::size_t bytes, TimePoint now) {
    ++traffic_out.packets;
    traffic_out.bytes += bytes;
    if (features.transport_cc) bandwidth.on_sent(bytes + kIpAndUdp, now);
  }
  // What there is for video, bit/s; empty: no bounds are known.
  std::optional<double> video_budget() const;
  // The estimate for which video_budget() would be `bitrate`.
  double estimate_for(double bitrate) const { return (bitrate + audio_rate.rate()) / (1 - kOverhead); }
  // It is being sent more than there is.
  bool overspent() const {
    const std::optional<double> budget = video_budget();
    return budget && *budget < spent;
  }

  static constexpr std::size_t kIpAndUdp = 28;
  static constexpr double kOverhead = 0.05;  // reports, and packets sent again
};

}  // namespace roomgate::sfu::bridge

// The receiving side of one participant, as Chromium would do it without a decoder: knows each incoming
// source by its SSRCs, checks what a decoder would need (sequence numbers, timestamps, picture ids, complete
// frames whose references came), asks for what is missing (NACK, PLI), and reports (RR, transport-cc). Counts
// into a Totals. Sans I/O, takes `now`; under a microsecond a packet, nothing allocated on the way. One
// thread.
//
//   on_rtp, on_rtcp: packets in clear, as they come; next_due() -> poll(now, sink) sends what is due
//   a gap is asked for at once: flush(now, sink) after each batch of packets, cheap when there is nothing
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "bench/roomload/media/sink.hpp"
#include "bench/roomload/media/totals.hpp"
#include "sfu/rtp/payload_types.hpp"

namespace roomgate::bench::roomload::media {

class Stream;
class ArrivalLog;
class Recorder;

struct RemoteSource {
  std::string name;  // "a1b2c3d4-v0"; what the figures of one source are asked by
  bool video = false;
  std::uint32_t ssrc = 0;
  std::uint32_t rtx = 0;  // 0: none
  // What it sends, where payload types are not Jitsi's; else they tell.
  sfu::rtp::Codec codec = sfu::rtp::Codec::unknown;
};

struct ReceiverSettings {
  std::uint32_t ssrc = 1;  // the sender SSRC of our RTCP: a sent one, else Chromium's 1
  std::uint8_t transport_sequence_id = 5;
  bool transport_cc = true;
  bool nack = true;
  bool picture_loss = true;
  std::string cname;
};

// One source as it stands.
struct SourceFigures {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  std::uint64_t expected = 0;
  std::uint64_t frames = 0;
  std::uint64_t freezes = 0;
  int width = 0;  // of the last key frame, where the codec tells (VP8, VP9); 0: not known
  int height = 0;
  std::optional<TimePoint> first_packet;
  std::optional<TimePoint> first_frame;
  std::optional<TimePoint> last_frame;
};

class Receiver {
 public:
  Receiver(ReceiverSettings settings, Totals& totals);
  ~Receiver();
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  // From signalling. Adding a known SSRC does nothing; packets of unknown ones are counted and dropped.
  void add_source(const RemoteSource& source);
  void remove_source(std::uint32_t ssrc, TimePoint now);
  bool knows(std::uint32_t ssrc) const;

  void on_rtp(ByteView clear, TimePoint arrival);
  void on_rtcp(ByteView clear, TimePoint arrival);
  void flush(TimePoint now, Sink& sink);
  TimePoint next_due() const;
  void poll(TimePoint now, Sink& sink);
  // The server stopped this source on purpose (ForwardedSources, a mute): no freeze is counted until it is
  // back.
  void expect_pause(std::uint32_t ssrc, bool paused, TimePoint now);
  // Closes what is open (a freeze that lasts), when senders stop: from then on gaps between frames are not
  // counted.
  void finish(TimePoint now);

  std::optional<SourceFigures> figures(std::uint32_t ssrc) const;
  std::optional<TimePoint> first_media() const { return first_media_; }
  // What is received of a video source from now on, as frames; the recorder outlives the receiver.
  void record(std::uint32_t ssrc, Recorder& recorder);

 private:
  struct Route {
    std::uint32_t ssrc = 0;
    std::uint16_t stream = 0;
    bool rtx = false;
  };
  const Route* route(std::uint32_t ssrc);
  Stream* find(std::uint32_t ssrc) const;
  void send_nacks(bool by_time, TimePoint now, Sink& sink);
  void send_picture_losses(TimePoint now, Sink& sink);
  void send_reports(TimePoint now, Sink& sink);
  void send_feedback(TimePoint now, Sink& sink);

  ReceiverSettings settings_;
  Totals& totals_;
  std::vector<Route> routes_;  // by SSRC
  std::size_t last_route_ = 0;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::unique_ptr<ArrivalLog> arrivals_;
  std::optional<TimePoint> first_media_;
  bool urgent_ = false;  // a stream has something to ask for at once
  TimePoint next_report_{};
  TimePoint next_nacks_{};
};

}  // namespace roomgate::bench::roomload::media

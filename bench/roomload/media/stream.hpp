// One incoming stream of a Receiver: its numbers, what of it was lost and asked for, and, for video, which
// frames a decoder would have had. A packet in its place costs a few loads; only behind a gap are packets
// kept, as sixteen bytes each, until it is filled or a later frame can be decoded without it.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "bench/roomload/media/describe.hpp"
#include "bench/roomload/media/nack_list.hpp"
#include "bench/roomload/media/receiver.hpp"
#include "bench/roomload/media/totals.hpp"
#include "sfu/rtp/packet.hpp"
#include "sfu/rtp/rtcp.hpp"
#include "sfu/rtp/sequence.hpp"

namespace roomgate::bench::roomload::media {

class Stream {
 public:
  Stream(const RemoteSource& source, bool nack, StreamTotals& totals);

  // On the source's own SSRC, and on its RTX SSRC.
  void on_media(const sfu::rtp::RtpPacketView& packet, TimePoint arrival);
  void on_rtx(const sfu::rtp::RtpPacketView& packet, TimePoint arrival);
  void on_sender_report(const sfu::rtp::SenderReport& report, TimePoint arrival);

  bool has_new_gap() const { return nacks_.has_new(); }
  bool wants_poll() const { return video_ && highest_ >= 0; }
  std::size_t due_nacks(bool by_time, TimePoint now, std::span<std::uint16_t> out);
  bool wants_keyframe(TimePoint now);
  // Empty when nothing came since the last.
  std::optional<sfu::rtp::ReportBlock> report(TimePoint now);
  void expect_pause(bool paused, TimePoint now);
  // A silence that lasts is judged now; what still comes behind is counted, but its gaps are nobody's.
  void finish(TimePoint now);

  std::uint32_t ssrc() const { return source_.ssrc; }
  std::uint32_t rtx_ssrc() const { return source_.rtx; }
  bool video() const { return video_; }
  SourceFigures figures() const;
  void record(Recorder& recorder) { recorder_ = &recorder; }

 private:
  static constexpr std::size_t kWindow = 2048;  // numbers whose arrival is remembered
  static constexpr std::size_t kSlots = 1024;   // packets kept behind a gap
  static constexpr std::size_t kFrameGaps = 30;

  // What is kept of a packet until its turn.
  struct Slot {
    std::uint32_t number = 0;  // its low bits; which turn it is follows from the window
    std::uint32_t timestamp = 0;
    std::uint16_t picture_id = 0;
    std::uint8_t tl0 = 0;
    std::uint8_t temporal_id = 0;
    std::uint16_t flags = 0;
    TimePoint at{};  // when it came
  };
  struct Frame {
    bool open = false;
    bool torn = false;
    bool keyframe = false;
    bool filled = false;  // a place since its beginning has no payload
    std::uint32_t timestamp = 0;
    std::int64_t first = 0;
    TimePoint arrived{};  // its newest packet; one without an end is ended much later by a key frame
    Slot head;
  };

  // False when it is a duplicate, or too old to tell.
  bool count_arrival(std::int64_t number, bool repaired, TimePoint arrival);
  void on_payload(std::int64_t number, std::uint8_t payload_type, bool marker, std::uint32_t timestamp,
                  ByteView payload, TimePoint arrival);
  void count_jitter(std::uint32_t timestamp, TimePoint arrival);
  void put_in_order(std::int64_t number, const Slot& slot, TimePoint arrival);
  void take(std::int64_t number, const Slot& slot, TimePoint arrival);
  void end_frame(std::int64_t last, TimePoint arrival);
  bool check_numbers(const Slot& head);
  void on_decodable(TimePoint arrival);
  bool holds(std::int64_t number) const;
  bool decodable_without_gap(const Slot& head) const;
  void try_to_go_on(TimePoint arrival);
  void give_up(std::int64_t next);
  Duration freeze_threshold() const;
  void judge_silence(TimePoint now);

  // Read with every packet.
  StreamTotals& totals_;
  std::int64_t highest_ = -1;  // number without wraps; -1: nothing yet
  std::int64_t next_ = -1;     // whose turn it is to be put into a frame
  std::size_t kept_ = 0;       // slots in use, above next_
  std::uint64_t packets_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t repaired_ = 0;
  std::uint32_t last_jitter_timestamp_ = 0;
  std::int64_t last_transit_ = 0;
  std::uint32_t jitter_ = 0;  // in 1/16 ticks
  TimePoint last_arrival_{};
  Frame frame_;
  sfu::rtp::SequenceExtender extender_;
  Recorder* recorder_ = nullptr;
  const bool video_;
  const bool nack_;
  bool has_last_ = false;  // a frame (audio: a packet) to compare with
  bool resync_ = true;     // no frame has ended since the beginning or the last giving up
  bool jumped_ = false;    // frames were left out before this one
  bool filled_ = false;    // a place before this one has no payload
  bool damaged_ = false;   // of the upper temporal layers something is missing
  bool waiting_key_ = true;
  bool ask_key_ = false;
  bool paused_ = false;
  bool over_ = false;
  std::bitset<kWindow> received_;

  // Read with every frame or less.
  std::uint32_t last_timestamp_ = 0;
  TimePoint last_timestamp_at_{};
  std::uint16_t last_picture_id_ = 0;
  bool has_tl0_ = false;
  std::uint8_t last_tl0_ = 0;
  std::vector<Slot> slots_;
  NackList nacks_;
  std::array<std::uint32_t, kFrameGaps> gaps_us_{};
  std::uint64_t gap_sum_us_ = 0;
  std::size_t gap_count_ = 0;
  std::uint64_t frames_ = 0;
  std::uint64_t freezes_ = 0;
  std::int64_t first_number_ = 0;
  std::uint64_t reported_expected_ = 0;
  std::uint64_t reported_received_ = 0;
  std::uint32_t sender_report_ntp_ = 0;
  TimePoint sender_report_at_{};
  TimePoint last_ask_{};
  TimePoint last_key_packet_{};
  int width_ = 0;
  int height_ = 0;
  std::optional<TimePoint> first_packet_;
  std::optional<TimePoint> first_frame_;
  std::optional<TimePoint> last_frame_;
  RemoteSource source_;
};

}  // namespace roomgate::bench::roomload::media

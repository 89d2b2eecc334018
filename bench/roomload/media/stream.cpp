#include "bench/roomload/media/stream.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "bench/roomload/media/packetise.hpp"
#include "bench/roomload/media/recorder.hpp"
#include "bench/roomload/media/stamp.hpp"
#include "sfu/rtp/vp8.hpp"

namespace roomgate::bench::roomload::media {
namespace {

namespace rtp = sfu::rtp;

enum SlotFlags : std::uint16_t {
  kTaken = 1,  // in use
  kMarker = 2,
  kTellsStart = 4,
  kStartsFrame = 8,
  kStartsKeyframe = 16,
  kHasPictureId = 32,
  kLongPictureId = 64,
  kHasTl0 = 128,
  kSync = 256,
  kPadding = 512,
  kInvalid = 1024,
};

// RFC 3550 A.1: further ahead is another stream under the same SSRC.
constexpr std::int64_t kMaxJump = 3000;
// A receiver plays by timestamps: a sender's that run this far from the time that passed are wrong.
constexpr Duration kMaxClockError = seconds(2);
constexpr std::size_t kGapsToJudge = 5;

// A playout buffer grows by about a round trip when packets are being asked for.
constexpr Duration kPatience = milliseconds(100);

// Chromium's VideoStreamBufferController.
constexpr Duration kWaitForKeyframe = milliseconds(200);
constexpr Duration kWaitForFrame = seconds(3);
constexpr Duration kActiveFor = seconds(5);

std::uint32_t ticks(TimePoint at, std::uint32_t clock_rate) {
  const auto us = std::chrono::duration_cast<microseconds>(at.time_since_epoch()).count();
  return static_cast<std::uint32_t>(us * clock_rate / 1'000'000);
}

std::uint16_t flags_of(const PayloadFacts& facts, bool marker) {
  unsigned flags = kTaken;
  if (marker) flags |= kMarker;
  if (facts.tells_start) flags |= kTellsStart;
  if (facts.starts_frame) flags |= kStartsFrame;
  if (facts.starts_keyframe) flags |= kStartsKeyframe;
  if (facts.has_picture_id) flags |= kHasPictureId;
  if (facts.picture_id_mask == 0x7fff) flags |= kLongPictureId;
  if (facts.has_tl0) flags |= kHasTl0;
  if (facts.layer_sync) flags |= kSync;
  if (!facts.valid) flags |= kInvalid;
  return static_cast<std::uint16_t>(flags);
}

}  // namespace

Stream::Stream(const RemoteSource& source, bool nack, StreamTotals& totals)
    : totals_(totals), video_(source.video), nack_(nack && source.video), source_(source) {}

void Stream::on_media(const rtp::RtpPacketView& packet, TimePoint arrival) {
  bytes_ += packet.size();
  totals_.bytes += packet.size();
  last_arrival_ = arrival;
  if (highest_ >= 0) {
    const std::int64_t ahead = rtp::extend_sequence(highest_, packet.sequence()) - highest_;
    if (std::abs(ahead) > kMaxJump) {
      // The same SSRC under other numbers: whoever forwards it failed to join them.
      ++totals_.sequence_faults;
      extender_ = {};
      highest_ = -1;
      received_.reset();
      nacks_.clear();
      give_up(-1);
    }
  }
  const std::int64_t number = extender_.extend(packet.sequence());
  if (!count_arrival(number, false, arrival)) return;
  const ByteView payload = packet.payload();
  if (payload.empty()) {
    // Padding alone, a probe: has a number, but no timestamp or stamp that means anything.
    ++totals_.padding;
    if (video_) put_in_order(number, {.flags = kTaken | kPadding}, arrival);
    return;
  }
  if (const auto sent = read_stamp(packet.bytes())) totals_.latency.add(arrival - *sent);
  count_jitter(packet.timestamp(), arrival);
  on_payload(number, packet.payload_type(), packet.marker(), packet.timestamp(), payload, arrival);
}

void Stream::on_rtx(const rtp::RtpPacketView& packet, TimePoint arrival) {
  bytes_ += packet.size();
  totals_.bytes += packet.size();
  const ByteView payload = packet.payload();
  if (payload.size() <= 2) {
    ++totals_.padding;
    return;
  }
  ++totals_.rtx_packets;
  if (highest_ < 0) {
    ++totals_.rtx_needless;  // of a time before ours: a probe
    return;
  }
  last_arrival_ = arrival;
  const std::uint16_t original = load16(payload.data());
  const std::int64_t number = rtp::extend_sequence(highest_, original);
  // Probes repeat old packets, and may be of ones left out long ago.
  if (number < first_number_ || std::abs(number - highest_) > kMaxJump ||
      !count_arrival(number, true, arrival)) {
    ++totals_.rtx_needless;
    return;
  }
  extender_.extend(original);
  if (const auto sent = read_stamp(packet.bytes())) totals_.repair.add(arrival - *sent);
  on_payload(number, sfu::rtp::payload_type(packet.payload_type()).original, packet.marker(),
             packet.timestamp(), payload.subspan(2), arrival);
}

bool Stream::count_arrival(std::int64_t number, bool repaired, TimePoint arrival) {
  const auto bit = [](std::int64_t n) { return static_cast<std::size_t>(n) % kWindow; };
  if (highest_ < 0) {
    highest_ = number;
    first_number_ = number;
    first_packet_ = first_packet_.value_or(arrival);
    reported_expected_ = reported_received_ = 0;
    ++totals_.expected;
  } else if (number > highest_) {
    if (number - highest_ > 1) {
      for (std::int64_t n = std::max(highest_ + 1, number - static_cast<std::int64_t>(kWindow) + 1);
           n < number; ++n) {
        received_.reset(bit(n));
      }
      if (nack_ && nacks_.on_gap(highest_ + 1, number - 1)) ask_key_ = true;
      // A repaired one ahead of all others fills its own place.
    }
    totals_.expected += static_cast<std::uint64_t>(number - highest_);
    highest_ = number;
  } else {
    if (number <= highest_ - static_cast<std::int64_t>(kWindow)) return false;
    if (received_.test(bit(number))) {
      if (!repaired) ++totals_.duplicates;
      return false;
    }
    if (number < first_number_) {
      // Overtaken by the first: one more that was to be expected.
      totals_.expected += static_cast<std::uint64_t>(first_number_ - number);
      first_number_ = number;
    }
    if (!repaired) ++totals_.reordered;
    nacks_.on_late(number, highest_, repaired);
  }
  received_.set(bit(number));
  ++packets_;
  ++totals_.packets;
  if (repaired) {
    ++repaired_;
    ++totals_.repaired;
  }
  return true;
}

void Stream::count_jitter(std::uint32_t timestamp, TimePoint arrival) {
  // RFC 3550 A.8, once for each timestamp: the packets of a frame share one.
  if (timestamp == last_jitter_timestamp_) return;
  const std::uint32_t rate = video_ ? 90000 : 48000;
  const std::int64_t transit = static_cast<std::int32_t>(ticks(arrival, rate) - timestamp);
  if (packets_ > 1) {
    const std::int64_t d =
        std::abs(static_cast<std::int64_t>(static_cast<std::int32_t>(transit - last_transit_)));
    if (d < std::int64_t{5} * rate) jitter_ = static_cast<std::uint32_t>(jitter_ + d - ((jitter_ + 8) >> 4));
  }
  last_transit_ = transit;
  last_jitter_timestamp_ = timestamp;
}

void Stream::on_payload(std::int64_t number, std::uint8_t payload_type, bool marker, std::uint32_t timestamp,
                        ByteView payload, TimePoint arrival) {
  if (!video_) {
    // No frames of audio: each packet that is the newest must also be later.
    if (number != highest_) return;
    if (has_last_) {
      const auto step =
          std::chrono::duration<double>(rtp::timestamp_distance(timestamp, last_timestamp_) / 48000.0);
      const auto passed = std::chrono::duration<double>(arrival - last_timestamp_at_);
      if (step.count() <= 0 ||
          std::abs((step - passed).count()) > std::chrono::duration<double>(kMaxClockError).count()) {
        ++totals_.timestamp_faults;
      }
    }
    has_last_ = true;
    last_timestamp_ = timestamp;
    last_timestamp_at_ = arrival;
    return;
  }
  const rtp::Codec codec =
      source_.codec != rtp::Codec::unknown ? source_.codec : rtp::payload_type(payload_type).codec;
  const PayloadFacts facts = describe(codec, payload);
  if (facts.starts_keyframe) {
    last_key_packet_ = arrival;
    // The picture's size, where the codec has it at the frame's beginning.
    const std::size_t head = codec == rtp::Codec::vp8   ? rtp::read_vp8(payload)->size
                             : codec == rtp::Codec::vp9 ? read_vp9(payload).size
                                                        : payload.size();
    if (const Size size = size_of(codec, payload.subspan(head)); size.height > 0) {
      width_ = size.width;
      height_ = size.height;
    }
  }
  if (recorder_ != nullptr) recorder_->on_packet(number, payload);
  put_in_order(number,
               {.timestamp = timestamp,
                .picture_id = facts.picture_id,
                .tl0 = facts.tl0,
                .temporal_id = facts.temporal_id,
                .flags = flags_of(facts, marker)},
               arrival);
}

bool Stream::holds(std::int64_t number) const {
  const Slot& slot = slots_[static_cast<std::size_t>(number) % kSlots];
  return (slot.flags & kTaken) != 0 && slot.number == static_cast<std::uint32_t>(number);
}

void Stream::put_in_order(std::int64_t number, const Slot& slot, TimePoint arrival) {
  if (next_ < 0) next_ = number;
  if (number < next_) return;  // its frame was left out
  if (number == next_) {
    take(number, slot, arrival);
    ++next_;
  } else {
    if (number - next_ >= static_cast<std::int64_t>(kSlots)) {
      give_up(number);
      return put_in_order(number, slot, arrival);
    }
    if (slots_.empty()) slots_.resize(kSlots);
    Slot& kept = slots_[static_cast<std::size_t>(number) % kSlots];
    kept = slot;
    kept.number = static_cast<std::uint32_t>(number);
    kept.at = arrival;
    ++kept_;
  }
  while (kept_ > 0 && holds(next_)) {
    Slot& kept = slots_[static_cast<std::size_t>(next_) % kSlots];
    --kept_;
    kept.flags = static_cast<std::uint16_t>(kept.flags & ~kTaken);
    take(next_, kept, arrival);
    ++next_;
  }
  if (kept_ > 0) try_to_go_on(arrival);
}

// A frame behind the gap that is complete, and that needs nothing of what is missing, is decoded at once;
// what lies before it is left out.
void Stream::try_to_go_on(TimePoint arrival) {
  bool at_gap = true;
  for (std::int64_t first = next_ + 1; first <= highest_; ++first) {
    if (!holds(first)) continue;
    const Slot& head = slots_[static_cast<std::size_t>(first) % kSlots];
    // The gap was seen when the first packet behind it came.
    if (at_gap && !waiting_key_ && arrival - head.at < kPatience) return;
    at_gap = false;
    if ((head.flags & (kStartsFrame | kStartsKeyframe)) == 0 || !decodable_without_gap(head)) continue;
    std::int64_t last = first;
    while (last <= highest_ && holds(last) &&
           (slots_[static_cast<std::size_t>(last) % kSlots].flags & kMarker) == 0) {
      ++last;
    }
    if (last > highest_ || !holds(last)) continue;

    ++totals_.frames_lost;
    if (has_last_ && (head.flags & kHasPictureId) != 0) {
      // All that were left out, where they can be counted.
      const unsigned mask = (head.flags & kLongPictureId) != 0 ? 0x7fff : 0x7f;
      const unsigned step = (head.picture_id - unsigned{last_picture_id_}) & mask;
      if (step > 2 && step <= mask / 2) totals_.frames_lost += step - 2;
    }
    frame_ = {};
    for (std::int64_t n = next_; n < first; ++n) {
      if (!holds(n)) continue;
      Slot& slot = slots_[static_cast<std::size_t>(n) % kSlots];
      slot.flags = static_cast<std::uint16_t>(slot.flags & ~kTaken);
      --kept_;
    }
    jumped_ = true;
    damaged_ = true;
    next_ = first;
    nacks_.forget_before(first);
    while (kept_ > 0 && holds(next_)) {
      Slot& kept = slots_[static_cast<std::size_t>(next_) % kSlots];
      --kept_;
      kept.flags = static_cast<std::uint16_t>(kept.flags & ~kTaken);
      take(next_, kept, arrival);
      ++next_;
    }
    if (kept_ == 0) return;
    at_gap = true;
    first = next_;
  }
}

bool Stream::decodable_without_gap(const Slot& head) const {
  if ((head.flags & kStartsKeyframe) != 0) return true;
  if (waiting_key_ || (head.flags & kHasTl0) == 0 || !has_tl0_) return false;
  // Temporal layer 0 refers to itself alone, and so does a frame marked as a layer's switching point.
  if (head.temporal_id == 0) return head.tl0 == static_cast<std::uint8_t>(last_tl0_ + 1);
  return (head.flags & kSync) != 0 && head.tl0 == last_tl0_;
}

void Stream::give_up(std::int64_t next) {
  if (frame_.open || kept_ > 0) ++totals_.frames_lost;
  for (Slot& slot : slots_) slot.flags = 0;
  kept_ = 0;
  frame_ = {};
  next_ = next;
  nacks_.clear();
  waiting_key_ = true;
  ask_key_ = true;
  resync_ = true;
  jumped_ = true;
}

void Stream::take(std::int64_t number, const Slot& slot, TimePoint arrival) {
  if ((slot.flags & kPadding) != 0) {
    (frame_.open ? frame_.filled : filled_) = true;
    return;
  }
  if (frame_.open && slot.timestamp != frame_.timestamp) {
    // The frame before had no end. Where a bridge changes streams, at a key frame, it does not wait for it.
    if ((slot.flags & kStartsKeyframe) == 0) ++totals_.structure_faults;
    frame_.torn = true;
    // Which of the places filled since it began are its own, and which are of pictures behind it, nobody can
    // tell.
    const bool filled = frame_.filled;
    end_frame(number - 1, arrival);
    filled_ = filled;
  }
  if (!frame_.open) {
    frame_ = {.open = true, .timestamp = slot.timestamp, .first = number, .head = slot};
    if ((slot.flags & kTellsStart) != 0 && (slot.flags & kStartsFrame) == 0) {
      if (!resync_) ++totals_.structure_faults;
      frame_.torn = true;
    }
  } else if ((slot.flags & kStartsFrame) != 0 ||
             ((slot.flags & kHasPictureId) != 0 && slot.picture_id != frame_.head.picture_id)) {
    ++totals_.structure_faults;
    frame_.torn = true;
  }
  if ((slot.flags & kInvalid) != 0) {
    ++totals_.structure_faults;
    frame_.torn = true;
  }
  if ((slot.flags & kStartsKeyframe) != 0) frame_.keyframe = true;
  frame_.arrived = last_arrival_;
  if ((slot.flags & kMarker) != 0) end_frame(number, arrival);
}

// False when a decoder could not go on with this frame.
bool Stream::check_numbers(const Slot& head) {
  bool skipped = false;
  if (has_last_) {
    const double step = rtp::timestamp_distance(frame_.timestamp, last_timestamp_) / 90000.0;
    const double passed = std::chrono::duration<double>(frame_.arrived - last_timestamp_at_).count();
    if (step <= 0 || std::abs(step - passed) > std::chrono::duration<double>(kMaxClockError).count()) {
      ++totals_.timestamp_faults;
    }
    if ((head.flags & kHasPictureId) != 0) {
      const unsigned mask = (head.flags & kLongPictureId) != 0 ? 0x7fff : 0x7f;
      const unsigned step_of_id = (head.picture_id - unsigned{last_picture_id_}) & mask;
      // After frames were left out it has gone on by as many, which is less than half the circle. So it may
      // have where a place was filled without a payload: a picture that came late to the server, of a layer
      // that is not for us.
      skipped = step_of_id != 1;
      if (jumped_ || filled_ ? step_of_id == 0 || step_of_id > mask / 2 : step_of_id != 1)
        ++totals_.picture_id_faults;
    }
    if ((head.flags & kHasTl0) != 0 && has_tl0_ && !jumped_) {
      const auto wanted = static_cast<std::uint8_t>(last_tl0_ + (head.temporal_id == 0 ? 1 : 0));
      if (head.tl0 != wanted) ++totals_.tl0_faults;
    }
  }
  if (frame_.keyframe) return true;
  if (waiting_key_) return false;
  if (head.temporal_id == 0 || (head.flags & kSync) != 0) return true;
  // A picture that never comes lies before this one, and an upper layer might refer to it: as Chromium does,
  // it is not decoded.
  return !damaged_ && !(filled_ && skipped);
}

void Stream::end_frame(std::int64_t last, TimePoint arrival) {
  const Slot& head = frame_.head;
  const bool can_go_on = check_numbers(head) && !frame_.torn;
  // After a loss with temporal layers the upper ones begin anew at a switching point.
  if (frame_.keyframe || (head.flags & kHasTl0) == 0 || (head.temporal_id > 0 && (head.flags & kSync) != 0)) {
    damaged_ = false;
  }
  if (can_go_on) {
    if (frame_.keyframe) {
      waiting_key_ = false;
      ++totals_.keyframes;
    }
    if (recorder_ != nullptr) recorder_->on_frame(frame_.first, last, frame_.timestamp);
    nacks_.forget_before(frame_.first);
    on_decodable(arrival);
  } else {
    ++totals_.frames_lost;
    if (frame_.torn && head.temporal_id == 0 && !waiting_key_) {
      waiting_key_ = true;
      ask_key_ = true;
    }
  }
  has_last_ = true;
  resync_ = false;
  jumped_ = false;
  filled_ = false;
  last_timestamp_ = frame_.timestamp;
  last_timestamp_at_ = frame_.arrived;
  last_picture_id_ = head.picture_id;
  has_tl0_ = (head.flags & kHasTl0) != 0;
  last_tl0_ = head.tl0;
  frame_.open = false;
}

void Stream::on_decodable(TimePoint arrival) {
  ++frames_;
  ++totals_.frames;
  if (!first_frame_) first_frame_ = arrival;
  if (last_frame_ && !paused_ && !over_) {
    const Duration gap = arrival - *last_frame_;
    totals_.frame_gap.add(gap);
    if (gap_count_ >= kGapsToJudge && gap >= freeze_threshold()) {
      ++freezes_;
      ++totals_.freezes;
      totals_.frozen += gap;
    }
    const auto us = static_cast<std::uint32_t>(std::chrono::duration_cast<microseconds>(gap).count());
    std::uint32_t& slot = gaps_us_[gap_count_ % kFrameGaps];
    if (gap_count_ >= kFrameGaps) gap_sum_us_ -= slot;
    slot = us;
    gap_sum_us_ += us;
    ++gap_count_;
  }
  paused_ = false;
  last_frame_ = arrival;
}

// Chromium's: three times the average of the last thirty gaps, but at least 150 ms more than it.
Duration Stream::freeze_threshold() const {
  const Duration average = microseconds(gap_sum_us_ / std::min(gap_count_, kFrameGaps));
  return std::max<Duration>(3 * average, average + milliseconds(150));
}

void Stream::expect_pause(bool paused, TimePoint now) {
  if (!paused) return;
  judge_silence(now);
  paused_ = true;
}

void Stream::finish(TimePoint now) {
  if (std::exchange(over_, true)) return;
  judge_silence(now);
}

void Stream::judge_silence(TimePoint now) {
  if (!last_frame_ || paused_ || gap_count_ < kGapsToJudge) return;
  const Duration gap = now - *last_frame_;
  if (gap < freeze_threshold()) return;
  ++freezes_;
  ++totals_.freezes;
  totals_.frozen += gap;
  paused_ = true;  // counted
}

std::size_t Stream::due_nacks(bool by_time, TimePoint now, std::span<std::uint16_t> out) {
  const std::size_t count = by_time ? nacks_.due_by_time(now, out) : nacks_.due_by_number(highest_, now, out);
  totals_.nacked += count;
  return count;
}

bool Stream::wants_keyframe(TimePoint now) {
  if (!video_ || highest_ < 0) return false;
  if (kept_ > 0) try_to_go_on(now);
  bool ask = ask_key_;
  if (waiting_key_) {
    const TimePoint since = std::max({last_ask_, *first_packet_, last_key_packet_});
    ask = ask || now - since >= kWaitForKeyframe;
  } else if (last_frame_ && now - *last_frame_ >= kWaitForFrame && now - last_arrival_ < kActiveFor &&
             !paused_) {
    ask = ask || now - last_ask_ >= kWaitForFrame;
  }
  if (!ask || now - last_arrival_ >= kActiveFor) return false;
  ask_key_ = false;
  last_ask_ = now;
  ++totals_.picture_losses;
  return true;
}

void Stream::on_sender_report(const rtp::SenderReport& report, TimePoint arrival) {
  sender_report_ntp_ = rtp::ntp_middle(report.ntp);
  sender_report_at_ = arrival;
}

std::optional<rtp::ReportBlock> Stream::report(TimePoint now) {
  if (highest_ < 0) return std::nullopt;
  const auto expected = static_cast<std::uint64_t>(highest_ - first_number_ + 1);
  const std::uint64_t received = packets_ - repaired_;
  if (received == reported_received_) return std::nullopt;
  const std::uint64_t new_expected = expected - std::min(expected, reported_expected_);
  const std::uint64_t new_received = received - std::min(received, reported_received_);
  rtp::ReportBlock block;
  block.ssrc = source_.ssrc;
  if (new_expected > new_received) {
    block.fraction_lost = static_cast<std::uint8_t>(
        std::min<std::uint64_t>(255, (new_expected - new_received) * 256 / new_expected));
  }
  const std::int64_t lost = static_cast<std::int64_t>(expected) - static_cast<std::int64_t>(received);
  block.cumulative_lost = static_cast<std::int32_t>(std::clamp<std::int64_t>(lost, -0x800000, 0x7fffff));
  // Counted from one turn up (SequenceExtender): the cycles on the wire begin at 0.
  block.highest_sequence = static_cast<std::uint32_t>(highest_ - 0x10000);
  block.jitter = jitter_ >> 4;
  if (sender_report_at_ != TimePoint{}) {
    block.last_sender_report = sender_report_ntp_;
    const auto us = std::chrono::duration_cast<microseconds>(now - sender_report_at_).count();
    block.delay_since_sender_report = static_cast<std::uint32_t>(us * 65536 / 1'000'000);
  }
  reported_expected_ = expected;
  reported_received_ = received;
  return block;
}

SourceFigures Stream::figures() const {
  return {.packets = packets_,
          .bytes = bytes_,
          .expected = highest_ < 0 ? 0 : static_cast<std::uint64_t>(highest_ - first_number_ + 1),
          .frames = frames_,
          .freezes = freezes_,
          .width = width_,
          .height = height_,
          .first_packet = first_packet_,
          .first_frame = first_frame_,
          .last_frame = last_frame_};
}

}  // namespace roomgate::bench::roomload::media

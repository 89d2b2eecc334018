#include "bench/roomload/media/totals.hpp"

namespace roomgate::bench::roomload::media {

void StreamTotals::add(const StreamTotals& other) {
  packets += other.packets;
  bytes += other.bytes;
  expected += other.expected;
  repaired += other.repaired;
  duplicates += other.duplicates;
  reordered += other.reordered;
  rtx_packets += other.rtx_packets;
  rtx_needless += other.rtx_needless;
  padding += other.padding;
  nacked += other.nacked;
  picture_losses += other.picture_losses;
  sequence_faults += other.sequence_faults;
  timestamp_faults += other.timestamp_faults;
  picture_id_faults += other.picture_id_faults;
  tl0_faults += other.tl0_faults;
  structure_faults += other.structure_faults;
  frames += other.frames;
  keyframes += other.keyframes;
  frames_lost += other.frames_lost;
  freezes += other.freezes;
  frozen += other.frozen;
  latency.add(other.latency);
  repair.add(other.repair);
  frame_gap.add(other.frame_gap);
}

void SentTotals::add(const SentTotals& other) {
  packets += other.packets;
  bytes += other.bytes;
  repaired += other.repaired;
  keyframe_requests += other.keyframe_requests;
  keyframes += other.keyframes;
  late.add(other.late);
}

void Totals::add(const Totals& other) {
  audio.add(other.audio);
  video.add(other.video);
  sent.add(other.sent);
  unknown_ssrc += other.unknown_ssrc;
  malformed += other.malformed;
  feedback_packets += other.feedback_packets;
}

}  // namespace roomgate::bench::roomload::media

// What the receivers and tracks of one thread count: plain sums and fixed histograms, so that copies taken
// each second make the plots of a run. Every receiver is given one to count into; how many there are (one of
// a run, one of each room) is the caller's choice. A value; one thread.
#pragma once

#include <cstdint>

#include "bench/roomload/media/histogram.hpp"

namespace roomgate::bench::roomload::media {

// One each for audio and video.
struct StreamTotals {
  std::uint64_t packets = 0;   // first arrivals, repaired ones among them; no padding, no duplicates
  std::uint64_t bytes = 0;     // RTP packets in clear, all that came
  std::uint64_t expected = 0;  // by sequence numbers, as receivers see them
  std::uint64_t repaired = 0;  // came first by RTX
  std::uint64_t duplicates = 0;
  std::uint64_t reordered = 0;       // came after a later number, not by RTX
  std::uint64_t rtx_packets = 0;     // all of RTX that carried media
  std::uint64_t rtx_needless = 0;    // for packets that were there
  std::uint64_t padding = 0;         // packets without media, probes
  std::uint64_t nacked = 0;          // numbers asked for, repeats counted
  std::uint64_t picture_losses = 0;  // PLIs sent
  // Continuity: each of these is a fault of whoever rewrote the stream.
  std::uint64_t sequence_faults = 0;    // a jump that no loss explains
  std::uint64_t timestamp_faults = 0;   // going back, or far from the time that passed
  std::uint64_t picture_id_faults = 0;  // not one more than the frame before
  std::uint64_t tl0_faults = 0;         // TL0PICIDX not as the temporal id says
  std::uint64_t structure_faults = 0;   // a frame that begins in another, a packet no depacketiser takes
  std::uint64_t frames = 0;             // decodable: complete, and all they refer to was
  std::uint64_t keyframes = 0;
  std::uint64_t frames_lost = 0;  // torn, or without what they refer to
  std::uint64_t freezes = 0;
  Duration frozen{};
  Histogram latency;    // sent to arrived, packets that came at the first try
  Histogram repair;     // the same, those that came by RTX
  Histogram frame_gap;  // between decodable frames

  std::uint64_t continuity_faults() const {
    return sequence_faults + timestamp_faults + picture_id_faults + tl0_faults + structure_faults;
  }
  std::uint64_t lost() const { return expected > packets ? expected - packets : 0; }
  void add(const StreamTotals& other);
};

struct SentTotals {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  std::uint64_t repaired = 0;  // sent again for NACKs
  std::uint64_t keyframe_requests = 0;
  std::uint64_t keyframes = 0;
  Histogram late;  // behind its schedule: a generator that can not keep up shows here
  void add(const SentTotals& other);
};

struct Totals {
  StreamTotals audio;
  StreamTotals video;
  SentTotals sent;
  std::uint64_t unknown_ssrc = 0;
  std::uint64_t malformed = 0;
  std::uint64_t feedback_packets = 0;  // RTCP datagrams that receivers sent
  void add(const Totals& other);
};

}  // namespace roomgate::bench::roomload::media

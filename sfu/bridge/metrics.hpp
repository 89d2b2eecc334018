// Every counter of the bridge, once. A worker counts in plain numbers of its own (WorkerCounts) and publishes
// what was added each tick, so that a packet costs no atomic operation; the registry's side is read without
// locks by anyone.
#pragma once

#include <array>
#include <cstdint>

#include "base/metrics.hpp"

namespace roomgate::sfu::bridge {

// METRIC(field, family, label, help): families with an empty label have one series; the others' label is
// "reason".
#define ROOMGATE_BRIDGE_COUNTERS(METRIC)                                                                    \
  METRIC(received_packets, "roomshard_received_packets_total", "", "RTP packets received and authentic")    \
  METRIC(received_bytes, "roomshard_received_bytes_total", "", "Bytes of authentic RTP packets")            \
  METRIC(forwarded_packets, "roomshard_forwarded_packets_total", "", "RTP packets sent to receivers")       \
  METRIC(forwarded_bytes, "roomshard_forwarded_bytes_total", "", "Bytes of RTP packets sent to receivers")  \
  METRIC(retransmitted_packets, "roomshard_retransmitted_packets_total", "", "Packets sent again as RTX")   \
  METRIC(rtx_refused, "roomshard_retransmissions_refused_total", "",                                        \
         "Packets asked for again beyond what a receiver is given in a round trip")                         \
  METRIC(padding_packets, "roomshard_padding_packets_total", "", "Packets that filled bandwidth probes")    \
  METRIC(feedback_unknown, "roomshard_feedback_unknown_total", "",                                          \
         "Packet numbers in receivers' feedback that were not awaited")                                     \
  METRIC(recovered_packets, "roomshard_recovered_packets_total", "",                                        \
         "Packets that senders sent again to us")                                                           \
  METRIC(nacks_sent, "roomshard_nacks_sent_total", "", "Packets asked for again from senders")              \
  METRIC(keyframes_wanted, "roomshard_keyframes_wanted_total", "", "Key frames that receivers asked for")   \
  METRIC(keyframe_requests, "roomshard_keyframe_requests_total", "", "PLIs sent to senders")                \
  METRIC(rtcp_received, "roomshard_rtcp_received_total", "", "Authentic RTCP packets received")             \
  METRIC(rtcp_sent, "roomshard_rtcp_sent_total", "", "RTCP packets sent")                                   \
  METRIC(crossed_packets, "roomshard_crossed_packets_total", "",                                            \
         "Packet references handed to another worker")                                                      \
  METRIC(rxq_overflow, "roomshard_rxq_overflow_total", "",                                                  \
         "Datagrams the kernel dropped for lack of buffer")                                                 \
  METRIC(gso_messages, "roomshard_gso_messages_total", "", "Send calls that carried several datagrams")     \
  METRIC(handshakes, "roomshard_handshakes_total", "", "DTLS handshakes that led to keys")                  \
  METRIC(drop_unknown_address, "roomshard_dropped_packets_total", "unknown_address", "Datagrams dropped")   \
  METRIC(drop_not_ours, "roomshard_dropped_packets_total", "not_media", "Datagrams dropped")                \
  METRIC(drop_stun, "roomshard_dropped_packets_total", "stun", "Datagrams dropped")                         \
  METRIC(drop_dtls_unvalidated, "roomshard_dropped_packets_total", "dtls_unvalidated", "Datagrams dropped") \
  METRIC(drop_dtls_queue, "roomshard_dropped_packets_total", "dtls_queue", "Datagrams dropped")             \
  METRIC(drop_no_keys, "roomshard_dropped_packets_total", "no_keys", "Datagrams dropped")                   \
  METRIC(drop_unauthentic, "roomshard_dropped_packets_total", "unauthentic", "Datagrams dropped")           \
  METRIC(drop_replayed, "roomshard_dropped_packets_total", "replayed", "Datagrams dropped")                 \
  METRIC(drop_malformed, "roomshard_dropped_packets_total", "malformed", "Datagrams dropped")               \
  METRIC(drop_unknown_source, "roomshard_dropped_packets_total", "unknown_source", "Datagrams dropped")     \
  METRIC(drop_sender_limit, "roomshard_dropped_packets_total", "sender_limit", "Datagrams dropped")         \
  METRIC(drop_late, "roomshard_dropped_packets_total", "late_video", "Datagrams dropped")                   \
  METRIC(drop_no_buffer, "roomshard_dropped_packets_total", "no_buffer", "Datagrams dropped")               \
  METRIC(drop_crossing, "roomshard_dropped_packets_total", "crossing_queue", "Datagrams dropped")           \
  METRIC(drop_protect, "roomshard_dropped_packets_total", "protect", "Datagrams dropped")                   \
  METRIC(drop_send_buffer, "roomshard_dropped_packets_total", "send_buffer", "Datagrams dropped")           \
  METRIC(drop_send_failed, "roomshard_dropped_packets_total", "send_failed", "Datagrams dropped")           \
  METRIC(drop_truncated, "roomshard_dropped_packets_total", "truncated", "Datagrams dropped")               \
  METRIC(handshake_failed, "roomshard_handshakes_failed_total", "", "DTLS handshakes that failed")          \
  METRIC(fingerprint_mismatch, "roomshard_fingerprint_mismatches_total", "",                                \
         "Certificates that signalling did not announce")                                                   \
  METRIC(last_n_reduced, "roomshard_last_n_reductions_total", "",                                           \
         "Times that a busy worker gave receivers fewer videos")                                            \
  METRIC(maps_told, "roomshard_source_maps_total", "",                                                      \
         "Times that a client with SSRCs of ours had to be told what they stand for")                       \
  METRIC(events_lost, "roomshard_bridge_events_lost_total", "",                                             \
         "Events that found the queue to signalling full")

struct WorkerCounts {
#define ROOMGATE_FIELD(field, family, label, help) std::uint64_t field = 0;
  ROOMGATE_BRIDGE_COUNTERS(ROOMGATE_FIELD)
#undef ROOMGATE_FIELD
};

// Counters of the signalling side.
#define ROOMGATE_BRIDGE_SIGNALLING_COUNTERS(METRIC)                                                     \
  METRIC(channel_messages, "roomshard_channel_messages_total", "", "Bridge channel messages read")      \
  METRIC(channel_unknown, "roomshard_channel_messages_refused_total", "unknown_class",                  \
         "Channel messages refused")                                                                    \
  METRIC(channel_bad, "roomshard_channel_messages_refused_total", "bad", "Channel messages refused")    \
  METRIC(channel_relayed, "roomshard_channel_relayed_total", "", "Endpoint messages relayed")           \
  METRIC(allocations_failed, "roomshard_allocations_failed_total", "", "Endpoints refused for a limit") \
  METRIC(sources_refused, "roomshard_sources_refused_total", "", "Announced sources refused")           \
  METRIC(commands_lost, "roomshard_bridge_commands_lost_total", "", "Commands that a worker had no room for")

class BridgeMetrics {
 public:
  explicit BridgeMetrics(metrics::Registry& registry);

  // Adds what `now` has beyond `published`, and makes them equal. Any worker, its own thread.
  void publish(const WorkerCounts& now, WorkerCounts& published);

#define ROOMGATE_FIELD(field, family, label, help) metrics::Counter* field = nullptr;
  ROOMGATE_BRIDGE_SIGNALLING_COUNTERS(ROOMGATE_FIELD)
#undef ROOMGATE_FIELD
  metrics::Gauge* conferences = nullptr;
  metrics::Gauge* endpoints = nullptr;
  metrics::Gauge* stress = nullptr;
  // A worker's own stripe, once a turn and not per packet: no line is shared.
  metrics::Histogram* forward_delay = nullptr;
  metrics::Histogram* round_trip = nullptr;
  metrics::Histogram* join_time = nullptr;

 private:
  struct Workers {
#define ROOMGATE_FIELD(field, family, label, help) metrics::Counter* field = nullptr;
    ROOMGATE_BRIDGE_COUNTERS(ROOMGATE_FIELD)
#undef ROOMGATE_FIELD
  };
  Workers workers_;
};

}  // namespace roomgate::sfu::bridge

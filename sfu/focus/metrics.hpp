// Every metric of the focus. Looked up once; signalling thread updates.
#pragma once

#include "base/metrics.hpp"

namespace roomgate::sfu::focus {

#define ROOMSHARD_FOCUS_METRICS(METRIC)                                                                     \
  METRIC(conferences, gauge, Gauge, "roomshard_conferences", "conferences that exist")                      \
  METRIC(participants, gauge, Gauge, "roomshard_participants", "participants in all conferences")           \
  METRIC(stress, gauge, Gauge, "roomshard_stress", "load of the bridge, 0 idle to 1 full")                  \
  METRIC(invites, counter, Counter, "roomshard_invites_total", "session-initiates sent")                    \
  METRIC(accepts, counter, Counter, "roomshard_accepts_total", "session-accepts taken")                     \
  METRIC(invite_failures, counter, Counter, "roomshard_invite_failures_total",                              \
         "session-initiates without answer")                                                                \
  METRIC(allocate_failures, counter, Counter, "roomshard_allocate_failures_total",                          \
         "allocations that failed")                                                                         \
  METRIC(restarts, counter, Counter, "roomshard_restarts_total", "media sessions started again")            \
  METRIC(refused_requests, counter, Counter, "roomshard_refused_requests_total",                            \
         "IQs answered with an error")                                                                      \
  METRIC(refused_rooms, counter, Counter, "roomshard_refused_rooms_total", "conference requests not ready") \
  METRIC(refused_participants, counter, Counter, "roomshard_refused_participants_total",                    \
         "occupants without media, the conference being at its limit")                                      \
  METRIC(dropped_frames, counter, Counter, "roomshard_channel_frames_dropped_total",                        \
         "bridge channel frames of unknown endpoints, or too long")

struct Metrics {
  explicit Metrics(metrics::Registry& source) : registry(source) {}

  metrics::Registry& registry;
#define METRIC(name, make, type, text, help) metrics::type& name = registry.make(text, help).with({});
  ROOMSHARD_FOCUS_METRICS(METRIC)
#undef METRIC
};

}  // namespace roomgate::sfu::focus

// The XMPP server's counters as metrics. The server counts in plain numbers (Counters, types.hpp); publish()
// adds what has come since. Signalling thread.
#pragma once

#include "base/metrics.hpp"
#include "sfu/xmpp/types.hpp"

namespace roomgate::sfu::xmpp {

#define ROOMSHARD_XMPP_METRICS(METRIC)                                                                      \
  METRIC(connections, "roomshard_xmpp_connections_total", "WebSockets of XMPP clients")                     \
  METRIC(sessions, "roomshard_xmpp_sessions_total", "clients that were bound to a JID")                     \
  METRIC(stanzas_in, "roomshard_xmpp_stanzas_received_total", "stanzas from clients")                       \
  METRIC(stanzas_out, "roomshard_xmpp_stanzas_sent_total", "stanzas to clients")                            \
  METRIC(ill_formed, "roomshard_xmpp_ill_formed_total", "messages that were no acceptable XML")             \
  METRIC(stream_errors, "roomshard_xmpp_stream_errors_total", "streams we ended, ill-formed ones included") \
  METRIC(rate_limited, "roomshard_xmpp_rate_limited_total", "streams ended for sending too much")           \
  METRIC(queue_overflows, "roomshard_xmpp_queue_overflows_total",                                           \
         "sessions ended with too much unacknowledged")                                                     \
  METRIC(resumed, "roomshard_xmpp_resumed_total", "dropped sessions that came back")                        \
  METRIC(resume_failed, "roomshard_xmpp_resume_failed_total", "resumptions of sessions that were gone")     \
  METRIC(expired, "roomshard_xmpp_expired_total", "dropped sessions that nobody resumed")                   \
  METRIC(rooms_created, "roomshard_rooms_created_total", "rooms that came to be")                           \
  METRIC(joins, "roomshard_joins_total", "people who joined a room")                                        \
  METRIC(joins_refused, "roomshard_joins_refused_total", "joins answered with an error")                    \
  METRIC(conference_requests, "roomshard_conference_requests_total", "conference requests")                 \
  METRIC(conference_requests_refused, "roomshard_conference_requests_refused_total",                        \
         "conference requests not ready")

class Metrics {
 public:
  explicit Metrics(metrics::Registry& registry) : registry_(registry) {}

  void publish(const Counters& now) {
#define METRIC(field, name, help) field##_.add(now.field - published_.field);
    ROOMSHARD_XMPP_METRICS(METRIC)
#undef METRIC
    published_ = now;
  }

 private:
  metrics::Registry& registry_;
  Counters published_;
#define METRIC(field, name, help) metrics::Counter& field##_ = registry_.counter(name, help).with({});
  ROOMSHARD_XMPP_METRICS(METRIC)
#undef METRIC
};

}  // namespace roomgate::sfu::xmpp

// Settings and bounds of the focus, with their defaults. Values; copied at construction.
#pragma once

#include <cstddef>
#include <string>

#include "base/clock.hpp"

namespace roomgate::sfu::focus {

struct Limits {
  std::size_t conferences = 2000;
  std::size_t participants_per_conference = 500;
  std::size_t ssrcs_per_participant = 20;
  std::size_t sources_per_conference = 2000;
  std::size_t channel_frame_bytes = 64 * 1024;

  Duration allocate_timeout = seconds(10);
  Duration capabilities_timeout = seconds(1);  // a client that does not say what it can do gets what all get
  int allocate_attempts = 3;                   // then bridgeNotAvailable; trying goes on at retry_longest
  Duration invite_timeout = seconds(15);       // for the result of a session-initiate
  Duration accept_timeout = seconds(60);       // from that result to the session-accept
  int invite_attempts = 3;                     // then no media until the client joins anew
  Duration retry_first = seconds(1);           // doubled each time
  Duration retry_longest = seconds(30);

  // Restarts of one participant's media: at least `restart_spacing` apart, at most `restarts` in
  // `restart_window`.
  Duration restart_spacing = seconds(5);
  Duration restart_window = seconds(60);
  std::size_t restarts = 5;

  // source-add and source-remove are collected this long in large rooms: each join there is one message per
  // member.
  std::size_t batch_members = 50;
  Duration batch_delay = milliseconds(500);
  std::size_t large_batch_members = 100;
  Duration large_batch_delay = milliseconds(1000);
};

// How sources are written towards clients. Every client since 2021 reads the compact JSON.
enum class SourceEncoding { json, xml };

struct Config {
  std::string shard = "shard-0";
  std::string region;
  std::string focus_jid = "focus@auth.meet.jitsi";  // bare, as in the answer to a conference request
  double full_at = 0.9;                             // from this stress on, no new rooms,
  double ready_below = 0.75;                        // until it is below this again
  SourceEncoding encoding = SourceEncoding::json;
  // Clients that can are told of no sources: the bridge owns the SSRCs (shard rule 13).
  bool ssrc_rewriting = true;
  bool opus_red = false;  // RFC 2198 is offered for voices
  Limits limits;
};

}  // namespace roomgate::sfu::focus

// One occupant of a room as the focus sees it: where its media session stands, and what it was told of the
// others' sources. Owned by Conference, signalling thread.
//
//   phase        start        offered    accept     retry      end
//   waiting      allocating   -          -          waiting    ended
//   allocating   -            invited    -          waiting    ended
//   invited      -            -          accepted   waiting    ended
//   accepted     -            -          -          waiting    ended
//   ended        -            -          -          waiting    ended      (a dash is a fault of ours)
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "sfu/bridge/control/control.hpp"
#include "sfu/focus/capabilities.hpp"
#include "sfu/focus/config.hpp"
#include "sfu/focus/sources.hpp"
#include "sfu/xmpp/room_service.hpp"

namespace roomgate::sfu::focus {

enum class Phase {
  waiting,     // no session; one is asked for at `deadline`
  allocating,  // the bridge was asked; no answer by `deadline`: again
  invited,     // session-initiate sent, channel addressable; no result, then no session-accept by `deadline`:
               // again
  accepted,    // media
  ended,       // no session and none coming, unless the client asks
};
enum class Step { start, offered, accept, retry, end };

// Empty: not allowed.
std::optional<Phase> next_phase(Phase phase, Step step);

// How often the media of one participant may start again.
class RestartLimiter {
 public:
  explicit RestartLimiter(const Limits& limits) : limits_(limits) {}

  // False: the window is full.
  bool admits(TimePoint now) const;
  // The earliest moment the next restart may happen; counted as taken.
  TimePoint take(TimePoint now);

 private:
  const Limits& limits_;
  std::vector<TimePoint> recent_;  // oldest first, at most limits_.restarts
};

struct Participant {
  Participant(const Limits& limits, xmpp::OccupantInfo who) : info(std::move(who)), restarts(limits) {}

  bool has_session() const { return phase == Phase::invited || phase == Phase::accepted; }

  xmpp::OccupantInfo info;
  Phase phase = Phase::waiting;
  TimePoint deadline{};  // meaningful in waiting, allocating and invited

  // The session.
  std::size_t bridge = 0;       // which one, of Context's
  std::uint64_t request = 0;    // of the Allocate under way
  bridge::Allocated allocated;  // in invited and accepted
  std::string sid;
  std::string bridge_session;
  std::string initiate_id;  // IQ id of the session-initiate; empty once answered
  bool channel_open = false;
  bridge::EndpointState media = bridge::EndpointState::interrupted;

  // What is known of its client. While it is asked for its capabilities, the bridge's answer is held.
  Capabilities capabilities;
  AnnouncedCapabilities announced;
  std::string asked_id;  // IQ id of that question; empty once answered
  std::optional<bridge::Allocated> held;
  bool rewriting = false;  // decided at its session-initiate: it is told of no sources
  bool transport_cc = true;
  bool old_presence = false;  // speaks like a client of 2021

  int allocate_failures = 0;
  int invite_failures = 0;
  RestartLimiter restarts;

  // What it was told, and whose sources changed since. Changes wait here until its session-accept was
  // answered.
  std::map<std::string, ConferenceSources::Snapshot> told;
  std::set<std::string> changed;
};

}  // namespace roomgate::sfu::focus

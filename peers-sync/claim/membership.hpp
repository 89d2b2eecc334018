// Who is here, and may this gate decide (docs/agreement.md 1): statuses in and out, views, leases, grants.
// Sans-I/O: told the time, the statuses that came, and which sessions there are; says what to send. Knows
// nothing of rooms but how far logs go. Owned by a Node, its thread.
//
//   learning -> joining    complete with every live gate, and every configured one is known or waited for
//   joining  -> member     may_decide() for the first time in a view
//   member   -> learning   found dropped by gates that its view has
//   any      -> leaving    leave()
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "peers-sync/claim/gate_id.hpp"
#include "peers-sync/claim/status.hpp"

namespace roomgate::peers_sync::claim {

class Membership {
 public:
  struct Options {
    std::string name;
    std::uint64_t life = 1;
    Duration lease{0};  // 0: by the round trip
    Duration beat = milliseconds(100);
    Duration wait_for_silent = seconds(3);  // at start, for configured gates
    Duration missing = std::chrono::minutes(10);
    Duration forget = std::chrono::hours(1);  // what a gate that is gone had of logs
    std::size_t max_gates = 64;
    Rules rules;
  };
  // Statuses to be sent, now, on the session to that gate.
  class Sender {
   public:
    virtual void send_status(const std::string& to, const Status& status) = 0;

   protected:
    ~Sender() = default;
  };

  Membership(Options options, Sender& sender, TimePoint now);

  // --- What happens.

  void set_configured(std::vector<std::string> names, TimePoint now);  // the others, by settings or DNS
  void connected(const std::string& gate, TimePoint now);              // a session with it is open
  void lost(const std::string& gate, TimePoint now);
  void refused(const std::string& gate, TimePoint now);  // its host refuses connections
  // From the session with `from`, about itself or passed on. Sends on what others lack.
  void receive(const std::string& from, const Status& status, TimePoint now);
  // Heartbeats, lives that end, views. Also after set_progress().
  void tick(TimePoint now);
  TimePoint next() const;  // when tick() is due

  // What the node has of the others' logs and they should know of ours. Said with the next status; `complete`
  // changes are said at once.
  struct Progress {
    std::uint64_t log_end = 0;
    std::map<GateId, std::uint64_t> have;  // live ones and those gone not long ago
    std::set<GateId> complete;             // whose history we have, and whose new words we take
    std::vector<std::uint32_t> shards_down;
    bool history = false;  // we have something that is worth learning
  };
  void set_progress(Progress progress, TimePoint now);
  void leave(TimePoint now);

  // --- What is so.

  State state() const;
  GateId self() const;
  const View& view() const;          // empty: none
  std::uint64_t view_count() const;  // grows with every view taken
  bool may_decide(TimePoint now) const;
  // Whose statuses go both ways; without ourselves.
  std::vector<GateId> live(TimePoint now) const;
  bool is_live(const GateId& gate, TimePoint now) const;
  const Status* status_of(const std::string& gate) const;  // the newest of its newest life
  // The gate, directly connected, through which `gate` is reached; itself where there is a session.
  std::optional<std::string> way_to(const std::string& gate, TimePoint now) const;
  bool direct(const std::string& gate) const;
  // Agreement 3: gates that left without goodbye, not long ago.
  std::vector<std::string> missing(TimePoint now) const;
  Duration lease() const;
  std::optional<Duration> round_trip(const std::string& gate) const;
  // The least that any gate, live or gone less than `forget` ago, is known to have of that gate's log.
  std::uint64_t everybody_has(const GateId& of, TimePoint now) const;

  // Views taken since the last call: who left (gone, or goodbye), who came. In order.
  struct Change {
    std::vector<GateId> dropped;
    std::vector<GateId> added;
  };
  std::vector<Change> take_changes();
  // Lives that are over, seen or unseen in a view: their holds run out from now on.
  std::vector<GateId> take_gone();
};

}  // namespace roomgate::peers_sync::claim

// Who is here, and may this gate decide (docs/agreement.md 1): statuses in and out, views, leases, grants.
// Sans-I/O: told the time, the statuses that came, and which sessions there are; says what to send. Knows
// nothing of rooms but how far logs go. Owned by a Node, its thread.
//
// A view that is taken is said only after take_changes(): so the node first says again, in its own log, what
// it knows of those who left, and the log's end that others wait for is behind that.
//
//   learning -> joining    complete with every live gate, and every configured one is known or waited for
//   joining  -> member     may_decide() for the first time in a view
//   member   -> learning   found dropped by gates that its view has
//   any      -> leaving    leave(); resign(), once there is another who decides
//   leaving  -> learning   resigned, and all others leave as well
//   leaving  -> left       leave(), when the others have all that was said
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
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
    std::uint32_t table_limit = UINT32_MAX;  // rooms that this gate has place for
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
  // Lives that end, views, and what is to be said: all statuses of our own are sent here. To be called at
  // next(), and after anything else that happened here (next() may have become `now`).
  void tick(TimePoint now);
  TimePoint next() const;

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
  void set_log_end(std::uint64_t log_end);  // the same for one number, as cheap as it is frequent
  // Soon to leave: decides no more, and out of all views once the others have our log, a second at most. It
  // lives on, hears, asks and holds rooms. While nobody else would decide it stays what it is.
  void resign(TimePoint now);
  // Goodbye: as resigned, whoever else there is, and then gone.
  void leave(TimePoint now);

  // --- What is so.

  State state() const;
  GateId self() const;
  const View& view() const;          // empty: none
  std::uint64_t view_count() const;  // grows with every view taken
  bool may_decide(TimePoint now) const;
  bool has_left(TimePoint now) const;  // after leave(): all who hear us know, or it took too long
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
  // Rooms that every live gate has place for.
  std::size_t table_limit() const { return table_limit_; }
  std::optional<Duration> round_trip(const std::string& gate) const;
  // The least that any gate, live or gone less than `forget` ago, is known to have of that gate's log.
  std::uint64_t everybody_has(const GateId& of) const;

  // Views taken since the last call: who left (gone, or goodbye), who came. In order.
  struct Change {
    std::vector<GateId> dropped;
    std::vector<GateId> added;
  };
  std::vector<Change> take_changes();
  // We were away from all others for so long (Options::forget) that they may have forgotten what they told us
  // to: learning again, with nothing but what is in use here.
  bool take_was_away() { return std::exchange(was_away_, false); }
  // Lives that are over, seen or unseen in a view: their holds run out from now on.
  std::vector<GateId> take_gone();

 private:
  // A gate by its name, in its newest life.
  struct Peer {
    GateId id;
    std::optional<Status> status;  // the newest
    TimePoint heard_at{};          // when that came
    TimePoint heard_directly_at{};
    bool session = false;
    std::optional<TimePoint> refused;  // its host, since the last time that it was heard
    // The newest status of ours that it has heard.
    std::uint64_t echoed = 0;
    TimePoint echo_sent{};     // when that was sent
    Duration echo_lease{0};    // and what lease it said
    Duration echo_running{0};  // the same as echo_sent, by running()
    bool ever_live = false;
    std::optional<TimePoint> gone;
    // Its first status with the view it has now, as far as we know.
    std::uint64_t view_since = 0;
    bool included_us = false;  // its view had us in it
    std::uint64_t told = 0;    // the newest status of it that our last status said to have heard
    std::optional<Duration> round_trip;
  };
  struct Sent {
    TimePoint at;
    Duration running;
    Duration lease;
  };
  // A lease that a gate may think to have from us.
  struct Grant {
    TimePoint until;
    View view;
  };

  Duration takeover() const { return 3 * lease_; }
  Duration running(TimePoint now) const { return now - started_ - stopped_; }
  bool is_live(const Peer& peer, TimePoint now) const;
  bool is_over(const Peer& peer, TimePoint now) const;
  bool has_left(const Peer& peer) const;
  bool has_resigned(const Peer& peer) const;
  void resign_or_stay(TimePoint now);
  void go_on_leaving(TimePoint now);
  bool others_have_log(TimePoint now) const;
  bool waits_for_silent(TimePoint now) const;
  bool is_awaited(const Peer& peer, TimePoint now) const;
  Peer* peer_of(const std::string& name, TimePoint now);
  const Peer* find(const GateId& gate) const;
  void take_status(Peer& peer, const Status& status, TimePoint now);
  void take_echo(Peer& peer, TimePoint now);
  void pass_on(const std::string& from, const Status& status);
  void notice_time(TimePoint now);
  void notice_gone(TimePoint now);
  void measure_lease(TimePoint now);
  void find_table_limit(TimePoint now);
  void update(TimePoint now);
  bool complete_with(const GateId& one, const GateId& other) const;
  std::optional<View> wanted_view(TimePoint now) const;
  bool may_grant(TimePoint now) const;
  bool has_log_of(const Peer& peer) const;
  void take_view(View view, TimePoint now);
  void notice_return(const Status& status, TimePoint now);
  void learn_again(TimePoint now);
  void learn_afresh(TimePoint now);
  void say_soon(TimePoint now);
  void say(TimePoint now);

  Options options_;
  Sender& sender_;
  GateId self_;
  TimePoint started_;
  TimePoint last_now_;
  Duration stopped_{0};  // in which this process got no time
  State state_ = State::learning;
  Duration learning_since_{0};  // by running()
  View view_;
  std::uint64_t view_count_ = 0;
  std::uint64_t joined_at_ = 0;     // our first status that did not say learning; 0: not yet
  std::uint64_t said_view_at_ = 0;  // our first status with this view; 0: not said yet
  std::uint64_t log_at_view_ = 0;
  bool granting_ = false;
  std::optional<TimePoint> alone_since_;  // nobody else was live
  bool stopped_long_ = false;             // just noticed, not yet acted upon
  bool outlived_ = false;                 // likewise: heard somebody again who goes on with what it has
  bool was_away_ = false;
  bool dropped_ = false;  // just heard, not yet acted upon
  bool resigning_ = false;
  TimePoint leaving_since_{};
  std::optional<TimePoint> parting_since_;  // leave()
  std::uint64_t goodbye_ = 0;               // the status that said it
  Duration asked_lease_;
  Duration lease_;
  std::uint32_t table_limit_;
  Progress progress_;
  std::set<std::string> configured_;
  std::map<std::string, Peer, std::less<>> peers_;
  std::map<GateId, Grant> grants_;
  std::map<std::string, TimePoint> missing_;
  std::uint64_t number_ = 0;
  std::map<std::uint64_t, Sent> sent_;
  TimePoint last_said_{};
  TimePoint due_;
  std::vector<Change> changes_;
  std::vector<GateId> gone_;
};

}  // namespace roomgate::peers_sync::claim

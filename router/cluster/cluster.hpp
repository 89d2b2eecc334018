// This gate among others: its replica with all that it needs, on the peers core, and the way to it for the
// data cores (arbiter) and for the control core (the rest). Owned by the gate, outlives the cores' threads.
//
//   off -> in (start) -> leaving (leave: goodbye is said, others decide, what is still asked here is refused)
//                     `-> off (retire: and nothing is left of it, another process takes our place)
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/net/runtime.hpp"
#include "base/result.hpp"
#include "router/cluster/asking.hpp"
#include "router/cluster/host.hpp"

namespace roomgate::router::cluster {

class Cluster {
 public:
  // A replica that begins at once, on the core; its life is a number above that of those before it. The error
  // is for the operator.
  using Made = Result<std::unique_ptr<peers_sync::Replica>, std::string>;
  using Make = std::function<Made(net::Core& core, peers_sync::Host& host, std::uint64_t life)>;

  struct Parts {  // the gate's
    net::Runtime& runtime;
    stick::Table& table;
    balance::ShardNames& names;
    Metrics& metrics;
  };
  // `tell`: on the control core.
  Cluster(Parts parts, std::string name, Make make, Host::Tell tell);

  session::Arbiter& arbiter() { return asking_; }

  // --- The control core's.

  // Adopts what the table has. `done` with the error, if it could not begin.
  void start(std::function<void(Result<void, std::string>)> done);
  // What a census has: taken where nobody knows better.
  void adopt(std::vector<std::pair<std::string, peers_sync::Home>> homes);
  void set_shards(std::shared_ptr<const balance::ShardSet> shards);
  void set_rules(route::Settings rules, std::string policy);
  void set_census(Census census);
  // Agreement 7, until the view says it.
  void set_rank(std::size_t rank);
  void set_claim_timeout(Duration time) { asking_.set_claim_timeout(time); }
  // How the next one is made, and what becomes of the one there is, if there is one.
  void reload(Make make, std::function<void(peers_sync::Replica& replica)> change);
  void resign();  // others decide from now on; all else goes on until leave()
  void leave(std::function<void()> left);
  void retire(std::function<void()> gone);

  void say(std::string name, std::string value);
  // What a drain moves: only where this gate is the room's owner, and the room is still there; of those that
  // all see it, one moves it.
  void move_if_ours(std::string key, std::string from, std::string to, stick::Placed why);

  // Of others' cores, and so perhaps of other gates: each ends, by the replica's word or by our patience.
  net::Task<peers_sync::Outcome> move(std::string key, std::string to, stick::Placed why);
  net::Task<peers_sync::Outcome> forget(std::string key);
  struct Room {
    peers_sync::RoomFacts facts;
    std::size_t tunnels_elsewhere = 0;
    bool all_counted = true;  // every front door has said how many
  };
  net::Task<Room> room(std::string key);
  using Split = std::vector<std::pair<std::string, peers_sync::RoomFacts>>;
  net::Task<Split> split_rooms(std::size_t limit);

  // How it was when it was last looked at: now, or every second.
  struct Seen {
    peers_sync::ReplicaStatus status;
    std::vector<peers_sync::PeerRow> peers;
  };
  net::Task<void> look();
  void look_soon();
  const Seen& seen() const { return seen_; }
  bool ready() const { return ready_; }
  // As far as was seen: does this gate decide about that room?
  bool owns(std::string_view key) const;
  const std::string& name() const { return name_; }

 private:
  // One answer from the peers core, waited for on the control core.
  template <class Answer>
  struct Waiting;
  template <class Answer>
  using Ask = std::function<void(peers_sync::Replica& replica, std::function<void(Answer)> done)>;
  template <class Answer>
  net::Task<Answer> ask(Answer otherwise, Ask<Answer> what);

  void with_replica(std::function<void(peers_sync::Replica& replica)> work);
  Result<void, std::string> begin();
  void adopt_table();
  Seen see() const;
  void take(Seen seen);
  void hear(Host::News news);

  Parts parts_;
  std::string name_;
  Host::Tell tell_;
  net::Core& core_;
  Asking asking_;
  // The peers core's, but for their beginning and end.
  Make make_;
  Host host_;
  std::unique_ptr<peers_sync::Replica> replica_;
  std::uint64_t life_ = 0;
  // The control core's.
  Seen seen_;
  bool ready_ = false;
};

}  // namespace roomgate::router::cluster

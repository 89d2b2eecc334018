// One front door's part in the agreement (docs/agreement.md): claims, entries, holds, releases, moves, words.
// Sans-I/O: packets in and out, told the time. Puts together Membership (who may decide) and Book (what is
// known). Owned by PeersReplica, the peers core; the simulation runs hundreds.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "peers-sync/claim/gate_id.hpp"
#include "peers-sync/replica.hpp"

namespace roomgate::peers_sync::claim {

// What goes between two gates, as a message of codec::kGateClass on their session: type from 128 on.
inline constexpr std::size_t kMaxPacketBody = 15'000;  // below the codec's frame limit
struct Packet {
  std::uint8_t type = 0;
  std::string body;
};

// Sends on the session that is open to that gate; nothing is kept for one that is not. Packets of one pair
// come in order or not at all on a session; the node survives loss, repetition and disorder all the same.
class Transport {
 public:
  virtual void send(const std::string& gate, Packet packet) = 0;

 protected:
  ~Transport() = default;
};

struct NodeOptions {
  std::string name;
  std::uint64_t life = 1;
  std::uint64_t seed = 1;
  Duration lease{0};
  Duration claim_timeout = seconds(3);
  Duration idle = std::chrono::minutes(10);
  Duration recent = seconds(90);
  Duration provisional_life = seconds(60);
  Duration reconnect_grace = std::chrono::minutes(2);
  Duration tombstone_life = std::chrono::hours(1);
  std::size_t max_entries = 1'000'000;
  double provisional_share = 0.2;
  std::size_t max_claims = 100'000;      // waiting: ours, and at the owner those of each gate that asks
  std::size_t asks_per_second = 50'000;  // of each other gate, after as many at once as may wait
  Rules rules;
};

class Node {
 public:
  using Done = Replica::Done;

  Node(NodeOptions options, Host& host, Transport& transport, TimePoint now);
  ~Node();

  // --- Sessions.
  void set_configured(std::vector<std::string> gates, TimePoint now);  // the other gates, as far as known
  void connected(const std::string& gate, TimePoint now);
  void lost(const std::string& gate, TimePoint now);
  void refused(const std::string& gate, TimePoint now);
  // False: malformed; the session is to be closed.
  bool receive(const std::string& from, std::uint8_t type, ByteView body, TimePoint now);

  // --- Time.
  void tick(TimePoint now);
  TimePoint next() const;

  // --- The gate's own (Replica).
  void claim(Claim claim, Done done, TimePoint now);
  void elsewhere(Elsewhere ask, Done done, TimePoint now);
  void settle(Settle settle, Done done, TimePoint now);
  void move(std::string key, std::string to, std::uint8_t placed, Done done, TimePoint now);
  void forget(std::string key, Done done, TimePoint now);
  void say(std::string name, std::string value, TimePoint now);
  void adopt(std::string key, Home home, TimePoint now);
  void resign(TimePoint now);
  void leave(TimePoint now);
  void shards_down_changed(TimePoint now);

  bool ready() const;
  bool has_left() const;  // everybody knows
  ReplicaStatus status(TimePoint now) const;
  std::vector<PeerRow> peers(TimePoint now) const;  // gates, as far as the node knows
  RoomFacts facts(std::string_view key, TimePoint now) const;
  std::vector<std::string> split_rooms(std::size_t limit) const;
  // Live gates of whose log we have not had all; for people who look for why a gate does not join.
  std::vector<std::string> incomplete(TimePoint now) const;

  // What every gate knows of rooms, for HAProxy beside us and for tests: in the order of the last change, of
  // those changed after `position`. False from `visit` ends it.
  struct Item {
    std::string_view key;
    const Home* home;  // null: released
    bool decided_here;
    bool ours;  // it is for this gate to speak of it: it decided it, or owns it and who did is gone
    bool held;  // by any gate
    std::uint64_t position;
  };
  void changed_since(std::uint64_t position, const std::function<bool(const Item&)>& visit) const;
  std::uint64_t last_change() const;
  // The same of one room. False: nothing is known of it.
  bool look_at(std::string_view key, const std::function<void(const Item&)>& visit) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace roomgate::peers_sync::claim

// The gates' agreement by a mesh of peers: a Node, which knows the rules, its sessions with other gates, and
// the side towards HAProxies in the same mesh. Everything of it happens on one core, the peers core: made,
// called and destroyed there (or while it does not run), and all callbacks are on it.
//
// A start: listen and dial; learn from a HAProxy, if one is there; then take part. Another process of this
// gate that goes on with the address (an upgrade): leave() in the old one first, and start() here when it has
// called back; two never listen at the same time. A start that finds the address taken may be tried again.
//
// The life is the wall clock's milliseconds at the start. Should the clock have been set back since the life
// before, the others know a newer one and listen to none of ours; as their statuses show it, this gate begins
// anew with one that is newer still. Once it has been a member it does not do that: then there are two gates
// with one name, and the newer stays (claim/membership.hpp).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "peers-sync/haproxy/beside.hpp"
#include "peers-sync/mesh/mesh.hpp"
#include "peers-sync/replica.hpp"

namespace roomgate::peers_sync::mesh {

struct HaproxyOptions {
  haproxy::Beside::Settings settings;
  std::vector<haproxy::Server> servers;
  // Our key for one of HAProxy's, which is what a client wrote; nullopt: no room's.
  std::function<std::optional<std::string>(std::string_view spelling)> key_of;
};

struct PeersOptions {
  std::string name;
  std::uint64_t life = 0;  // 0: by the clock
  Address address;
  std::vector<Member> members;
  std::string discover_srv;
  dns::Options dns;
  Networks allow;  // empty: the members' addresses
  std::optional<TlsFiles> tls;
  Duration claim_timeout = seconds(3);
  Duration lease{0};  // 0: by the round trip
  Duration idle = std::chrono::minutes(10);
  Duration recent = seconds(90);  // a request holds its room so long
  Duration provisional_life = seconds(60);
  Duration reconnect_grace = std::chrono::minutes(2);
  std::size_t max_entries = 1'000'000;
  double provisional_share = 0.2;
  HaproxyOptions haproxy;
  Mesh::Limits limits;
};

class PeersReplica final : public Replica {
 public:
  PeersReplica(net::Core& core, PeersOptions options, Host& host);
  ~PeersReplica() override;  // what still waits is answered with no_owner

  // The error is for people: an address that cannot be had, a certificate that will not do.
  Result<void, std::string> start();
  // At reload, what has to do with peers: members, discovery, allow, TLS, the address, HAProxy. Name, life
  // and the node's times stay as they are. An error leaves all as it was.
  Result<void, std::string> set_options(PeersOptions options);

  void claim(Claim claim, Done done) override;
  void elsewhere(Elsewhere ask, Done done) override;
  void settle(Settle settle, Done done) override;
  void move(std::string key, std::string to, std::uint8_t placed, Done done) override;
  void forget(std::string key, Done done) override;
  void say(std::string name, std::string value) override;
  void adopt(std::string key, Home home) override;
  bool ready() const override;
  ReplicaStatus status() const override;
  std::vector<PeerRow> peers() const override;
  RoomFacts facts(std::string_view key) const override;
  std::vector<std::string> split_rooms(std::size_t limit) const override;
  void count_tunnels(std::string key, Counted done) override;
  void resign() override;
  void leave(std::function<void()> left) override;

  // A client wrote a room's name like this; HAProxies would have it so in their tables.
  void spelled(std::string_view key, std::string_view spelling);

  std::uint64_t life() const;
  std::optional<Address> address() const;  // where it listens
  Mesh::Counters mesh_counters() const;
  const haproxy::Beside::Counters& haproxy_counters() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace roomgate::peers_sync::mesh

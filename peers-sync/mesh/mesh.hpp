// The set of peers: who they are by settings and DNS, who may connect, and one session with each of them.
// Listens, dials again with back-off, and says which gates can be spoken to. Owned by PeersReplica, its
// core's thread.
//
// One session for each pair. Between gates the one that the lower name dialled stays, of several of those the
// newest; the others are retired, so nothing that was said on them is lost. As long as one is open nobody
// dials; both do when it is lost, and the one that is left over goes again. A HAProxy keeps one session
// itself, that of the last hello it accepted: here a hello of its replaces sessions that it dialled before,
// and one of ours that is older than a crossing of two hellos can take.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/net/acceptor.hpp"
#include "base/network.hpp"
#include "peers-sync/mesh/backoff.hpp"
#include "peers-sync/mesh/link.hpp"
#include "peers-sync/mesh/member.hpp"
#include "peers-sync/mesh/seeker.hpp"
#include "peers-sync/types.hpp"

namespace roomgate::peers_sync::mesh {

class Mesh final : private Link::Owner, private TimerWheel::Timer {
 public:
  struct Limits {
    std::size_t members = 64;
    std::size_t strangers = 64;      // accepted, and without a hello so far; then the oldest has to go
    Duration crossing = seconds(1);  // of two hellos on their way
    Duration first_dial{0};  // of a member, after we heard of it: until it has heard of us, so to speak
    Duration gate_connect = milliseconds(500);  // to a gate; others have link.connect
    Link::Limits link;
    SessionLimits session;
    Seeker::Limits seeker;
  };
  struct Options {
    std::string name;
    std::uint64_t life = 1;
    Address address;  // to listen on; port 0: the system chooses
    std::vector<Member> members;
    std::string discover_srv;  // empty: none
    dns::Options dns;
    Networks allow;                         // empty: the members' addresses
    std::shared_ptr<const TlsContext> tls;  // null: plain
    Limits limits;
  };

  // Must not destroy the mesh from inside.
  class Listener {
   public:
    virtual void connected(const std::string& gate, std::uint64_t life) = 0;
    virtual void lost(const std::string& gate) = 0;
    virtual void refused(const std::string& gate) = 0;  // its host refuses connections
    virtual bool packet(const std::string& gate, std::uint8_t type, ByteView body) = 0;  // false: malformed
    virtual void gates_changed() = 0;                                                    // gates() is another

   protected:
    ~Listener() = default;
  };

  Mesh(net::Core& core, Options options, haproxy::Tables& tables, Listener& listener);
  ~Mesh() override;

  // Listens and begins to dial. The address must be free: an older process of this gate, when it hands over,
  // has called stop_listening() (PeersReplica::leave() does), so there is no moment in which the kernel gives
  // a peer to one that is going.
  Result<void, std::string> start();
  // At reload, all but name and life. An address that cannot be had is an error, and changes nothing.
  Result<void, std::string> set_options(Options options);
  // This gate begins anew: all sessions end, and others begin.
  void set_life(std::uint64_t life);
  void stop_listening();
  // And no peers: sessions are closed, nobody is dialled.
  void stop();

  void send(std::string_view gate, std::uint8_t type, std::string_view body);
  void push();  // haproxy::Tables has news

  // Members that are gates, or may be: not known to be a HAProxy.
  std::vector<std::string> gates() const;
  // One is here, or a member may turn out to be one yet: it has not shown what it is, and has not failed to.
  bool may_have_haproxy() const;
  std::vector<PeerRow> rows(TimePoint now) const;
  std::size_t sessions(std::string_view peer) const;  // that are open
  std::optional<Address> address() const;             // where it listens

  struct Counters {
    std::uint64_t accepted = 0;     // connections
    std::uint64_t not_allowed = 0;  // closed at once, by their address
    std::uint64_t crowded_out = 0;  // closed without a hello, for others
    std::uint64_t unknown = 0;      // names of nobody
    std::uint64_t ourselves = 0;    // said to have our name
    std::uint64_t impostors = 0;    // said to be a gate that is here, and did not speak as one
    std::uint64_t tls = 0;          // handshakes that failed, wrong names
    std::uint64_t stalled = 0;      // took nothing
    std::uint64_t malformed = 0;    // messages
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
  };
  Counters counters() const;

 private:
  struct Peer {
    Member member;
    bool failed = false;  // to be dialled, since it was last up
    bool listed = true;   // by settings or DNS now; else it goes with its last session
    PeerKind kind = PeerKind::unknown;
    std::uint64_t life = 0;                   // of the gate whose sessions are open
    std::vector<std::shared_ptr<Link>> open;  // as they opened
    std::shared_ptr<Link> dial;               // not open yet
    Link* active = nullptr;                   // where a gate is spoken to
    TimePoint dial_at{};
    Backoff backoff;
    std::size_t next_address = 0;
    unsigned minor = 1;
    std::uint64_t updates_in = 0;  // of sessions that are over
    std::uint64_t updates_out = 0;
    std::uint64_t sessions = 0;
    TimePoint up_since{};
    std::string error;
  };
  using Peers = std::map<std::string, Peer, std::less<>>;

  std::optional<codec::Status> judge(Link& link, const Session::Peer& peer) override;
  void opened(Link& link, const Session::Peer& peer) override;
  void recognised(Link& link, const Session::Peer& gate) override;
  void taken_for_haproxy(Link& link) override;
  bool packet(Link& link, std::uint8_t type, ByteView body) override;
  void ended(Link& link) override;
  void on_expire() override;  // somebody is to be dialled

  Result<std::unique_ptr<net::Acceptor>, std::string> listen(const Address& address);
  void accept(int descriptor, const Address& from);
  bool admits(const Address& from) const;
  void set_members();
  void begin_seeking();
  void close_sessions(Peer& peer);
  Peers::iterator forget(Peers::iterator peer);

  Link::Parts parts_for(const std::string& peer_name, unsigned minor);
  void dial(const std::string& name, Peer& peer);
  void dial_in(Peer& peer, Duration wait);
  void set_timer();
  void became(Peer& peer, PeerKind kind);
  void joined(const std::string& name, Peer& peer, Link& link);
  void as_haproxy(Peer& peer, const Link& link);
  void as_gate(const std::string& name, Peer& peer, Link& link, std::uint64_t life);
  void choose(const std::string& name, Peer& peer);
  bool stays(const std::string& name, const Link& link) const;
  void dial_failed(const std::string& name, Peer& peer, const Link& link);
  void session_ended(const std::string& name, Peer& peer, const Link& link);
  void note_error(const std::string& name, Peer& peer, const Link& link);
  double chance() { return std::uniform_real_distribution<>(0, 1)(random_); }

  net::Core& core_;
  Options options_;
  haproxy::Tables& tables_;
  Listener& listener_;
  std::mt19937_64 random_;
  std::unique_ptr<net::Acceptor> acceptor_;
  std::unique_ptr<Seeker> seeker_;
  std::vector<Member> found_;  // by the seeker
  Peers peers_;
  std::list<std::shared_ptr<Link>> strangers_;  // the oldest first
  bool started_ = false;
  bool stopped_ = false;
  Counters counters_;
};

}  // namespace roomgate::peers_sync::mesh

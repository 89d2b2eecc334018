// The other gates of Redis mode, for the time in which one of them has no Redis: sessions with them by the
// mesh (its names, `allow`, TLS, deadlines and back-off count here as there), and the Relay on those. Who
// they are: settings, DNS, and what each says of itself in Redis, which is remembered while Redis is away.
// Owned by RedisReplica, the peers core.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/net/core.hpp"
#include "peers-sync/mesh/peers_replica.hpp"
#include "peers-sync/redis/relay.hpp"

namespace roomgate::peers_sync::redis {

class Members final : private mesh::Mesh::Listener, private Relay::Listener {
 public:
  // This gate's own Redis, as the members use it.
  class Redis {
   public:
    virtual void claim_for(Relay::Asker asker, Proposal proposal) = 0;  // ends with Members::answer()
    virtual void vouch_for(const std::string& gate) = 0;
    virtual void heard_clock(std::int64_t now) = 0;

   protected:
    ~Redis() = default;
  };

  // Somebody can reach this gate by its address, or it knows whom to dial: else there are no members.
  static bool wanted(const mesh::PeersOptions& options);
  // What this gate says of itself in Redis; empty: nothing, since nobody can dial 0.0.0.0.
  static std::string own_address(const mesh::PeersOptions& options);

  // The error is for the operator.
  static Result<std::unique_ptr<Members>, std::string> make(net::Core& core,
                                                            const mesh::PeersOptions& options, Redis& redis);
  ~Members();

  Result<void, std::string> start();
  // At reload: members, discovery, allow, TLS, the address.
  Result<void, std::string> set_options(const mesh::PeersOptions& options);
  // What Redis has, the likeliest to be there first.
  void set_known(std::vector<mesh::Member> known);
  void stop();  // the address is free

  void say_state(const State& state) { relay_.say_state(state); }
  void answer(const Relay::Asker& asker, Claimed claimed) { relay_.answer(asker, std::move(claimed)); }

  // One question under way: done, when woken before its deadline.
  struct Question {
    explicit Question(net::Core& core) : waiter(core) {}
    net::Waiter waiter;
    std::uint64_t id = 0;
    std::optional<Claimed> claimed;
  };
  // Null: nobody can be asked.
  std::shared_ptr<Question> ask(const Proposal& proposal);
  void give_up(const Question& question);

  bool named_in_settings(std::string_view member) const;
  std::vector<PeerRow> rows() const;  // state: member, cut off, or down

 private:
  // A HAProxy has no table here.
  struct NoTables final : haproxy::Tables {
    codec::TableDefinition definition() const override { return {}; }
    std::optional<haproxy::Entry> next(std::uint64_t, TimePoint) override { return std::nullopt; }
    bool up_to_date(TimePoint) const override { return true; }
    bool wants_lesson(std::string_view, TimePoint) override { return false; }
    void lesson_over(std::string_view, bool, TimePoint) override {}
    bool wants(std::string_view, std::uint64_t, std::uint64_t) override { return false; }
    void learn(const haproxy::Learned&, TimePoint) override {}
    std::uint64_t acknowledged(std::string_view) const override { return 0; }
    void acknowledge(std::string_view, std::uint64_t) override {}
  };
  using Context = std::shared_ptr<const mesh::TlsContext>;

  Members(net::Core& core, const mesh::PeersOptions& options, Context tls, Redis& redis);
  mesh::Mesh::Options mesh_options() const;

  void connected(const std::string& gate, std::uint64_t life) override { relay_.connected(gate, life); }
  void lost(const std::string& gate) override { relay_.lost(gate); }
  void refused(const std::string&) override {}
  bool packet(const std::string& gate, std::uint8_t type, ByteView body) override;
  void gates_changed() override {}

  void send(const std::string& member, std::uint8_t type, const std::string& body) override {
    mesh_.send(member, type, body);
  }
  void answered(std::uint64_t ask, Claimed claimed) override;
  void claim_for(Relay::Asker asker, Proposal proposal) override {
    redis_.claim_for(std::move(asker), std::move(proposal));
  }
  void vouch_for(const std::string& gate) override { redis_.vouch_for(gate); }
  void heard_clock(std::int64_t now) override { redis_.heard_clock(now); }

  net::Core& core_;
  mesh::PeersOptions options_;
  Context tls_;
  std::vector<mesh::Member> known_;  // by Redis
  Redis& redis_;
  NoTables no_tables_;
  Relay relay_{*this};
  std::unordered_map<std::uint64_t, std::shared_ptr<Question>> questions_;
  mesh::Mesh mesh_;
};

}  // namespace roomgate::peers_sync::redis

// The gate as its replica sees it: the policy that places rooms, the table that the cores read, and what the
// control core wants to hear. Owned by the Cluster; the peers core.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/net/core.hpp"
#include "peers-sync/replica.hpp"
#include "router/balance/policy.hpp"
#include "router/balance/shard_set.hpp"
#include "router/route/route.hpp"
#include "router/stick/table.hpp"

namespace roomgate::router::cluster {

// A room has another home than before: who is at `from` through this gate has to leave.
struct Moved {
  std::string key;
  std::string from;
  std::string to;
  bool drained = false;  // a drain's deadline moved it
};

// People in a room by its shard's census; nullopt: not known. Called on the peers core.
using Census = std::function<std::optional<std::size_t>(std::string_view key, std::string_view shard)>;

class Host final : public peers_sync::Host {
 public:
  // What has happened in a turn, together: on the peers core.
  struct News {
    std::vector<Moved> moved;
    std::vector<peers_sync::Word> heard;
    std::optional<bool> ready;
    bool empty() const { return moved.empty() && heard.empty() && !ready; }
  };
  using Tell = std::function<void(News news)>;

  Host(net::Core& core, stick::Table& table, balance::ShardNames& names, Tell tell);

  void set_shards(std::shared_ptr<const balance::ShardSet> shards, TimePoint now);
  // `policy`: as make_policy() knows it.
  void set_rules(route::Settings rules, std::string policy);
  void set_census(Census census) { census_ = std::move(census); }
  // Agreement 7: this gate's place among those that live. Of turns that begin from now on.
  void set_rank(std::size_t rank) { rank_ = rank; }

  Chosen choose(const Placement& placement, TimePoint now) override;
  std::string said_in_full(std::string_view key, std::string_view wish) override;
  bool sees_down(std::string_view shard) override;
  std::vector<std::string> shards_down() override;
  bool in_panic(TimePoint now) override;
  std::optional<std::size_t> participants(std::string_view key, std::string_view shard) override;

  void put(std::string_view key, const peers_sync::Home& home) override;
  void drop(std::string_view key) override;
  bool give_back(std::string_view key, TimePoint now) override;
  LocalUse local_use(std::string_view key, TimePoint now) override;
  std::size_t tunnels(std::string_view key) override;

  void moved(std::string_view key, std::string_view from, const peers_sync::Home& to) override;
  void heard(const peers_sync::Word& word) override;
  void ready_changed(bool ready) override;

 private:
  // Told at the end of the turn: a thousand rooms that move, or words that are learned, are one post.
  struct Telling final : net::Turn {
    explicit Telling(Host& owner) : host(owner) {}
    void on_turn() override { host.tell_all(); }
    Host& host;
  };
  void tell_soon();
  void tell_all();
  balance::Policy& policy();
  // Where HAProxies beside us would look for it, if it may go there.
  bool may_follow(const Placement& placement);

  net::Core& core_;
  stick::Table& table_;
  balance::ShardNames& names_;
  Tell tell_;
  Census census_;
  std::shared_ptr<const balance::ShardSet> shards_ = std::make_shared<const balance::ShardSet>();
  route::Settings rules_;
  std::string policy_name_ = "roundrobin";
  std::unique_ptr<balance::Policy> policy_;  // made with the first room, when the rank is known
  std::size_t rank_ = 0;
  TimePoint panic_since_ = TimePoint::max();  // since when so many seem down; max: they do not
  std::string chosen_;                        // the key of the last choice: put() follows
  News news_;
  Telling telling_;
};

}  // namespace roomgate::router::cluster

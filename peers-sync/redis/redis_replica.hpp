// Front doors that agree through a Redis instead of a mesh (agreement.md, Redis mode). Each new room is
// decided by a script there (script.hpp); changes come by its stream into a copy here, which claims for rooms
// that are known are not answered from: only Redis' word holds a room. A gate that is cut off asks members
// that have Redis; reaching none it places new rooms by hash, and takes Redis' word over its own when it is
// back. Owned by the gate, on its peers core.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/net/core.hpp"
#include "base/net/sleep.hpp"
#include "base/siphash.hpp"
#include "peers-sync/claim/gate_id.hpp"
#include "peers-sync/redis/entry.hpp"
#include "peers-sync/redis/link.hpp"
#include "peers-sync/redis/members.hpp"
#include "peers-sync/replica.hpp"

namespace roomgate::peers_sync::redis {

struct Options {
  std::string name;
  std::uint64_t life = 1;
  Place place;
  std::vector<Place> sentinels;  // none: by the place
  std::string sentinel_master;
  std::string ca;
  Duration failover_hold = seconds(2);
  Duration claim_timeout = seconds(3);
  Duration idle = std::chrono::minutes(10);
  Duration recent = seconds(90);  // what a gate has just asked for it holds at least so long
  Duration provisional_life = seconds(60);
  Duration reconnect_grace = std::chrono::minutes(2);
  Duration tombstone_life = std::chrono::hours(1);
  Duration lease = seconds(3);  // of this gate's life in Redis; said again three times in it
  Duration connect_timeout = seconds(2);
  Duration reply_timeout = seconds(2);
  Duration cut_off_after = seconds(2);  // then new rooms are placed without Redis
  std::size_t max_entries = 1'000'000;
  std::size_t max_waiting = 100'000;  // claims, for a connection
  friend bool operator==(const Options&, const Options&) = default;
};

class RedisReplica final : public Replica, private Members::Redis {
 public:
  // The error is for the operator: authorities or certificates that cannot be read. Of `peers` counts what is
  // about members (members.hpp).
  static Result<std::unique_ptr<RedisReplica>, std::string> make(net::Core& core, Options options, Host& host,
                                                                 mesh::PeersOptions peers = {});
  ~RedisReplica() override;

  // On its core. The error: peers.address cannot be had.
  Result<void, std::string> start();
  // At reload, what is about members.
  Result<void, std::string> set_peers(const mesh::PeersOptions& options);

  void claim(Claim claim, Done done) override;
  void elsewhere(Elsewhere ask, Done done) override;
  void settle(Settle settle, Done done) override;
  void move(std::string key, std::string to, std::uint8_t placed, Done done) override;
  void forget(std::string key, Done done) override;
  void say(std::string name, std::string value) override;
  void adopt(std::string key, Home home) override;

  bool ready() const override { return ready_; }
  ReplicaStatus status() const override;
  std::vector<PeerRow> peers() const override;
  RoomFacts facts(std::string_view key) const override;
  std::vector<std::string> split_rooms(std::size_t) const override { return {}; }
  // Nobody is asked: the sum is known only of a gate that is alone there.
  void count_tunnels(std::string, Counted done) override { done(0, other_gates_.empty()); }

  void leave(std::function<void()> left) override;

 private:
  struct Cached {
    Entry entry;
    bool held = false;       // Redis knows that this gate holds it, or is to hear of it
    bool weak = false;       // placed here while cut off
    TimePoint claimed_at{};  // last, by this gate: until its cores show a use
  };
  // What is alive as long as this is; coroutines that waited look at it first.
  using Alive = std::shared_ptr<const bool>;

  RedisReplica(net::Core& core, Options options, Host& host, SslContext context, std::string own_address);

  net::Task<void> run(Alive alive);
  // Connected, asked who it is, everything learned. The error is for people.
  net::Task<Result<std::shared_ptr<Link>, std::string>> connect(Alive alive);
  net::Task<Result<void, std::string>> greet(std::shared_ptr<Link> link, Alive alive);
  net::Task<Result<void, std::string>> learn(std::shared_ptr<Link> link, Alive alive);
  // A second connection that waits at the stream, until something ends it.
  net::Task<void> follow(std::shared_ptr<Link> link, Alive alive);
  net::Task<void> beat(std::shared_ptr<Link> link, Alive alive);
  // Between two beats: what is over here and there. By run() alone.
  net::Task<void> keep_house(std::shared_ptr<Link> link, Alive alive);
  // What this gate has in use is said again, Redis' answers taken.
  enum class Which : std::uint8_t { all, weak };
  net::Task<Result<void, std::string>> assert_holds(std::shared_ptr<Link> link, Which which, Alive alive);
  net::Task<void> give_up_holds(std::shared_ptr<Link> link, Alive alive);
  net::Task<void> reap(std::shared_ptr<Link> link, Alive alive);

  net::Task<void> decide(Claim claim, Done done, Alive alive);
  // For that gate; nullopt: no answer of Redis.
  net::Task<std::optional<Claimed>> claim_in_redis(std::shared_ptr<Link> link, std::string gate,
                                                   Proposal proposal);
  // nullopt: nobody with Redis was reached in time.
  net::Task<std::optional<Claimed>> ask_members(Proposal proposal, Alive alive);
  net::Task<void> ask_elsewhere(Elsewhere ask, Done done, Alive alive);
  net::Task<void> do_settle(Settle settle, Done done, Alive alive);
  net::Task<void> do_move(std::string key, std::string to, std::uint8_t placed, Done done, Alive alive);
  net::Task<void> do_forget(std::string key, Done done, Alive alive);
  net::Task<void> do_say(std::string name, std::string value, Alive alive);
  net::Task<void> do_adopt(Alive alive);
  net::Task<void> do_leave(std::function<void()> left, Alive alive);

  // --- Members::Redis
  void claim_for(Relay::Asker asker, Proposal proposal) override;
  void vouch_for(const std::string& gate) override;
  void heard_clock(std::int64_t now) override;
  net::Task<void> do_claim_for(Relay::Asker asker, Proposal proposal, Alive alive);
  net::Task<void> do_vouch_for(std::shared_ptr<Link> link, std::string member);
  net::Task<void> keep_in_touch(Alive alive);
  void tell_members();
  void learn_members(const Reply& addresses);

  // The script, for this gate or for another. An error of Redis' own is an error here too.
  net::Task<Answer> call(std::shared_ptr<Link> link, std::vector<std::string> words) {
    return call(std::move(link), std::move(words), gate());
  }
  net::Task<Answer> call(std::shared_ptr<Link> link, std::vector<std::string> words, std::string gate);
  // Until there is a connection that has learned; null: the deadline came first.
  net::Task<std::shared_ptr<Link>> linked(TimePoint deadline, Alive alive);
  bool is_cut_off(TimePoint now) const {
    return link_ == nullptr && now - cut_since_ >= options_.cut_off_after;
  }

  Host::Chosen choose(const Host::Placement& placement);
  void place_alone(const Claim& claim, const Done& done);
  // What Redis says of a room. `hold`: by a claim of this gate, which it holds now.
  Home take(const std::string& key, const Entry& entry, bool hold);
  void take_word(std::string_view name, std::string_view text, bool own_too);
  void take_log(const Reply& reply);
  void drop_expired();
  void set_ready();
  void cut(std::string why);

  static std::int64_t to_ms(TimePoint time) {
    return std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count();
  }
  std::int64_t redis_now() const;
  Home home_of(const Entry& entry) const;
  Entry entry_of(const Home& home) const;
  // This gate and the others that live, as far as is known; none while it is cut off.
  claim::View view() const;
  std::string gate() const { return options_.name + "/" + std::to_string(options_.life); }

  net::Core& core_;
  Options options_;
  Host& host_;
  SslContext context_;
  std::string own_address_;  // for members; empty: they cannot dial us
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  std::shared_ptr<Link> link_;    // learned, and good as far as is known
  std::shared_ptr<Link> stream_;  // waits at the stream
  TimePoint cut_since_;
  std::string script_sha_;
  std::string run_;                // which Redis that was
  std::string position_;           // in the stream
  std::int64_t count_ = 0;         // of changes, up to there
  std::int64_t clock_offset_ = 0;  // Redis' clock less ours, milliseconds
  std::string where_;              // it is, or was looked for last
  std::string error_;
  TimePoint dropped_at_{};  // when entries were last looked through for those that are over
  std::uint64_t reconnects_ = 0;
  std::uint64_t changes_in_ = 0;
  std::uint64_t changes_out_ = 0;
  std::uint64_t asked_ = 0;          // claims that a member made for us
  std::uint64_t asked_in_vain_ = 0;  // nobody with Redis was reached
  std::uint64_t splits_ = 0;         // rooms placed while cut off that Redis had elsewhere
  TimePoint linked_since_{};
  std::vector<std::string> other_gates_;
  std::string reap_cursor_ = "0";

  std::unordered_map<std::string, Cached, SipHasher, std::equal_to<>> rooms_;
  std::deque<std::pair<std::string, Home>> adopting_;  // until Redis has them
  bool ready_ = false;
  bool refused_ = false;  // this Redis may throw rooms away
  bool leaving_ = false;
  net::Waiter nap_;
  // Who waits for a connection.
  struct Sleeper {
    explicit Sleeper(net::Core& core) : waiter(core) {}
    net::Waiter waiter;
  };
  std::list<std::shared_ptr<Sleeper>> sleepers_;
  std::unique_ptr<Members> members_;  // null: there are none. The last, since it speaks to all of the above
};

}  // namespace roomgate::peers_sync::redis

// A front door put together: listeners and a worker per core, and on the control core what watches over them:
// shards and their health, the room table's housekeeping, the admin endpoint, reload and shutdown. One per
// process, owned by main. Its rooms: gate.cpp (start), shards.cpp, entrances.cpp (TLS files), reload.cpp,
// shutdown.cpp, regions.cpp (GeoIP), bans.cpp, subject.cpp (what an operator asks), rooms.cpp (the same about
// rooms, and how they leave a shard), peers.cpp (other front doors); upgrade.hpp is the way to the next
// process.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file_watch.hpp"
#include "base/net/runtime.hpp"
#include "base/random.hpp"
#include "router/admin/rate_window.hpp"
#include "router/admin/server.hpp"
#include "router/census/ask/asker.hpp"
#include "router/cluster/cluster.hpp"
#include "router/directory/directory.hpp"
#include "router/directory/drains.hpp"
#include "router/discovery/discoverer.hpp"
#include "router/gate/credentials.hpp"
#include "router/gate/doors.hpp"
#include "router/gate/options.hpp"
#include "router/gate/snapshot.hpp"
#include "router/gate/upgrade.hpp"
#include "router/health/checker.hpp"
#include "router/listen/listener.hpp"
#include "router/session/worker.hpp"
#include "router/stick/image.hpp"

namespace roomgate::router::gate {

class Gate final : public admin::Subject {
 public:
  // For SIGHUP: the settings file anew. The error is for the operator.
  using Reload = std::function<Result<Options, std::string>()>;

  // Everything but serving: certificates read, addresses bound. The error is for the operator.
  // `inherited`: what the process that serves has handed over; it must outlive run(). `command`: how this
  // program is started to take over from us.
  struct Start {
    handover::Inheritance* inherited = nullptr;
    std::vector<std::string> command;
  };
  static Result<std::unique_ptr<Gate>, std::string> make(Options options, Reload reload, Start start);
  static Result<std::unique_ptr<Gate>, std::string> make(Options options, Reload reload) {
    return make(std::move(options), std::move(reload), Start());
  }
  ~Gate() override;
  // Files that [peers] names, as make() will want them. The error is for the operator.
  static Result<void, std::string> check_peers(const Options& options);

  // Until SIGTERM or SIGINT has been dealt with, or until all that was here when another process took over
  // has ended. False: it was to take over, and could not.
  bool run();

  std::string metrics_text(metrics::Format format) override;
  admin::Overview overview() override;
  admin::Status status() override;
  std::vector<admin::ShardRow> shards() override;
  std::vector<admin::RoomRow> rooms(const admin::RoomQuery& query) override;
  net::Task<void> look() override;
  net::Task<std::optional<admin::RoomRow>> room(std::string_view key, admin::Scope scope) override;
  net::Task<std::vector<admin::RoomRow>> split_rooms(std::size_t limit) override;
  net::Task<Forgotten> forget(std::string_view key, admin::Scope scope) override;
  net::Task<Result<Moved, MoveError>> move_room(std::string_view key, std::string_view shard,
                                                admin::Scope scope) override;
  Result<void, StateError> set_state(std::string_view shard, std::string_view state,
                                     std::optional<Duration> deadline, admin::Scope scope) override;
  std::vector<admin::BanRow> bans() override;
  bool ban(const admin::BanRow& row) override;
  bool unban(admin::BanRow::Kind kind, std::string_view text, admin::Scope scope) override;
  std::vector<admin::DiscoveryRow> discovery() override;
  admin::Peers peers() override;

 private:
  // Work that comes back: every second, and once after a time.
  struct Tick final : TimerWheel::Timer {
    explicit Tick(std::function<void()> what) : work(std::move(what)) {}
    void on_expire() override { work(); }
    std::function<void()> work;
  };
  using Entrances = Doors::Entrances;

  friend class Upgrade;

  Gate(Options options, Reload reload, Start start);
  void serve();
  void open();
  Result<void, std::string> open_doors();
  void start_workers();
  // As soon as DNS has said which shards there are, or has been given time enough.
  net::Task<void> serve_when_found();
  void every_second();

  // The directory knows other shards, or reaches them otherwise: TLS, checks and routing follow.
  void shards_changed();
  void publish_shards();
  void on_verdict(const std::string& target, const health::Verdict& verdict);
  std::vector<health::Target> targets() const;
  std::vector<census::Target> census_targets() const;

  // One per core and block: TLS contexts are a core's own.
  Result<std::shared_ptr<const listen::Entrance>, std::string> make_entrance(
      const std::vector<Door>& doors, std::size_t which, const Credentials::Door& credentials) const;
  Result<Entrances, std::string> make_entrances(const std::vector<Door>& doors,
                                                const Credentials& credentials) const;
  // From now on these are the ones in use: warnings are told, metrics set.
  void adopt(Credentials credentials);
  void rotate_tickets();
  void watch_credentials(TimePoint now);
  Result<void, std::string> renew_credentials();

  // regions.cpp: the GeoIP database in use, and its file.
  void adopt_geoip();
  void watch_geoip();
  Result<void, std::string> renew_geoip();

  // peers.cpp: the other front doors.
  void make_cluster();
  // Of entries that a snapshot or a process before us had; none: they go into the table as they are.
  stick::Offer offer();
  cluster::Cluster::Make replica_maker() const;
  void reload_peers();
  void publish_rules();
  // Another process is about to take our place; and after all it will not.
  // `said` once, of the last who wants to know.
  void say_goodbye(std::function<void()> said);
  void leave_peers(std::function<void()> gone);
  void rejoin_peers();
  Duration patience_with_successor() const;
  void hear(cluster::Host::News news);
  void hear_words(const std::vector<peers_sync::Word>& words);
  bool hear_state(const peers_sync::Word& word);
  bool hear_shard(const peers_sync::Word& word);
  void tell_shards();
  void seed_table();
  bool hear_ban(const peers_sync::Word& word);
  // Alone, every room; among others those that this gate decides about.
  bool is_ours(std::string_view key) const;
  void fill_peer_metrics();

  // bans.cpp: those of these settings and the operator's.
  bool take_ban(const route::Ban& ban);  // false: too many
  bool drop_ban(const route::Ban& ban);  // false: there was none
  std::vector<route::Ban> all_bans(const std::vector<route::Ban>& of_settings) const;
  void publish_bans();
  // Those who are in a banned room already; who is on the way in finds the ban itself
  // (Exchange::open_tunnel).
  void send_banned_away();

  void publish_settings();
  void on_signal(int signal);
  void reload();
  Result<void, std::string> apply(Options next);
  void begin_drain();
  void end_leaving(int signal);
  void stop_accepting();
  void wait_for_guests();
  void finish();
  void end();
  // Another process serves; `left` is called when nobody can come to this one any more.
  void leave(std::function<void()> left);
  void load_snapshot();

  void sample_rates();
  void sample_shard_rates();
  admin::RoomRow row_of(const std::string& key, const stick::Entry& entry) const;
  std::optional<admin::RoomRow> agreed_row(const std::string& key, const peers_sync::RoomFacts& facts);
  std::optional<MoveError> may_move_to(std::string_view from, std::string_view to) const;
  Result<Moved, MoveError> move_alone(const std::string& normal, std::string_view shard);
  net::Task<Result<Moved, MoveError>> move_agreed(std::string normal, std::string shard, admin::Scope scope);
  // A drain, perhaps, as it is from now on.
  void begin_drains(std::string_view shard, std::optional<TimePoint> deadline);

  // Who is still at the shards that these rooms have left.
  void send_away(session::MovedRooms rooms);
  void watch_drains(TimePoint now);
  bool being_emptied(const std::string& shard) const;
  directory::Drains::Left left_on(const balance::Shard& shard);
  std::vector<std::string> rooms_of(stick::ShardId shard) const;
  // To wherever the policy says; added to `rooms`. How many tunnels that closes; nullopt: there is no other
  // shard for it.
  std::optional<std::size_t> move_from(const std::string& shard, const std::string& key,
                                       session::MovedRooms& rooms);

  Options options_;
  Reload reload_;
  Metrics metrics_;
  stick::Table table_;
  balance::ShardNames names_;
  listen::Admission admission_;
  upstream::SlotAccounts slots_;
  limits::Gatekeeper gatekeeper_;
  session::AccessWriter log_;
  directory::Directory directory_{names_};
  directory::Drains drains_{random_u64()};
  std::optional<directory::ShardWords> shard_words_;  // nullopt: nobody is told of shards
  std::shared_ptr<const balance::ShardSet> shards_;   // the control core's copy
  std::shared_ptr<balance::Policy> policy_;
  std::vector<route::Ban> operator_bans_;  // by the operator's word, until this process ends
  std::shared_ptr<const route::Bans> bans_ = std::make_shared<const route::Bans>();
  std::shared_ptr<const tls::TicketKeys> tickets_;  // of doors without a key file
  Credentials credentials_;
  Settled files_{0};
  Settled geoip_{0};

  net::Runtime runtime_;
  // Below the runtime: their sockets live in its cores.
  Doors doors_;
  std::unique_ptr<cluster::Cluster> cluster_;              // null: this gate decides alone
  std::vector<std::unique_ptr<session::Worker>> workers_;  // by core
  std::unique_ptr<health::Checker> checker_;
  std::unique_ptr<census::Asker> census_;
  std::unique_ptr<discovery::Discoverer> discoverer_;
  std::unique_ptr<admin::Server> admin_;
  handover::Inheritance* inherited_;  // until we serve
  std::unique_ptr<Upgrade> upgrade_;
  Snapshot snapshot_;
  Tick second_;
  Tick publish_;
  Tick stop_accepting_;
  Tick watch_guests_;
  // Of /stats, a reading a second.
  struct Rates {
    admin::RateWindow requests;
    admin::RateWindow connections;
    admin::RateWindow handshakes;
    admin::RateWindow new_rooms;
    std::map<std::string, admin::RateWindow> refused;  // by reason: a list in http::describe, so bounded
    struct OfShard {
      admin::RateWindow requests;
      admin::RateWindow new_rooms;
    };
    std::map<std::string, OfShard> shards;  // those there are
  } rates_;
  TimePoint started_;
  TimePoint tickets_rotated_;
  TimePoint next_look_;                  // at the credentials' files
  TimePoint end_at_ = TimePoint::max();  // of the grace
  bool draining_ = false;
  bool goodbye_ = false;  // is being said to the other front doors
  bool goodbye_said_ = false;
  std::function<void()> after_goodbye_;
  bool away_ = false;    // from the other front doors: we have left, and nobody has come in our place
  bool rejoin_ = false;  // and could not come back yet
  bool failed_ = false;  // to take over
  bool accepting_ = true;
  bool at_once_ = false;  // and no last words
  bool parting_ = false;
  bool ended_ = false;   // what was left of connections was cut
  bool ending_ = false;  // nothing more is waited for
};

}  // namespace roomgate::router::gate

// Everything a core's sessions share: settings, the shards as they are now, connections to them, what a
// request needs while it is under way. One per core, its thread; the stick table, the policy, metrics and log
// behind it are the whole gate's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/net/core.hpp"
#include "router/balance/policy.hpp"
#include "router/balance/shard_set.hpp"
#include "router/h2/pool.hpp"
#include "router/http/access_log.hpp"
#include "router/listen/listener.hpp"
#include "router/metrics/metrics.hpp"
#include "router/session/access_writer.hpp"
#include "router/session/arbiter.hpp"
#include "router/session/departures.hpp"
#include "router/session/guest.hpp"
#include "router/session/guide.hpp"
#include "router/session/moved_rooms.hpp"
#include "router/session/scratch.hpp"
#include "router/session/settings.hpp"
#include "router/stick/table.hpp"
#include "router/tls/handshake.hpp"
#include "router/upstream/pool.hpp"
#include "router/upstream/slots.hpp"

namespace roomgate::router::session {

// The gate's, outlives the workers; each safe from any thread.
struct Shared {
  stick::Table& table;
  Metrics& metrics;
  AccessWriter& log;
  listen::Admission& admission;
  limits::Gatekeeper& gatekeeper;
  upstream::SlotAccounts& slots;
};

class Worker {
 public:
  Worker(net::Core& core, Shared shared, std::shared_ptr<const Settings> settings,
         std::shared_ptr<balance::Policy> policy);

  // A reload, or a shard that changed. The worker's thread, like all below.
  void set_settings(std::shared_ptr<const Settings> settings, std::shared_ptr<balance::Policy> policy);
  void set_shards(std::shared_ptr<const balance::ShardSet> shards);
  void set_bans(std::shared_ptr<const route::Bans> next) { bans = std::move(next); }

  // From now on answers say Connection: close, and idle connections end.
  void drain();
  // The same without haste, when another process has taken over: idle connections of HTTP/1 end with their
  // next answer or their time, since a request may be on its way on each of them.
  void wind_down();
  // Tunnels close gently within the window, however many there are.
  void end_tunnels(Duration window);
  // Whatever is still there, at once.
  void end_all();
  void add(Guest& guest) { guests_.push_back(guest); }

  // Tunnels of these rooms to the shards that they have left close gently, each at a moment of its own, at
  // most `rate` of all tunnels a second; polls that are held there are answered. One walk over all guests.
  void rooms_moved(const MovedRooms& moved, double rate);
  void depart(Departures::Leaver& leaver, Duration window);

  std::unique_ptr<Inbox> take_inbox();
  void give_back(std::unique_ptr<Inbox> inbox);
  std::unique_ptr<Scratch> take_scratch();
  void give_back(std::unique_ptr<Scratch> scratch);

  // What the HTTP/2 connections of this core share; those that are there keep the one they began with.
  const std::shared_ptr<h2::Pool>& http2_pool();

  // A connection to the shard, for a client, came to nothing: who checks shards wants to know.
  void connect_failed(const balance::Shard& shard, net::IoError error);

  ShardMetrics& metrics_of(const balance::Shard& shard);
  ShardMetrics& own_metrics() { return own_metrics_; }
  void log(const http::AccessLine& line);
  void flush_log();
  // 32 characters, unique over all front doors.
  std::string_view next_request_id(std::array<char, 32>& out);

  net::Core& core;
  Shared shared;
  std::shared_ptr<const Settings> settings;
  std::shared_ptr<balance::Policy> policy;
  std::shared_ptr<const balance::ShardSet> shards;
  std::shared_ptr<const route::Bans> bans;  // null: none
  upstream::Slots slots;
  upstream::Pool pool;
  metrics::Histogram& duration;
  metrics::Histogram& tls_handshake;
  metrics::Counter& handshakes_full;
  metrics::Counter& handshakes_resumed;
  metrics::Histogram& queue_wait;
  metrics::Histogram& upstream_connect;
  metrics::Histogram& first_byte;
  metrics::Gauge& connections;
  std::uint64_t turn = 0;
  tls::FailureTally handshake_failures;
  // Set once: told of connect_failed(), at most every 100 ms for each shard.
  std::function<void(const std::string& shard, bool silent)> on_connect_failed;
  // Set once: a request has moved that room away from that shard, where others of it may still be.
  std::function<void(std::string_view key, const std::string& from)> on_room_moved;
  bool leaving = false;   // a shutdown has been announced: health answers say so
  bool draining = false;  // and now connections end with their answers
  bool winding_down = false;

  // Where rooms are is decided by another process, or by front doors together. null: not so, or no longer.
  void set_guide(Guide* other);
  void set_arbiter(Arbiter* other);
  Guide* guide() const { return guide_; }
  Arbiter* arbiter() const { return arbiter_; }
  bool alone() const { return alone_; }  // this process decides, by its own table
  void waited_for_claim(Duration time);

 private:
  struct LogTimer final : TimerWheel::Timer {
    explicit LogTimer(Worker& owner) : worker(owner) {}
    void on_expire() override { worker.flush_log(); }
    Worker& worker;
  };
  struct DepartureTimer final : TimerWheel::Timer {
    explicit DepartureTimer(Worker& owner) : worker(owner) {}
    void on_expire() override { worker.let_go(); }
    Worker& worker;
  };
  void let_go();

  bool alone_ = true;
  Guide* guide_ = nullptr;
  Arbiter* arbiter_ = nullptr;
  metrics::Histogram* claim_wait_ = nullptr;  // where there is somebody to claim from
  std::uint64_t settings_version_ = 0;
  std::vector<std::unique_ptr<Inbox>> inboxes_;
  std::vector<std::unique_ptr<Scratch>> scratches_;
  std::shared_ptr<h2::Pool> http2_pool_;
  std::vector<std::unique_ptr<ShardMetrics>> shard_metrics_;  // by shard id
  std::vector<TimePoint> failure_told_;                       // by shard id
  ShardMetrics own_metrics_;
  boost::intrusive::list<Guest, boost::intrusive::constant_time_size<false>> guests_;
  Departures departures_;
  DepartureTimer departure_timer_;
  std::string lines_;
  LogTimer log_timer_;
  std::array<char, 16> id_prefix_{};
  std::uint64_t next_id_ = 0;
};

}  // namespace roomgate::router::session

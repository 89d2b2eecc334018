#include "tests/router/route/fleet.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <vector>

#include "router/route/route.hpp"

namespace roomgate::router::route {
namespace {

using balance::Shard;
using balance::ShardSet;
using balance::ShardState;

constexpr Duration kReports = seconds(3);  // between a shard's words on its load

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t bound) { return engine_() % bound; }
  std::size_t between(std::size_t low, std::size_t high) { return low + below(high - low + 1); }
  bool chance(double probability) { return fraction() < probability; }
  Duration about(Duration mean) {
    const double times = -std::log(1 - fraction());
    return Duration(static_cast<Duration::rep>(static_cast<double>(mean.count()) * times));
  }

 private:
  double fraction() { return static_cast<double>(engine_() >> 11) / 9007199254740992.0; }
  std::mt19937_64 engine_;
};

struct Room {
  std::string key;
  std::string region;
  stick::ShardId shard = stick::kNoShard;  // where it must be
  std::uint64_t serial = 0;                // of its hold
};

// What happens to a shard later, and since when it is as it is.
struct Fate {
  TimePoint back{};  // when it is up, or takes rooms, again; {}: it does already
  TimePoint left_alone_since{};
  bool leaving = false;
  std::size_t rooms = 0;  // that somebody is in
};

class Fleet {
 public:
  explicit Fleet(const FleetOptions& options)
      : options_(options),
        dice_(options.seed),
        policy_(balance::make_policy(options.policy)),
        table_({.idle = options.idle}) {
    settings_.slow_start = options.slow_start;
    for (std::size_t r = 0; r < options.regions; ++r) {
      settings_.regions.fallback[region(r)] = {region(r + 1), region(r + 2)};
    }
    for (std::size_t i = 0; i < options.shards; ++i) add_shard(region(i));
    publish();
  }

  FleetReport run() {
    const TimePoint end = now_ + options_.length;
    const double per_second =
        static_cast<double>(options_.rooms) / std::chrono::duration<double>(options_.length).count();
    double due = 0;
    for (std::size_t second = 0; now_ < end; ++second, now_ += seconds(1)) {
      change_fleet();
      if (second % static_cast<std::size_t>(kReports / seconds(1)) == 0) report_loads();
      for (due += per_second; due >= 1 && report_.placed + report_.refused < options_.rooms; --due) arrive();
      end_rooms();
      for (std::size_t i = 0; i < static_cast<std::size_t>(3 * per_second); ++i) visit_one();
      move_homeless();
      (void)table_.tick(now_);
      if (second % 60 == 59) look_at_all(now_ - kStart > 2 * options_.room_life);
    }
    if (samples_ > 0) {
      report_.most_to_mean /= static_cast<double>(samples_);
      report_.variation /= static_cast<double>(samples_);
    }
    return report_;
  }

 private:
  std::string region(std::size_t number) const {
    return "region-" + std::to_string(number % options_.regions);
  }
  double rooms_to_expect() const {
    return static_cast<double>(options_.rooms) / static_cast<double>(options_.shards) *
           static_cast<double>(options_.room_life.count()) / static_cast<double>(options_.length.count());
  }

  // --- the fleet

  void add_shard(std::string in_region) {
    const auto id = static_cast<stick::ShardId>(next_shard_++);
    Shard shard{.id = id,
                .name = "shard-" + std::to_string(id),
                .addresses = {"192.0.2.1:80"},
                .region = std::move(in_region)};
    // Every tenth has bounds that bite now and then.
    if (id % 10 == 0) {
      shard.soft_rooms = static_cast<std::uint32_t>(rooms_to_expect() * 1.8);
      shard.max_rooms = static_cast<std::uint32_t>(rooms_to_expect() * 2.2);
    }
    list_.push_back(std::move(shard));
    fates_[id].left_alone_since = now_;
  }

  void publish() { shards_ = ShardSet(list_); }

  void report_loads() {
    for (Shard& shard : list_) {
      const double room_for = 3 * rooms_to_expect() * std::max<std::uint32_t>(1, shard.weight);
      shard.load = std::min(0.99, static_cast<double>(fates_[shard.id].rooms) / room_for);
    }
    publish();
  }

  void change_fleet() {
    if (options_.between_changes == Duration(0)) return;
    bool changed = false;
    for (Shard& shard : list_) {
      Fate& fate = fates_[shard.id];
      if (fate.back == TimePoint{} || now_ < fate.back) continue;
      fate.back = {};
      if (!shard.up) shard.ramp_begin = now_;
      shard.up = true;
      shard.state = fate.leaving ? ShardState::drain : ShardState::ready;
      fate.left_alone_since = now_;
      changed = true;
    }
    const auto gone = std::erase_if(list_, [this](const Shard& shard) {
      return fates_[shard.id].leaving && shard.up && table_.rooms_on(shard.id) == 0;
    });
    const double wanted = std::chrono::duration<double>(seconds(1)) / options_.between_changes;
    for (double left = wanted; left > 0; --left) {
      if (!dice_.chance(std::min(1.0, left))) continue;
      change_one();
      changed = true;
    }
    if (changed || gone > 0) publish();
  }

  void change_one() {
    ++report_.changes;
    Shard& shard = list_[dice_.below(list_.size())];
    Fate& fate = fates_[shard.id];
    const std::size_t kind = dice_.below(100);
    if (kind < 10) {
      if (list_.size() < options_.shards * 6 / 5) add_shard(region(dice_.below(options_.regions)));
      list_.back().ramp_begin = fates_[list_.back().id].left_alone_since;
      return;
    }
    // One thing at a time happens to a shard.
    if (!shard.up || shard.state != ShardState::ready) return;
    fate.left_alone_since = now_;
    if (kind < 40) {
      die(shard, fate);
    } else if (kind < 65) {
      shard.state = ShardState::drain;
      fate.back = now_ + seconds(dice_.between(60, 600));
    } else if (kind < 75) {
      if (list_.size() < options_.shards * 4 / 5) return;
      shard.state = ShardState::drain;
      fate.leaving = true;
    } else if (kind < 90) {
      shard.weight = static_cast<std::uint32_t>(dice_.between(1, 4));
    } else {
      shard.share = static_cast<std::uint32_t>(dice_.below(5) * 25);
    }
  }

  void die(Shard& shard, Fate& fate) {
    const auto down = std::count_if(list_.begin(), list_.end(), [](const Shard& one) { return !one.up; });
    // A tenth at most: what a panic does is not looked at here.
    if (static_cast<std::size_t>(down) * 10 >= list_.size()) return;
    ++report_.deaths;
    shard.up = false;
    shard.down_since = now_;
    fate.back = now_ + seconds(dice_.between(30, 600));
    for (std::size_t i = 0; i < rooms_.size(); ++i) {
      if (rooms_[i].shard != shard.id) continue;
      homeless_.push_back(rooms_[i].key);
      ++report_.had_to_move;
    }
  }

  // --- rooms

  // The region where a new room must go now: found the plain way.
  std::string best_region(const std::string& home, stick::ShardId except = stick::kNoShard) const {
    const std::vector<std::string>& others = settings_.regions.fallback.find(home)->second;
    for (const bool above_soft_cap : {false, true}) {
      for (std::size_t i = 0; i <= others.size(); ++i) {
        const std::string& where = i == 0 ? home : others[i - 1];
        for (const Shard& shard : list_) {
          if (shard.region == where && shard.id != except && may_take(shard, above_soft_cap)) return where;
        }
      }
    }
    return "";
  }

  bool may_take(const Shard& shard, bool above_soft_cap) const {
    if (!shard.up || shard.state != ShardState::ready || shard.weight == 0 || shard.share == 0) return false;
    const std::size_t rooms = table_.rooms_on(shard.id);
    if (shard.max_rooms > 0 && rooms >= shard.max_rooms) return false;
    return above_soft_cap || shard.soft_rooms == 0 || rooms < shard.soft_rooms;
  }

  Request request_for(const Room& room) const {
    Request request;
    request.path.kind = room::PathKind::signalling;
    request.key = room.key;
    request.region = room.region;
    return request;
  }

  void arrive() {
    Room room{.key = "tenant/meeting-" + std::to_string(report_.placed + report_.refused)};
    // Some regions are busier than others.
    room.region = region(std::min(dice_.below(options_.regions), dice_.below(options_.regions + 3)));
    const std::string best = best_region(room.region);
    const Decision decision = route(request_for(room), table_, shards_, *policy_, settings_, now_);
    if (!decision.forwards()) {
      ++report_.refused;
      if (!best.empty()) ++report_.refused_wrongly;
      return;
    }
    ++report_.placed;
    const Shard& shard = *decision.shard;
    const bool below_cap = shard.max_rooms == 0 || table_.rooms_on(shard.id) <= shard.max_rooms;
    if (decision.why != Why::fresh || !balance::takes_new_rooms(shard) || shard.region != best ||
        !below_cap) {
      ++report_.placed_wrongly;
    }
    if (decision.spill.region) ++report_.spilled;
    room.shard = shard.id;
    room.serial = table_.hold(room.key, now_).serial;
    ++fates_[room.shard].rooms;
    endings_.emplace(now_ + dice_.about(options_.room_life), room.key);
    places_[room.key] = rooms_.size();
    rooms_.push_back(std::move(room));
  }

  void end_rooms() {
    while (!endings_.empty() && endings_.begin()->first <= now_) {
      const std::string key = endings_.begin()->second;
      endings_.erase(endings_.begin());
      const std::size_t place = places_.at(key);
      Room& room = rooms_[place];
      (void)table_.unhold(key, room.serial, now_);
      --fates_[room.shard].rooms;
      places_.erase(key);
      if (place + 1 < rooms_.size()) {
        room = std::move(rooms_.back());
        places_[room.key] = place;
      }
      rooms_.pop_back();
    }
  }

  // Somebody comes to a room that is there.
  void visit_one() {
    if (rooms_.empty()) return;
    const Room& room = rooms_[dice_.below(rooms_.size())];
    const Decision decision = route(request_for(room), table_, shards_, *policy_, settings_, now_);
    if (!decision.forwards() || decision.shard->id != room.shard) ++report_.moved_without_need;
  }

  // Clients of a shard that died come back; their connect to it fails.
  void move_homeless() {
    std::vector<std::string> still;
    for (const std::string& key : homeless_) {
      const auto place = places_.find(key);
      if (place == places_.end()) continue;  // ended meanwhile
      Room& room = rooms_[place->second];
      const Shard* home = shards_.by_id(room.shard);
      if (home != nullptr && home->up) continue;  // it was faster
      const Decision failed = route(request_for(room), table_, shards_, *policy_, settings_, now_);
      const std::string best = best_region(room.region, room.shard);
      const stick::ShardId tried[] = {room.shard};
      auto next = relocate(key, room.region, failed, tried, table_, shards_, *policy_, settings_, now_);
      if (next) next = settle(key, *next, table_, shards_, settings_, now_);
      if (!next) {
        if (!best.empty()) ++report_.left_behind;
        still.push_back(key);
        continue;
      }
      if (next->shard->region != best || !balance::takes_new_rooms(*next->shard)) ++report_.placed_wrongly;
      ++report_.moved;
      --fates_[room.shard].rooms;
      room.shard = next->shard->id;
      ++fates_[room.shard].rooms;
    }
    homeless_ = std::move(still);
  }

  void look_at_all(bool warm) {
    for (const Room& room : rooms_) {
      const auto entry = table_.peek(room.key);
      if (!entry || entry->shard != room.shard) ++report_.moved_without_need;
    }
    if (!warm) return;
    for (std::size_t r = 0; r < options_.regions; ++r) sample(region(r));
  }

  void sample(const std::string& where) {
    std::vector<double> levels;
    double sum = 0;
    for (const Shard& shard : list_) {
      const Fate& fate = fates_[shard.id];
      if (shard.region != where || !may_take(shard, true) || shard.share < 100) continue;
      if (now_ - fate.left_alone_since < options_.room_life && fate.left_alone_since != kStart) continue;
      levels.push_back(static_cast<double>(fate.rooms) / shard.weight);
      sum += levels.back();
    }
    if (levels.size() < 2 || sum == 0) return;
    const double mean = sum / static_cast<double>(levels.size());
    double squares = 0;
    for (const double level : levels) squares += (level - mean) * (level - mean);
    report_.most_to_mean += *std::max_element(levels.begin(), levels.end()) / mean;
    report_.variation += std::sqrt(squares / static_cast<double>(levels.size())) / mean;
    ++samples_;
  }

  static constexpr TimePoint kStart = TimePoint() + std::chrono::hours(1);

  FleetOptions options_;
  Dice dice_;
  Settings settings_;
  std::unique_ptr<balance::Policy> policy_;
  stick::Table table_;
  std::vector<Shard> list_;
  ShardSet shards_;
  std::map<stick::ShardId, Fate> fates_;
  std::size_t next_shard_ = 0;
  std::vector<Room> rooms_;                    // that somebody is in
  std::map<std::string, std::size_t> places_;  // key -> place in rooms_
  std::multimap<TimePoint, std::string> endings_;
  std::vector<std::string> homeless_;
  TimePoint now_ = kStart;
  FleetReport report_;
  std::size_t samples_ = 0;
};

}  // namespace

FleetReport run_fleet(const FleetOptions& options) { return Fleet(options).run(); }

}  // namespace roomgate::router::route

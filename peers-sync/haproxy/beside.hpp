// The gates' table as a stick table of HAProxies beside them: what they are told of it, and what becomes of
// what they say. Ours wins: a room that is known here stays where it is, and the gate that speaks for it says
// so again; only unknown rooms are adopted (generation 0, the lowest there is). Owned by the mesh, the peers
// core.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/siphash.hpp"
#include "peers-sync/haproxy/disputes.hpp"
#include "peers-sync/haproxy/feed.hpp"
#include "peers-sync/haproxy/hints.hpp"
#include "peers-sync/haproxy/key_form.hpp"
#include "peers-sync/haproxy/lessons.hpp"
#include "peers-sync/haproxy/rows.hpp"
#include "peers-sync/haproxy/servers.hpp"
#include "peers-sync/haproxy/tables.hpp"

namespace roomgate::peers_sync::haproxy {

class Beside final : public Tables {
 public:
  // HAProxy's configuration, as the operator says it is (conf [peers]).
  struct Settings {
    std::string table = "jitsi-meet";
    std::size_t key_length = 128;  // its `len`
    KeyForm form = KeyForm::room;
    bool by_address = false;  // srvkey addr
    Duration expire = std::chrono::hours(24);
    friend bool operator==(const Settings&, const Settings&) = default;
  };
  class Listener {
   public:
    // Our key for a key of HAProxy's table, which is what a client wrote; nullopt: no room's.
    virtual std::optional<std::string> key_of(std::string_view spelling) = 0;
    virtual void adopt(std::string_view key, std::string_view shard) = 0;

   protected:
    ~Listener() = default;
  };

  // All of them outlive it.
  Beside(Settings settings, const std::vector<Server>& servers, const Feed& feed, Listener& listener,
         TimePoint now);

  // A reload.
  void set(const Settings& settings, const std::vector<Server>& servers, TimePoint now);
  // The feed is another one, with positions of its own (a node that begins a new life).
  void begin_again(TimePoint now);
  // A client wrote a room's name like this; HAProxy would have it so in its table.
  void spelled(std::string_view key, std::string_view spelling, TimePoint now);

  // The feed has changed, or next() is due.
  void tick(TimePoint now);
  TimePoint next() const;
  // Sessions have something to push that they had not when this was asked last.
  bool take_news();

  // A HAProxy has told all it knows, or there was none to ask: new rooms can be placed.
  bool learned(TimePoint now) const { return settings_.form == KeyForm::off || lessons_.finished(now); }
  // Where HAProxies would look for a room that has no home here.
  std::optional<std::string_view> hint(std::string_view key, TimePoint now) const;

  struct Counters {
    std::uint64_t adopted = 0;
    std::uint64_t refused = 0;     // said to be where it is not
    std::uint64_t said_again = 0;  // because of that
    std::uint64_t alarms = 0;      // too often: somebody has to look at HAProxy's configuration
    std::uint64_t hints = 0;       // cut, or any tenant's
    std::uint64_t unknown_servers = 0;
    std::uint64_t unusable_keys = 0;
    std::uint64_t refreshed = 0;
  };
  const Counters& counters() const { return counters_; }

  // --- Tables
  codec::TableDefinition definition() const override;
  std::optional<Entry> next(std::uint64_t position, TimePoint now) override;
  bool up_to_date(TimePoint now) const override;
  bool wants_lesson(std::string_view peer, TimePoint now) override;
  void lesson_over(std::string_view peer, bool complete, TimePoint now) override;
  bool wants(std::string_view table, std::uint64_t key_type, std::uint64_t key_length) override;
  void learn(const Learned& learned, TimePoint now) override;
  std::uint64_t acknowledged(std::string_view peer) const override;
  void acknowledge(std::string_view peer, std::uint64_t position) override;

 private:
  // A room that has a home.
  struct Room {
    std::string shard;
    bool ours = false;
    std::vector<std::string> spellings;  // other than our own
  };
  using RoomMap = std::unordered_map<std::string, Room, SipHasher, std::equal_to<>>;
  // Spelled so before it has a home.
  struct Expected {
    std::string spelling;
    std::string shard;  // that HAProxy has under it; empty: it does not know it
  };

  // Else nothing is kept for them: a gate without HAProxies has none of its rooms twice.
  bool tells() const { return settings_.form != KeyForm::off && servers_.any_spoken(); }
  void forget_rooms();
  void pull(TimePoint now);
  void changed(const Feed::Change& change, TimePoint now);
  void released(std::string_view key);
  void say(const std::string& key, Room& room, TimePoint now);
  void say_spelling(std::string_view spelling, const std::string& key, const Room& room, bool pushed,
                    TimePoint now);
  void silence(const std::string& key, const Room& room);
  bool add_spelling(const std::string& key, Room& room, std::string_view spelling);
  void expect(std::string_view key, std::string_view spelling, std::string_view shard);
  void agreed(std::string_view key, std::string_view spelling, TimePoint now);
  void contradicted(const std::string& key, std::string_view spelling, const Feed::Known& ours,
                    const Learned& learned, TimePoint now);
  bool only_a_hint(std::string_view spelling, std::string_view key) const;
  void refresh(TimePoint now);
  std::string_view own_spelling(std::string_view key) const;
  bool first_time(std::string_view what, std::string_view name);

  Settings settings_;
  Servers servers_;
  const Feed& feed_;
  Listener& listener_;
  Counters counters_;

  RoomMap rooms_;
  Rows rows_;
  std::uint64_t seen_ = 0;  // of the feed
  bool more_ = false;       // in the feed, at once
  std::unordered_map<std::string, Expected, SipHasher, std::equal_to<>> expected_;
  std::unordered_map<std::string, std::size_t, SipHasher, std::equal_to<>> tenants_;  // with that room
  std::size_t spellings_ = 0;
  Disputes disputes_;
  Hints hints_;
  Lessons lessons_;
  std::map<std::string, std::uint64_t, std::less<>> acknowledged_;
  std::uint64_t told_ = 0;  // of rows_.last(), to take_news()
  std::set<std::string, std::less<>> warned_;
};

}  // namespace roomgate::peers_sync::haproxy

// One process of a front door giving way to the next (handover/message.hpp has their words). Both sides: a
// gate that takes over will be taken over. Owned by the gate, its control core. Its rooms: upgrade.cpp (the
// socket, who comes to it, the rooms of old processes), take_over.cpp, give_way.cpp.
//
//   serving  -> offering   a successor has said hello: it gets descriptors, keys, words and the table
//   offering -> asking     it is prepared: no core decides any more, what has changed since is sent behind
//   asking   -> left       it serves: our listeners are closed, tunnels and requests under way go on
//   offering, asking -> serving   it is gone, or too slow: as if nothing had been
//
// In `left` the process that serves holds our rooms, and is asked for routes. Whenever another one takes over
// from that, we come to it by ourselves, and tell it what we hold.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/net/acceptor.hpp"
#include "base/siphash.hpp"
#include "router/gate/asking.hpp"
#include "router/handover/inheritance.hpp"
#include "router/handover/link.hpp"

namespace roomgate::router::gate {

class Gate;

struct UpgradeLimits {
  Duration patience = seconds(30);  // for a hello, from it to prepared, and from there to serving
  Duration reconnect = seconds(1);  // of an old process that has lost the one that serves
  Duration report = seconds(60);    // between two lines about what an old process still has
  std::size_t strangers = 8;        // connections that have not said what they are
};

class Upgrade {
 public:
  Upgrade(Gate& gate, std::vector<std::string> command);
  ~Upgrade();

  // The socket by which the next one comes. Connections wait until serve().
  Result<void, std::string> open(handover::Inheritance* inherited);
  void serve();
  // A reload: another socket, or null where it is the same.
  Result<std::unique_ptr<net::Acceptor>, std::string> prepare_socket(const std::string& socket);
  void use_socket(std::unique_ptr<net::Acceptor> acceptor, const std::string& socket);

  // --- Taking over.

  // Tickets, operators' words, drains and the table; before anything runs.
  Result<void, std::string> take(handover::Inheritance& inherited);
  // What DNS said last of the [[discover]] blocks, once they are known.
  void take_found(const handover::Inheritance& inherited);
  // Says that we are prepared. `go` once all has come; `failed` if that will never be.
  void prepared(handover::Inheritance& inherited, std::function<void()> go,
                std::function<void(std::string_view why)> failed);
  // We accept.
  void serving();

  // --- Being taken over.

  // SIGUSR2: the program as it is on disk now, with --takeover.
  void spawn();
  bool left() const { return stage_ == Stage::left; }
  // Somebody is in the middle of taking over.
  bool under_way() const { return stage_ == Stage::offering || stage_ == Stage::asking; }
  // Not now.
  void call_off(std::string_view why) { abandon(why); }
  // Shards that only the process that serves knows.
  void add_learnt(std::vector<balance::Shard>& shards) const;

  // --- Both.

  void every_second(TimePoint now);
  // Old processes close their tunnels of that room to that shard, which it has left.
  void close_tunnels(std::string_view key, std::string_view shard, Duration window);
  // The gate is being stopped: so are they.
  void end_old_processes();
  // And it has no socket any more.
  void stop();
  std::size_t old_processes() const;

 private:
  enum class Stage { serving, offering, asking, left };

  // Another process of this gate.
  struct Other {
    enum class Role {
      stranger,   // has not said hello
      elder,      // an old one that still has tunnels: we hold its rooms
      successor,  // takes over from us, or has
      next,       // we have left, and will report to it once it has said welcome
    };
    struct Hold {
      std::uint64_t serial = 0;
      std::uint32_t count = 0;
    };
    std::uint64_t number = 0;  // tells it from those that were there before
    std::unique_ptr<handover::Link> link;
    Role role = Role::stranger;
    TimePoint since;
    std::unordered_map<std::string, Hold, SipHasher, std::equal_to<>> holds;  // an elder's
  };
  struct Tick final : TimerWheel::Timer {
    explicit Tick(std::function<void()> what) : work(std::move(what)) {}
    void on_expire() override { work(); }
    std::function<void()> work;
  };

  net::Acceptor::OnAccept on_accept();
  void receive(int descriptor);
  Other& add(Other::Role role);
  handover::Link::Listener listener_of(Other& other);
  void remove(Other& other);
  void on_message(Other& other, handover::Message message);
  void on_end(Other& other, std::string_view why);

  // An elder's.
  void set_holds(Other& elder, std::string_view key, std::uint32_t count);
  void release(Other& elder);
  void reply(Other& elder, handover::Ask ask);
  handover::Answer answer(const handover::Ask& ask);
  net::Task<void> answer_agreed(std::uint64_t elder, handover::Ask ask);
  handover::Answer answer_of(const handover::Ask& ask, const route::Decision& decision);
  // From our own predecessor, before we serve.
  void take_word(const handover::ShardWord& word);
  void take_drain(const handover::Drain& drain);
  void take_ban(const handover::Ban& ban);
  void on_go();

  // To and from a successor.
  void offer(Other& other);
  void send_offer(std::string image);
  void send_words();
  void send_drains();
  void begin_asking();
  void gather_changes();
  void send_changes(std::string image);
  void leave();
  void abandon(std::string_view why);
  // The table, or what of it `wanted` says, made on a thread of its own, then given to `done` unless the
  // handover is over by then.
  void make_image(std::function<bool(const stick::Entry&)> wanted, std::function<void(std::string)> done);

  // Once we have left.
  void holds_changed(const std::string& key);
  void report(const std::string& key);
  void learn_address(const handover::Answer& answer);
  void come_to(const std::string& socket);
  void connected(Other& other);
  void lost();

  Gate& gate_;
  std::vector<std::string> command_;
  std::string socket_;  // where the one that serves is found
  std::unique_ptr<net::Acceptor> acceptor_;
  std::vector<std::unique_ptr<net::Acceptor>> stopped_;  // until nothing of them runs any more
  UpgradeLimits limits_;
  Stage stage_ = Stage::serving;
  std::list<Other> others_;
  std::uint64_t next_other_ = 1;

  // Taking over: whom we have it from, and what is to be done when it says so.
  Other* predecessor_ = nullptr;
  std::string changes_;  // of the table, since it was offered
  std::function<void()> go_;
  std::function<void(std::string_view)> failed_;
  std::vector<handover::Ask> early_;  // questions before we serve

  // Being taken over: by whom. Once we have left: who serves; none: it is lost.
  Other* successor_ = nullptr;
  std::string next_socket_;  // where it will be found
  std::unique_ptr<Asking> asking_;
  TimePoint image_began_;
  bool changes_sent_ = false;
  std::set<std::string> changed_holds_;                                      // until then
  std::map<std::string, std::pair<std::string, bool>, std::less<>> learnt_;  // address and TLS, by shard
  std::uint64_t handover_ = 0;  // counts them: what comes back late is of an earlier one
  Tick out_of_patience_;
  TimePoint reconnect_at_ = TimePoint::max();
  TimePoint report_at_ = TimePoint::max();
  std::thread image_maker_;

  pid_t child_ = -1;  // started by spawn(), not yet told to be ready
};

}  // namespace roomgate::router::gate

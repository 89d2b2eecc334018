// Machines, clocks and a network that do what they like, for one seed always the same: processes start, stop,
// get no time and wake up to what has come meanwhile; sessions open, break, and stay open over ways that are
// cut; messages are late, lost, doubled, overtaken. What runs in a process is a Program; who chooses what
// goes wrong is Chaos; what must hold is checked by the observer, after every step of a process.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "peers-sync/claim/node.hpp"
#include "tests/peers-sync/claim/simulation/random.hpp"

namespace roomgate::peers_sync::claim::simulation {

// One life of one gate. Times are by its own clock.
class Program {
 public:
  virtual ~Program() = default;
  virtual void connected(const std::string& gate, TimePoint now) = 0;
  virtual void lost(const std::string& gate, TimePoint now) = 0;
  virtual void refused(const std::string& gate, TimePoint now) = 0;
  virtual void receive(const std::string& from, const Packet& packet, TimePoint now) = 0;
  virtual void tick(TimePoint now) = 0;
  virtual TimePoint next() const = 0;
  virtual void resign(TimePoint now) = 0;
  virtual void leave(TimePoint now) = 0;
  virtual bool has_left(TimePoint now) const = 0;
};

class World {
 public:
  using Index = std::size_t;
  // In place of one by chance; every gate has a session with every other.
  struct Network {
    Duration low{0};  // of the ways between two gates
    Duration high{0};
    Duration jitter{0};
    double loss = 0;
    bool in_order = true;
  };
  struct Options {
    std::uint64_t seed = 1;
    std::size_t gates = 3;
    bool verbose = false;
    std::optional<Network> network{};
  };
  // `with_table`: what it finds of its life before is whole.
  using Start =
      std::function<std::unique_ptr<Program>(Index gate, std::uint64_t life, TimePoint now, bool with_table)>;
  using Observer = std::function<void(Index)>;

  World(Options options, Start start, Observer observer);

  // --- What chaos does. Nothing happens where it would make no sense (a dead process is not stopped).
  void start(Index gate, bool with_table);
  void kill(Index gate, bool machine_too);  // machine_too: nobody is told, and connections are not refused
  void stop(Index gate);                    // as SIGSTOP
  void go_on(Index gate);
  void say_goodbye(Index gate, Duration notice);  // resigns, leaves after the notice, ends by itself
  void cut(Index from, Index to, bool is_cut);
  void mend_all();

  // --- For programs and clients.
  Duration now() const { return now_; }
  TimePoint local(Index gate) const;
  void send(Index from, const std::string& to, Packet packet);
  void after(Duration delay, std::function<void()> then);
  // In that process, as an event of it, if it runs then (a stopped one: when it goes on).
  void in_process(Index gate, std::function<void(Program&, TimePoint)> then);

  void run(Duration time);

  std::size_t size() const { return hosts_.size(); }
  const std::string& name(Index gate) const { return hosts_[gate].name; }
  Index index(const std::string& name) const;
  Program* program(Index gate) { return hosts_[gate].program.get(); }
  bool runs(Index gate) const { return hosts_[gate].program && !hosts_[gate].stopped; }
  std::uint64_t life(Index gate) const { return hosts_[gate].life; }  // 1000 and the number of its starts
  bool exists(Index gate) const { return hosts_[gate].program != nullptr; }
  bool leaves(Index gate) const { return hosts_[gate].leaving; }
  bool is_cut(Index from, Index to) const { return links_[from * hosts_.size() + to].cut; }
  bool linked(Index one, Index other) const { return links_[one * hosts_.size() + other].exists; }
  // Those that it reaches and that reach it, along sessions that are open and not cut, processes running.
  std::vector<Index> component(Index gate) const;
  // Were the two in one component all the time from then until then?
  bool were_together(Index one, Index other, Duration from, Duration until) const;
  Random& random() { return random_; }
  void log(Index gate, const std::string& text) const;
  bool verbose() const { return options_.verbose; }

 private:
  struct Host {
    std::string name;
    std::unique_ptr<Program> program;
    std::uint64_t life = 0;
    bool machine_up = true;
    bool stopped = false;
    bool leaving = false;
    Duration offset{0};
    double rate = 1;
    Duration tick_at = Duration::max();
    std::vector<std::function<void(Program&, TimePoint)>> waiting;  // while stopped
  };
  // One direction; `open` is what `from` believes.
  struct Link {
    bool exists = true;
    bool cut = false;
    bool open = false;
    std::uint64_t session = 0;
    Duration delay{0};
    Duration last_arrival{0};
  };
  // When two gates were not in one component.
  struct Apart {
    Duration from;
    Duration until;
  };
  struct Event {
    Duration at;
    std::uint64_t number;
    std::function<void()> run;
    bool operator<(const Event& other) const {
      return at != other.at ? at > other.at : number > other.number;
    }
  };

  Link& link(Index from, Index to) { return links_[from * hosts_.size() + to]; }
  void ways_changed();
  void arrange_tick(Index gate);
  void dial(Index from, Index to);
  void watch(Index one, Index other);
  void close(Index from, Index to, std::uint64_t session, Duration delay);
  void deliver(Index from, Index to, std::uint64_t session, const Packet& packet);
  Duration travel(Index from, Index to);

  Options options_;
  Start start_;
  Observer observer_;
  Random random_;
  Duration now_{0};
  std::uint64_t events_ = 0;
  std::uint64_t sessions_ = 0;
  std::vector<Event> queue_;  // a heap, the next one first
  std::vector<Host> hosts_;
  std::vector<Link> links_;
  std::vector<std::vector<Apart>> apart_;  // by pair; the last may be open
  // The network's character, by seed.
  Duration jitter_{0};
  double loss_ = 0;
  double doubled_ = 0;
  double spike_ = 0;
  bool in_order_ = true;
};

}  // namespace roomgate::peers_sync::claim::simulation

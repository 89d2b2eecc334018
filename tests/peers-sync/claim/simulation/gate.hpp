// A whole gate, as far as rooms are concerned: a Node, the table that its cores read, and what they note of
// use. Requests and tunnels are put in by a Town, which also knows the shards. Owned by a World, as a
// Program.
#pragma once

#include <map>
#include <set>
#include <string>

#include "peers-sync/claim/node.hpp"
#include "tests/peers-sync/claim/simulation/world.hpp"

namespace roomgate::peers_sync::claim::simulation {

// What is outside of gates: shards, people, and those who watch.
class Surroundings {
 public:
  virtual std::vector<std::string> shards() const = 0;
  virtual bool sees_down(World::Index gate, const std::string& shard) const = 0;
  virtual std::optional<std::size_t> participants(std::string_view key, std::string_view shard) const = 0;
  virtual void put(World::Index gate, const std::string& key, const Home& home) = 0;  // before it is there
  virtual void moved(World::Index gate, const std::string& key, const std::string& from, const Home& to) = 0;

 protected:
  ~Surroundings() = default;
};

class Gate final : public Program, private Host, private Transport {
 public:
  using Table = std::map<std::string, Home, std::less<>>;

  Gate(World& world, Surroundings& around, World::Index index, NodeOptions options, const Table& table,
       TimePoint now);

  // --- What a core does. `was_in_use` of the room here, before this request, is noted for elsewhere().
  void request(const std::string& key, Use use, Replica::Done done, TimePoint now);
  void elsewhere(const std::string& key, const std::string& from, Replica::Done done, TimePoint now);
  void settle(const std::string& key, const std::string& from, const Outcome& candidate, Replica::Done done,
              TimePoint now);
  void open_tunnel(const std::string& key);
  void close_tunnel(const std::string& key, TimePoint now);

  Node& node() { return node_; }
  const Table& table() const { return table_; }
  bool drained(const std::string& shard) const { return drained_.contains(shard); }

  // --- Program
  void connected(const std::string& gate, TimePoint now) override;
  void lost(const std::string& gate, TimePoint now) override;
  void refused(const std::string& gate, TimePoint now) override;
  void receive(const std::string& from, const Packet& packet, TimePoint now) override;
  void tick(TimePoint now) override;
  TimePoint next() const override;
  void resign(TimePoint now) override;
  void leave(TimePoint now) override;
  bool has_left(TimePoint now) const override;

 private:
  struct Local {
    std::size_t tunnels = 0;
    TimePoint signalling{};  // the last request of that kind
    TimePoint any{};
  };

  // Host
  Chosen choose(const Placement& placement, TimePoint now) override;
  std::string said_in_full(std::string_view key, std::string_view wish) override;
  bool sees_down(std::string_view shard) override;
  std::vector<std::string> shards_down() override;
  bool in_panic(TimePoint now) override;
  std::optional<std::size_t> participants(std::string_view key, std::string_view shard) override;
  void put(std::string_view key, const Home& home) override;
  void drop(std::string_view key) override;
  bool give_back(std::string_view key, TimePoint now) override;
  LocalUse local_use(std::string_view key, TimePoint now) override;
  void moved(std::string_view key, std::string_view from, const Home& to) override;
  void heard(const Word& word) override;
  void ready_changed(bool ready) override;
  // Transport
  void send(const std::string& gate, Packet packet) override;

  bool held(const Local& local, bool provisional, Duration within, TimePoint now) const;
  bool in_use(const std::string& key, TimePoint now) const;
  std::string wish() const;
  std::vector<std::string> eligible() const;
  void watch();

  World& world_;
  Surroundings& around_;
  World::Index index_;
  NodeOptions options_;
  Table table_;
  std::map<std::string, Local, std::less<>> local_;
  std::set<std::string> drained_;
  std::optional<TimePoint> many_down_since_;
  std::string looked_;
  Node node_;
};

}  // namespace roomgate::peers_sync::claim::simulation

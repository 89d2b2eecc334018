// A gate's peers side with plain sockets and one thread, as little as it takes to meet real HAProxies:
// sessions, the table beside them, the rule that the last accepted hello wins. The real one is the mesh.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "peers-sync/haproxy/beside.hpp"
#include "peers-sync/session.hpp"
#include "tests/peers-sync/interop/haproxy.hpp"

namespace roomgate::peers_sync::tests {

class Front final : public haproxy::Feed, public haproxy::Beside::Listener {
 public:
  Front(std::string name, int port, std::vector<Neighbour> others, unsigned minor = 1);
  ~Front();
  Front(const Front&) = delete;

  // What the gate decides itself.
  void put(const std::string& room, const std::string& shard);
  std::map<std::string, std::string> rooms() const;  // room -> shard
  haproxy::Beside& beside() { return beside_; }
  // Sessions that are open, by peer.
  std::vector<std::string> open() const;
  Session::Counters counters() const;                        // of all sessions so far
  std::vector<std::string> ended() const { return ended_; }  // why

  // Works until that is so. False: it was not within the time.
  bool until(const std::function<bool()>& so, Duration patience = seconds(30));
  void work(Duration time);  // for so long
  bool connects = true;      // else it only accepts

 private:
  struct Link;
  struct Room {
    std::string shard;
    std::uint64_t position = 0;
  };

  void step();
  void connect(const Neighbour& other);
  void accept();
  bool read(Link& link);
  bool write(Link& link);
  void end(Link& link);
  void take(Link& newest);

  void changed_since(std::uint64_t position, const std::function<bool(const Change&)>& visit) const override;
  std::optional<Known> find(std::string_view key) const override;
  bool complete() const override { return true; }
  std::optional<std::string> key_of(std::string_view spelling) override;
  void adopt(std::string_view key, std::string_view shard) override;

  std::string name_;
  std::vector<Neighbour> others_;
  unsigned minor_;
  int listener_ = -1;
  std::list<std::unique_ptr<Link>> links_;
  std::map<std::string, TimePoint> again_;  // when to connect
  std::map<std::string, Room, std::less<>> rooms_;
  std::map<std::uint64_t, std::string> changes_;
  std::uint64_t last_ = 0;
  haproxy::Beside beside_;
  Session::Counters counted_;
  std::vector<std::string> ended_;
};

}  // namespace roomgate::peers_sync::tests

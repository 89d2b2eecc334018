// The sockets of the [[listen]] blocks, and who accepts on them. Changes come as a plan: what is new is bound
// before anything is touched, so that an address that cannot be had changes nothing. Owned by the gate, its
// control core; each Listener lives on the core that it serves.
//
// All sockets of an address share it (SO_REUSEPORT), and the kernel gives each a part of the connections. One
// that closes takes its queue with it; so sockets that were taken over are all kept, and where there are more
// of them than cores a core serves several.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/net/runtime.hpp"
#include "router/gate/options.hpp"
#include "router/handover/inheritance.hpp"
#include "router/listen/listener.hpp"

namespace roomgate::router::gate {

struct Door {
  std::uint32_t id = 0;  // of this process, never given twice
  ListenBlock block;
  std::uint32_t number = 0;  // of the blocks with that address, which one
  std::uint16_t port = 0;
  std::vector<int> descriptors;  // the i-th is served by core i, modulo their number
};

class Doors {
 public:
  using Make = std::function<std::unique_ptr<listen::Listener>(
      net::Core& core, int descriptor, std::shared_ptr<const listen::Entrance> entrance)>;
  // By core, by door.
  using Entrances = std::vector<std::vector<std::shared_ptr<const listen::Entrance>>>;

  class Plan {
   public:
    Plan() = default;
    Plan(Plan&&) = default;
    Plan& operator=(Plan&&) = delete;
    ~Plan();
    const std::vector<Door>& doors() const { return doors_; }
    // From now on connections wait in the new sockets.
    Result<void, std::string> listen();

   private:
    friend class Doors;
    std::vector<Door> doors_;
    std::vector<std::uint32_t> fresh_;  // ids of doors that were not there
    std::vector<int> owned_;            // descriptors that no listener has
    std::vector<int> bound_;            // of those: not listening yet
  };

  Doors(net::Runtime& runtime, Make make) : runtime_(runtime), make_(std::move(make)) {}

  // Doors whose address stays are kept; others are `inherited`, or bound. The error is for the operator.
  Result<Plan, std::string> plan(const std::vector<ListenBlock>& blocks, handover::Inheritance* inherited);
  // New doors accept once start() was called; those that are gone take what the kernel has let in, and close.
  void commit(Plan plan, Entrances entrances);
  void start(std::function<void()> done);
  void set_entrances(Entrances entrances);
  // On each listener's core.
  void each(std::function<void(std::size_t door, listen::Listener& listener)> work);

  const std::vector<Door>& all() const { return doors_; }
  // All descriptors, to whoever takes over.
  void give_to(handover::Link& link) const;

  // --- On that core.

  void stop(net::Core& core);
  // Another process goes on with them.
  void leave(net::Core& core);

 private:
  struct Served {
    std::uint32_t id = 0;
    std::vector<std::unique_ptr<listen::Listener>> listeners;
  };
  struct Side {                                              // a core's
    std::vector<Served> doors;                               // in their order
    std::vector<std::unique_ptr<listen::Listener>> stopped;  // until nothing of them runs any more
    bool started = false;
  };

  void rearrange(net::Core& core, const std::vector<Door>& doors,
                 std::vector<std::shared_ptr<const listen::Entrance>> entrances);

  net::Runtime& runtime_;
  Make make_;
  std::vector<Door> doors_;
  std::vector<int> bound_;
  std::uint32_t next_id_ = 1;
  std::vector<Side> sides_;  // by core
};

}  // namespace roomgate::router::gate

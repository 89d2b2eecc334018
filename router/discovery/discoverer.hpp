// Asks DNS for each [[discover]] block, as often as answers live, and tells whenever a block's endpoints have
// changed. One coroutine per block; SRV targets are resolved a few at a time. Owned by the gate, on its
// control core.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/dns/resolver.hpp"
#include "base/net/sleep.hpp"
#include "router/discovery/block.hpp"
#include "router/metrics/metrics.hpp"

namespace roomgate::router::discovery {

// One block, for people.
struct Row {
  std::string question;
  State state = State::waiting;
  std::string error;
  std::size_t shards = 0;
  std::optional<Duration> since_good;
  Duration to_next{};
};

class Discoverer {
 public:
  // The whole set, never empty.
  using OnFound =
      std::function<void(const std::string& question, const std::vector<directory::Endpoint>& endpoints)>;

  Discoverer(net::Core& core, Metrics& metrics, OnFound on_found, Limits limits = {});
  ~Discoverer();

  // Blocks whose question and way of naming stay go on as they were; others are asked for at once. Servers of
  // resolv.conf are read anew.
  void set_blocks(const std::vector<directory::DiscoverBlock>& blocks, const dns::Options& options);

  // Until every block has found shards, or has been told that there are none. False: the deadline came first.
  net::Task<bool> all_answered(TimePoint deadline) { return all_answered_.wait(deadline); }

  std::vector<Row> rows() const;

 private:
  struct Asker;
  net::Task<void> watch(std::shared_ptr<Asker> asker);
  void conclude(Asker& asker, const News& news);
  void tell_if_all_answered();
  void show(const Asker& asker);

  net::Core& core_;
  Metrics& metrics_;
  OnFound on_found_;
  Limits limits_;
  net::Event all_answered_;
  std::shared_ptr<dns::Resolver> resolver_;               // an open question keeps the one it was put to
  std::map<std::string, std::shared_ptr<Asker>> askers_;  // by question
};

}  // namespace roomgate::router::discovery

#include "sfu/bridge/metrics.hpp"

#include <map>
#include <string>

namespace roomgate::sfu::bridge {
namespace {

// Fields of one family follow each other under one name, told apart by the label "reason".
class Families {
 public:
  explicit Families(metrics::Registry& registry) : registry_(registry) {}

  metrics::Counter& counter(std::string_view name, std::string_view label, std::string_view help) {
    auto found = known_.find(name);
    if (found == known_.end()) {
      std::vector<std::string> labels;
      if (!label.empty()) labels.emplace_back("reason");
      auto& family = registry_.counter(std::string(name), std::string(help), std::move(labels));
      found = known_.emplace(std::string(name), &family).first;
    }
    return label.empty() ? found->second->with({}) : found->second->with({label});
  }

 private:
  metrics::Registry& registry_;
  std::map<std::string, metrics::Family<metrics::Counter>*, std::less<>> known_;
};

}  // namespace

BridgeMetrics::BridgeMetrics(metrics::Registry& registry) {
  Families families(registry);
#define ROOMGATE_FIELD(field, family, label, help) workers_.field = &families.counter(family, label, help);
  ROOMGATE_BRIDGE_COUNTERS(ROOMGATE_FIELD)
#undef ROOMGATE_FIELD
#define ROOMGATE_FIELD(field, family, label, help) field = &families.counter(family, label, help);
  ROOMGATE_BRIDGE_SIGNALLING_COUNTERS(ROOMGATE_FIELD)
#undef ROOMGATE_FIELD
  conferences = &registry.gauge("roomshard_bridge_conferences", "Conferences on the bridge").with({});
  endpoints = &registry.gauge("roomshard_bridge_endpoints", "Endpoints on the bridge").with({});
  forward_delay = &registry
                       .histogram("roomshard_forward_delay_seconds",
                                  "From the arrival of a turn's oldest datagram until all it led to has left")
                       .with({});
  round_trip =
      &registry.histogram("roomshard_round_trip_seconds", "To each client, every other second").with({});
  join_time =
      &registry.histogram("roomshard_join_seconds", "From an endpoint's allocation until its media can flow")
           .with({});
  stress = &registry.gauge("roomshard_bridge_stress", "0 idle to 1 full").with({});
}

void BridgeMetrics::publish(const WorkerCounts& now, WorkerCounts& published) {
#define ROOMGATE_FIELD(field, family, label, help) \
  if (now.field != published.field) workers_.field->add(now.field - published.field);
  ROOMGATE_BRIDGE_COUNTERS(ROOMGATE_FIELD)
#undef ROOMGATE_FIELD
  published = now;
}

}  // namespace roomgate::sfu::bridge

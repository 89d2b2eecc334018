#include "router/metrics/metrics.hpp"

#include <string>

namespace roomgate::router {

#define ROOMGATE_MAKE(kind, member, name, help, ...) , member(registry.kind(name, help, {__VA_ARGS__}))
Metrics::Metrics() : registry() ROOMGATE_GATE_METRICS(ROOMGATE_MAKE) {}
#undef ROOMGATE_MAKE

ShardMetrics::ShardMetrics(Metrics& metrics, std::string_view shard) : metrics_(metrics), shard_(shard) {}

metrics::Gauge& ShardMetrics::tunnels() {
  if (tunnels_ == nullptr) tunnels_ = &metrics_.tunnels.with({shard_});
  return *tunnels_;
}

void ShardMetrics::answered(int status) {
  const auto index = static_cast<std::size_t>(status);
  if (index >= by_status_.size()) return;
  metrics::Counter*& counter = by_status_[index];
  if (counter == nullptr) counter = &metrics_.requests.with({shard_, std::to_string(status)});
  counter->add();
}

}  // namespace roomgate::router

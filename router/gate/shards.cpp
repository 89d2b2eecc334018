// The shards as the gate's parts see them: the directory's list, with TLS, published to the cores and to the
// checks.

#include <algorithm>

#include "base/log.hpp"
#include "router/gate/gate.hpp"

namespace roomgate::router::gate {
namespace {

// Load reports of hundreds of shards are not worth a new list each.
constexpr Duration kPublishLoads = milliseconds(200);

}  // namespace

void Gate::shards_changed() {
  const auto reachable = directory_.reachable();
  const bool any_tls = std::any_of(reachable.begin(), reachable.end(),
                                   [](const ShardBlock& block) { return block.kind.tls.has_value(); });
  if (any_tls) {
    Credentials next;
    if (const auto read = read_shard_tls(reachable, credentials_, next); read) {
      credentials_.shards = std::move(next.shards);
      credentials_.authority_files = std::move(next.authority_files);
      files_.taken(tls::fingerprint(credential_files(options_.listen, reachable)));
    } else {
      LOG(error, "shard_tls_refused", {"error", read.error()}, {"for", "shards that are new"});
    }
  }
  for (const std::string& name : directory_.contested()) {
    LOG(warn, "shard_name_contested", {"shard", name}, {"used", "the first block that has it"});
  }
  publish_shards();
  checker_->set_targets(targets());
  census_->set_targets(census_targets());
}

void Gate::publish_shards() {
  publish_.cancel();
  std::vector<balance::Shard> all = directory_.shards();
  for (balance::Shard& shard : all) {
    if (const auto way = credentials_.shards.find(shard.name); way != credentials_.shards.end()) {
      shard.tls = way->second;
    } else if (directory_.find(shard.name)->kind.tls) {
      // Its authorities could not be read: never in plain text instead.
      shard.addresses.clear();
    }
  }
  upgrade_->add_learnt(all);
  shards_ = std::make_shared<const balance::ShardSet>(all);
  // Its own, as each core has.
  if (cluster_ != nullptr) cluster_->set_shards(std::make_shared<const balance::ShardSet>(all));
  // A copy for each core: its requests then share no reference count with another core's.
  runtime_.on_each([this, all = std::move(all)](net::Core& core) {
    workers_[core.index()]->set_shards(std::make_shared<const balance::ShardSet>(all));
  });
}

std::vector<health::Target> Gate::targets() const {
  std::vector<health::Target> out = directory_.targets();
  for (health::Target& target : out) {
    if (const auto way = credentials_.shards.find(target.name); way != credentials_.shards.end()) {
      target.tls = way->second;
    }
  }
  return out;
}

std::vector<census::Target> Gate::census_targets() const {
  std::vector<census::Target> out;
  for (const auto& [name, known] : directory_.all()) {
    const auto way = credentials_.shards.find(name);
    const bool reachable = !known.kind.tls || way != credentials_.shards.end();
    if (known.kind.census.empty() || !reachable) continue;
    out.push_back({.shard = name,
                   .path = known.kind.census,
                   .addresses = known.addresses,
                   .tls = known.kind.tls ? way->second : nullptr});
  }
  return out;
}

void Gate::on_verdict(const std::string& target, const health::Verdict& verdict) {
  const auto now = Clock::now();
  switch (directory_.set_verdict(target, verdict, now)) {
    case directory::Directory::Heard::nothing: break;
    case directory::Directory::Heard::load:
      if (!publish_.scheduled()) runtime_.control().schedule(publish_, now + kPublishLoads);
      break;
    case directory::Directory::Heard::news: publish_shards(); break;
    case directory::Directory::Heard::renamed: shards_changed(); break;
  }
}

}  // namespace roomgate::router::gate

#include "router/upstream/pool.hpp"

#include <array>

#include "base/log.hpp"
#include "router/tls/handshake.hpp"

namespace roomgate::router::upstream {

Pool::Pool(net::Core& core, Limits limits, Slots* slots)
    : core_(core), limits_(limits), slots_(slots), reaper_(*this) {}

Pool::~Pool() = default;

bool Pool::still_good(Connection& connection, bool look) {
  // Costs a system call only where something was said since the last answer.
  std::array<std::uint8_t, 1> byte{};
  if (connection.stream->try_read(byte).has_value()) return false;
  return !look || connection.stream->quiet(true);
}

std::unique_ptr<Connection> Pool::take(stick::ShardId shard, const std::string& address, Wanted wanted,
                                       TimePoint now, const tls::ClientContext* tls) {
  if (wanted == Wanted::only_new) return nullptr;
  const auto found = idle_.find(shard);
  if (found == idle_.end()) return nullptr;
  auto& connections = found->second;
  while (!connections.empty()) {
    if (wanted == Wanted::fresh && now - connections.back()->idle_since >= limits_.fresh_within)
      return nullptr;
    auto connection = std::move(connections.back());
    connections.pop_back();
    --idle_count_;
    changed(shard, connections.size());
    // What may be repeated need not be looked at closely: that would be a system call more for every request.
    if (connection->address != address || connection->tls.get() != tls ||
        !still_good(*connection, wanted == Wanted::fresh))
      continue;
    connection->reused = true;
    return connection;
  }
  return nullptr;
}

net::Task<Result<std::unique_ptr<Connection>, net::IoError>> Pool::connect(
    stick::ShardId shard, std::string address, std::shared_ptr<const tls::ClientContext> tls) {
  const auto to = Address::parse(address);
  if (!to) co_return fail(net::IoError::unreachable);
  const auto deadline = core_.now() + limits_.connect;
  auto stream = co_await net::Stream::connect(core_, *to, deadline);
  if (!stream) co_return fail(stream.error());
  if (tls != nullptr) {
    auto ssl = tls->connect();
    const auto secured = co_await (*stream)->handshake(std::move(ssl), deadline);
    if (!secured && secured.error() == net::IoError::tls) {
      LOG(warn, "shard_tls_failed", {"address", address},
          {"reason", tls::explain_failure((*stream)->tls()).reason});
    }
    if (!secured) co_return fail(secured.error());
  }
  auto connection = std::make_unique<Connection>();
  connection->stream = std::move(stream).value();
  connection->shard = shard;
  connection->address = std::move(address);
  connection->tls = std::move(tls);
  co_return std::move(connection);
}

void Pool::give_back(std::unique_ptr<Connection> connection, TimePoint now) {
  if (limits_.idle_per_shard == 0) return;
  auto& connections = idle_[connection->shard];
  if (connections.size() >= limits_.idle_per_shard) {
    connections.erase(connections.begin());
    --idle_count_;
  }
  connection->idle_since = now;
  const stick::ShardId shard = connection->shard;
  connections.push_back(std::move(connection));
  ++idle_count_;
  changed(shard, connections.size());
  if (!reaper_.scheduled()) core_.schedule(reaper_, now + limits_.idle_time);
}

void Pool::close_idle(const std::function<bool(const Connection&)>& which) {
  for (auto& [shard, connections] : idle_) {
    const auto closed =
        std::erase_if(connections, [&](const auto& connection) { return which(*connection); });
    idle_count_ -= closed;
    if (closed > 0) changed(shard, connections.size());
  }
}

bool Pool::close_oldest(stick::ShardId shard) {
  const auto found = idle_.find(shard);
  if (found == idle_.end() || found->second.empty()) return false;
  found->second.erase(found->second.begin());
  --idle_count_;
  changed(shard, found->second.size());
  return true;
}

void Pool::tell_idle() {
  for (const auto& [shard, connections] : idle_) changed(shard, connections.size());
}

void Pool::Reaper::on_expire() {
  const auto now = pool.core_.now();
  pool.close_idle(
      [&](const Connection& connection) { return now - connection.idle_since >= pool.limits_.idle_time; });
  if (pool.idle_count_ > 0)
    pool.core_.schedule(*this, now + std::max<Duration>(seconds(1), pool.limits_.idle_time / 4));
}

}  // namespace roomgate::router::upstream

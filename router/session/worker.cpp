#include "router/session/worker.hpp"

#include <limits>

#include "base/log.hpp"
#include "base/random.hpp"
#include "base/sanitizer.hpp"

namespace roomgate::router::session {
namespace {

constexpr std::size_t kKept = kMemoryIsWatched ? 0 : 64;
constexpr std::size_t kLogBatch = 32 * 1024;
constexpr Duration kLogDelay = milliseconds(100);
constexpr Duration kFailuresTold = milliseconds(100);

void append_hex(std::uint64_t value, char* out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int i = 15; i >= 0; --i, value >>= 4) out[i] = kDigits[value & 15];
}

}  // namespace

Worker::Worker(net::Core& on_core, Shared of_gate, std::shared_ptr<const Settings> first_settings,
               std::shared_ptr<balance::Policy> first_policy)
    : core(on_core),
      shared(of_gate),
      settings(std::move(first_settings)),
      policy(std::move(first_policy)),
      shards(std::make_shared<balance::ShardSet>()),
      slots(on_core, shared.slots),
      pool(on_core, settings->upstream, &slots),
      duration(shared.metrics.request_duration.with({})),
      tls_handshake(shared.metrics.tls_handshake.with({})),
      handshakes_full(shared.metrics.handshakes.with({"full"})),
      handshakes_resumed(shared.metrics.handshakes.with({"resumed"})),
      queue_wait(shared.metrics.queue_wait.with({})),
      upstream_connect(shared.metrics.upstream_connect.with({})),
      first_byte(shared.metrics.first_byte.with({})),
      connections(shared.metrics.connections.with({})),
      own_metrics_(shared.metrics, ""),
      departures_(random_u64()),
      departure_timer_(*this),
      log_timer_(*this) {
  append_hex(random_u64(), id_prefix_.data());
  slots.set_bound(settings->limits.queue_per_shard);
  alone_ = !shared.table.limits().managed;
}

void Worker::set_guide(Guide* other) {
  guide_ = other;
  alone_ = guide_ == nullptr && !shared.table.limits().managed;
}

void Worker::set_arbiter(Arbiter* other) {
  arbiter_ = other;
  claim_wait_ = &shared.metrics.claim_wait.with({});
}

void Worker::waited_for_claim(Duration time) {
  if (claim_wait_ != nullptr) claim_wait_->observe(std::chrono::duration<double>(time).count());
}

void Worker::set_settings(std::shared_ptr<const Settings> next,
                          std::shared_ptr<balance::Policy> next_policy) {
  settings = std::move(next);
  policy = std::move(next_policy);
  pool.set_limits(settings->upstream);
  slots.set_bound(settings->limits.queue_per_shard);
  ++settings_version_;
  // Their parsers have the old limits.
  inboxes_.clear();
  scratches_.clear();
  http2_pool_.reset();
}

void Worker::set_shards(std::shared_ptr<const balance::ShardSet> next) {
  for (const balance::Shard& shard : next->all()) slots.set_limit(shard.id, shard.max_connections);
  // Who waits for a shard that is gone need not wait for its limit.
  for (const balance::Shard& shard : shards->all()) {
    if (next->by_id(shard.id) == nullptr) slots.set_limit(shard.id, 0);
  }
  pool.tell_idle();
  shards = std::move(next);
  pool.close_idle([this](const upstream::Connection& connection) {
    const balance::Shard* shard = shards->by_id(connection.shard);
    return shard == nullptr || std::find(shard->addresses.begin(), shard->addresses.end(),
                                         connection.address) == shard->addresses.end();
  });
}

void Worker::drain() {
  draining = true;
  for (auto it = guests_.begin(); it != guests_.end();) (it++)->leave_when_idle();
}

void Worker::wind_down() {
  winding_down = true;
  for (auto it = guests_.begin(); it != guests_.end();) (it++)->wind_down();
}

void Worker::end_tunnels(Duration window) {
  departures_.set_rate(std::numeric_limits<double>::infinity());
  for (auto it = guests_.begin(); it != guests_.end();) (it++)->leave_gently(window);
}

void Worker::end_all() {
  for (auto it = guests_.begin(); it != guests_.end();) (it++)->leave_now();
}

void Worker::rooms_moved(const MovedRooms& moved, double rate) {
  departures_.set_rate(rate);
  for (auto it = guests_.begin(); it != guests_.end();) (it++)->rooms_moved(moved);
}

void Worker::depart(Departures::Leaver& leaver, Duration window) {
  departures_.add(leaver, core.now(), window);
  core.schedule(departure_timer_, *departures_.next());
}

void Worker::let_go() {
  while (Departures::Leaver* leaver = departures_.take(core.now())) leaver->leave();
  if (const auto next = departures_.next()) core.schedule(departure_timer_, *next);
}

std::unique_ptr<Inbox> Worker::take_inbox() {
  if (inboxes_.empty()) return std::make_unique<Inbox>(settings->head, settings_version_);
  auto inbox = std::move(inboxes_.back());
  inboxes_.pop_back();
  return inbox;
}

void Worker::give_back(std::unique_ptr<Inbox> inbox) {
  if (inbox->version != settings_version_ || inboxes_.size() >= kKept) return;
  inbox->request.reset();
  inbox->in.release();
  inboxes_.push_back(std::move(inbox));
}

std::unique_ptr<Scratch> Worker::take_scratch() {
  if (scratches_.empty()) return std::make_unique<Scratch>(settings->head, settings_version_);
  auto scratch = std::move(scratches_.back());
  scratches_.pop_back();
  return scratch;
}

void Worker::give_back(std::unique_ptr<Scratch> scratch) {
  constexpr std::size_t kUsual = 8 * 1024;  // strings grown by an unusual request are not kept
  if (scratch->version != settings_version_ || scratches_.size() >= kKept || scratch->out.capacity() > kUsual)
    return;
  scratch->response.reset();
  scratch->reply.release();
  scratches_.push_back(std::move(scratch));
}

const std::shared_ptr<h2::Pool>& Worker::http2_pool() {
  if (http2_pool_ == nullptr) http2_pool_ = std::make_shared<h2::Pool>(settings->http2);
  return http2_pool_;
}

void Worker::connect_failed(const balance::Shard& shard, net::IoError error) {
  switch (error) {
    case net::IoError::timed_out:
    case net::IoError::closed:
    case net::IoError::refused:
    case net::IoError::unreachable: break;
    // Somebody is there, whose certificate or protocol is wrong: checks over TLS find the same, and a name
    // that does not fit is no reason to move rooms.
    case net::IoError::tls:
    // Our own doing.
    case net::IoError::interrupted:
    case net::IoError::system: return;
  }
  if (!on_connect_failed || shard.id == stick::kNoShard) return;
  if (failure_told_.size() <= shard.id) failure_told_.resize(shard.id + std::size_t{1});
  TimePoint& told = failure_told_[shard.id];
  if (core.now() - told < kFailuresTold) return;
  told = core.now();
  on_connect_failed(shard.name, error == net::IoError::timed_out);
}

ShardMetrics& Worker::metrics_of(const balance::Shard& shard) {
  if (shard_metrics_.size() <= shard.id) shard_metrics_.resize(shard.id + 1);
  auto& metrics = shard_metrics_[shard.id];
  // A number may have come to another shard, long after the first was gone.
  if (metrics == nullptr || metrics->shard() != shard.name) {
    metrics = std::make_unique<ShardMetrics>(shared.metrics, shard.name);
  }
  return *metrics;
}

void Worker::log(const http::AccessLine& line) {
  if (!shared.log.on()) return;
  http::write_access_line(line, settings->full_addresses, lines_);
  if (lines_.size() >= kLogBatch) return flush_log();
  if (!log_timer_.scheduled()) core.schedule(log_timer_, core.now() + kLogDelay);
}

void Worker::flush_log() {
  log_timer_.cancel();
  shared.log.write(lines_);
  lines_.clear();
}

std::string_view Worker::next_request_id(std::array<char, 32>& out) {
  std::copy(id_prefix_.begin(), id_prefix_.end(), out.begin());
  append_hex(++next_id_, out.data() + 16);
  return {out.data(), out.size()};
}

}  // namespace roomgate::router::session

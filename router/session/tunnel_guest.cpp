// A session that became a tunnel: what stays of it is the two streams, a hold on the room, and what the log
// line needs.

#include "base/log.hpp"
#include "router/session/exchange.hpp"

namespace roomgate::router::session {
namespace {

class TunnelGuest final : public Guest {
 public:
  TunnelGuest(Worker& worker, std::unique_ptr<net::Channel> client, std::unique_ptr<net::Channel> shard,
              tunnel::Limits limits, std::optional<std::uint64_t> hold,
              std::shared_ptr<const listen::Entrance> entrance, std::optional<Seat> seat,
              limits::Ticket ticket, upstream::Slot slot, ShardMetrics& metrics, TunnelLog note)
      : worker_(worker),
        slot_(std::move(slot)),
        // Before the streams: they must not outlive their TLS contexts.
        entrance_(std::move(entrance)),
        tunnel_(worker.core, std::move(client), std::move(shard), limits),
        hold_(hold),
        seat_(std::move(seat)),
        ticket_(std::move(ticket)),
        tunnels_(metrics.tunnels()),
        note_(std::move(note)) {
    tunnels_.add(1);
  }
  ~TunnelGuest() override {
    tunnels_.add(-1);
    if (hold_) (void)worker_.shared.table.unhold(note_.key, *hold_, worker_.core.now());
  }

  // A tunnel is never idle: it is somebody's conference.
  void leave_when_idle() override {}
  void leave_now() override { tunnel_.interrupt(); }

  static net::Task<void> run(std::shared_ptr<TunnelGuest> self, std::vector<std::uint8_t> from_client,
                             std::vector<std::uint8_t> from_shard) {
    const auto totals = co_await self->tunnel_.run(std::move(from_client), std::move(from_shard));
    self->log(totals);
  }

 private:
  void log(const tunnel::Totals& totals) {
    http::AccessLine line;
    line.time = note_.wall;
    line.client_ip = note_.client_ip;
    line.method = "GET";
    line.protocol = note_.protocol;
    line.path = note_.path;
    line.host = note_.host;
    line.status = 101;
    line.bytes_in = totals.up;
    line.bytes_out = totals.down;
    line.total_ms = std::chrono::duration<double, std::milli>(worker_.core.now() - note_.began).count();
    line.room = note_.key;
    line.shard = note_.shard;
    line.why = note_.why;
    line.reason = tunnel::to_string(totals.end);
    line.request_id = note_.request_id;
    line.tls = note_.tls;
    line.tls_resumed = note_.resumed;
    line.tunnel = true;
    worker_.log(line);
  }

  Worker& worker_;
  upstream::Slot slot_;  // freed after the shard's connection is closed
  std::shared_ptr<const listen::Entrance> entrance_;
  tunnel::Tunnel tunnel_;
  std::optional<std::uint64_t> hold_;  // the serial of the entry it holds
  std::optional<Seat> seat_;
  limits::Ticket ticket_;
  metrics::Gauge& tunnels_;
  TunnelLog note_;
};

}  // namespace

void start_tunnel(Worker& worker, std::unique_ptr<net::Channel> client, std::unique_ptr<net::Channel> shard,
                  tunnel::Limits limits, std::vector<std::uint8_t> from_client,
                  std::vector<std::uint8_t> from_shard, std::optional<std::uint64_t> hold,
                  std::shared_ptr<const listen::Entrance> entrance, std::optional<Seat> seat,
                  limits::Ticket ticket, upstream::Slot slot, ShardMetrics& metrics, TunnelLog note) {
  auto guest = std::make_shared<TunnelGuest>(worker, std::move(client), std::move(shard), limits, hold,
                                             std::move(entrance), std::move(seat), std::move(ticket),
                                             std::move(slot), metrics, std::move(note));
  worker.add(*guest);
  worker.core.spawn(TunnelGuest::run(std::move(guest), std::move(from_client), std::move(from_shard)));
}

}  // namespace roomgate::router::session

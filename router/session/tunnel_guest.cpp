#include "router/session/tunnel_guest.hpp"

#include <utility>

#include "base/log.hpp"

namespace roomgate::router::session {
namespace {

// Keeps itself until its end.
class TunnelGuest final : public Guest, private tunnel::Tunnel::Owner {
 public:
  TunnelGuest(Worker& worker, std::unique_ptr<net::Channel> client, std::unique_ptr<net::Channel> shard,
              TunnelTerms terms)
      : worker_(worker),
        terms_(std::move(terms)),
        tunnel_(worker.core, std::move(client), std::move(shard), worker.settings->tunnel, *this) {
    terms_.hold.borrow(terms_.note.text(TunnelNote::key));
    worker.add(*this);
    // It was on its way to this shard while its room left it.
    if (terms_.moved) depart(Duration(0), tunnel::End::moved);
  }

  static void start(std::shared_ptr<TunnelGuest> self, std::vector<std::uint8_t> from_client,
                    std::vector<std::uint8_t> from_shard) {
    TunnelGuest& guest = *self;
    guest.self_ = std::move(self);
    guest.tunnel_.start(std::move(from_client), std::move(from_shard));
  }

  // A tunnel is never idle: it is somebody's conference.
  void leave_when_idle() override {}
  void leave_now() override { tunnel_.interrupt(); }
  void leave_gently(Duration window) override { depart(window, tunnel::End::interrupted); }
  void rooms_moved(const MovedRooms& moved) override {
    const TunnelNote& note = terms_.note;
    if (terms_.hold.has_room() && moved.concerns(note.text(TunnelNote::key), note.text(TunnelNote::shard))) {
      depart(moved.window, tunnel::End::moved);
    }
  }

 private:
  // Made when its room moves, or its time is over: most tunnels never need one.
  struct Departure final : Departures::Leaver {
    explicit Departure(TunnelGuest& whose) : guest(whose) {}
    void leave() override { guest.tunnel_.leave(why); }
    TunnelGuest& guest;
    tunnel::End why{};
  };
  void depart(Duration window, tunnel::End why) {
    if (departure_ == nullptr) departure_ = std::make_unique<Departure>(*this);
    departure_->why = why;
    worker_.depart(*departure_, window);
  }

  void on_end(const tunnel::Totals& totals) override {
    if (totals.end == tunnel::End::moved) worker_.shared.metrics.sent_away.with({"tunnel"}).add();
    log(totals);
    self_.reset();
  }

  void log(const tunnel::Totals& totals) {
    const TunnelNote& note = terms_.note;
    http::AccessLine line;
    line.time = note.wall;
    line.client_ip = note.text(TunnelNote::client_ip);
    line.method = "GET";
    line.protocol = note.protocol;
    line.path = note.text(TunnelNote::path);
    line.host = note.text(TunnelNote::host);
    line.status = 101;
    line.bytes_in = totals.up;
    line.bytes_out = totals.down;
    line.total_ms = std::chrono::duration<double, std::milli>(worker_.core.now() - note.began).count();
    line.room = note.text(TunnelNote::key);
    line.shard = note.text(TunnelNote::shard);
    line.why = note.why;
    line.reason = tunnel::to_string(totals.end);
    line.request_id = note.text(TunnelNote::request_id);
    line.tls = note.tls;
    line.tls_resumed = note.resumed;
    line.tunnel = true;
    worker_.log(line);
  }

  Worker& worker_;
  TunnelTerms
      terms_;  // before the tunnel: its TLS contexts must outlive the streams, its slot the connection
  tunnel::Tunnel tunnel_;
  std::unique_ptr<Departure> departure_;
  std::shared_ptr<TunnelGuest> self_;
};

}  // namespace

TunnelHold::TunnelHold(Worker& worker, metrics::Gauge& tunnels) : worker_(&worker), tunnels_(tunnels) {
  tunnels_.add(1);
}

TunnelHold::TunnelHold(TunnelHold&& other) noexcept
    : worker_(std::exchange(other.worker_, nullptr)),
      tunnels_(other.tunnels_),
      key_(other.key_),
      serial_(other.serial_) {}

TunnelHold::~TunnelHold() {
  if (worker_ == nullptr) return;
  tunnels_.add(-1);
  if (!serial_) return;
  (void)worker_->shared.table.unhold(key_, *serial_, worker_->core.now());
  if (worker_->guide() != nullptr) worker_->guide()->holds_changed(key_);
}

void TunnelHold::of_room(std::string_view key, std::uint64_t serial) {
  key_ = key;
  serial_ = serial;
}

TunnelNote::TunnelNote(const std::array<std::string_view, kTexts>& texts) {
  std::size_t size = 0;
  for (const auto text : texts) size += text.size();
  bytes_ = std::make_unique_for_overwrite<char[]>(size);
  std::size_t end = 0;
  for (std::size_t i = 0; i < kTexts; ++i) {
    std::copy(texts[i].begin(), texts[i].end(), bytes_.get() + end);
    end += texts[i].size();
    ends_[i] = static_cast<std::uint32_t>(end);
  }
}

std::string_view TunnelNote::text(Text which) const {
  const std::size_t begin = which == 0 ? 0 : ends_[which - 1];
  return {bytes_.get() + begin, ends_[which] - begin};
}

void start_tunnel(Worker& worker, std::unique_ptr<net::Channel> client, std::unique_ptr<net::Channel> shard,
                  std::vector<std::uint8_t> from_client, std::vector<std::uint8_t> from_shard,
                  TunnelTerms terms) {
  TunnelGuest::start(
      std::make_shared<TunnelGuest>(worker, std::move(client), std::move(shard), std::move(terms)),
      std::move(from_client), std::move(from_shard));
}

}  // namespace roomgate::router::session

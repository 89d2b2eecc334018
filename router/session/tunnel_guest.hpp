// A request that became a tunnel: what stays of it is the two channels, a hold on its room, its places in
// what is counted, and what its line in the access log needs, packed: there are tens of thousands of these,
// and they are quiet for hours. Keeps itself until its end; its core's thread.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "router/limits/gatekeeper.hpp"
#include "router/session/connection.hpp"
#include "router/session/worker.hpp"
#include "router/upstream/slots.hpp"

namespace roomgate::router::session {

class TunnelNote {
 public:
  enum Text : std::size_t { client_ip, path, host, key, shard, request_id };
  static constexpr std::size_t kTexts = 6;

  TunnelNote() = default;
  explicit TunnelNote(const std::array<std::string_view, kTexts>& texts);
  std::string_view text(Text which) const;

  std::chrono::system_clock::time_point wall{};
  TimePoint began{};
  // Of words that are always there.
  std::string_view why;
  std::string_view protocol;
  std::string_view tls;  // "TLSv1.3"; empty: plain
  bool resumed = false;

 private:
  std::unique_ptr<char[]> bytes_;
  std::array<std::uint32_t, kTexts> ends_{};
};

// One more at its shard, and a hold on its room. Taken before the client hears its 101: whoever has a tunnel
// is counted, wherever one asks.
class TunnelHold {
 public:
  TunnelHold(Worker& worker, metrics::Gauge& tunnels);
  ~TunnelHold();
  TunnelHold(TunnelHold&& other) noexcept;
  TunnelHold& operator=(TunnelHold&&) = delete;

  // `serial` is that of the room's entry; a tunnel has one room at most. Tells nobody yet.
  void of_room(std::string_view key, std::uint64_t serial);
  bool has_room() const { return serial_.has_value(); }
  // The key is borrowed: from now on from there.
  void borrow(std::string_view key) { key_ = key; }

 private:
  Worker* worker_;
  metrics::Gauge& tunnels_;
  std::string_view key_;
  std::optional<std::uint64_t> serial_;
};

// What is given back when it ends, the last first.
struct TunnelTerms {
  upstream::Slot slot;
  std::shared_ptr<const listen::Entrance> entrance;
  std::optional<Seat> seat;
  limits::Ticket ticket;
  TunnelNote note;
  TunnelHold hold;     // its key is the note's
  bool moved = false;  // its room is on another shard by now
};

void start_tunnel(Worker& worker, std::unique_ptr<net::Channel> client, std::unique_ptr<net::Channel> shard,
                  std::vector<std::uint8_t> from_client, std::vector<std::uint8_t> from_shard,
                  TunnelTerms terms);

}  // namespace roomgate::router::session

// How much one client address may do, counted over all cores: connections at a time; TLS handshakes, requests
// and new rooms per second. One per gate, outlives every Ticket; any thread.
//
// A connection looks its address up once (one short lock, of one of thousands of sets) and keeps a Ticket;
// what it asks with the Ticket takes no lock: a rate is one number, the time at which its bucket will be full
// again, moved on by compare-and-swap (GCRA). Addresses are told apart by a SipHash under this process's key
// and are not stored. IPv6 counts per /64, since that is what one customer gets.
//
// The table never grows. An address whose buckets are full and that nobody holds a Ticket of is forgotten
// when its place is wanted: nothing is lost by that. Where a newcomer finds no such place, it shares one
// count, with the limits of a single address, with all others who found none: whoever spreads over that many
// addresses gains nothing, and those who were known before notice nothing.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/address.hpp"
#include "base/clock.hpp"

namespace roomgate::router::limits {

// 0 per second: no limit.
struct Rate {
  double per_second = 0;
  double burst = 0;
};

// The audience is schools, a thousand people behind one address.
struct Limits {
  std::size_t connections = 5000;  // 0: no limit
  Rate handshakes{300, 3000};
  Rate requests{2000, 10'000};
  Rate new_rooms{20, 500};
  std::size_t addresses = 65'536;  // told apart; about 44 bytes each, taken at the start
};

class Gatekeeper;

// What an address has used, held while something of it is here. An empty one is never limited.
class Ticket {
 public:
  Ticket() = default;
  Ticket(Ticket&& other) noexcept
      : slot_(std::exchange(other.slot_, nullptr)), is_connection_(other.is_connection_) {}
  Ticket& operator=(Ticket&& other) noexcept {
    std::swap(slot_, other.slot_);
    std::swap(is_connection_, other.is_connection_);
    return *this;
  }
  ~Ticket();

  bool limited() const { return slot_ != nullptr; }

 private:
  friend class Gatekeeper;
  struct Slot;
  Ticket(Slot* slot, bool is_connection) : slot_(slot), is_connection_(is_connection) {}

  Slot* slot_ = nullptr;
  bool is_connection_ = false;
};

class Gatekeeper {
 public:
  explicit Gatekeeper(const Limits& limits);
  ~Gatekeeper();

  // A connection of that address, or a tunnel of it behind a front that others share; counted while the
  // Ticket lives. nullopt: it has as many as it may.
  std::optional<Ticket> connection(const Address& address, TimePoint now);
  // Just its rates: for a request that a trusted front passes on.
  Ticket client(const Address& address, TimePoint now);

  // May it do that once more, now? Yes counts.
  bool handshake(const Ticket& ticket, TimePoint now) { return take(ticket, kHandshakes, now); }
  bool request(const Ticket& ticket, TimePoint now) { return take(ticket, kRequests, now); }
  bool new_room(const Ticket& ticket, TimePoint now) { return take(ticket, kNewRooms, now); }

  // A reload; `addresses` stays what it was.
  void set_limits(const Limits& limits);

  // Tickets given out on the shared count.
  std::uint64_t crowded() const { return crowded_.load(std::memory_order_relaxed); }

 private:
  using Slot = Ticket::Slot;
  static constexpr std::size_t kHandshakes = 0;
  static constexpr std::size_t kRequests = 1;
  static constexpr std::size_t kNewRooms = 2;
  static constexpr std::size_t kRates = 3;
  static constexpr std::size_t kWays = 16;  // places where an address may be

  // A Rate in nanoseconds.
  struct Pace {
    std::atomic<std::int64_t> interval{0};   // one costs so much; 0: no limit
    std::atomic<std::int64_t> tolerance{0};  // the burst
  };
  struct Set;

  Slot& hold(const Address& address, TimePoint now);
  bool take(const Ticket& ticket, std::size_t which, TimePoint now);

  std::size_t set_count_;
  std::unique_ptr<Set[]> sets_;
  std::unique_ptr<Slot> crowd_;
  std::atomic<std::size_t> max_connections_;
  std::array<Pace, kRates> paces_;
  std::atomic<std::uint64_t> crowded_{0};
};

}  // namespace roomgate::router::limits

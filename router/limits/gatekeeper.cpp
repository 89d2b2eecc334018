#include "router/limits/gatekeeper.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/siphash.hpp"

namespace roomgate::router::limits {
namespace {

std::int64_t nanoseconds_of(TimePoint now) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
}

// Who counts as one: an IPv4 address, an IPv6 /64.
std::uint64_t tag_of(const Address& address) {
  const Address mapped = address.mapped();
  std::array<std::uint8_t, 16> bytes;
  std::memcpy(bytes.data(), reinterpret_cast<const sockaddr_in6*>(mapped.data())->sin6_addr.s6_addr,
              bytes.size());
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const bool v4 = std::equal(kMapped.begin(), kMapped.end(), bytes.begin());
  // The lengths differ, so an IPv4 address is never taken for a network.
  const std::uint64_t tag = siphash(v4 ? ByteView(bytes) : ByteView(bytes).first(8));
  return tag == 0 ? 1 : tag;
}

}  // namespace

struct Ticket::Slot {
  std::atomic<std::uint32_t> holders{0};  // Tickets; from 0 to 1 only under the set's lock
  std::atomic<std::uint32_t> connections{0};
  // When each bucket will be full again; in the past: it is.
  std::array<std::atomic<std::int64_t>, 3> full_at{};
};

struct alignas(64) Gatekeeper::Set {
  std::mutex mutex;
  std::array<std::uint64_t, kWays> tags{};  // 0: never used
  std::array<Slot, kWays> slots;
};

Ticket::~Ticket() {
  if (slot_ == nullptr) return;
  if (is_connection_) slot_->connections.fetch_sub(1, std::memory_order_relaxed);
  // Whoever finds 0 may give the slot to another address: what was done with it comes first.
  slot_->holders.fetch_sub(1, std::memory_order_release);
}

Gatekeeper::Gatekeeper(const Limits& limits)
    : set_count_(std::bit_ceil(std::max<std::size_t>(limits.addresses, kWays)) / kWays),
      sets_(std::make_unique<Set[]>(set_count_)),
      crowd_(std::make_unique<Slot>()),
      max_connections_(0) {
  static_assert(std::tuple_size_v<decltype(Slot::full_at)> == kRates);
  set_limits(limits);
}

Gatekeeper::~Gatekeeper() = default;

void Gatekeeper::set_limits(const Limits& limits) {
  max_connections_.store(limits.connections, std::memory_order_relaxed);
  const std::array<Rate, kRates> rates = {limits.handshakes, limits.requests, limits.new_rooms};
  for (std::size_t i = 0; i < kRates; ++i) {
    constexpr double kLongest = 4e18;  // within 63 bits, also beside the time since boot
    const bool off = rates[i].per_second <= 0;
    const double interval = off ? 0 : std::clamp(1e9 / rates[i].per_second, 1.0, kLongest);
    const double tolerance = std::clamp(interval * std::max(1.0, rates[i].burst), interval, kLongest);
    paces_[i].interval.store(std::llround(interval), std::memory_order_relaxed);
    paces_[i].tolerance.store(std::llround(tolerance), std::memory_order_relaxed);
  }
}

Ticket::Slot& Gatekeeper::hold(const Address& address, TimePoint now) {
  const std::uint64_t tag = tag_of(address);
  Set& set = sets_[(tag >> 32) & (set_count_ - 1)];
  const std::int64_t time = nanoseconds_of(now);
  const std::lock_guard lock(set.mutex);
  std::size_t place = kWays;
  for (std::size_t way = 0; way < kWays; ++way) {
    if (set.tags[way] != tag) continue;
    set.slots[way].holders.fetch_add(1, std::memory_order_relaxed);
    return set.slots[way];
  }
  for (std::size_t way = 0; way < kWays && place == kWays; ++way) {
    Slot& slot = set.slots[way];
    if (slot.holders.load(std::memory_order_acquire) != 0) continue;
    const bool full = std::all_of(slot.full_at.begin(), slot.full_at.end(), [time](const auto& at) {
      return at.load(std::memory_order_relaxed) <= time;
    });
    if (full) place = way;
  }
  if (place == kWays) {
    crowded_.fetch_add(1, std::memory_order_relaxed);
    crowd_->holders.fetch_add(1, std::memory_order_relaxed);
    return *crowd_;
  }
  set.tags[place] = tag;
  set.slots[place].holders.store(1, std::memory_order_relaxed);
  return set.slots[place];
}

std::optional<Ticket> Gatekeeper::connection(const Address& address, TimePoint now) {
  Slot& slot = hold(address, now);
  Ticket ticket(&slot, true);
  const std::size_t before = slot.connections.fetch_add(1, std::memory_order_relaxed);
  const std::size_t most = max_connections_.load(std::memory_order_relaxed);
  if (most != 0 && before >= most) return std::nullopt;  // the Ticket takes it back
  return ticket;
}

Ticket Gatekeeper::client(const Address& address, TimePoint now) { return {&hold(address, now), false}; }

bool Gatekeeper::take(const Ticket& ticket, std::size_t which, TimePoint now) {
  if (ticket.slot_ == nullptr) return true;
  const std::int64_t interval = paces_[which].interval.load(std::memory_order_relaxed);
  if (interval == 0) return true;
  const std::int64_t tolerance = paces_[which].tolerance.load(std::memory_order_relaxed);
  const std::int64_t time = nanoseconds_of(now);
  std::atomic<std::int64_t>& full_at = ticket.slot_->full_at[which];
  std::int64_t before = full_at.load(std::memory_order_relaxed);
  while (true) {
    const std::int64_t after = std::max(before, time) + interval;
    if (after - time > tolerance) {
      // More than a whole bucket to fill up is left over from slower limits, which a reload has replaced.
      if (before > time + tolerance) full_at.compare_exchange_strong(before, time + tolerance);
      return false;
    }
    if (full_at.compare_exchange_weak(before, after, std::memory_order_relaxed)) return true;
  }
}

}  // namespace roomgate::router::limits

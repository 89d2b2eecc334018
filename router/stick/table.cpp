#include "router/stick/table.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

#include "base/siphash.hpp"
#include "router/stick/key.hpp"

namespace roomgate::router::stick {

// What a reader sees besides the three atomics never changes: another shard or generation is another node.
// Nodes are owned by their bucket's chain (released into it by insert, taken back by unlink), then by
// Stripe::retired.
// What walking past a node reads comes first, then what finding one does: two cache lines' worth. The
// allocator's sixteen bytes of alignment keep `next` and `hash` in one line; more would cost fifty bytes a
// room.
struct Table::Node {
  std::atomic<Node*> next{nullptr};
  std::uint64_t hash;
  Key key;
  std::atomic<Duration::rep> last_used;
  std::uint64_t generation;
  TimePoint created;
  std::uint64_t serial;
  ShardId shard;
  std::atomic<std::uint32_t> holds;
  std::uint16_t region;
  Origin origin;
  Placed placed;
  std::atomic<bool> provisional;
  // It is being taken out, or is out: see find_held().
  std::atomic<bool> leaving{false};
  Node* older = nullptr;  // in the stripe's queue
  Node* newer = nullptr;

  Node(std::string_view k, std::uint64_t h, const Entry& entry)
      : hash(h),
        key(k),
        last_used(entry.last_used.time_since_epoch().count()),
        generation(entry.generation),
        created(entry.created),
        serial(entry.serial),
        shard(entry.shard),
        holds(entry.holds),
        region(entry.region),
        origin(entry.origin),
        placed(entry.placed),
        provisional(entry.provisional) {}

  Entry entry() const {
    return {shard,
            generation,
            created,
            TimePoint(Duration(last_used.load(std::memory_order_relaxed))),
            holds.load(std::memory_order_relaxed),
            provisional.load(std::memory_order_relaxed),
            origin,
            placed,
            region,
            serial};
  }

  // In the order that find_held() is about.
  TimePoint used_last() const { return TimePoint(Duration(last_used.load())); }

  // At most one store a second, so that a busy room does not bounce this line between cores.
  void touch(TimePoint now, std::memory_order order = std::memory_order_relaxed) {
    const Duration::rep ticks = now.time_since_epoch().count();
    if (ticks - last_used.load(std::memory_order_relaxed) >= Duration(seconds(1)).count()) {
      last_used.store(ticks, order);
    }
  }
};

namespace {

constexpr std::size_t kCacheLine = 64;

// Two of 64, by bits that neither stripe_of() nor bucket_of() looks at. (With one, nearly a lookup in a
// hundred would walk a chain for nothing.)
std::uint64_t mark_of(std::uint64_t hash) {
  return std::uint64_t{1} << (hash >> 58) | std::uint64_t{1} << (hash >> 52 & 63);
}

}  // namespace

void Table::Queue::push(Node* node) {
  node->older = back;
  node->newer = nullptr;
  (back == nullptr ? front : back->newer) = node;
  back = node;
}

void Table::Queue::remove(Node* node) {
  (node->older == nullptr ? front : node->older->newer) = node->newer;
  (node->newer == nullptr ? back : node->newer->older) = node->older;
  node->older = nullptr;
  node->newer = nullptr;
}

Table::Table(Limits limits) : limits_(limits) {
  // Small tables have one stripe, so that their limits are exact; large ones enough for any machine's cores.
  stripe_count_ = limits_.max_entries < 4096 ? 1 : 64;
  buckets_per_stripe_ = std::bit_ceil(std::max<std::size_t>(16, limits_.max_entries / stripe_count_));
  stripes_ = std::make_unique<Stripe[]>(stripe_count_);
  for (std::size_t i = 0; i < stripe_count_; ++i) {
    stripes_[i].buckets = std::make_unique<Bucket[]>(buckets_per_stripe_);
  }
  rooms_ = std::make_unique<std::atomic<std::uint32_t>[]>(limits_.max_shards);
}

Table::~Table() {
  for (std::size_t i = 0; i < stripe_count_; ++i) {
    for (std::size_t b = 0; b < buckets_per_stripe_; ++b) {
      Node* node = stripes_[i].buckets[b].first.load();
      while (node != nullptr) {
        const std::unique_ptr<Node> owned(node);
        node = owned->next.load();
      }
    }
  }
}

Table::Bucket& Table::bucket_of(Stripe& stripe, std::uint64_t hash) const {
  return stripe.buckets[(hash >> 16) & (buckets_per_stripe_ - 1)];
}

Table::Node* Table::walk(Stripe& stripe, std::string_view key, std::uint64_t hash) const {
  const Bucket& bucket = bucket_of(stripe, hash);
  const std::uint64_t mark = mark_of(hash);
  if ((bucket.marks.load() & mark) != mark) return nullptr;
  for (Node* node = bucket.first.load(); node != nullptr; node = node->next.load()) {
    // The lines that follow, at the same time as the first: a chain is short, so most likely this is the
    // node.
    const char* const line = reinterpret_cast<const char*>(node);
    __builtin_prefetch(line + kCacheLine);
    __builtin_prefetch(line + sizeof(Node) - 1);
    if (node->hash == hash && node->key.view() == key) return node;
  }
  return nullptr;
}

Table::Stripe& Table::prefetched_stripe_of(std::uint64_t hash) const {
  Stripe& stripe = stripe_of(hash);
  __builtin_prefetch(&bucket_of(stripe, hash));  // while the guard's store is on its way
  return stripe;
}

// One key's place, for a reader: as long as it lives, no node that was met there is freed. No lock is taken
// but where Readers has no slot.
class Table::Reading {
 public:
  Reading(const Table& table, std::string_view key)
      : table_(table),
        key_(key),
        hash_(siphash(as_bytes(key))),
        stripe_(table.prefetched_stripe_of(hash_)),
        guard_(table.readers_),
        lock_(stripe_.mutex, std::defer_lock) {
    if (!guard_.entered()) wait();
  }

  Node* node() const { return table_.walk(stripe_, key_, hash_); }
  // Until no writer is at work here.
  void wait() {
    if (!lock_.owns_lock()) lock_.lock();
  }

 private:
  const Table& table_;
  const std::string_view key_;
  const std::uint64_t hash_;
  Stripe& stripe_;
  const Readers::Guard guard_;
  std::unique_lock<std::mutex> lock_;
};

std::optional<Entry> Table::find(std::string_view key, TimePoint now) {
  const Reading reading(*this, key);
  Node* node = reading.node();
  if (node == nullptr) return std::nullopt;
  const Entry entry = node->entry();
  node->touch(now);
  return entry;
}

std::optional<Entry> Table::peek(std::string_view key) const {
  const Reading reading(*this, key);
  const Node* node = reading.node();
  if (node == nullptr) return std::nullopt;
  return node->entry();
}

bool Table::is_held(const Entry& entry, TimePoint now) const {
  // A provisional entry becomes real before signalling uses it, so only pages have used this one.
  return entry.holds > 0 || (!entry.provisional && now - entry.last_used < limits_.recent);
}

bool Table::usable(const Node& node, TimePoint now) const {
  if (node.holds.load() > 0) return true;
  const TimePoint last_used(Duration(node.last_used.load(std::memory_order_relaxed)));
  return now - last_used < limits_.recent - limits_.margin;
}

// No lock, and yet nothing that is given back here is used by a core. Reader: renew, then look whether the
// entry is leaving. Writer, under the lock: mark it as leaving, then look when it was last used. All four in
// one total order: where the reader sees no mark, its renewal comes before the writer's look, which finds
// the entry held. (A core that has found it used less than a second ago does not renew: the writer finds
// that second.) What is left is time: a core whose clock is late, and that is stopped between its clock and
// its look, uses an entry by a time that has passed. `margin` is for that.
template <class Between>
std::optional<Entry> Table::find_held(std::string_view key, TimePoint now, const Between& between) {
  const Reading reading(*this, key);
  Node* node = reading.node();
  if (node == nullptr || !usable(*node, now)) return std::nullopt;
  const Entry entry = node->entry();
  between();
  node->touch(now, std::memory_order_seq_cst);
  between();
  if (node->leaving.load()) return std::nullopt;
  return entry;
}

std::optional<Entry> Table::find_held(std::string_view key, TimePoint now) {
  return find_held(key, now, [] {});
}
template std::optional<Entry> Table::find_held(std::string_view, TimePoint, const std::function<void()>&);

bool Table::touch(std::string_view key, TimePoint now) {
  Reading reading(*this, key);
  Node* node = reading.node();
  if (node == nullptr) return false;
  node->touch(now, std::memory_order_seq_cst);
  if (!node->leaving.load()) return true;
  // It gives way to another node, or to none: whatever is there once the writer is done.
  reading.wait();
  node = reading.node();
  if (node == nullptr) return false;
  node->touch(now);
  return true;
}

void Table::agree(std::string_view key, const Entry& entry) {
  const std::uint64_t hash = siphash(as_bytes(key));
  Stripe& stripe = stripe_of(hash);
  const std::lock_guard lock(stripe.mutex);
  Node* node = walk(stripe, key, hash);
  if (node == nullptr) {
    // No limit: how many there may be is for whoever agreed on it.
    size_.fetch_add(1);
    if (entry.provisional) provisional_.fetch_add(1);
    Entry mine = entry;
    mine.holds = 0;
    mine.last_used = kNeverUsed;
    mine.serial = next_serial_.fetch_add(1, std::memory_order_relaxed);
    insert(stripe, std::make_unique<Node>(key, hash, mine));
    return;
  }
  node->leaving.store(true);
  const Entry old = node->entry();
  Entry merged = entry;
  merged.holds = old.holds;
  merged.serial = old.serial;
  merged.last_used = node->used_last();
  merged.provisional = entry.provisional && old.holds == 0;
  if (merged.provisional && !old.provisional) provisional_.fetch_add(1);
  replace(stripe, node, merged);
}

template <class Between>
bool Table::give_back(std::string_view key, TimePoint now, const Between& between) {
  const std::uint64_t hash = siphash(as_bytes(key));
  Stripe& stripe = stripe_of(hash);
  const std::lock_guard lock(stripe.mutex);
  Node* node = walk(stripe, key, hash);
  if (node == nullptr) return true;
  node->leaving.store(true);
  between();
  Entry entry = node->entry();
  entry.last_used = node->used_last();
  between();
  if (is_held(entry, now)) {
    node->leaving.store(false);
    return false;
  }
  remove(stripe, node);
  return true;
}

bool Table::give_back(std::string_view key, TimePoint now) {
  return give_back(key, now, [] {});
}
template bool Table::give_back(std::string_view, TimePoint, const std::function<void()>&);

Table::LocalUse Table::local_use(std::string_view key, TimePoint now) const {
  const auto entry = peek(key);
  if (!entry) return {};
  return {.held = is_held(*entry, now),
          .tunnels = entry->holds > 0,
          .last_used = entry->last_used == kNeverUsed ? TimePoint{} : entry->last_used};
}

Result<Found, CreateError> Table::find_or_create(std::string_view key, Use use, TimePoint now,
                                                 const Chooser& choose) {
  assert(!limits_.managed);
  if (const auto found = find(key, now); found && !(found->provisional && use == Use::signalling)) {
    return Found{*found, false};
  }
  const std::uint64_t hash = siphash(as_bytes(key));
  Stripe& stripe = stripe_of(hash);
  const std::lock_guard lock(stripe.mutex);
  if (Node* node = walk(stripe, key, hash)) {
    if (use == Use::signalling) make_real(stripe, node);
    const Entry entry = node->entry();
    node->touch(now);
    return Found{entry, false};
  }
  const std::optional<Choice> choice = choose();
  if (!choice) return fail(CreateError::no_choice);
  const bool provisional = use == Use::page;
  if (provisional && !reserve_provisional(stripe)) return fail(CreateError::provisional_full);
  if (!reserve(stripe, now)) {
    if (provisional) provisional_.fetch_sub(1);
    return fail(CreateError::full);
  }
  const Entry entry{.shard = choice->shard,
                    .created = now,
                    .last_used = now,
                    .provisional = provisional,
                    .placed = choice->placed,
                    .region = choice->region,
                    .serial = next_serial_.fetch_add(1, std::memory_order_relaxed)};
  insert(stripe, std::make_unique<Node>(key, hash, entry));
  return Found{entry, true};
}

Table::HoldResult Table::hold(std::string_view key, TimePoint now) {
  const std::uint64_t hash = siphash(as_bytes(key));
  Stripe& stripe = stripe_of(hash);
  const std::lock_guard lock(stripe.mutex);
  Node* node = walk(stripe, key, hash);
  if (node == nullptr) return {};
  const bool was_held = usable(*node, now);
  node->touch(now);
  make_real(stripe, node);
  return {true, node->holds.fetch_add(1) == 0, node->serial, node->shard, was_held};
}

Table::HoldResult Table::unhold(std::string_view key, std::uint64_t serial, TimePoint now) {
  const std::uint64_t hash = siphash(as_bytes(key));
  Stripe& stripe = stripe_of(hash);
  const std::lock_guard lock(stripe.mutex);
  Node* node = walk(stripe, key, hash);
  // Another entry: the room was forgotten and came anew while the tunnel was open.
  if (node == nullptr || node->serial != serial || node->holds.load() == 0) return {};
  node->touch(now);
  return {true, node->holds.fetch_sub(1) == 1, serial};
}

bool Table::put(std::string_view key, const Entry& entry, TimePoint now) {
  assert(!limits_.managed);
  const std::uint64_t hash = siphash(as_bytes(key));
  Stripe& stripe = stripe_of(hash);
  const std::lock_guard lock(stripe.mutex);
  if (Node* node = walk(stripe, key, hash)) {
    if (entry.generation <= node->generation) return false;
    Entry merged = entry;
    merged.holds = node->holds.load();
    merged.serial = node->serial;
    merged.last_used = std::max(node->entry().last_used, entry.last_used);
    merged.provisional = entry.provisional && node->provisional.load();
    replace(stripe, node, merged);
    return true;
  }
  if (entry.provisional && !reserve_provisional(stripe)) return false;
  if (!reserve(stripe, now)) {
    if (entry.provisional) provisional_.fetch_sub(1);
    return false;
  }
  Entry mine = entry;
  mine.holds = 0;
  mine.serial = next_serial_.fetch_add(1, std::memory_order_relaxed);
  insert(stripe, std::make_unique<Node>(key, hash, mine));
  return true;
}

void Table::learn(std::string_view key, const Entry& entry, TimePoint now) {
  if (limits_.managed) {
    agree(key, entry);
    (void)touch(key, now);
    return;
  }
  const auto mine = find(key, now);
  if (mine && mine->shard == entry.shard && mine->generation == entry.generation) return;
  // Forgotten there and decided anew: its generations have begun again.
  if (mine && entry.generation <= mine->generation) (void)forget(key);
  (void)put(key, entry, now);
}

std::optional<Entry> Table::move(std::string_view key, ShardId from, ShardId to, MoveIf condition,
                                 Placed why) {
  assert(!limits_.managed);
  const std::uint64_t hash = siphash(as_bytes(key));
  Stripe& stripe = stripe_of(hash);
  const std::lock_guard lock(stripe.mutex);
  Node* node = walk(stripe, key, hash);
  if (node == nullptr || node->shard != from) return std::nullopt;
  Entry entry = node->entry();
  if (condition == MoveIf::unheld && entry.holds > 0) return std::nullopt;
  entry.shard = to;
  entry.origin = Origin::moved;
  entry.placed = why;
  ++entry.generation;
  replace(stripe, node, entry);
  return entry;
}

bool Table::forget(std::string_view key) {
  const std::uint64_t hash = siphash(as_bytes(key));
  Stripe& stripe = stripe_of(hash);
  const std::lock_guard lock(stripe.mutex);
  Node* node = walk(stripe, key, hash);
  if (node == nullptr) return false;
  remove(stripe, node);
  return true;
}

std::vector<NamedEntry> Table::tick(TimePoint now) {
  std::vector<NamedEntry> dropped;
  for (std::size_t i = 0; i < stripe_count_; ++i) {
    Stripe& stripe = stripes_[i];
    const std::lock_guard lock(stripe.mutex);
    if (limits_.managed) {
      reclaim(stripe);
      continue;
    }
    // Created in order, so the first that is young enough ends the search; none of them is held.
    while (Node* node = stripe.provisional.front) {
      if (now - node->created < limits_.provisional_life) break;
      dropped.push_back({std::string(node->key.view()), node->entry()});
      remove(stripe, node);
    }
    const std::size_t steps = std::min(stripe.count, std::max<std::size_t>(64, stripe.count / 32));
    for (std::size_t step = 0; step < steps && stripe.real.front != nullptr; ++step) {
      Node* node = stripe.real.front;
      const Entry entry = node->entry();
      if (entry.holds == 0 && now - entry.last_used >= limits_.idle) {
        dropped.push_back({std::string(node->key.view()), entry});
        remove(stripe, node);
      } else {
        stripe.real.remove(node);
        stripe.real.push(node);
      }
    }
    reclaim(stripe);
  }
  return dropped;
}

void Table::visit_stripe(Stripe& stripe,
                         const std::function<void(std::string_view, const Entry&)>& visit) const {
  const Readers::Guard guard(readers_);
  std::unique_lock lock(stripe.mutex, std::defer_lock);
  if (!guard.entered()) lock.lock();
  for (std::size_t b = 0; b < buckets_per_stripe_; ++b) {
    for (const Node* node = stripe.buckets[b].first.load(); node != nullptr; node = node->next.load()) {
      visit(node->key.view(), node->entry());
    }
  }
}

void Table::for_each(const std::function<void(std::string_view key, const Entry&)>& visit) const {
  for (std::size_t i = 0; i < stripe_count_; ++i) visit_stripe(stripes_[i], visit);
}

std::vector<NamedEntry> Table::list(std::string_view prefix, std::size_t limit, ShardId shard,
                                    Order order) const {
  if (limit == 0) return {};
  struct Rank {
    std::uint32_t holds;
    std::string_view key;
  };
  const auto earlier = [order](const Rank& a, const Rank& b) {
    if (order == Order::most_holds && a.holds != b.holds) return a.holds > b.holds;
    return a.key < b.key;
  };
  const auto before = [&earlier](const NamedEntry& a, const NamedEntry& b) {
    return earlier({a.entry.holds, a.key}, {b.entry.holds, b.key});
  };
  // A heap of the first ones so far, the last of them on top.
  std::vector<NamedEntry> first;
  for_each([&](std::string_view key, const Entry& entry) {
    if (!key.starts_with(prefix) || (shard != kNoShard && entry.shard != shard)) return;
    if (first.size() == limit) {
      if (!earlier({entry.holds, key}, {first.front().entry.holds, first.front().key})) return;
      std::pop_heap(first.begin(), first.end(), before);
      first.pop_back();
    }
    first.push_back({std::string(key), entry});
    std::push_heap(first.begin(), first.end(), before);
  });
  // A room that moved during the walk may have been met twice.
  const auto by_key = [](const NamedEntry& a, const NamedEntry& b) { return a.key < b.key; };
  const auto same_key = [](const NamedEntry& a, const NamedEntry& b) { return a.key == b.key; };
  std::sort(first.begin(), first.end(), by_key);
  first.erase(std::unique(first.begin(), first.end(), same_key), first.end());
  if (order != Order::key) std::sort(first.begin(), first.end(), before);
  return first;
}

std::size_t Table::rooms_on(ShardId shard) const {
  return shard < limits_.max_shards ? rooms_[shard].load(std::memory_order_relaxed) : 0;
}

void Table::insert(Stripe& stripe, std::unique_ptr<Node> node) {
  Node* const added = node.release();
  Bucket& bucket = bucket_of(stripe, added->hash);
  added->next.store(bucket.first.load());
  // The mark before the node: who misses the mark came before the node.
  bucket.marks.store(bucket.marks.load() | mark_of(added->hash));
  bucket.first.store(added);
  (added->provisional.load() ? stripe.provisional : stripe.real).push(added);
  ++stripe.count;
  count_room(added->shard, true);
}

void Table::unlink(Stripe& stripe, Node* node) {
  Bucket& bucket = bucket_of(stripe, node->hash);
  std::atomic<Node*>* link = &bucket.first;
  while (link->load() != node) link = &link->load()->next;
  link->store(node->next.load());
  // In one store: the mark of a node that stays is never gone, not even for a moment.
  std::uint64_t marks = 0;
  for (const Node* left = bucket.first.load(); left != nullptr; left = left->next.load()) {
    marks |= mark_of(left->hash);
  }
  bucket.marks.store(marks);
  (node->provisional.load() ? stripe.provisional : stripe.real).remove(node);
  --stripe.count;
  count_room(node->shard, false);
  stripe.retired.emplace_back(readers_.retire_tag(), std::unique_ptr<Node>(node));
}

void Table::remove(Stripe& stripe, Node* node) {
  size_.fetch_sub(1);
  if (node->provisional.load()) provisional_.fetch_sub(1);
  unlink(stripe, node);
  constexpr std::size_t kReclaimAt = 64;
  if (stripe.retired.size() >= kReclaimAt) reclaim(stripe);
}

void Table::replace(Stripe& stripe, Node* node, const Entry& entry) {
  if (node->provisional.load() && !entry.provisional) provisional_.fetch_sub(1);
  auto successor = std::make_unique<Node>(node->key.view(), node->hash, entry);
  // In before out: a reader meets one of them in any case, the newer first.
  insert(stripe, std::move(successor));
  unlink(stripe, node);
}

void Table::make_real(Stripe& stripe, Node* node) {
  if (!node->provisional.load()) return;
  stripe.provisional.remove(node);
  node->provisional.store(false);
  stripe.real.push(node);
  provisional_.fetch_sub(1);
}

void Table::reclaim(Stripe& stripe) {
  if (stripe.retired.empty()) return;
  const std::uint64_t safe = readers_.safe_below();
  while (!stripe.retired.empty() && stripe.retired.front().first < safe) stripe.retired.pop_front();
}

bool Table::evict_provisional(Stripe& stripe) {
  if (stripe.provisional.front == nullptr) return false;
  remove(stripe, stripe.provisional.front);
  evicted_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool Table::evict_idle(Stripe& stripe, TimePoint now) {
  const std::size_t steps = std::min(limits_.eviction_steps, stripe.count);
  for (std::size_t step = 0; step < steps && stripe.real.front != nullptr; ++step) {
    Node* node = stripe.real.front;
    if (!in_use(node->entry(), now)) {
      remove(stripe, node);
      evicted_.fetch_add(1, std::memory_order_relaxed);
      return true;
    }
    stripe.real.remove(node);
    stripe.real.push(node);
  }
  return false;
}

bool Table::evict_anywhere(Stripe& own, const std::function<bool(Stripe&)>& evict) {
  if (evict(own)) return true;
  // Only try_lock: two threads that each hold their own stripe must not wait for each other's.
  constexpr std::size_t kOthers = 16;
  const std::size_t first = next_stripe_.fetch_add(1, std::memory_order_relaxed);
  for (std::size_t i = 0; i < std::min(kOthers, stripe_count_); ++i) {
    Stripe& other = stripes_[(first + i) & (stripe_count_ - 1)];
    if (&other == &own) continue;
    const std::unique_lock lock(other.mutex, std::try_to_lock);
    if (lock.owns_lock() && evict(other)) return true;
  }
  return false;
}

bool Table::reserve(Stripe& own, TimePoint now) {
  if (size_.fetch_add(1) < limits_.max_entries) return true;
  if (evict_anywhere(own, [this](Stripe& stripe) { return evict_provisional(stripe); })) return true;
  if (evict_anywhere(own, [this, now](Stripe& stripe) { return evict_idle(stripe, now); })) return true;
  size_.fetch_sub(1);
  return false;
}

bool Table::reserve_provisional(Stripe& own) {
  const auto cap =
      static_cast<std::size_t>(static_cast<double>(limits_.max_entries) * limits_.provisional_share);
  if (provisional_.fetch_add(1) < cap) return true;
  if (evict_anywhere(own, [this](Stripe& stripe) { return evict_provisional(stripe); })) return true;
  provisional_.fetch_sub(1);
  return false;
}

void Table::count_room(ShardId shard, bool more) {
  if (shard >= limits_.max_shards) return;
  if (more) {
    rooms_[shard].fetch_add(1, std::memory_order_relaxed);
  } else {
    rooms_[shard].fetch_sub(1, std::memory_order_relaxed);
  }
}

}  // namespace roomgate::router::stick

#include "peers-sync/haproxy/pusher.hpp"

#include <algorithm>
#include <limits>

#include "peers-sync/codec/update.hpp"

namespace roomgate::peers_sync::haproxy {
namespace {

// We have one table, so one number for it will do; HAProxy begins with 1 too.
constexpr std::uint64_t kTable = 1;
// Of key and name together: the message has to fit HAProxy's buffer, less what that keeps free.
constexpr std::size_t kMaxTexts = 15'000;
// Entries that are passed over for each that is told, before others get their turn.
constexpr std::size_t kPassedOver = 50;
// HAProxy would wait for a confirm for ever; a session that lives without one is told news again.
constexpr Duration kConfirm = seconds(5);

std::uint32_t in_milliseconds(Duration time) {
  const auto count = std::chrono::duration_cast<milliseconds>(time).count();
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(count, 0, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

// One go at it. Its first update has its id in full, those that follow it directly need none.
struct Pusher::Round {
  std::optional<std::uint64_t> previous;
  std::size_t left;
  std::size_t looks;
};

Pusher::Pusher(std::string peer, bool timed, Tables& tables, std::string& out)
    : peer_(std::move(peer)),
      timed_(timed),
      tables_(tables),
      out_(out),
      at_(tables.acknowledged(peer_)),
      from_(at_),
      furthest_(at_) {}

void Pusher::requested() {
  // One that asks again while it is being told is told once: else asking often would be a way to keep us
  // busy.
  if (state_ == State::newer || state_ == State::older) return;
  origin_ = tables_.acknowledged(peer_);
  at_ = origin_;
  state_ = State::newer;
}

void Pusher::confirmed() {
  if (state_ == State::pushing) return;
  state_ = State::pushing;
  at_ = origin_;
}

void Pusher::acknowledged(const codec::Ack& ack) {
  // What it acknowledges of a lesson is not where pushing goes on.
  if (teaching() || ack.table != kTable) return;
  // Of the positions with these low 32 bits the last one told. 3.5-dev5 swaps the bytes of some acks, so one
  // that was never told is no error, and no news.
  const std::uint64_t behind = static_cast<std::uint32_t>(static_cast<std::uint32_t>(furthest_) - ack.update);
  if (behind <= furthest_ - from_) tables_.acknowledge(peer_, furthest_ - behind);
}

bool Pusher::push(std::size_t count, TimePoint now) {
  Round round{.previous = {}, .left = count, .looks = count * kPassedOver};
  if (state_ == State::waiting && now >= waits_until_) confirmed();
  while (state_ != State::waiting) {
    auto entry = tables_.next(at_, now);
    if (state_ == State::older && entry && entry->position > origin_) entry.reset();
    if (!entry) {
      if (state_ == State::pushing) return false;
      if (state_ == State::newer) {
        state_ = State::older;
        at_ = 0;
        continue;
      }
      end_lesson(now);
      break;
    }
    if (round.left == 0 || round.looks == 0) return true;
    --round.looks;
    at_ = entry->position;
    if (teaching() || entry->ours) tell(*entry, round);
  }
  return false;
}

void Pusher::end_lesson(TimePoint now) {
  // Also for an empty table, as HAProxy does.
  define();
  codec::append_control(
      tables_.up_to_date(now) ? codec::Control::resync_finished : codec::Control::resync_partial, out_);
  state_ = State::waiting;
  waits_until_ = now + kConfirm;
}

void Pusher::tell(const Entry& entry, Round& round) {
  if (entry.key.size() + entry.server_key.size() > kMaxTexts) return;
  define();
  codec::Update update{.key = entry.key};
  if (round.previous != entry.position - 1) update.id = static_cast<std::uint32_t>(entry.position);
  if (teaching() && timed_) update.remaining = in_milliseconds(entry.remaining);
  update.numbers = {static_cast<std::uint64_t>(entry.server_id)};
  // Always with the name: without one the receiver would keep the one that it had.
  update.server = names_.refer(entry.server_key);
  codec::append_update(update, *said_, out_);
  round.previous = entry.position;
  --round.left;
  furthest_ = std::max(furthest_, entry.position);
  ++updates_;
}

// Before the first update or lesson of a session, and when it has become another.
void Pusher::define() {
  codec::TableDefinition table = tables_.definition();
  table.id = kTable;
  if (said_ == table) return;
  codec::append_definition(table, out_);
  said_ = std::move(table);
}

}  // namespace roomgate::peers_sync::haproxy

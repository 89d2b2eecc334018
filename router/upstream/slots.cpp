#include "router/upstream/slots.hpp"

namespace roomgate::router::upstream {

SlotAccount& SlotAccounts::of(stick::ShardId shard) {
  const std::lock_guard lock(mutex_);
  if (shard >= accounts_.size()) accounts_.resize(shard + std::size_t{1});
  auto& account = accounts_[shard];
  if (account == nullptr) account = std::make_unique<SlotAccount>(cores_);
  return *account;
}

SlotLine& Slots::line(stick::ShardId shard) {
  if (shard >= lines_.size()) lines_.resize(shard + std::size_t{1});
  auto& line = lines_[shard];
  if (line == nullptr) line = std::make_unique<SlotLine>(accounts_.of(shard), core_.index());
  return *line;
}

void Slots::set_limit(stick::ShardId shard, std::uint32_t limit) { line(shard).set_limit(limit); }

std::optional<Slot> Slots::try_enter(stick::ShardId shard) {
  if (!line(shard).try_enter()) return std::nullopt;
  return Slot(*this, shard);
}

net::Task<Result<Slot, Refusal>> Slots::enter(stick::ShardId shard, TimePoint deadline,
                                              net::Channel& client) {
  // Its place in line goes with the frame, whatever ends it.
  struct Place {
    SlotLine& line;
    Waiting waiting;
    bool in_line = false;
    ~Place() {
      if (in_line && !waiting.entered) line.give_up(waiting);
    }
  };
  Place place{line(shard), Waiting(core_)};
  switch (place.line.enter(place.waiting, bound_, core_.now())) {
    case SlotLine::Entry::taken: co_return Slot(*this, shard);
    case SlotLine::Entry::full: co_return fail(Refusal::full);
    case SlotLine::Entry::queued: break;
  }
  place.in_line = true;
  while (!place.waiting.entered) {
    const TimePoint now = core_.now();
    if (client.peer_gone()) co_return fail(Refusal::gone);
    if (now >= deadline) co_return fail(Refusal::late);
    (void)co_await place.waiting.waiter.wait(std::min(deadline, now + kLook));
  }
  co_return Slot(*this, shard);
}

void Slots::receive(stick::ShardId shard) { pass(line(shard).receive(), shard); }

void Slots::leave(stick::ShardId shard) { pass(line(shard).leave(), shard); }

void Slots::pass(std::optional<std::size_t> core, stick::ShardId shard) {
  if (!core) return;
  if (others_.pass_slot) others_.pass_slot(*core, shard);
}

void Slots::set_idle(stick::ShardId shard, std::size_t connections) {
  SlotLine& of_shard = line(shard);
  if (of_shard.limited()) of_shard.account().set_idle(core_.index(), connections);
}

bool Slots::crowded(stick::ShardId shard) {
  SlotLine& of_shard = line(shard);
  return of_shard.limited() && of_shard.account().used() + of_shard.account().idle() > of_shard.limit();
}

void Slots::close_idle_elsewhere(stick::ShardId shard) {
  if (!others_.close_idle) return;
  if (const auto core = line(shard).account().core_with_idle(core_.index())) others_.close_idle(*core, shard);
}

}  // namespace roomgate::router::upstream

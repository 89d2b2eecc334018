#include "sfu/bridge/ssrc_pool.hpp"

#include <algorithm>
#include <utility>

#include "base/random.hpp"

namespace roomgate::sfu::bridge {

SsrcPool::SsrcPool(Limits limits, std::function<bool(std::uint32_t)> in_use)
    : limits_(limits), in_use_(std::move(in_use)) {}

const SsrcPool::Slot* SsrcPool::held_by(std::uint32_t source) const {
  const auto at = std::find_if(slots_.begin(), slots_.end(),
                               [&](const Slot& slot) { return source != 0 && slot.holder == source; });
  return at == slots_.end() ? nullptr : &*at;
}

SsrcPool::Slot* SsrcPool::find(std::uint32_t source) {
  const Slot* held = held_by(source);
  return held == nullptr ? nullptr : &slots_[static_cast<std::size_t>(held - slots_.data())];
}

std::uint32_t SsrcPool::holder_of(std::uint32_t ssrc) const {
  for (const Slot& slot : slots_) {
    if (slot.ids.ssrc == ssrc) return slot.holder;
  }
  return 0;
}

std::optional<SsrcPool::Taken> SsrcPool::take(std::uint32_t source, const Since& since) {
  Slot* slot = nullptr;
  // One that the client knows, before another for which it needs a decoder.
  const auto free = std::find_if(slots_.begin(), slots_.end(), [](const Slot& s) { return s.holder == 0; });
  if (free != slots_.end()) {
    slot = &*free;
  } else if (slots_.size() < limits_.slots) {
    const std::uint32_t ssrc = draw();
    slot = &slots_.emplace_back(Slot{.ids = {.ssrc = ssrc, .rtx = 0}});
    if (limits_.with_rtx) slot->ids.rtx = draw();
  } else {
    std::optional<TimePoint> longest;
    for (Slot& each : slots_) {
      const auto wanted = since(each);
      if (!wanted || (longest && *wanted >= *longest)) continue;
      longest = wanted;
      slot = &each;
    }
  }
  if (slot == nullptr) return std::nullopt;
  const Taken taken{slot, std::exchange(slot->holder, source)};
  slot->open = false;
  slot->map = ++map_;
  slot->opens = {};
  return taken;
}

void SsrcPool::want(std::uint32_t source, TimePoint now) {
  if (Slot* slot = find(source)) slot->last_wanted = now;
}

// The map goes on saying it until somebody else has the slot: the source is gone, and the client knows.
void SsrcPool::release(std::uint32_t source) {
  if (Slot* slot = find(source)) {
    slot->holder = 0;
    slot->open = false;
  }
}

void SsrcPool::on_written(std::uint64_t map, TimePoint now) {
  if (map > map_) return;
  written_ = std::max(written_, map);
  for (Slot& slot : slots_) {
    if (slot.holder == 0 || slot.open || slot.map > map || slot.opens != TimePoint{}) continue;
    if (slot.known_at == TimePoint{}) slot.known_at = now;
    slot.opens = std::max(now, slot.known_at + limits_.grace);
  }
}

void SsrcPool::open_due(TimePoint now, const std::function<void(std::uint32_t source)>& opened) {
  for (Slot& slot : slots_) {
    if (slot.holder == 0 || slot.open || slot.opens == TimePoint{} || slot.opens > now) continue;
    slot.open = true;
    opened(slot.holder);
  }
}

std::uint32_t SsrcPool::draw() const {
  for (;;) {
    const std::uint32_t ssrc = random_u32();
    const bool own = std::any_of(slots_.begin(), slots_.end(), [&](const Slot& slot) {
      return slot.ids.ssrc == ssrc || slot.ids.rtx == ssrc;
    });
    if (ssrc != 0 && !own && !in_use_(ssrc)) return ssrc;
  }
}

}  // namespace roomgate::sfu::bridge

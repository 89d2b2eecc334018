#include "sfu/bridge/crossing.hpp"

#include <cstring>

namespace roomgate::sfu::bridge {

ParcelReference ParcelReference::share() const {
  if (parcel_ != nullptr) parcel_->references.fetch_add(1, std::memory_order_relaxed);
  return ParcelReference(parcel_);
}

void ParcelReference::release() {
  if (parcel_ == nullptr) return;
  // acq_rel: the owner writes the storage again only after every reader is done.
  if (parcel_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) parcel_->owner->give_back(parcel_);
  parcel_ = nullptr;
}

ParcelReference ParcelPool::take(ByteView packet, TimePoint received_at) {
  if (free_ == nullptr) free_ = returned_.exchange(nullptr, std::memory_order_acquire);
  if (free_ == nullptr && all_.size() < max_parcels_) {
    free_ = all_.emplace_back(std::make_unique<Parcel>()).get();
    free_->owner = this;
  }
  if (free_ == nullptr || packet.size() > free_->storage.size()) return {};
  Parcel* parcel = std::exchange(free_, free_->next);
  parcel->next = nullptr;
  std::memcpy(parcel->storage.data(), packet.data(), packet.size());
  parcel->size = static_cast<std::uint16_t>(packet.size());
  parcel->received_at = received_at;
  parcel->references.store(1, std::memory_order_relaxed);
  return ParcelReference(parcel);
}

void ParcelPool::give_back(Parcel* parcel) {
  // Pushed one by one, taken all at once: no ABA.
  Parcel* head = returned_.load(std::memory_order_relaxed);
  do {
    parcel->next = head;
  } while (
      !returned_.compare_exchange_weak(head, parcel, std::memory_order_release, std::memory_order_relaxed));
}

Crossings::Crossings(std::size_t workers, std::size_t capacity, std::size_t parcels) {
  for (std::size_t i = 0; i < workers; ++i) {
    wakeups_.push_back(std::make_unique<Wakeup>());
    pools_.push_back(std::make_unique<ParcelPool>(parcels));
  }
  for (std::size_t from = 0; from < workers; ++from) {
    for (std::size_t to = 0; to < workers; ++to) {
      queues_.push_back(std::make_unique<Queue<Crossing>>(from == to ? 2 : capacity, *wakeups_[to]));
    }
  }
}

}  // namespace roomgate::sfu::bridge

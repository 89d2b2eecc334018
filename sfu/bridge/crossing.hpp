// What one worker hands another: received packets as references, and the few words that go back to the
// sender's side. A parcel is a packet in clear that any number of workers read; whoever is last puts it back.
// One ring per ordered pair of workers, one wake-up per batch. Owned by the bridge, outlives the workers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "sfu/bridge/messages.hpp"
#include "sfu/bridge/queue.hpp"
#include "sfu/rtp/packet_buffer.hpp"
#include "sfu/rtp/rtcp.hpp"

namespace roomgate::sfu::bridge {

class ParcelPool;

struct Parcel {
  std::array<std::uint8_t, rtp::PacketBuffer::kCapacity> storage;
  std::uint16_t size = 0;
  TimePoint received_at{};
  std::atomic<std::uint32_t> references{0};
  ParcelPool* owner = nullptr;
  Parcel* next = nullptr;

  ByteView bytes() const { return ByteView(storage).first(size); }
};

// One reference. Moves between threads; the last one to go returns the parcel to its pool, from any thread.
class ParcelReference {
 public:
  ParcelReference() = default;
  explicit ParcelReference(Parcel* parcel) : parcel_(parcel) {}
  ParcelReference(ParcelReference&& other) noexcept : parcel_(std::exchange(other.parcel_, nullptr)) {}
  ParcelReference& operator=(ParcelReference&& other) noexcept {
    if (this != &other) {
      release();
      parcel_ = std::exchange(other.parcel_, nullptr);
    }
    return *this;
  }
  ~ParcelReference() { release(); }

  ParcelReference share() const;
  explicit operator bool() const { return parcel_ != nullptr; }
  const Parcel* operator->() const { return parcel_; }

 private:
  void release();
  Parcel* parcel_ = nullptr;
};

// take() on the owning worker's thread only.
class ParcelPool {
 public:
  explicit ParcelPool(std::size_t max_parcels) : max_parcels_(max_parcels) {}

  // Holds a copy of `packet`; empty when all parcels are under way or the packet is too long.
  ParcelReference take(ByteView packet, TimePoint received_at);

 private:
  friend class ParcelReference;
  void give_back(Parcel* parcel);

  const std::size_t max_parcels_;
  std::vector<std::unique_ptr<Parcel>> all_;
  Parcel* free_ = nullptr;
  std::atomic<Parcel*> returned_{nullptr};
};

struct Crossing {
  enum class Kind {
    none,
    packet,         // of a source that lives on the sending worker, in clear
    sender_report,  // of such a source
    keyframe,       // a receiver on the sending worker needs one of this layer
    wanted,         // the largest height that receivers on the sending worker want of this source
  };
  Kind kind = Kind::none;
  std::size_t from = 0;
  ConferenceKey conference = 0;
  std::uint32_t ssrc = 0;  // of the layer; for `wanted`, of the first layer
  int height = 0;
  ParcelReference parcel;
  rtp::SenderReport report;
};

class Crossings {
 public:
  Crossings(std::size_t workers, std::size_t capacity, std::size_t parcels);

  Wakeup& wakeup(std::size_t worker) { return *wakeups_[worker]; }
  ParcelPool& parcels(std::size_t worker) { return *pools_[worker]; }
  Queue<Crossing>& queue(std::size_t from, std::size_t to) { return *queues_[from * wakeups_.size() + to]; }
  std::size_t workers() const { return wakeups_.size(); }

 private:
  std::vector<std::unique_ptr<Wakeup>> wakeups_;  // of each worker's loop, shared with its command queue
  std::vector<std::unique_ptr<ParcelPool>> pools_;
  std::vector<std::unique_ptr<Queue<Crossing>>>
      queues_;  // destroyed before the pools their parcels return to
};

}  // namespace roomgate::sfu::bridge

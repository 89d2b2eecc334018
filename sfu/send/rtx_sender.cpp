#include "sfu/send/rtx_sender.hpp"

#include <algorithm>

namespace roomgate::sfu::send {

RtxSender::RtxSender(std::uint32_t ssrc, std::uint16_t first_sequence, Limits limits)
    : ssrc_(ssrc), next_(first_sequence), limits_(limits), round_trip_(milliseconds(100)) {
  on_round_trip(round_trip_);
}

void RtxSender::on_round_trip(Duration rtt) {
  round_trip_ = std::clamp(rtt, limits_.min_round_trip, limits_.max_round_trip);
}

// Per round trip.
std::size_t RtxSender::most() const {
  if (!estimate_) return limits_.max_bytes_per_round_trip;
  const double carried = *estimate_ / 8 * std::chrono::duration<double>(round_trip_).count();
  const double allowed =
      std::min(limits_.share * carried, static_cast<double>(limits_.max_bytes_per_round_trip));
  return std::max(limits_.least_bytes_per_round_trip, static_cast<std::size_t>(allowed));
}

std::optional<std::uint16_t> RtxSender::next(std::size_t bytes, TimePoint now) {
  if (now - window_ >= round_trip_) {
    window_ = now;
    spent_ = 0;
  }
  if (spent_ + bytes > most()) {
    ++refused_;
    return std::nullopt;
  }
  spent_ += bytes;
  return next_++;
}

}  // namespace roomgate::sfu::send

#include "tests/sfu/congestion/simulation/flow.hpp"

#include <algorithm>
#include <array>

#include "sfu/rtp/rtcp.hpp"

namespace roomgate::test {
namespace {

constexpr std::size_t kPacket = 1200;
constexpr std::size_t kPadding = 310;
constexpr std::size_t kMaxPadding = 64;

}  // namespace

Flow::Flow(FlowModel model, int index, Link& link, std::uint32_t seed)
    : model_(std::move(model)),
      index_(index),
      link_(link),
      random_(seed),
      next_frame_(model_.from),
      next_audio_(model_.from),
      next_step_(model_.from),
      next_sample_(model_.from) {
  estimator_.expect_feedback(true);
  estimator_.set_goal(model_.goal);
}

void Flow::turn(Duration now) {
  if (now < model_.from) return;
  read_feedback(now);
  if (now >= next_step_) {
    next_step_ += milliseconds(10);
    choose_rate(now);
    send_padding(now);
    build_feedback(now);
  }
  if (now >= next_audio_) {
    next_audio_ += milliseconds(20);
    send(static_cast<std::size_t>(model_.audio / 50 / 8), now);
  }
  if (now >= next_frame_) {
    next_frame_ += microseconds(33'333);
    send_media(now);
  }
  if (now >= next_sample_) {
    next_sample_ += milliseconds(100);
    samples_.push_back({now, estimate(), media_, worst_});
    worst_ = {};
  }
}

void Flow::choose_rate(Duration now) {
  const double left = estimate() - model_.audio;
  if (model_.layers.empty()) {
    media_ = std::min(left, model_.goal);
    return;
  }
  std::size_t best = 0;  // 0: nothing
  for (std::size_t i = 0; i < model_.layers.size(); ++i) {
    const bool up = i + 1 > layer_;
    if (model_.layers[i] <= (up ? left / 1.15 : left)) best = i + 1;
  }
  if (best < layer_) hold_until_ = now + seconds(2);
  if (best < layer_ || now >= hold_until_) layer_ = best;
  media_ = layer_ == 0 ? 0 : model_.layers[layer_ - 1];
}

void Flow::send_media(Duration now) {
  if (media_ <= 0) return;
  // Frames differ, and every three seconds one is a key frame.
  std::uniform_real_distribution<double> size(0.75, 1.25);
  double bytes = media_ / 8 / 30 * size(random_);
  if (frames_++ % 90 == 0) bytes *= 4;
  while (bytes > 0) {
    const std::size_t part = std::min<std::size_t>(kPacket, static_cast<std::size_t>(bytes) + 60);
    send(part, now);
    bytes -= static_cast<double>(part);
  }
}

void Flow::send_padding(Duration now) {
  std::size_t left = estimator_.step(ours(now));
  for (std::size_t i = 0; left > 0 && i < kMaxPadding; ++i) {
    send(kPadding, now);
    padding_bytes_ += kPadding;
    left -= std::min(left, kPadding);
  }
}

void Flow::send(std::size_t bytes, Duration now) {
  const std::uint16_t number = estimator_.next_number();
  estimator_.on_sent(bytes, ours(now));
  link_.push({.flow = index_, .number = number, .bytes = static_cast<std::uint32_t>(bytes)}, now);
}

void Flow::deliver(const Datagram& datagram) {
  received_bytes_ += datagram.bytes;
  queued_.push_back(datagram.queued);
  worst_ = std::max(worst_, datagram.queued);
  const Duration told = model_.lie ? model_.lie(datagram.number, datagram.out) : datagram.out;
  collector_.on_packet(datagram.number, theirs(told));
}

void Flow::build_feedback(Duration now) {
  if (!collector_.due(theirs(now))) return;
  std::array<std::uint8_t, sfu::rtp::kMaxFeedbackBytes> bytes;
  while (const std::size_t size = collector_.build(1, 2, theirs(now), bytes)) {
    if (std::uniform_real_distribution<double>(0, 1)(random_) < model_.feedback_loss) continue;
    reports_.push_back({now + kWayBack, {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)}});
  }
}

void Flow::read_feedback(Duration now) {
  while (!reports_.empty() && reports_.front().at <= now) {
    const std::vector<std::uint8_t> bytes = std::move(reports_.front().bytes);
    reports_.pop_front();
    sfu::rtp::RtcpReader reader(bytes);
    std::array<sfu::rtp::PacketStatus, sfu::rtp::kMaxStatuses> statuses;
    const auto feedback = sfu::rtp::read_transport_feedback(*reader.next(), statuses);
    if (model_.claims_all) {
      for (auto& status : statuses) status.received = true;
    }
    estimator_.on_feedback(feedback->head, std::span(statuses).first(feedback->count), ours(now));
  }
}

Simulation::Simulation(LinkModel link, std::vector<FlowModel> flows, std::uint32_t seed)
    : link_(std::move(link), seed) {
  for (std::size_t i = 0; i < flows.size(); ++i) {
    flows_.push_back(std::make_unique<Flow>(std::move(flows[i]), static_cast<int>(i), link_,
                                            seed + 1 + static_cast<std::uint32_t>(i)));
  }
}

void Simulation::run(Duration until) {
  for (; now_ < until; now_ += kStep) {
    link_.turn(now_, [this](const Datagram& datagram) {
      flows_[static_cast<std::size_t>(datagram.flow)]->deliver(datagram);
    });
    for (const auto& flow : flows_) flow->turn(now_);
  }
}

}  // namespace roomgate::test

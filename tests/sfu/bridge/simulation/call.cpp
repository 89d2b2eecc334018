#include "tests/sfu/bridge/simulation/call.hpp"

#include <algorithm>

#include "sfu/rtp/rtcp.hpp"
#include "sfu/rtp/transport_feedback.hpp"

namespace roomgate::test {
namespace {

using namespace sfu;
using namespace sfu::bridge;

constexpr std::size_t kWire = 12 + 8 + 16 + Endpoint::kIpAndUdp;  // around a payload
constexpr std::size_t kAudio = 100;
constexpr std::size_t kPadding = 255;
constexpr std::size_t kMaxPadding = 64;

}  // namespace

Call::Call(CallModel model, std::uint32_t seed)
    : conference_(1, 0, 1, limits_, due_),
      receiver_(2, conference_, {}, 0, limits_),
      model_(std::move(model)),
      link_(model_.link, seed),
      camera_(model_.camera, seed + 1) {
  conference_.add_receiver(receiver_);
  receiver_.outbound.emplace(transport::SrtpProfile::aead_aes_128_gcm, transport::SrtpMasterKey(),
                             transport::SrtpDirection::protect);
  receiver_.path.emplace();
  receiver_.features.transport_cc = true;
  receiver_.bandwidth.expect_feedback(true);
  receiver_.wishes.apply({.on_stage = {{"ada-v0"}}, .default_max_height = 720});
  std::vector<Layer> layers = {{11, 21}, {12, 22}, {13, 23}};
  layers.resize(model_.camera.rates.size());
  conference_.set_sources({.conference = 1,
                           .endpoint = 1,
                           .id = "ada",
                           .sources = {{.name = "ada-v0", .media = Media::video, .layers = layers}}},
                          nullptr);
  next_tick_ = next_slow_ = next_audio_ = next_report_ = model_.joins;
  source_ = conference_.sources().front().get();
}

void Call::run(Duration until) {
  for (; at_ < until; at_ += kStep) turn(at_);
}

void Call::turn(Duration at) {
  now_ = ours(at);
  camera_.turn(at, [this](const forward::VideoPacket& packet) { on_media(packet); });
  if (at < model_.joins) return;
  if (model_.audio && at >= next_audio_) {
    next_audio_ += milliseconds(20);
    receiver_.audio_rate.add(kAudio + kWire);
    send({.kind = Sent::Kind::audio, .video = {}}, kAudio + kWire);
  }
  link_.turn(at, [this](const Datagram& datagram) { deliver(datagram); });
  for (; !answers_.empty() && answers_.front().at <= at; answers_.pop_front()) on_answer(answers_.front());
  if (at < next_tick_) return;
  next_tick_ += milliseconds(10);
  const bool slow = at >= next_slow_;
  if (slow) next_slow_ += milliseconds(100);
  tick(slow);
  answer(at);
}

// ---------------------------------------------------------------- the bridge

void Call::on_media(const forward::VideoPacket& packet) {
  source_->layers.on_packet(packet, packet.payload_size + kWire, now_);
  if (source_->layers.take_changed()) allocate();
  if (packet.starts_keyframe) source_->streams[packet.stream].keyframes.on_keyframe();
  auto& history = history_[packet.stream];
  history.push_back({packet, now_});
  while (now_ - history.front().at > limits_.history.max_age) history.pop_front();

  VideoOut* out = source_->find_video_out(receiver_);
  if (out == nullptr) return;
  const auto projected = out->forwarder.forward(source_->layers, packet, now_);
  if (!projected) return;
  out->forwarder.on_sent(packet.payload_size);
  const rtp::PictureFields& fields = projected->picture ? *projected->picture : *packet.picture;
  send({.kind = Sent::Kind::video,
        .video = {.sequence = projected->sequence,
                  .stream = packet.stream,
                  .empty = projected->empty,
                  .key = packet.starts_keyframe,
                  .starts_frame = packet.starts_frame,
                  .ends_frame = packet.ends_frame,
                  .temporal = packet.temporal,
                  .tl0 = fields.tl0}},
       packet.payload_size + kWire);
}

void Call::on_answer(const Answer& answer) {
  if (!answer.feedback.empty()) {
    rtp::RtcpReader reader(answer.feedback);
    std::array<rtp::PacketStatus, rtp::kMaxStatuses> statuses;
    const auto feedback = rtp::read_transport_feedback(*reader.next(), statuses);
    receiver_.bandwidth.on_feedback(feedback->head, std::span(statuses).first(feedback->count), now_);
    if (receiver_.overspent()) allocate();
  }
  if (answer.round_trip) receiver_.round_trip = (receiver_.round_trip * 7 + *answer.round_trip) / 8;
  VideoOut* out = source_->find_video_out(receiver_);
  if (out == nullptr) return;
  out->rtx->on_round_trip(receiver_.round_trip);
  out->rtx->on_estimate(receiver_.bandwidth.estimate());
  for (const std::uint16_t sequence : answer.nacks) send_again(sequence);
  if (!answer.keyframe) return;
  auto stream = out->forwarder.wanted_keyframe(source_->layers, now_);
  if (!stream) stream = out->forwarder.current_stream();
  if (stream) source_->streams[*stream].keyframes.request(now_);
}

void Call::send_again(std::uint16_t sequence) {
  VideoOut& out = *source_->find_video_out(receiver_);
  const auto found = out.forwarder.find_sent(sequence);
  if (!found || out.forwarder.left_behind(source_->layers, found->stream, now_)) return;
  for (const Kept& kept : history_[found->stream]) {
    if (kept.packet.sequence != found->original_sequence) continue;
    const auto projected = out.forwarder.reproject(*found, sequence, kept.packet);
    const std::size_t bytes = kept.packet.payload_size + kWire + 2;
    if (!projected || !out.rtx->next(bytes, now_)) return;
    const rtp::PictureFields& fields = projected->picture ? *projected->picture : *kept.packet.picture;
    send({.kind = Sent::Kind::video,
          .video = {.sequence = sequence,
                    .stream = kept.packet.stream,
                    .empty = projected->empty,
                    .key = kept.packet.starts_keyframe,
                    .starts_frame = kept.packet.starts_frame,
                    .ends_frame = kept.packet.ends_frame,
                    .temporal = kept.packet.temporal,
                    .tl0 = fields.tl0}},
         bytes);
    return;
  }
}

void Call::tick(bool slow) {
  std::size_t due = receiver_.bandwidth.step(now_);
  for (std::size_t i = 0; due > 0 && i < kMaxPadding; ++i) {
    send({.kind = Sent::Kind::padding, .video = {}}, kPadding + kWire);
    due -= std::min(due, kPadding + kWire);
  }
  if (slow) review();
  if (receiver_.keyframes_from && now_ >= *receiver_.keyframes_from) {
    receiver_.keyframes_from.reset();
    ask_for_keyframe();
  }
  for (LayerState& layer : source_->streams) {
    if (layer.keyframes.due(now_)) camera_.want_keyframe();
  }
}

void Call::review() {
  receiver_.audio_rate.update(now_);
  if (receiver_.overspent() || now_ >= receiver_.next_allocation) {
    receiver_.next_allocation = now_ + (receiver_.limited ? milliseconds(300) : seconds(1));
    conference_.want_allocation();
  }
  if (!due_.empty()) allocate();
  VideoOut* out = source_->find_video_out(receiver_);
  if (out == nullptr) return;
  ask_for_keyframe();
  const auto current = out->forwarder.current_layer();
  samples_.push_back({.at = at_,
                      .estimate = receiver_.bandwidth.estimate().value_or(0),
                      .target = out->forwarder.target().spatial,
                      .layer = current ? static_cast<int>(*current) : -1});
}

void Call::allocate() {
  due_.clear();
  conference_.begin_allocation();
  conference_.allocate(receiver_, kUnlimited, now_);
  source_->watch_layers(now_);
  ask_for_keyframe();
}

void Call::ask_for_keyframe() {
  if (receiver_.keyframes_from) return;
  VideoOut* out = source_->find_video_out(receiver_);
  const auto layer = out == nullptr ? std::nullopt : out->forwarder.wanted_keyframe(source_->layers, now_);
  if (layer) source_->streams[*layer].keyframes.request(now_);
}

void Call::send(const Sent& sent, std::size_t bytes) {
  const std::uint16_t number = receiver_.bandwidth.next_number();
  sent_[number] = sent;
  receiver_.bandwidth.on_sent(bytes, now_);
  link_.push({.flow = 0, .number = number, .bytes = static_cast<std::uint32_t>(bytes)}, at_);
}

// ---------------------------------------------------------------- the receiver

void Call::deliver(const Datagram& datagram) {
  arrivals_.on_packet(datagram.number, theirs(datagram.out));
  last_trip_ = datagram.out - datagram.sent + kWayBack;
  const Sent& sent = sent_[datagram.number];
  switch (sent.kind) {
    case Sent::Kind::padding: break;
    case Sent::Kind::audio: heard_.push_back(datagram.out); break;
    case Sent::Kind::video: viewer_.on_packet(sent.video, datagram.out); break;
  }
}

void Call::answer(Duration at) {
  Answer answer{.at = at + kWayBack, .nacks = viewer_.nacks(at), .keyframe = viewer_.wants_keyframe(at)};
  if (at >= next_report_) {
    next_report_ += seconds(1);
    answer.round_trip = last_trip_;
  }
  if (!answer.nacks.empty() || answer.keyframe || answer.round_trip) answers_.push_back(answer);
  if (!arrivals_.due(theirs(at))) return;
  std::array<std::uint8_t, rtp::kMaxFeedbackBytes> bytes;
  while (const std::size_t size = arrivals_.build(1, 2, theirs(at), bytes)) {
    Answer feedback{.at = at + kWayBack};
    feedback.feedback.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    answers_.push_back(std::move(feedback));
  }
}

}  // namespace roomgate::test

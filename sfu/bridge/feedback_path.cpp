// RTCP on its worker. In: sender reports go on to receivers, NACKs are answered from history, key frames are
// asked for. Out, towards senders: transport-wide feedback or REMB, NACKs, PLIs, receiver reports.
#include <algorithm>

#include "sfu/bridge/worker.hpp"
#include "sfu/congestion/remb_target.hpp"
#include "sfu/rtp/payload_types.hpp"
#include "sfu/rtp/transport_feedback.hpp"
#include "sfu/send/padding.hpp"

namespace roomgate::sfu::bridge {
namespace {

constexpr std::size_t kMaxRtcp = 1200;
constexpr std::size_t kMaxNacked = 256;      // numbers of one datagram that are answered
constexpr std::size_t kMaxPadding = 64;      // packets of a tick; about 15 Mbit/s
constexpr std::uint8_t kPaddingCodec = 100;  // VP8, which every client knows; nothing of the payload is its
constexpr Duration kReviewLimited = milliseconds(300);
constexpr Duration kReview = seconds(1);
constexpr Duration kTellTurned = seconds(1);  // at most that often

}  // namespace

void Worker::on_rtcp(rtp::PacketBuffer& packet, const Path& path) {
  Endpoint* from = find_address(path.remote);
  if (from == nullptr) {
    ++counts_.drop_unknown_address;
    return;
  }
  if (!from->inbound) {
    ++counts_.drop_no_keys;
    return;
  }
  if (!may_send(*from)) return;
  const auto size = from->inbound->unprotect_rtcp(packet.bytes());
  if (!size) {
    const auto error = size.error();
    const bool replay = error == transport::SrtpError::replayed || error == transport::SrtpError::old;
    ++(replay ? counts_.drop_replayed : counts_.drop_unauthentic);
    return;
  }
  if (!packet.set_size(*size)) return;
  ++counts_.rtcp_received;
  from->allowance.take(*size);
  from->ice.on_authenticated_packet(path.remote, now_, ice_output_);
  apply_ice(*from, &path);

  rtp::RtcpReader reader(packet.bytes());
  while (const auto part = reader.next()) {
    if (const auto report = rtp::read_sender_report(*part)) on_sender_report(*from, *report);
    if (const auto blocks = rtp::read_report_blocks(*part)) on_report_blocks(*from, *blocks);
    if (part->is(rtp::kTransportCc)) {
      on_transport_feedback(*from, *part);
    } else if (const auto remb = rtp::read_remb(*part)) {
      from->bandwidth.on_remb(static_cast<double>(remb->bitrate));
    } else if (part->is(rtp::kGenericNack)) {
      if (const auto nack = rtp::read_feedback(*part)) on_nack(*from, *nack);
    } else if (part->is(rtp::kPictureLoss)) {
      if (const auto loss = rtp::read_feedback(*part)) on_keyframe_wanted(*from, loss->media_ssrc);
    } else if (part->is(rtp::kFullIntraRequest)) {
      if (const auto fir = rtp::read_feedback(*part)) {
        rtp::for_each_fir(*fir, [&](std::uint32_t ssrc, std::uint8_t) { on_keyframe_wanted(*from, ssrc); });
      }
    }
  }
  if (reader.failed()) ++counts_.drop_malformed;
}

// ---------------------------------------------------------------- from senders, to receivers

void Worker::on_sender_report(Endpoint& sender, const rtp::SenderReport& report) {
  const IncomingStream* stream = sender.find_stream(report.ssrc);
  if (stream == nullptr || stream->rtx) return;
  SourceState& source = *stream->source;
  LayerState& layer = source.streams[stream->layer];
  if (layer.statistics) layer.statistics->on_sender_report(report.ntp, now_);
  forward_sender_report(source, stream->layer, report);

  std::uint64_t others = sender.conference.other_parts();
  for (std::size_t to = 0; others != 0; ++to, others >>= 1) {
    if ((others & 1) == 0) continue;
    Crossing crossing;
    crossing.kind = Crossing::Kind::sender_report;
    crossing.conference = sender.conference.key();
    crossing.ssrc = report.ssrc;
    crossing.report = report;
    push_crossing(to, std::move(crossing));
  }
}

void Worker::forward_sender_report(SourceState& source, std::size_t layer, const rtp::SenderReport& report) {
  const auto send = [this, &source](Endpoint& receiver, const rtp::SenderReport& rewritten) {
    std::array<std::uint8_t, 256> bytes;
    ByteWriter out(bytes);
    if (!rtp::write_sender_report(out, rewritten, {}) ||
        !rtp::write_cname(out, rewritten.ssrc, source.owner_id))
      return;
    receiver.sent_reports.add(rtp::ntp_middle(rewritten.ntp), now_);
    send_rtcp(receiver, out.written());
  };
  if (source.is_video()) {
    source.layers.on_sender_report(layer, report.ntp, report.rtp_timestamp);
    for (VideoOut& out : source.video_outs) {
      if (!out.receiver->ready()) continue;
      if (const auto rewritten = out.forwarder.sender_report(layer, report)) send(*out.receiver, *rewritten);
    }
  } else {
    for (AudioOut& out : source.audio_outs) {
      if (!out.receiver->ready() || (out.receiver->own && !out.subscribed)) continue;
      if (const auto rewritten = out.forwarder.sender_report(report)) send(*out.receiver, *rewritten);
    }
  }
}

// ---------------------------------------------------------------- from receivers

void Worker::on_report_blocks(Endpoint& receiver, const rtp::ReportBlocks& blocks) {
  double lost = 0;
  for (const rtp::ReportBlock& block : blocks.view()) {
    lost = std::max(lost, block.fraction_lost / 256.0);
    if (block.last_sender_report == 0) continue;
    const auto sent = receiver.sent_reports.find(block.last_sender_report);
    if (!sent) continue;
    const Duration held = microseconds(std::uint64_t{block.delay_since_sender_report} * 1'000'000 / 65536);
    const Duration round_trip = now_ - *sent - held;
    if (round_trip < Duration::zero() || round_trip > seconds(10)) continue;
    receiver.round_trip = (receiver.round_trip * 7 + round_trip) / 8;
  }
  if (!blocks.view().empty()) receiver.loss_out = lost;
  if (!receiver.features.transport_cc && !blocks.view().empty()) receiver.bandwidth.on_report(lost, now_);
  for (const IncomingStream& stream : receiver.streams) {
    LayerState& layer = stream.source->streams[stream.layer];
    if (layer.nack && !stream.rtx) layer.nack->on_round_trip(receiver.round_trip);
  }
}

void Worker::on_nack(Endpoint& receiver, const rtp::Feedback& nack) {
  SourceState* source = receiver.conference.find_outgoing(receiver, nack.media_ssrc);
  VideoOut* out = source == nullptr || !source->is_video() ? nullptr : source->find_video_out(receiver);
  if (out == nullptr || !out->rtx || !receiver.ready()) return;
  out->rtx->on_round_trip(receiver.round_trip);
  out->rtx->on_estimate(receiver.bandwidth.estimate());
  rtp::for_each_nacked(nack, kMaxNacked,
                       [&](std::uint16_t sequence) { send_again(*out, *source, sequence); });
}

// As RTX only: a packet under its own number a second time would break GCM (shard.md 10).
void Worker::send_again(VideoOut& out, SourceState& source, std::uint16_t sequence) {
  const auto found = out.forwarder.find_sent(sequence);
  if (!found || found->stream >= source.streams.size()) return;
  if (out.forwarder.left_behind(source.layers, found->stream, now_)) return;
  const rtp::PacketBuffer* kept = source.streams[found->stream].history->find(found->original_sequence, now_);
  if (kept == nullptr) return;
  const auto view = rtp::RtpPacketView::parse(kept->bytes());
  if (!view) return;
  const std::uint8_t payload_type = rtp::rtx_payload_type(view->payload_type());
  if (payload_type == 0) return;
  const forward::VideoPacket video = source.reader.read_again(*view, found->stream);
  const auto projected = out.forwarder.reproject(*found, sequence, video);
  if (!projected) return;

  Endpoint& receiver = *out.receiver;
  const std::size_t most = view->size() + 2 + send::kGrowth + transport::SrtpSession::kMaxOverhead;
  const ByteSpan room = reserve(receiver, most);
  if (room.empty()) return;
  const auto rtx_sequence = out.rtx->next(view->size(), now_);
  if (!rtx_sequence) {
    ++counts_.rtx_refused;
    return;
  }
  out.last_rtx = *rtx_sequence;
  const rtp::OutgoingHeader header{.ssrc = out.rtx->ssrc(),
                                   .sequence = *rtx_sequence,
                                   .timestamp = projected->timestamp,
                                   .payload_type = payload_type,
                                   .marker = view->marker() || projected->marker,
                                   .transport_sequence = receiver.next_number()};
  const std::size_t size = send::write_rtx(*view, header, sequence, edit_of(*projected), extensions_, room);
  if (size == 0) return;
  const auto sealed = receiver.outbound->protect_rtp(room, size);
  if (!sealed) {
    ++counts_.drop_protect;
    return;
  }
  batch_.commit(*sealed);
  receiver.sent(*sealed, now_);
  ++counts_.retransmitted_packets;
}

// ---------------------------------------------------------------- what a receiver's path carries

void Worker::on_transport_feedback(Endpoint& receiver, const rtp::RtcpPacketView& packet) {
  if (!receiver.features.transport_cc) return;
  const auto feedback = rtp::read_transport_feedback(packet, feedback_statuses_);
  if (!feedback) {
    ++counts_.drop_malformed;
    return;
  }
  const auto summary = receiver.bandwidth.on_feedback(
      feedback->head, std::span(feedback_statuses_).first(feedback->count), now_);
  counts_.feedback_unknown += summary.unknown;
  // A fall waits for no timer: each packet too many fills a queue.
  if (receiver.overspent()) receiver.conference.want_allocation(receiver);
}

// Padding on an RTX stream the client knows, for a probe that media does not fill.
void Worker::send_padding(Endpoint& receiver) {
  std::size_t due = receiver.bandwidth.step(now_);
  if (due == 0) return;
  VideoOut* out = padding_stream(receiver);
  if (out == nullptr) return;
  const auto state = out->forwarder.state();
  for (std::size_t sent = 0; due > 0 && sent < kMaxPadding; ++sent) {
    const ByteSpan room = reserve(receiver, send::kPaddingPacket + transport::SrtpSession::kMaxOverhead);
    if (room.empty()) return;
    out->last_rtx = out->rtx->next_padding();
    const rtp::OutgoingHeader header{.ssrc = out->rtx->ssrc(),
                                     .sequence = out->last_rtx,
                                     .timestamp = state ? state->timestamp : 0,
                                     .payload_type = rtp::rtx_payload_type(kPaddingCodec),
                                     .marker = false,
                                     .transport_sequence = receiver.next_number()};
    const std::size_t size = send::write_padding(header, room);
    const auto sealed = receiver.outbound->protect_rtp(room, size);
    if (!sealed) {
      ++counts_.drop_protect;
      return;
    }
    batch_.commit(*sealed);
    receiver.sent(*sealed, now_);
    ++counts_.padding_packets;
    due -= std::min(due, *sealed + Endpoint::kIpAndUdp);
  }
}

// One whose media the client has seen, else any.
VideoOut* Worker::padding_stream(Endpoint& receiver) {
  VideoOut* any = nullptr;
  for (const auto& source : receiver.conference.sources()) {
    VideoOut* out = source->is_video() ? source->find_video_out(receiver) : nullptr;
    if (out == nullptr || !out->rtx || out->held) continue;
    if (out->forwarder.current_layer()) return out;
    any = out;
  }
  return any;
}

// Not per packet: what has changed since is seen here.
void Worker::review_downlink(Endpoint& receiver) {
  receiver.audio_rate.update(now_);
  const auto estimate = receiver.bandwidth.estimate();
  if (!estimate) return;
  if (receiver.overspent() || now_ >= receiver.next_allocation) {
    receiver.next_allocation = now_ + (receiver.limited ? kReviewLimited : kReview);
    receiver.conference.want_allocation(receiver);
  }
  // When it becomes too little, or enough again, people are waiting to hear of it.
  const bool turned = receiver.limited != receiver.told_limited && now_ - receiver.told_at >= kTellTurned;
  if (now_ < receiver.next_told && !turned) return;
  receiver.next_told = now_ + limits_.tell_downlink_every;
  receiver.told_at = now_;
  receiver.told_limited = receiver.limited;
  emit(DownlinkEstimated{receiver.key, static_cast<std::uint64_t>(*estimate), receiver.limited});
}

void Worker::on_keyframe_wanted(Endpoint& receiver, std::uint32_t outgoing_ssrc) {
  ++counts_.keyframes_wanted;
  SourceState* source = receiver.conference.find_outgoing(receiver, outgoing_ssrc);
  if (source != nullptr && source->is_video()) renew_picture(receiver, *source);
}

// After a change of its address a client has missed more than NACKs bring back, and Chromium waits three
// seconds for the rest before it asks for a key frame.
void Worker::renew_pictures(Endpoint& receiver) {
  for (const auto& source : receiver.conference.sources()) {
    if (source->is_video()) renew_picture(receiver, *source);
  }
}

void Worker::renew_picture(Endpoint& receiver, SourceState& source) {
  VideoOut* out = source.find_video_out(receiver);
  if (out == nullptr) return;
  // The stream it is being sent, or the one it waits for.
  auto stream = out->forwarder.wanted_keyframe(source.layers, now_);
  if (!stream) stream = out->forwarder.current_stream();
  if (stream) want_keyframe(receiver.conference, source, *stream);
}

// What it waits for since it was given other layers; what it goes on waiting for is seen to in
// tick_conference().
void Worker::ask_for_keyframes(Endpoint& receiver) {
  if (!receiver.ready() || receiver.keyframes_from) return;
  for (const auto& source : receiver.conference.sources()) {
    const VideoOut* out = source->is_video() ? source->find_video_out(receiver) : nullptr;
    const auto layer = out == nullptr ? std::nullopt : out->forwarder.wanted_keyframe(source->layers, now_);
    if (layer && !source->streams[*layer].keyframes.waiting())
      want_keyframe(receiver.conference, *source, *layer);
  }
}

void Worker::want_keyframe(Conference& conference, SourceState& source, std::size_t layer) {
  LayerState& state = source.streams[layer];
  if (source.is_local) {
    state.keyframes.request(now_);
    send_picture_loss_if_due(source, state);
    return;
  }
  Crossing crossing;
  crossing.kind = Crossing::Kind::keyframe;
  crossing.conference = conference.key();
  crossing.ssrc = state.ids.ssrc;
  push_crossing(source.worker, std::move(crossing));
}

// ---------------------------------------------------------------- to senders

void Worker::send_picture_loss_if_due(SourceState& source, LayerState& layer) {
  if (source.sender == nullptr || !source.sender->ready()) return;
  layer.keyframes.on_round_trip(source.sender->round_trip);
  if (!layer.keyframes.due(now_)) return;
  std::array<std::uint8_t, 64> bytes;
  ByteWriter out(bytes);
  if (!rtp::write_picture_loss(out, env_.video_ssrc, layer.ids.ssrc)) return;
  send_rtcp(*source.sender, out.written());
  ++counts_.keyframe_requests;
}

void Worker::send_nacks(SourceState& source, LayerState& layer) {
  std::array<std::uint16_t, 128> missing;
  const std::size_t count = layer.nack->due(now_, missing);
  if (count > 0) {
    std::array<std::uint8_t, 600> bytes;
    ByteWriter out(bytes);
    if (rtp::write_nack(out, env_.video_ssrc, layer.ids.ssrc, std::span(missing).first(count))) {
      send_rtcp(*source.sender, out.written());
      counts_.nacks_sent += count;
    }
  }
  if (layer.nack->take_gave_up()) layer.keyframes.request(now_);
}

void Worker::send_arrivals(Endpoint& sender) {
  if (!sender.arrivals || !sender.arrivals->due(now_)) return;
  const std::uint32_t media = sender.streams.empty() ? 0 : sender.streams.front().ssrc;
  std::array<std::uint8_t, kMaxRtcp> bytes;
  while (const std::size_t size = sender.arrivals->build(env_.video_ssrc, media, now_, bytes)) {
    send_rtcp(sender, ByteView(bytes).first(size));
  }
}

void Worker::send_reports(Endpoint& sender) {
  std::array<rtp::ReportBlock, rtp::kMaxReportBlocks> blocks;
  std::size_t count = 0;
  std::uint64_t received = 0;
  double lost = 0;
  const auto send = [&] {
    std::array<std::uint8_t, kMaxRtcp> bytes;
    ByteWriter out(bytes);
    if (rtp::write_receiver_report(out, env_.video_ssrc, std::span(blocks).first(count))) {
      send_rtcp(sender, out.written());
    }
    count = 0;
  };
  for (const IncomingStream& stream : sender.streams) {
    if (stream.rtx) continue;
    auto& statistics = stream.source->streams[stream.layer].statistics;
    if (!statistics) continue;
    received += statistics->bytes();
    const auto block = statistics->report(now_);
    if (!block) continue;
    lost = std::max(lost, block->fraction_lost / 256.0);
    blocks[count++] = *block;
    if (count == blocks.size()) send();
  }
  if (count > 0) send();
  sender.loss_in = lost;
  if (sender.features.transport_cc || sender.streams.empty()) return;

  // No transport-wide feedback: without REMB such a client stays at its lowest layer.
  const std::uint64_t rate = received >= sender.remb_bytes ? (received - sender.remb_bytes) * 8 : 0;
  sender.remb_bytes = received;
  sender.remb = congestion::remb_target(sender.remb, rate, lost, limits_.remb);
  std::array<std::uint32_t, 32> ssrcs;
  std::size_t told = 0;
  for (const IncomingStream& stream : sender.streams) {
    if (told < ssrcs.size() && stream.source->is_video()) ssrcs[told++] = stream.ssrc;
  }
  if (told == 0) return;
  std::array<std::uint8_t, 256> bytes;
  ByteWriter out(bytes);
  if (rtp::write_remb(out, env_.video_ssrc, sender.remb, std::span(ssrcs).first(told)))
    send_rtcp(sender, out.written());
}

void Worker::send_rtcp(Endpoint& to, ByteView clear) {
  if (!to.ready()) return;
  const ByteSpan room = reserve(to, clear.size() + transport::SrtpSession::kMaxOverhead);
  if (room.size() < clear.size()) return;
  std::copy(clear.begin(), clear.end(), room.begin());
  const auto sealed = to.outbound->protect_rtcp(room, clear.size());
  if (!sealed) {
    ++counts_.drop_protect;
    return;
  }
  batch_.commit(*sealed);
  ++counts_.rtcp_sent;
}

}  // namespace roomgate::sfu::bridge

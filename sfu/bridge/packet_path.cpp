// The life of a packet on its worker, top to bottom:
//
//   receive_batch    recvmmsg into pooled buffers
//   on_datagram      by first byte: STUN, DTLS, RTP, RTCP
//   on_rtp           0 find_moved        only from an unknown address: a client that changed its network?
//                    1 may_send          within what one sender may send
//                      open_rtp          whose is it; SRTP in place; before that nothing in it counts
//                    2 note_arrival      transport-wide sequence, for the feedback we owe
//                    3 find_source       SSRC to source and layer; RTX back to the packet it repeats
//                    4 count_and_repair  statistics for reports; gaps to ask for
//                    5 cross             to the workers where other receivers live
//                    6 distribute        to the receivers here:
//   distribute         late video left out when there is too much; levels and layers, then for each receiver
//                      forward_audio | forward_video
//                        7 choose and rewrite   (forwarders: is it for them, under which numbers)
//                        8 send_media           header and payload into the send arena
//                        9 seal_batch           sixteen at a time, encrypted in place
//                   10 history           kept opened for NACKs
//   flush_batch      sendmmsg, runs of equal size as one UDP_SEGMENT message
#include <algorithm>
#include <ctime>
#include <utility>

#include "sfu/bridge/worker.hpp"
#include "sfu/receive/audio_level.hpp"
#include "sfu/receive/rtx_unwrap.hpp"
#include "sfu/rtp/payload_types.hpp"
#include "sfu/transport/demux.hpp"

namespace roomgate::sfu::bridge {
namespace {

constexpr std::size_t kRtpHeaderBytes = 12;
constexpr Duration kPathKept = seconds(2);  // before the kernel is asked for its route again
// What a packet costs a link beyond its RTP bytes: IPv4, UDP and the SRTP tag of AES-GCM.
constexpr std::size_t kWireOverhead = 20 + 8 + 16;

Duration thread_cpu_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// A fan-out touches more than the first caches hold, once per receiver and packet: what the next receivers
// need is on its way while this one is served. One step of the chain of pointers for each receiver ahead.
template <class Out>
void prefetch_next(const std::vector<Out>& outs, const Out& current) {
  const auto at = static_cast<std::size_t>(&current - outs.data());
  if (at + 3 < outs.size()) prefetch(&outs[at + 3], sizeof(Out));
  if (at + 2 < outs.size()) outs[at + 2].receiver->prefetch_sending();
  if (at + 1 < outs.size() && outs[at + 1].receiver->outbound) outs[at + 1].receiver->outbound->prefetch();
}

}  // namespace

// ---------------------------------------------------------------- receiving

void Worker::receive_batch() {
  for (std::size_t turn = 0; turn < limits_.datagrams_per_turn; turn += UdpSocket::kBatch) {
    std::array<ByteSpan, UdpSocket::kBatch> buffers;
    std::array<UdpSocket::Datagram, UdpSocket::kBatch> datagrams;
    std::size_t ready = 0;
    for (; ready < buffers.size(); ++ready) {
      if (!receive_packets_[ready]) receive_packets_[ready] = pool_.take();
      if (!receive_packets_[ready]) break;
      buffers[ready] = receive_packets_[ready]->receive_space();
    }
    // Out of buffers: what waits is read and thrown away, else it would wake us forever.
    std::array<std::uint8_t, rtp::PacketBuffer::kCapacity> waste;
    const bool exhausted = ready == 0;
    if (exhausted) buffers[ready++] = waste;

    const std::size_t count = socket_.receive(std::span(buffers).first(ready), datagrams);
    if (count > 0) {
      now_ = Clock::now();  // batches of one turn may be some ms apart
      backlog_.on_batch(now_ - datagrams[0].received_at, thread_cpu_time);
    }
    if (exhausted) counts_.drop_no_buffer += count;
    for (std::size_t i = 0; i < count && !exhausted; ++i) {
      if (datagrams[i].bytes.empty()) continue;  // torn: the socket counted it
      rtp::PacketHandle& packet = receive_packets_[i];
      if (!packet->set_size(datagrams[i].bytes.size())) continue;
      packet->received_at = datagrams[i].received_at;
      if (oldest_arrival_ == TimePoint{}) oldest_arrival_ = packet->received_at;
      on_datagram(packet, datagrams[i].path);
    }
    if (count < ready) return;
  }
}

// A step that keeps the packet takes it out of `packet`; else its buffer is used again.
void Worker::on_datagram(rtp::PacketHandle& packet, const Path& path) {
  switch (transport::classify(packet->bytes())) {
    case transport::DatagramKind::stun: return on_stun(packet->bytes(), path);
    case transport::DatagramKind::dtls: return on_dtls(packet->bytes(), path);
    case transport::DatagramKind::rtp: return on_rtp(packet, path);
    case transport::DatagramKind::rtcp: return on_rtcp(*packet, path);
    case transport::DatagramKind::other: ++counts_.drop_not_ours; return;
  }
}

void Worker::on_stun(ByteView datagram, const Path& path) {
  const auto message = transport::StunMessageView::parse(datagram);
  if (!message) {
    ++counts_.drop_stun;
    return;
  }
  if (message->is_binding(transport::StunClass::request)) {
    const auto found = by_ufrag_.find(transport::local_ufrag_of(message->username));
    if (found == by_ufrag_.end() ||
        !found->second->ice.on_binding(*message, path.remote, now_, ice_output_)) {
      ++counts_.drop_stun;
      if (found != by_ufrag_.end()) apply_ice(*found->second, &path);
      return;
    }
    Endpoint& endpoint = *found->second;
    apply_ice(endpoint, &path);
    // A route that has changed since is not kept for long.
    if (endpoint.path && endpoint.path->remote == path.remote && now_ - endpoint.path_at >= kPathKept)
      take_path(endpoint, path);
    return;
  }
  Endpoint* endpoint = find_address(path.remote);
  if (endpoint == nullptr) {
    ++counts_.drop_stun;
    return;
  }
  if (message->is_binding(transport::StunClass::indication)) {
    endpoint->ice.on_binding(*message, path.remote, now_, ice_output_);
  } else {
    endpoint->ice.on_response(*message, path.remote, now_, ice_output_);
  }
  apply_ice(*endpoint, &path);
}

// Only of validated pairs (shard.md 5): a spoofed source gets no handshake, and no answer larger than its
// question.
void Worker::on_dtls(ByteView datagram, const Path& path) {
  Endpoint* endpoint = find_address(path.remote);
  if (endpoint == nullptr) {
    ++counts_.drop_unknown_address;
    return;
  }
  if (!endpoint->ice.validated(path.remote, now_)) {
    ++counts_.drop_dtls_unvalidated;
    return;
  }
  if (!env_.handshakes.datagram(index_, endpoint->key, datagram)) ++counts_.drop_dtls_queue;
}

void Worker::on_rtp(rtp::PacketHandle& packet, const Path& path) {
  Endpoint* sender = find_address(path.remote);
  const bool known = sender != nullptr;
  if (!known) sender = find_moved(*packet);
  if (sender == nullptr) {
    ++counts_.drop_unknown_address;
    return;
  }
  if (!may_send(*sender)) return;
  if (!open_rtp(*sender, *packet, path, known)) return;
  if (!note_arrival(*sender, *packet)) return;
  bool recovered = false;
  IncomingStream* stream = find_source(*sender, *packet, recovered);
  if (stream == nullptr) return;
  count_and_repair(*stream, *packet, recovered);
  cross(sender->conference, *stream->source, stream->layer, *packet);
  distribute(sender->conference, *stream->source, stream->layer, std::move(packet));
}

// Asked before anything is decrypted; what was authentic is then taken from the allowance.
bool Worker::may_send(Endpoint& sender) {
  if (sender.allowance.open()) return true;
  ++sender.over_allowance;
  ++counts_.drop_sender_limit;
  return false;
}

// Whose packet it could be when the address is new: a client that changed its network is known by its SSRC
// and proves itself by its keys, before its next STUN check tells of the new address. Rarely tried, since
// strangers pay nothing.
Endpoint* Worker::find_moved(const rtp::PacketBuffer& packet) {
  if (packet.bytes().size() < kRtpHeaderBytes) return nullptr;
  if (!moved_tries_.take(1, limits_.moved_tries_per_second, limits_.moved_tries_burst, now_)) return nullptr;
  const std::uint32_t ssrc = load32(&packet.bytes()[8]);
  for (const auto& [key, endpoint] : endpoints_) {
    if (endpoint->inbound && endpoint->find_stream(ssrc) != nullptr) return endpoint.get();
  }
  return nullptr;
}

bool Worker::open_rtp(Endpoint& sender, rtp::PacketBuffer& packet, const Path& path, bool known_address) {
  if (!sender.inbound) {
    ++counts_.drop_no_keys;
    return false;
  }
  const auto size = sender.inbound->unprotect_rtp(packet.bytes());
  if (!size && !known_address) {
    ++counts_.drop_unknown_address;
    return false;
  }
  if (!size) {
    const auto error = size.error();
    const bool replay = error == transport::SrtpError::replayed || error == transport::SrtpError::old;
    ++(replay ? counts_.drop_replayed : counts_.drop_unauthentic);
    return false;
  }
  if (!packet.set_size(*size)) return false;
  ++counts_.received_packets;
  counts_.received_bytes += *size;
  sender.allowance.take(*size);
  ++sender.traffic_in.packets;
  sender.traffic_in.bytes += *size;
  sender.ice.on_authenticated_packet(path.remote, now_, ice_output_);
  apply_ice(sender, &path);
  return true;
}

bool Worker::note_arrival(Endpoint& sender, const rtp::PacketBuffer& packet) {
  const auto view = rtp::RtpPacketView::parse(packet.bytes());
  if (!view) {
    ++counts_.drop_malformed;
    return false;
  }
  if (const auto sequence = rtp::transport_sequence(*view)) {
    if (!sender.arrivals) sender.arrivals = std::make_unique<congestion::TransportCcCollector>();
    sender.arrivals->on_packet(*sequence, packet.received_at);
  }
  return true;
}

IncomingStream* Worker::find_source(Endpoint& sender, rtp::PacketBuffer& packet, bool& recovered) {
  const std::uint32_t ssrc = load32(&packet.bytes()[8]);  // parsed: there are twelve bytes
  IncomingStream* stream = sender.find_stream(ssrc);
  if (stream == nullptr) {
    ++counts_.drop_unknown_source;
    return nullptr;
  }
  if (!stream->rtx) return stream;
  switch (receive::unwrap_rtx(packet, stream->source->streams[stream->layer].ids.ssrc)) {
    case receive::Unwrapped::media:
      ++counts_.recovered_packets;
      recovered = true;
      return stream;
    case receive::Unwrapped::padding: return nullptr;  // a probe: its arrival was all it was for
    case receive::Unwrapped::malformed: ++counts_.drop_malformed; return nullptr;
  }
  return nullptr;
}

void Worker::count_and_repair(IncomingStream& stream, const rtp::PacketBuffer& packet, bool recovered) {
  LayerState& layer = stream.source->streams[stream.layer];
  const ByteView bytes = packet.bytes();
  const std::uint16_t sequence = load16(&bytes[2]);
  if (!recovered && layer.statistics) {
    layer.statistics->on_packet(sequence, load32(&bytes[4]), bytes.size(), packet.received_at);
  }
  if (layer.nack && layer.nack->on_packet(sequence, now_)) {
    layer.keyframes.request(now_);
    send_picture_loss_if_due(*stream.source, layer);
  }
}

void Worker::cross(Conference& conference, const SourceState& source, std::size_t layer,
                   const rtp::PacketBuffer& packet) {
  std::uint64_t others = conference.other_parts();
  if (others == 0) return;
  ParcelReference parcel;
  for (std::size_t to = 0; others != 0; ++to, others >>= 1) {
    if ((others & 1) == 0) continue;
    // Video crosses only to workers where somebody wants it; audio everywhere, since levels are judged at
    // home.
    if (source.is_video() && (source.wanted[to] == 0 || source.muted())) continue;
    if (!parcel) parcel = env_.crossings.parcels(index_).take(packet.bytes(), packet.received_at);
    if (!parcel) {
      ++counts_.drop_crossing;
      return;
    }
    Crossing crossing;
    crossing.kind = Crossing::Kind::packet;
    crossing.conference = conference.key();
    crossing.ssrc = source.streams[layer].ids.ssrc;
    crossing.parcel = parcel.share();
    push_crossing(to, std::move(crossing));
  }
}

// On the sender's worker and on every other one it crossed to.
void Worker::distribute(Conference& conference, SourceState& source, std::size_t layer,
                        rtp::PacketHandle packet) {
  const auto view = rtp::RtpPacketView::parse(packet->bytes());
  if (!view) {
    ++counts_.drop_malformed;
    return;
  }
  Media media{*view, source, layer, {}, {}, false};
  if (!source.is_video()) {
    const auto level = receive::read_audio_level(*view);
    if (conference.on_audio(source, level ? std::optional(level->level) : std::nullopt, now_)) {
      for (Endpoint* receiver : conference.rewritten()) tell_maps(*receiver, false);
    }
    if (std::exchange(source.audio_outs_due, false)) {
      for (Endpoint* receiver : conference.receivers()) {
        // One with SSRCs of ours has been given its place, or has none.
        if (receiver->key != source.owner && !receiver->own) source.audio_out(*receiver);
      }
    }
    if (view->payload_type() == rtp::kRed) {
      media.red = rtp::read_red(view->payload());
      if (!media.red) {
        ++counts_.drop_malformed;
        return;
      }
    }
    forward_audio(media, conference.on_air(source));
    return;
  }
  LayerState& state = source.streams[layer];
  if (backlog_.too_much() && backlog_.is_long(now_ - packet->received_at)) {
    // Sound is always sent, and no video so late that sound behind it would be late too.
    ++counts_.drop_late;
    state.torn = left_out_ = true;
    return;
  }
  media.video = source.reader.read(*view, layer);
  if (media.video.payload_size > 0) source.layers.on_packet(media.video, view->size() + kWireOverhead, now_);
  if (source.layers.take_changed()) conference.want_allocation();
  if (media.video.starts_keyframe) state.keyframes.on_keyframe();
  if (std::exchange(state.torn, false) && !media.video.starts_keyframe)
    want_keyframe(conference, source, layer);
  forward_video(media);
  if (media.forwarded) {
    const std::uint16_t sequence = view->sequence();
    state.history->insert(std::move(packet), sequence, now_);
  }
}

// ---------------------------------------------------------------- sending

void Worker::forward_audio(Media& media, bool on_air) {
  for (AudioOut& out : media.source.audio_outs) {
    prefetch_next(media.source.audio_outs, out);
    if (!out.receiver->ready()) continue;
    const bool wanted = out.subscribed && on_air;
    const auto sent = out.forwarder.forward(media.packet.sequence(), media.packet.timestamp(), wanted, now_);
    if (!sent) continue;
    // Whoever does not know RED gets what is new in it.
    const bool unpack = media.red && !out.receiver->features.opus_red;
    const rtp::OutgoingHeader header{
        .ssrc = out.forwarder.ssrc(),
        .sequence = sent->sequence,
        .timestamp = sent->timestamp,
        .payload_type = unpack ? media.red->payload_type : media.packet.payload_type(),
        .marker = media.packet.marker() || sent->talkspurt,
        .transport_sequence = out.receiver->next_number()};
    if (!send_media(*out.receiver, media, header, {.skip = unpack ? media.red->offset : 0})) continue;
    out.receiver->audio_rate.add(media.packet.size() + Endpoint::kIpAndUdp);
    out.forwarder.on_sent(media.packet.payload().size());
  }
}

void Worker::forward_video(Media& media) {
  for (VideoOut& out : media.source.video_outs) {
    prefetch_next(media.source.video_outs, out);
    if (!out.receiver->ready()) continue;
    const auto projected = out.forwarder.forward(media.source.layers, media.video, now_);
    if (!projected) continue;
    const rtp::OutgoingHeader header{.ssrc = out.forwarder.ssrc(),
                                     .sequence = projected->sequence,
                                     .timestamp = projected->timestamp,
                                     .payload_type = media.packet.payload_type(),
                                     .marker = media.packet.marker() || projected->marker,
                                     .transport_sequence = out.receiver->next_number()};
    if (!send_media(*out.receiver, media, header, edit_of(*projected))) continue;
    out.forwarder.on_sent(projected->empty ? 0 : media.packet.payload().size());
    media.forwarded = true;
  }
}

bool Worker::send_media(Endpoint& receiver, const Media& media, const rtp::OutgoingHeader& header,
                        const send::Edit& edit) {
  const std::size_t most = media.packet.size() + send::kGrowth + transport::SrtpSession::kMaxOverhead;
  const ByteSpan out = reserve(receiver, most);
  const std::size_t size = out.empty() ? 0 : send::write_media(media.packet, header, edit, extensions_, out);
  if (size == 0) {
    ++counts_.drop_protect;
    return false;
  }
  const auto job = receiver.outbound->begin_protect_rtp(out, size);
  if (!job) {
    ++counts_.drop_protect;
    return false;
  }
  const std::size_t sealed = receiver.outbound->protected_size(size);
  batch_.commit(sealed);
  receiver.sent(sealed, now_);
  ++counts_.forwarded_packets;
  counts_.forwarded_bytes += sealed;
  seals_[seals_due_++] = *job;
  if (seals_due_ == seals_.size()) seal_batch();
  return true;
}

// Soon enough that the packets are still in the cache, late enough that ciphers with lanes have them filled.
void Worker::seal_batch() {
  if (seals_due_ > 0) transport::best_engine().seal(std::span(seals_).first(std::exchange(seals_due_, 0)));
}

ByteSpan Worker::reserve(Endpoint& receiver, std::size_t size) {
  ByteSpan room = batch_.reserve(receiver.lane, receiver.destination, size);
  if (room.empty()) {
    flush_batch();
    room = batch_.reserve(receiver.lane, receiver.destination, size);
  }
  return room;
}

void Worker::flush_batch() {
  seal_batch();
  if (batch_.empty()) return;
  outgoing_.clear();
  batch_.for_each_message([this](const send::SendBatch::Message& message) {
    const Endpoint* to = destinations_[message.destination];
    if (to == nullptr || !to->path) return;
    outgoing_.push_back({*to->path, message.bytes, message.segments > 1 ? message.segment_size : 0});
  });
  socket_.send(outgoing_);
  batch_.clear();
}

}  // namespace roomgate::sfu::bridge

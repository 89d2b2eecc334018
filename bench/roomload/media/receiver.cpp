#include "bench/roomload/media/receiver.hpp"

#include <algorithm>
#include <array>

#include "bench/roomload/media/arrival_log.hpp"
#include "bench/roomload/media/stream.hpp"
#include "sfu/rtp/extensions.hpp"
#include "sfu/rtp/packet.hpp"
#include "sfu/rtp/rtcp.hpp"

namespace roomgate::bench::roomload::media {
namespace {

namespace rtp = sfu::rtp;

constexpr Duration kReportInterval = seconds(1);
constexpr std::size_t kNacksAtOnce = 256;
constexpr std::size_t kMaxSources = 4096;

}  // namespace

Receiver::Receiver(ReceiverSettings settings, Totals& totals)
    : settings_(std::move(settings)), totals_(totals), arrivals_(std::make_unique<ArrivalLog>()) {}

Receiver::~Receiver() = default;

void Receiver::add_source(const RemoteSource& source) {
  if (knows(source.ssrc) || source.ssrc == 0 || streams_.size() >= kMaxSources) return;
  // A place that a removed source left, or a new one: routes hold numbers of places.
  auto place = std::find(streams_.begin(), streams_.end(), nullptr);
  if (place == streams_.end()) place = streams_.insert(place, nullptr);
  const auto number = static_cast<std::uint16_t>(place - streams_.begin());
  *place = std::make_unique<Stream>(source, settings_.nack, source.video ? totals_.video : totals_.audio);
  const auto add_route = [&](std::uint32_t ssrc, bool rtx) {
    if (ssrc == 0 || knows(ssrc)) return;
    const auto at = std::lower_bound(routes_.begin(), routes_.end(), ssrc,
                                     [](const Route& r, std::uint32_t wanted) { return r.ssrc < wanted; });
    routes_.insert(at, {ssrc, number, rtx});
  };
  add_route(source.ssrc, false);
  add_route(source.rtx, true);
  last_route_ = 0;
}

void Receiver::remove_source(std::uint32_t ssrc, TimePoint now) {
  const Route* found = route(ssrc);
  if (found == nullptr || found->rtx) return;
  const std::uint16_t number = found->stream;
  streams_[number]->finish(now);
  streams_[number].reset();
  std::erase_if(routes_, [&](const Route& r) { return r.stream == number; });
  last_route_ = 0;
}

bool Receiver::knows(std::uint32_t ssrc) const {
  return std::binary_search(routes_.begin(), routes_.end(), Route{ssrc, 0, false},
                            [](const Route& a, const Route& b) { return a.ssrc < b.ssrc; });
}

// Packets of a frame come together, so the last one's answer is tried first.
const Receiver::Route* Receiver::route(std::uint32_t ssrc) {
  if (last_route_ < routes_.size() && routes_[last_route_].ssrc == ssrc) return &routes_[last_route_];
  const auto at = std::lower_bound(routes_.begin(), routes_.end(), ssrc,
                                   [](const Route& r, std::uint32_t wanted) { return r.ssrc < wanted; });
  if (at == routes_.end() || at->ssrc != ssrc) return nullptr;
  last_route_ = static_cast<std::size_t>(at - routes_.begin());
  return &*at;
}

Stream* Receiver::find(std::uint32_t ssrc) const {
  for (const Route& r : routes_) {
    if (r.ssrc == ssrc) return streams_[r.stream].get();
  }
  return nullptr;
}

void Receiver::on_rtp(ByteView clear, TimePoint arrival) {
  const auto packet = rtp::RtpPacketView::parse(clear);
  if (!packet) {
    ++totals_.malformed;
    return;
  }
  if (settings_.transport_cc && packet->has_extension()) {
    if (const auto number = rtp::transport_sequence(*packet, settings_.transport_sequence_id)) {
      arrivals_->on_packet(*number, arrival);
    }
  }
  const Route* to = route(packet->ssrc());
  if (to == nullptr) {
    ++totals_.unknown_ssrc;
    return;
  }
  Stream& stream = *streams_[to->stream];
  if (to->rtx) {
    stream.on_rtx(*packet, arrival);
  } else {
    stream.on_media(*packet, arrival);
  }
  if (!first_media_) first_media_ = arrival;
  urgent_ = urgent_ || stream.has_new_gap();
}

void Receiver::on_rtcp(ByteView clear, TimePoint arrival) {
  rtp::RtcpReader reader(clear);
  while (const auto packet = reader.next()) {
    if (const auto report = rtp::read_sender_report(*packet)) {
      if (Stream* stream = find(report->ssrc)) stream->on_sender_report(*report, arrival);
    }
  }
  if (reader.failed()) ++totals_.malformed;
}

void Receiver::flush(TimePoint now, Sink& sink) {
  if (!urgent_) return;
  urgent_ = false;
  send_nacks(false, now, sink);
}

void Receiver::send_nacks(bool by_time, TimePoint now, Sink& sink) {
  std::array<std::uint16_t, kNacksAtOnce> numbers;
  for (const auto& stream : streams_) {
    if (!stream) continue;
    const std::size_t count = stream->due_nacks(by_time, now, numbers);
    if (count == 0) continue;
    ByteWriter out(sink.space());
    if (!rtp::write_nack(out, settings_.ssrc, stream->ssrc(), std::span(numbers).first(count))) continue;
    ++totals_.feedback_packets;
    sink.send_rtcp(out.position());
  }
}

TimePoint Receiver::next_due() const { return std::min({next_report_, next_nacks_, arrivals_->due()}); }

void Receiver::poll(TimePoint now, Sink& sink) {
  flush(now, sink);
  if (arrivals_->due() <= now) send_feedback(now, sink);
  if (next_nacks_ <= now) {
    next_nacks_ = now + NackList::kInterval;
    if (settings_.nack) send_nacks(true, now, sink);
    if (settings_.picture_loss) send_picture_losses(now, sink);
  }
  if (next_report_ <= now) {
    next_report_ = now + kReportInterval;
    send_reports(now, sink);
  }
}

void Receiver::send_picture_losses(TimePoint now, Sink& sink) {
  for (const auto& stream : streams_) {
    if (!stream || !stream->wants_keyframe(now)) continue;
    ByteWriter out(sink.space());
    if (!rtp::write_picture_loss(out, settings_.ssrc, stream->ssrc())) continue;
    ++totals_.feedback_packets;
    sink.send_rtcp(out.position());
  }
}

void Receiver::send_feedback(TimePoint now, Sink& sink) {
  // The media SSRC of this kind of feedback means nothing; Chromium names one of the streams.
  const std::uint32_t media = routes_.empty() ? 0 : routes_.front().ssrc;
  while (const std::size_t size = arrivals_->build(settings_.ssrc, media, now, sink.space())) {
    ++totals_.feedback_packets;
    sink.send_rtcp(size);
  }
}

void Receiver::send_reports(TimePoint now, Sink& sink) {
  std::array<rtp::ReportBlock, rtp::kMaxReportBlocks> blocks;
  std::size_t count = 0;
  const auto send = [&] {
    ByteWriter out(sink.space());
    if (!rtp::write_receiver_report(out, settings_.ssrc, std::span(blocks).first(count))) return;
    if (!settings_.cname.empty()) rtp::write_cname(out, settings_.ssrc, settings_.cname);
    ++totals_.feedback_packets;
    sink.send_rtcp(out.position());
    count = 0;
  };
  for (const auto& stream : streams_) {
    if (!stream) continue;
    if (const auto block = stream->report(now)) blocks[count++] = *block;
    if (count == blocks.size()) send();
  }
  if (count > 0) send();
}

void Receiver::expect_pause(std::uint32_t ssrc, bool paused, TimePoint now) {
  if (Stream* stream = find(ssrc)) stream->expect_pause(paused, now);
}

void Receiver::finish(TimePoint now) {
  for (const auto& stream : streams_) {
    if (stream) stream->finish(now);
  }
}

std::optional<SourceFigures> Receiver::figures(std::uint32_t ssrc) const {
  const Stream* stream = find(ssrc);
  if (stream == nullptr) return std::nullopt;
  return stream->figures();
}

void Receiver::record(std::uint32_t ssrc, Recorder& recorder) {
  if (Stream* stream = find(ssrc)) stream->record(recorder);
}

}  // namespace roomgate::bench::roomload::media

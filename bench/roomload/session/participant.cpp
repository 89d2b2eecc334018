#include "bench/roomload/session/participant.hpp"

#include <boost/json.hpp>

#include "base/encoding.hpp"
#include "base/random.hpp"
#include "bench/roomload/signal/channel.hpp"
#include "bench/roomload/signal/http.hpp"

namespace roomgate::bench::roomload::session {

using signal::Problem;
using signal::ProblemKind;

namespace {

constexpr Duration kConnect = seconds(15);  // a WebSocket, or an HTTP request
constexpr std::string_view kAudioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
constexpr std::string_view kTransportCc =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
constexpr std::string_view kDependencyDescriptor =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

// The order of the SSRCs of one participant.
constexpr std::uint32_t kAudioSsrc = 0;
constexpr std::uint32_t kVideoSsrc = 1;
constexpr std::uint32_t kRtxSsrc = kVideoSsrc + media::kMaxLayers;
constexpr std::uint32_t kSsrcs = 8;

}  // namespace

struct Participant::MediaSession {
  MediaSession(Participant& participant, const media::ReceiverSettings& settings, signal::Offer its_offer)
      : offer(std::move(its_offer)),
        transport(participant.station_.desk, *participant.station_.run.identity, participant,
                  participant.plan_.network, participant.station_.run.ssrc_seed + participant.number_ * 2,
                  participant.station_.tally.transport),
        receiver(settings, participant.station_.tally.totals),
        audience(participant.plan_, participant.conversation_->endpoint() + "-v0") {}

  signal::Offer offer;
  transport::MediaTransport transport;
  media::Receiver receiver;
  Audience audience;
  media::TransportSequence numbers;
  std::optional<media::Track> audio;
  std::optional<media::Track> video;
  std::string told;  // the wishes that the bridge knows
  bool heard = false;
};

Participant::Participant(Station& station, std::uint32_t number)
    : station_(station),
      plan_(station.run.plan),
      number_(number),
      in_room_(number % plan_.participants),
      sends_(plan_.sends(in_room_)),
      reads_(plan_.reads(number)),
      room_(station.run.prefix) {
  room_.room += std::to_string(number / plan_.participants + 1);
}

Participant::~Participant() = default;

void Participant::begin(TimePoint at) { station_.core.schedule(*this, at); }

// ---- signalling

void Participant::on_expire() {
  if (phase_ == Phase::waiting) {
    phase_ = Phase::joining;
    ++station_.tally.begun;
    station_.core.spawn(signal());
    return;
  }
  if (!conversation_) return;
  conversation_->tick(station_.core.now());
  pump();
}

net::Task<void> Participant::signal() {
  begun_ = Clock::now();
  const Run& run = station_.run;
  signal::WebSocket::Options options;
  options.url = signal::websocket_url(run.settings, run.page, room_);
  options.subprotocol = "xmpp";
  options.what = "XMPP";
  auto connected =
      co_await signal::WebSocket::connect(*run.network, station_.core, options, begun_ + kConnect);
  if (!connected) {
    fail_with(connected.error());
    co_return;
  }
  socket_ = std::move(connected).value();
  if (phase_ != Phase::joining) {
    // The run was over meanwhile.
    socket_->close();
    finish();
    co_return;
  }
  signal::Account account;
  account.domain = run.settings.domain;
  account.focus = run.settings.focus;
  account.room_jid = signal::room_jid(run.settings, room_);
  account.name = "load " + std::to_string(number_ + 1);
  account.codec = ascii_lower(to_text(plan_.codec));
  account.features = {.transport_cc = plan_.transport_cc, .ssrc_rewriting = plan_.ssrc_rewriting};
  account.over_http = !run.settings.conference_request.empty();
  conversation_.emplace(std::move(account), station_.core.now());
  pump();
  while (true) {
    auto message = co_await socket_->receive(TimePoint::max());
    if (!message) {
      if (phase_ == Phase::leaving) {
        finish();
      } else {
        fail_with(message.error());
      }
      co_return;
    }
    conversation_->consume(*message, station_.core.now());
    pump();
    if (phase_ == Phase::failed || phase_ == Phase::gone) co_return;
  }
}

void Participant::pump() {
  while (auto event = conversation_->next_event()) on_event(std::move(*event));
  for (const std::string& text : conversation_->take_output()) socket_->send(text);
  if (conversation_->stage() == signal::Stage::ended && phase_ == Phase::leaving) {
    socket_->close();
    finish();
  }
  const TimePoint due = conversation_->next_deadline();
  if (due == TimePoint::max()) {
    Timer::cancel();
  } else {
    station_.core.schedule(*this, due);
  }
}

void Participant::on_event(signal::Event event) {
  if (std::holds_alternative<signal::ConferenceWanted>(event)) {
    station_.core.spawn(ask_for_conference());
  } else if (std::holds_alternative<signal::Joined>(event)) {
    joined_ = Clock::now();
    phase_ = Phase::joined;
    present_ = true;
    Tally& tally = station_.tally;
    ++tally.joined;
    ++tally.present;
    tally.join.add(joined_ - begun_);
    tally.joins.push_back(joined_ - begun_);
  } else if (auto* offered = std::get_if<signal::Offered>(&event)) {
    on_offer(std::move(offered->offer));
  } else if (const auto* change = std::get_if<signal::SourcesChanged>(&event)) {
    on_sources(*change);
  } else if (std::holds_alternative<signal::SessionEnded>(event)) {
    end_session(station_.core.now());
  } else if (const auto* failed = std::get_if<signal::Failed>(&event)) {
    fail_with(failed->problem);
  }
}

net::Task<void> Participant::ask_for_conference() {
  const Run& run = station_.run;
  signal::HttpRequest request;
  request.method = "POST";
  const auto url = signal::Url::parse(run.settings.conference_request);
  if (!url) {
    conversation_->conference_failed({ProblemKind::not_jitsi, "\"" + run.settings.conference_request +
                                                                  "\" (conferenceRequestUrl) is no address"});
    pump();
    co_return;
  }
  request.url = *url;
  request.url.query += (url->query.empty() ? "room=" : "&room=") + room_.room;
  request.content_type = "application/json";
  request.body = boost::json::serialize(boost::json::object{
      {"machineUid", random_hex(16)},
      {"properties", boost::json::object{{"rtcstatsEnabled", false}, {"visitors-version", 1}}},
      {"room", signal::room_jid(run.settings, room_)}});
  const auto answer =
      co_await signal::http_exchange(*run.network, station_.core, request, station_.core.now() + kConnect);
  if (!conversation_ || conversation_->stage() != signal::Stage::requesting) co_return;
  if (!answer) {
    conversation_->conference_failed(answer.error());
  } else if (answer->status != 200) {
    conversation_->conference_failed(
        {ProblemKind::not_allowed, "the conference request to " + request.url.origin() + request.url.path +
                                       " was answered " + std::to_string(answer->status) + ": " +
                                       answer->body.substr(0, 120)});
  } else {
    boost::json::error_code error;
    const auto value = boost::json::parse(answer->body, error);
    const auto* focus = !error && value.is_object() ? value.get_object().if_contains("focusJid") : nullptr;
    const auto* ready = !error && value.is_object() ? value.get_object().if_contains("ready") : nullptr;
    if (focus == nullptr || !focus->is_string()) {
      conversation_->conference_failed({ProblemKind::not_jitsi, request.url.origin() + request.url.path +
                                                                    " does not answer as a focus does"});
    } else if (ready != nullptr && ready->is_bool() && !ready->get_bool()) {
      conversation_->conference_failed({ProblemKind::full, "the focus has no place for the conference"});
    } else {
      conversation_->conference_ready(std::string(std::string_view(focus->get_string())),
                                      station_.core.now());
    }
  }
  pump();
}

// ---- the media session

std::uint32_t Participant::ssrc(std::uint32_t which) const {
  // An odd factor maps numbers one to one: no two of a run are equal, and none looks made up.
  return (station_.run.ssrc_seed + number_ * kSsrcs + which) * 2654435761U;
}

std::vector<signal::OwnSource> Participant::own_sources() const {
  std::vector<signal::OwnSource> out;
  if (!sends_) return out;
  const std::string& endpoint = conversation_->endpoint();
  const Run& run = station_.run;
  if (run.audio != nullptr) {
    out.push_back(
        {endpoint + "-a0", endpoint + "-audio-0-1 " + random_uuid() + "-1", false, {ssrc(kAudioSsrc)}, {}});
  }
  if (run.video != nullptr) {
    signal::OwnSource video{endpoint + "-v0", endpoint + "-video-0-1 " + random_uuid() + "-1", true, {}, {}};
    for (std::uint32_t layer = 0; layer < run.video->layers.size(); ++layer) {
      video.ssrcs.push_back(ssrc(kVideoSsrc + layer));
      video.rtx.push_back(ssrc(kRtxSsrc + layer));
    }
    out.push_back(std::move(video));
  }
  return out;
}

void Participant::on_offer(signal::Offer offer) {
  if (phase_ != Phase::joined && phase_ != Phase::connected) return;
  const TimePoint now = station_.core.now();
  end_session(now);
  const std::string wanted(to_text(plan_.codec));
  if (station_.run.video != nullptr && sends_ && offer.payload_type(wanted) == 0) {
    return fail_with({ProblemKind::not_allowed, "the bridge does not offer " + wanted});
  }
  media::ReceiverSettings settings;
  settings.ssrc = sends_ ? ssrc(station_.run.video != nullptr ? kVideoSsrc : kAudioSsrc) : 1;
  settings.transport_sequence_id = offer.extension(kTransportCc);
  settings.transport_cc = plan_.transport_cc && offer.transport_cc() && settings.transport_sequence_id != 0;
  settings.cname = random_hex(8);
  media_ = std::make_unique<MediaSession>(*this, settings, std::move(offer));
  on_sources({true, media_->offer.sources});
  signal::Answer answer;
  answer.responder = conversation_->jid();
  answer.ufrag = media_->transport.ufrag();
  answer.pwd = media_->transport.pwd();
  answer.fingerprint = station_.run.identity->fingerprint();
  answer.video_codec = wanted;
  answer.transport_cc = plan_.transport_cc;
  answer.sources = own_sources();
  conversation_->accept(answer, now);
  // A focus that did not look at our features learns of them by this answer, and offers another session.
  if (!plan_.transport_cc && media_->offer.transport_cc()) return;
  if (!media_->offer.channel_url.empty()) station_.core.spawn(channel(media_->offer.channel_url));
  media_->transport.start(media_->offer, now);
}

void Participant::on_sources(const signal::SourcesChanged& change) {
  if (media_ == nullptr) return;
  for (const media::RemoteSource& source : remote_sources(change.sources)) {
    if (change.added) {
      media_->receiver.add_source(source);
      if (number_ == 0 && source.video && station_.run.record && !recorder_) {
        recorder_.emplace(plan_.codec, station_.run.record);
        media_->receiver.record(source.ssrc, *recorder_);
      }
      media_->audience.add(source);
    } else {
      media_->receiver.remove_source(source.ssrc, station_.core.now());
      media_->audience.remove(source.name);
    }
  }
  tell_wishes();
}

// The stream under an SSRC goes on as one, whatever it stands for: that is what its receiver checks.
void Participant::on_map(const signal::SourcesMap& map) {
  for (const signal::SourcesMap::Entry& entry : map.entries) {
    media_->audience.release(entry.ssrc);
  }
  for (const signal::SourcesMap::Entry& entry : map.entries) {
    const media::RemoteSource source{
        .name = entry.source, .video = map.video, .ssrc = entry.ssrc, .rtx = entry.rtx};
    media_->receiver.add_source(source);
    media_->audience.add(source);
  }
  tell_wishes();
}

void Participant::end_session(TimePoint now) {
  if (media_ == nullptr) return;
  transport::Pacer& pacer = station_.desk.pacer;
  pacer.schedule(*this, TimePoint::max());
  media_->receiver.finish(now);
  station_.tally.dropped.add(dropped());
  media_->transport.close();
  if (channel_ != nullptr) channel_->close();
  if (phase_ == Phase::connected) {
    phase_ = Phase::joined;
    --station_.tally.connected;
  }
  // Whoever called us may be in the middle of it.
  ended_.push_back(std::move(media_));
}

void Participant::make_tracks(TimePoint now) {
  if (!sends_ || sending_stopped_) return;
  const Run& run = station_.run;
  const signal::Offer& offer = media_->offer;
  media::TrackSettings settings;
  settings.transport_sequence_id = offer.extension(kTransportCc);
  settings.audio_level_id = offer.extension(kAudioLevel);
  settings.dependency_descriptor_id = offer.extension(kDependencyDescriptor);
  settings.cname = random_hex(8);
  settings.seed = ssrc(kSsrcs - 1);
  // Not all in step: pictures of a room are taken at all times.
  const TimePoint start = std::max(now, station_.send_from) + microseconds(settings.seed % 33'333);
  if (run.audio != nullptr) {
    settings.layers[0] = {ssrc(kAudioSsrc), 0};
    settings.payload_type = offer.payload_type("opus");
    settings.stamp = media::Stamp::padding;
    // One speaks after the other, four seconds each, as in a meeting.
    settings.talk_for = seconds(4);
    settings.talk_every = seconds(4) * plan_.senders.value_or(plan_.participants);
    settings.talk_after = seconds(4) * in_room_;
    media_->audio.emplace(*run.audio, settings, media_->numbers, station_.tally.totals, start);
  }
  if (run.video != nullptr) {
    for (std::uint32_t layer = 0; layer < run.video->layers.size(); ++layer) {
      settings.layers[layer] = {ssrc(kVideoSsrc + layer), ssrc(kRtxSsrc + layer)};
    }
    settings.payload_type = offer.payload_type(to_text(plan_.codec));
    settings.rtx_payload_type = offer.rtx_payload_type(settings.payload_type);
    settings.stamp = run.video->decodable ? media::Stamp::padding : media::Stamp::tail;
    settings.spread = plan_.spread;
    media_->video.emplace(*run.video, settings, media_->numbers, station_.tally.totals, start);
  }
}

void Participant::on_connected(TimePoint now) {
  phase_ = Phase::connected;
  ++station_.tally.connected;
  if (!reads_) media_->transport.drop_media();
  if (plan_.view == View::changing) next_view_ = now + kViewChange;
  make_tracks(now);
  schedule_media();
}

void Participant::on_rtp(ByteView clear, TimePoint arrival) {
  if (!media_->heard) {
    media_->heard = true;
    station_.tally.first_media.add(arrival - joined_);
  }
  media_->receiver.on_rtp(clear, arrival);
}

void Participant::on_rtcp(ByteView clear, TimePoint arrival) {
  if (media_->audio) media_->audio->on_rtcp(clear, arrival, media_->transport);
  if (media_->video) media_->video->on_rtcp(clear, arrival, media_->transport);
  media_->receiver.on_rtcp(clear, arrival);
}

void Participant::on_batch(TimePoint now) {
  media_->receiver.flush(now, media_->transport);
  schedule_media();
}

void Participant::on_due(TimePoint now) {
  if (media_ == nullptr) return;
  MediaSession& media = *media_;
  if (media.audio && media.audio->next_due() <= now) media.audio->poll(now, media.transport);
  if (media.video && media.video->next_due() <= now) media.video->poll(now, media.transport);
  if (media.receiver.next_due() <= now) media.receiver.poll(now, media.transport);
  media.transport.flush(now);
  if (next_view_ <= now) {
    next_view_ = now + kViewChange;
    media.audience.turn();
    tell_wishes();
  }
  schedule_media();
}

void Participant::schedule_media() {
  const MediaSession& media = *media_;
  TimePoint due = std::min(media.receiver.next_due(), next_view_);
  if (media.audio) due = std::min(due, media.audio->next_due());
  if (media.video) due = std::min(due, media.video->next_due());
  station_.desk.pacer.schedule(*this, due);
}

void Participant::on_failed(Problem problem) { fail_with(problem); }

// ---- the bridge channel

net::Task<void> Participant::channel(std::string address) {
  const auto url = signal::Url::parse(address);
  if (!url) {
    fail_with({ProblemKind::protocol, "the bridge channel's address is none: " + address});
    co_return;
  }
  signal::WebSocket::Options options;
  options.url = *url;
  options.what = "bridge channel";
  auto connected = co_await signal::WebSocket::connect(*station_.run.network, station_.core, options,
                                                       station_.core.now() + kConnect);
  if (media_ == nullptr || media_->offer.channel_url != address) co_return;  // another session by now
  if (!connected) {
    fail_with(connected.error());
    co_return;
  }
  auto opened = std::move(connected).value();
  signal::WebSocket& socket = *opened;
  if (channel_ != nullptr) ended_channels_.push_back(std::move(channel_));
  channel_ = std::move(opened);
  if (sends_ && station_.run.video != nullptr) {
    socket.send(signal::source_video_type(conversation_->endpoint() + "-v0", "camera"));
  }
  media_->told.clear();
  tell_wishes();
  while (true) {
    const auto message = co_await socket.receive(TimePoint::max());
    if (!message) {
      const bool current =
          channel_.get() == &socket && media_ != nullptr && media_->offer.channel_url == address;
      if (current && (phase_ == Phase::joined || phase_ == Phase::connected)) fail_with(message.error());
      co_return;
    }
    if (channel_.get() == &socket) on_channel_message(*message);
  }
}

void Participant::tell_wishes() {
  if (media_ == nullptr || channel_ == nullptr || channel_->closed()) return;
  std::string wishes = signal::receiver_video_constraints(media_->audience.wanted());
  if (wishes == media_->told) return;
  channel_->send(wishes);
  media_->told = std::move(wishes);
}

void Participant::on_channel_message(std::string_view text) {
  if (media_ == nullptr) return;
  const auto message = signal::read_channel_message(text);
  if (!message) return;
  const TimePoint now = station_.core.now();
  if (const auto* constraints = std::get_if<signal::SenderConstraints>(&*message)) {
    if (!media_->video) return;
    if (!constraints->source.empty() && constraints->source != conversation_->endpoint() + "-v0") return;
    media_->video->set_max_height(constraints->max_height);
    schedule_media();
  } else if (const auto* map = std::get_if<signal::SourcesMap>(&*message)) {
    if (plan_.ssrc_rewriting) on_map(*map);
  } else if (const auto* forwarded = std::get_if<signal::ForwardedSources>(&*message)) {
    for (const auto& [name, source] : media_->audience.sources()) {
      if (!source.video) continue;
      const auto& list = forwarded->sources;
      const bool paused = std::find(list.begin(), list.end(), name) == list.end();
      media_->receiver.expect_pause(source.ssrc, paused, now);
    }
  }
}

// ---- the end

void Participant::stop_sending(TimePoint now) {
  sending_stopped_ = true;
  if (media_ == nullptr) return;
  // What stands still from now on is no freeze, whatever is still under way.
  media_->receiver.finish(now);
  media_->audio.reset();
  media_->video.reset();
}

void Participant::leave(TimePoint now) {
  switch (phase_) {
    case Phase::waiting:
      Timer::cancel();
      phase_ = Phase::gone;
      ++station_.tally.over;
      return;
    case Phase::leaving:
    case Phase::gone:
    case Phase::failed: return;
    case Phase::joining:
    case Phase::joined:
    case Phase::connected: break;
  }
  end_session(now);
  phase_ = Phase::leaving;
  if (!conversation_) return;  // it is told when its socket opens, or fails to
  conversation_->leave(now);
  pump();
}

void Participant::fail_with(const Problem& problem) {
  if (phase_ == Phase::failed || phase_ == Phase::gone) return;
  if (phase_ == Phase::leaving) return finish();
  end_session(station_.core.now());
  station_.tally.fail_with(problem.text);
  if (present_) --station_.tally.present;
  phase_ = Phase::failed;
  ++station_.tally.over;
  if (conversation_ && socket_ != nullptr) {
    // Nobody stays in the room because of our troubles.
    conversation_->leave(station_.core.now());
    for (const std::string& text : conversation_->take_output()) socket_->send(text);
    socket_->close();
  }
  Timer::cancel();
}

void Participant::finish() {
  if (phase_ == Phase::gone || phase_ == Phase::failed) return;
  if (present_) --station_.tally.present;
  phase_ = Phase::gone;
  ++station_.tally.over;
  Timer::cancel();
}

Dropped Participant::dropped() const {
  if (media_ == nullptr) return {};
  const std::uint64_t count = media_->transport.kernel_drops();
  return reads_ ? Dropped{.late = count} : Dropped{.on_purpose = count};
}

}  // namespace roomgate::bench::roomload::session

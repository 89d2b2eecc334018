#include "bench/roomload/session/janus_leg.hpp"

#include <algorithm>

#include "base/random.hpp"
#include "bench/roomload/signal/http.hpp"

namespace roomgate::bench::roomload::session {

using signal::Problem;
using signal::ProblemKind;

namespace {

constexpr Duration kAnswer = seconds(15);    // of a request
constexpr Duration kLongPoll = seconds(45);  // Janus answers after 30 s with nothing
constexpr Duration kGoodbye = seconds(3);
constexpr Duration kLookAgain = milliseconds(50);  // for what the conversation asks again
// What Chromium gives VP8, its RTX and the extension. A subscriber takes over what Janus offers.
constexpr std::uint8_t kVp8 = 96;
constexpr std::uint8_t kRtx = 97;
constexpr std::uint8_t kTransportSequence = 5;
constexpr std::string_view kTransportCc =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

janus::JanusConversation::Options conversation_for(const JanusLeg::Options& options,
                                                   const transport::MediaTransport& transport,
                                                   const Run& run) {
  janus::JanusConversation::Options out;
  out.publishes = options.publishes;
  out.room = options.room;
  out.feed = options.feed;
  out.publishers = run.plan.participants;
  out.own.ufrag = transport.ufrag();
  out.own.pwd = transport.pwd();
  out.own.fingerprint = run.identity->fingerprint();
  out.own.vp8 = kVp8;
  out.own.rtx = kRtx;
  out.own.transport_sequence_id = run.plan.transport_cc ? kTransportSequence : std::uint8_t{0};
  if (options.publishes) out.own.ssrcs = {options.ssrc, options.rtx};
  return out;
}

signal::HttpRequest to_http(const Run& run, janus::JanusConversation::Request request) {
  signal::HttpRequest http;
  http.method = "POST";
  http.url = run.page.at(run.page.path + request.path);
  http.content_type = "application/json";
  http.body = std::move(request.body);
  return http;
}

// What the transport and the track need to know, in the words that a Jitsi bridge has for it.
signal::Offer offer_of(const janus::SdpMedia& remote) {
  signal::Offer offer;
  offer.ufrag = remote.ufrag;
  offer.pwd = remote.pwd;
  offer.fingerprint_hash = "sha-256";
  offer.fingerprint = remote.fingerprint;
  offer.ice_lite = remote.ice_lite;
  auto priority = static_cast<std::uint32_t>(remote.candidates.size());
  for (const Address& address : remote.candidates) offer.candidates.push_back({address, priority--});
  return offer;
}

}  // namespace

JanusLeg::JanusLeg(Station& station, Owner& owner, const Options& options)
    : station_(station),
      owner_(owner),
      options_(options),
      transport_(station.desk, *station.run.identity, *this, station.run.plan.network, random_u64(),
                 station.tally.transport),
      conversation_(conversation_for(options, transport_, station.run)) {}

JanusLeg::~JanusLeg() = default;

void JanusLeg::begin(TimePoint at) { station_.core.schedule(*this, at); }

// ---- signalling

void JanusLeg::on_expire() {
  if (phase_ == Phase::waiting) phase_ = Phase::joining;
  pump();
}

// Makes of the conversation's wishes what is due. At the end of whoever calls it.
void JanusLeg::pump() {
  if (over()) return;
  const TimePoint now = station_.core.now();
  if (auto request = conversation_.next_request(now)) station_.core.spawn(post(std::move(*request)));
  if (over()) return;
  if (conversation_.failed()) return fail_with({ProblemKind::protocol, "Janus: " + conversation_.problem()});
  if (!polling_ && !conversation_.poll_path().empty()) {
    polling_ = true;
    station_.core.spawn(poll());
  }
  if (over()) return;
  if (conversation_.ready()) {
    if (phase_ == Phase::joining) start_media();
    return;
  }
  station_.core.schedule(*this, now + kLookAgain);
}

net::Task<void> JanusLeg::post(janus::JanusConversation::Request request) {
  const signal::HttpRequest http = to_http(station_.run, std::move(request));
  const auto answer = co_await signal::http_exchange(*station_.run.network, station_.core, http,
                                                     station_.core.now() + kAnswer);
  if (over()) co_return;
  if (!answer) {
    fail_with(answer.error());
    co_return;
  }
  conversation_.on_answer(answer->body, station_.core.now());
  pump();
}

net::Task<void> JanusLeg::poll() {
  const Run& run = station_.run;
  while (!over()) {
    const std::string path = conversation_.poll_path();
    const std::size_t mark = path.find('?');
    signal::HttpRequest http;
    http.url = run.page.at(run.page.path + path.substr(0, mark), path.substr(mark + 1));
    const auto answer =
        co_await signal::http_exchange(*run.network, station_.core, http, station_.core.now() + kLongPoll);
    if (over()) co_return;
    if (!answer) {
      fail_with(answer.error());
      co_return;
    }
    conversation_.on_event(answer->body, station_.core.now());
    pump();
  }
}

net::Task<void> JanusLeg::say_goodbye() {
  const signal::HttpRequest http = to_http(station_.run, conversation_.leave());
  // Whatever it answers: there is nothing left to be done.
  (void)co_await signal::http_exchange(*station_.run.network, station_.core, http,
                                       station_.core.now() + kGoodbye);
  owner_.on_gone();
}

void JanusLeg::fail_with(Problem problem) {
  if (over()) return;
  owner_.on_failed(*this, problem);
  phase_ = Phase::failed;
}

// ---- media

void JanusLeg::start_media() {
  const janus::SdpMedia& remote = *conversation_.remote();
  const TimePoint now = station_.core.now();
  phase_ = Phase::ready;
  media::ReceiverSettings settings;
  settings.ssrc = options_.publishes ? options_.ssrc : 1;
  settings.transport_sequence_id = remote.transport_sequence_id;
  settings.transport_cc = remote.transport_sequence_id != 0;
  settings.cname = random_hex(8);
  receiver_.emplace(settings, station_.tally.totals);
  if (!options_.publishes) {
    if (remote.ssrcs.empty()) return fail_with({ProblemKind::protocol, "Janus: a feed without an SSRC"});
    const std::uint32_t rtx = remote.ssrcs.size() > 1 ? remote.ssrcs[1] : 0;
    receiver_->add_source({std::to_string(options_.feed), true, remote.ssrcs[0], rtx, media::Codec::vp8});
  }
  owner_.on_ready(*this);
  transport_.start(offer_of(remote), now);
}

void JanusLeg::on_connected(TimePoint now) {
  if (options_.unread) transport_.drop_media();
  if (options_.publishes && !sending_stopped_) {
    const janus::SdpMedia& remote = *conversation_.remote();
    const media::Sample& sample = *station_.run.video;
    media::TrackSettings settings;
    settings.layers[0] = {options_.ssrc, options_.rtx};
    settings.payload_type = remote.vp8;
    settings.rtx_payload_type = remote.rtx;
    settings.transport_sequence_id = remote.transport_sequence_id;
    settings.audio_level_id = 0;
    settings.dependency_descriptor_id = 0;
    settings.stamp = sample.decodable ? media::Stamp::padding : media::Stamp::tail;
    settings.spread = station_.run.plan.spread;
    settings.cname = random_hex(8);
    settings.seed = options_.rtx;
    // As of a Jitsi participant: not all in step.
    const TimePoint start = std::max(now, station_.send_from) + microseconds(settings.seed % 33'333);
    video_.emplace(sample, settings, numbers_, station_.tally.totals, start);
  }
  schedule_media();
}

void JanusLeg::on_rtp(ByteView clear, TimePoint arrival) {
  if (!heard_) {
    heard_ = true;
    owner_.on_heard(arrival);
  }
  receiver_->on_rtp(clear, arrival);
}

void JanusLeg::on_rtcp(ByteView clear, TimePoint arrival) {
  if (video_) video_->on_rtcp(clear, arrival, transport_);
  receiver_->on_rtcp(clear, arrival);
}

void JanusLeg::on_batch(TimePoint now) {
  receiver_->flush(now, transport_);
  schedule_media();
}

void JanusLeg::on_due(TimePoint now) {
  if (over()) return;
  if (video_ && video_->next_due() <= now) video_->poll(now, transport_);
  if (receiver_->next_due() <= now) receiver_->poll(now, transport_);
  transport_.flush(now);
  schedule_media();
}

void JanusLeg::schedule_media() {
  TimePoint due = receiver_->next_due();
  if (video_) due = std::min(due, video_->next_due());
  station_.desk.pacer.schedule(*this, due);
}

// ---- the end

Dropped JanusLeg::dropped() const {
  const std::uint64_t count = transport_.kernel_drops();
  return options_.unread ? Dropped{.on_purpose = count} : Dropped{.late = count};
}

void JanusLeg::stop_sending(TimePoint now) {
  sending_stopped_ = true;
  video_.reset();
  // What stands still from now on is no freeze, whatever is still under way.
  if (receiver_) receiver_->finish(now);
}

void JanusLeg::leave(TimePoint now) {
  if (phase_ == Phase::gone) return;
  Timer::cancel();
  station_.desk.pacer.schedule(*this, TimePoint::max());
  if (receiver_) receiver_->finish(now);
  station_.tally.dropped.add(dropped());
  transport_.close();
  phase_ = Phase::gone;
  if (conversation_.poll_path().empty()) return owner_.on_gone();  // Janus knows nothing of it
  station_.core.spawn(say_goodbye());
}

}  // namespace roomgate::bench::roomload::session

#include "sfu/bridge/worker.hpp"

#include <poll.h>

#include <algorithm>

#include "base/log.hpp"

namespace roomgate::sfu::bridge {
namespace {

constexpr Duration kTick = milliseconds(10);
constexpr Duration kSlowTick = milliseconds(100);
constexpr int kIdleMs = 1000;  // nobody here
constexpr int kActiveMs = 10;  // timers to serve
constexpr std::size_t kCommandsPerTurn = 1024;
constexpr std::size_t kCrossingsPerTurn = 2048;

}  // namespace

Worker::Worker(std::size_t index, UdpSocket socket, const WorkerEnvironment& environment)
    : index_(index),
      env_(environment),
      limits_(environment.limits),
      bound_(socket.bound()),
      pool_(rtp::PacketPool::Limits{.max_packets = environment.limits.packet_buffers}),
      socket_(std::move(socket)),
      commands_(environment.limits.command_queue, environment.crossings.wakeup(index)),
      events_(environment.limits.event_queue, environment.signalling),
      stress_(environment.limits.stress),
      last_n_(environment.limits.last_n),
      backlog_(environment.limits.backlog) {}

Worker::~Worker() {
  stop_.store(true);
  env_.crossings.wakeup(index_).signal();
  if (thread_.joinable()) thread_.join();
}

void Worker::start() {
  thread_ = std::thread([this] { run(); });
  // What top and perf show.
  ::pthread_setname_np(thread_.native_handle(), ("media-" + std::to_string(index_)).c_str());
}

// ---------------------------------------------------------------- the loop

void Worker::run() {
  second_began_ = Clock::now();
  while (!stop_.load(std::memory_order_relaxed)) {
    const Ready ready = wait();
    set_now();
    const TimePoint began = now_;
    const bool tick_due = now_ >= next_tick_;

    if (ready.commands) read_commands();
    if (ready.media) receive_batch();
    // With the tick also what the handshake thread's ring had no room for.
    if (ready.handshakes || tick_due) read_handshakes();
    if (ready.commands) read_crossings();
    if (std::exchange(left_out_, false)) limit_videos(true);
    settle();
    if (tick_due) tick();

    flush_batch();
    for (std::size_t to = 0; to < env_.crossings.workers(); ++to) {
      if (to != index_) env_.crossings.queue(index_, to).flush();
    }
    events_.flush();
    end_turn(began);
  }
}

// No system call is made for what has nothing: in a small room they are most of a packet's cost. And poll
// rather than epoll: what epoll watches has somebody waiting on it all the time, so that the kernel, with
// each packet that has left the socket, would go and tell the epoll that there is room, which costs more than
// it is to ask for three descriptors anew.
Worker::Ready Worker::wait() {
  std::array<pollfd, 3> watched{{{socket_.fd(), POLLIN, 0},
                                 {env_.crossings.wakeup(index_).fd(), POLLIN, 0},
                                 {env_.handshakes.event_fd(index_), POLLIN, 0}}};
  const int count = ::poll(watched.data(), watched.size(), endpoints_.empty() ? kIdleMs : kActiveMs);
  if (count <= 0) return {};
  return {.media = watched[0].revents != 0,
          .commands = watched[1].revents != 0,
          .handshakes = watched[2].revents != 0};
}

void Worker::set_now() {
  now_ = Clock::now();
  const Duration elapsed = now_ - second_began_;
  if (elapsed < seconds(1)) return;
  take_stock(elapsed);
  second_began_ = now_;
  // Signalling counts on being woken now and then, to tell how stressed we are.
  if (index_ == 0) env_.signalling.signal();
}

void Worker::end_turn(TimePoint began) {
  const TimePoint ended = Clock::now();
  busy_this_second_ += ended - began;
  if (oldest_arrival_ == TimePoint{}) return;
  const Duration lag = ended - std::exchange(oldest_arrival_, {});
  lag_this_second_ += lag;
  env_.metrics.forward_delay->observe(std::chrono::duration<double>(lag).count());
  ++turns_with_media_;
}

// Once a second: how much of what we can do is in use, and what follows for how much video people get.
void Worker::take_stock(Duration elapsed) {
  const std::uint64_t packets = counts_.received_packets + counts_.forwarded_packets;
  stress_.on_sample({.elapsed = elapsed,
                     .worked = busy_this_second_,
                     .packets = packets - packets_before_,
                     .lag = turns_with_media_ > 0 ? lag_this_second_ / turns_with_media_ : Duration()});
  busy_.store(std::chrono::duration<double>(busy_this_second_) / std::chrono::duration<double>(elapsed),
              std::memory_order_relaxed);
  stress_told_.store(stress_.value(), std::memory_order_relaxed);
  packets_before_ = packets;
  busy_this_second_ = lag_this_second_ = {};
  turns_with_media_ = 0;

  if (const std::uint64_t left_out = counts_.drop_late - std::exchange(left_out_before_, counts_.drop_late)) {
    LOG(warn, "video_left_out", {"worker", index_}, {"packets", left_out}, {"stress", stress_.value()});
  }
  limit_videos(false);
}

// `late`: at once, not only as stress rises.
void Worker::limit_videos(bool late) {
  int most = 0;
  for (const auto& [key, endpoint] : endpoints_) most = std::max(most, endpoint->wanted_videos);
  const int before = last_n_.limit();
  if (!(late ? last_n_.on_late(most, now_) : last_n_.update(stress_.value(), most, now_))) return;
  const int limit = last_n_.limit();
  last_n_told_.store(limit, std::memory_order_relaxed);
  const bool reduced = limit >= 0 && (before < 0 || limit < before);
  if (reduced) ++counts_.last_n_reduced;
  LOG(warn, reduced ? "last_n_reduced" : "last_n_raised", {"worker", index_}, {"last_n", limit},
      {"stress", stress_.value()});
  for (const auto& [key, conference] : conferences_) conference->want_allocation();
}

void Worker::read_commands() {
  env_.crossings.wakeup(index_).clear();
  const auto each = [this](WorkerCommand&& command) { handle(command); };
  commands_.drain(kCommandsPerTurn, each);
}

void Worker::handle(WorkerCommand& command) {
  if (auto* m = std::get_if<SetParts>(&command)) {
    auto& conference = conferences_[m->conference];
    if (!conference) {
      conference =
          std::make_unique<Conference>(m->conference, index_, env_.crossings.workers(), limits_, due_);
    }
    conference->set_parts(m->home, m->workers);
  } else if (auto* add = std::get_if<AddEndpoint>(&command)) {
    Conference* conference = find_conference(add->conference);
    if (conference == nullptr) return;
    const auto free = std::find(destinations_.begin(), destinations_.end(), nullptr);
    const auto destination = static_cast<std::uint32_t>(free - destinations_.begin());
    if (free == destinations_.end()) destinations_.push_back(nullptr);
    auto endpoint =
        std::make_unique<Endpoint>(add->endpoint, *conference, std::move(add->ice), destination, limits_);
    destinations_[destination] = endpoint.get();
    by_ufrag_.insert_or_assign(endpoint->ice.local().ufrag, endpoint.get());
    conference->add_receiver(*endpoint);
    endpoints_[add->endpoint] = std::move(endpoint);
  } else if (auto* sources = std::get_if<SetEndpointSources>(&command)) {
    Conference* conference = find_conference(sources->conference);
    if (conference != nullptr) conference->set_sources(*sources, find_endpoint(sources->endpoint));
  } else if (auto* remote = std::get_if<SetRemote>(&command)) {
    Endpoint* endpoint = find_endpoint(remote->endpoint);
    if (endpoint == nullptr) return;
    endpoint->features = remote->features;
    endpoint->bandwidth.expect_feedback(remote->features.transport_cc);
    if (remote->features.ssrc_rewriting && !endpoint->own) {
      endpoint->conference.own_ssrcs_of(*endpoint, {env_.audio_ssrc, env_.video_ssrc});
    }
    env_.handshakes.expect(index_, endpoint->key, remote->fingerprint.hash, remote->fingerprint.value);
    if (!endpoint->ice.set_remote(remote->ufrag, remote->pwd, now_, ice_output_)) {
      endpoint->dtls_failed = true;
      update_state(*endpoint, "ice credentials");
    }
    apply_ice(*endpoint, nullptr);
  } else if (auto* wishes = std::get_if<SetConstraints>(&command)) {
    Endpoint* endpoint = find_endpoint(wishes->endpoint);
    if (endpoint == nullptr) return;
    endpoint->wishes.apply(wishes->constraints);
    endpoint->conference.want_allocation();
  } else if (auto* type = std::get_if<SetVideoType>(&command)) {
    Conference* conference = find_conference(type->conference);
    if (conference != nullptr) conference->set_video_type(type->endpoint, type->source, type->type);
  } else if (auto* audio = std::get_if<SetAudioSubscription>(&command)) {
    Endpoint* endpoint = find_endpoint(audio->endpoint);
    if (endpoint == nullptr) return;
    endpoint->all_audio = audio->subscription.all;
    endpoint->include_audio = {audio->subscription.include.begin(), audio->subscription.include.end()};
    endpoint->exclude_audio = {audio->subscription.exclude.begin(), audio->subscription.exclude.end()};
    for (const auto& source : endpoint->conference.sources()) {
      AudioOut* out = source->find_audio_out(*endpoint);
      if (out == nullptr && endpoint->own && !source->is_video()) {
        endpoint->conference.label_voice_if_free(*source);
        endpoint->conference.want_allocation();
      } else if (out != nullptr) {
        const SsrcPool::Slot* slot =
            endpoint->own ? endpoint->own->audio.held_by(source->announced_ssrc()) : nullptr;
        out->subscribed = endpoint->wants_audio(source->announced.name) && (slot == nullptr || slot->open);
      }
    }
  } else if (const auto* written = std::get_if<MapWritten>(&command)) {
    Endpoint* endpoint = find_endpoint(written->endpoint);
    if (endpoint == nullptr || !endpoint->own) return;
    endpoint->own->of(written->media).on_written(written->map, now_);
    open_mapped(*endpoint);
  } else if (auto* speakers = std::get_if<SetSpeakers>(&command)) {
    Conference* conference = find_conference(speakers->conference);
    if (conference == nullptr) return;
    conference->set_speakers(std::move(speakers->order));
    conference->want_allocation();
  } else if (auto* gone = std::get_if<RemoveEndpoint>(&command)) {
    remove_endpoint(gone->endpoint);
    Conference* conference = find_conference(gone->conference);
    if (conference != nullptr) conference->remove_sources_of(gone->endpoint);
  } else if (auto* over = std::get_if<RemoveConference>(&command)) {
    const Conference* conference = find_conference(over->conference);
    if (conference == nullptr) return;
    const std::vector<Endpoint*> receivers = conference->receivers();
    for (const Endpoint* endpoint : receivers) remove_endpoint(endpoint->key);
    conferences_.erase(over->conference);
  }
}

void Worker::remove_endpoint(EndpointKey key) {
  Endpoint* endpoint = find_endpoint(key);
  if (endpoint == nullptr) return;
  flush_batch();  // what is queued for it goes by its destination number
  env_.handshakes.drop(index_, key);
  endpoint->conference.remove_receiver(*endpoint);
  for (const auto& source : endpoint->conference.sources()) {
    if (source->sender == endpoint) source->sender = nullptr;
  }
  by_ufrag_.erase(endpoint->ice.local().ufrag);
  std::erase_if(by_address_, [endpoint](const auto& known) { return known.second.endpoint == endpoint; });
  destinations_[endpoint->destination] = nullptr;
  endpoints_.erase(key);
}

// ---------------------------------------------------------------- handshakes

void Worker::read_handshakes() {
  handshake_events_.clear();
  env_.handshakes.collect(index_, handshake_events_);
  for (transport::HandshakeEvent& event : handshake_events_) {
    Endpoint* endpoint = find_endpoint(event.association);
    if (endpoint == nullptr) continue;
    switch (event.kind) {
      case transport::HandshakeEventKind::datagram:
        if (endpoint->path) socket_.send(*endpoint->path, event.bytes);
        break;
      case transport::HandshakeEventKind::keys:
        ++counts_.handshakes;
        flush_batch();  // what is queued may be sealed under keys that end here
        endpoint->inbound.emplace(event.keys.profile, event.keys.client, transport::SrtpDirection::unprotect,
                                  limits_.srtp);
        endpoint->outbound.emplace(event.keys.profile, event.keys.server, transport::SrtpDirection::protect,
                                   limits_.srtp);
        endpoint->conference.want_allocation();
        update_state(*endpoint, "");
        break;
      case transport::HandshakeEventKind::failed:
        ++counts_.handshake_failed;
        if (event.error == transport::DtlsError::fingerprint_mismatch) ++counts_.fingerprint_mismatch;
        endpoint->dtls_failed = true;
        update_state(*endpoint, transport::to_string(event.error));
        break;
      case transport::HandshakeEventKind::closed:
        // The client said goodbye; signalling will say the rest.
        flush_batch();
        endpoint->inbound.reset();
        endpoint->outbound.reset();
        break;
    }
  }
}

// ---------------------------------------------------------------- other workers

void Worker::push_crossing(std::size_t to, Crossing&& crossing) {
  crossing.from = index_;
  const bool packet = crossing.kind == Crossing::Kind::packet;
  if (!env_.crossings.queue(index_, to).push(std::move(crossing))) {
    ++counts_.drop_crossing;
  } else if (packet) {
    ++counts_.crossed_packets;
  }
}

void Worker::read_crossings() {
  for (std::size_t from = 0; from < env_.crossings.workers(); ++from) {
    if (from == index_) continue;
    env_.crossings.queue(from, index_).drain(kCrossingsPerTurn, [this](Crossing&& crossing) {
      on_crossing(crossing);
    });
  }
}

void Worker::on_crossing(Crossing& crossing) {
  Conference* conference = find_conference(crossing.conference);
  if (conference == nullptr) return;
  const Conference::Found found = conference->find_layer(crossing.ssrc);
  if (!found) return;
  SourceState& source = *found.source;
  switch (crossing.kind) {
    case Crossing::Kind::none: break;
    case Crossing::Kind::packet: {
      rtp::PacketHandle packet = pool_.take();
      if (!packet || !packet->assign(crossing.parcel->bytes())) {
        ++counts_.drop_no_buffer;
        break;
      }
      packet->received_at = crossing.parcel->received_at;
      distribute(*conference, source, found.layer, std::move(packet));
      break;
    }
    case Crossing::Kind::sender_report: forward_sender_report(source, found.layer, crossing.report); break;
    case Crossing::Kind::keyframe:
      if (source.is_local) want_keyframe(*conference, source, found.layer);
      break;
    case Crossing::Kind::wanted:
      if (source.is_local) on_wanted(source, crossing.from, crossing.height);
      break;
  }
}

void Worker::on_wanted(SourceState& source, std::size_t from, int height) {
  source.wanted[from] = height;
  tell_sender_height(source);
}

// ---------------------------------------------------------------- who gets what

// After a batch of commands, or when a path carries more or less: allocate once, however many there were.
void Worker::settle() {
  settling_.swap(due_);
  for (const ConferenceKey key : settling_) {
    // One may have ended since it asked.
    if (Conference* conference = find_conference(key)) settle(*conference);
  }
  settling_.clear();
}

void Worker::settle(Conference& conference) {
  const bool all = conference.begin_allocation();
  for (Endpoint* receiver : conference.receivers()) {
    const bool due = std::exchange(receiver->allocation_due, false);
    if (!all && !due) continue;
    const bool changes = conference.allocate(*receiver, last_n_.limit(), now_);
    if (receiver->own) tell_maps(*receiver, false);
    ask_for_keyframes(*receiver);
    if (!changes) continue;
    ForwardedChanged changed{receiver->key, receiver->forwarded, {}, receiver->suspended};
    for (const auto& source : conference.sources()) {
      if (!source->is_video()) continue;
      const auto& names = receiver->forwarded;
      const bool sent = std::find(names.begin(), names.end(), source->announced.name) != names.end();
      const bool told = !changed.endpoints.empty() && changed.endpoints.back() == source->owner_id;
      if (sent && !told) changed.endpoints.push_back(source->owner_id);
    }
    emit(std::move(changed));
  }
  for (const auto& source : conference.sources()) {
    if (!source->is_video()) continue;
    source->watch_layers(now_);
    const int height = source->wanted_here();
    if (source->is_local) {
      on_wanted(*source, index_, height);
    } else if (height != source->told_wanted) {
      tell_wanted(conference, *source, height);
    }
  }
}

// Shard rule 13: what an SSRC of ours stands for is said before the first packet, and again while it is not
// known that it was.
void Worker::tell_maps(Endpoint& endpoint, bool again) {
  for (const bridge::Media media : {bridge::Media::audio, bridge::Media::video}) {
    SsrcPool& pool = endpoint.own->of(media);
    if (!pool.untold() && !(again && pool.unwritten())) continue;
    pool.on_told();
    endpoint.own->told_at = now_;
    ++counts_.maps_told;
    emit(SourcesMapped{endpoint.key, media, pool.map(), endpoint.conference.map_of(endpoint, media)});
  }
}

void Worker::review_maps(Endpoint& endpoint) {
  open_mapped(endpoint);
  if (now_ - endpoint.own->told_at >= limits_.rewriting.tell_again) tell_maps(endpoint, true);
}

void Worker::open_mapped(Endpoint& endpoint) {
  for (const bridge::Media media : {bridge::Media::audio, bridge::Media::video}) {
    endpoint.own->of(media).open_due(now_, [&](std::uint32_t holder) {
      SourceState* source = endpoint.conference.find_announced(holder);
      if (source == nullptr) return;
      source->set_held(endpoint, false);
      if (source->is_video()) renew_picture(endpoint, *source);
    });
  }
}

void Worker::tell_wanted(const Conference& conference, SourceState& source, int height) {
  source.told_wanted = height;
  Crossing crossing;
  crossing.kind = Crossing::Kind::wanted;
  crossing.conference = conference.key();
  crossing.ssrc = source.announced_ssrc();
  crossing.height = height;
  push_crossing(source.worker, std::move(crossing));
}

// Up at once, down after a while: a layout that flickers must not make an encoder start and stop.
void Worker::tell_sender_height(SourceState& source) {
  const int wanted = source.wanted_by_all();
  const auto tell = [&] {
    source.told_height = wanted;
    source.lower_at = TimePoint::max();
    emit(SenderHeightChanged{source.owner, source.announced.name, wanted});
  };
  if (!source.told_height) return tell();
  if (wanted == *source.told_height) {
    source.lower_at = TimePoint::max();
  } else if (higher(wanted, *source.told_height) == wanted) {
    tell();
  } else if (source.lower_at == TimePoint::max()) {
    source.lower_at = now_ + limits_.lower_sender_after;
  } else if (now_ >= source.lower_at) {
    tell();
  }
}

// ---------------------------------------------------------------- timers

void Worker::tick() {
  next_tick_ = now_ + kTick;
  const bool slow = now_ >= next_slow_tick_;
  if (slow) {
    next_slow_tick_ = now_ + kSlowTick;
    const Duration passed = now_ - std::exchange(filled_at_, now_);
    for (const auto& [key, endpoint] : endpoints_) endpoint->allowance.fill(passed);
  }

  for (std::size_t i = 0; i < destinations_.size(); ++i) {
    if (i + 1 < destinations_.size() && destinations_[i + 1] != nullptr)
      destinations_[i + 1]->prefetch_sending();
    if (destinations_[i] != nullptr) tick_endpoint(*destinations_[i], slow);
  }
  for (const auto& [key, conference] : conferences_) {
    if (conference->decide_speakers(now_)) {
      emit(SpeakersChanged{key, conference->speaker_order(), conference->silence()});
      conference->want_allocation();
    }
    if (slow) tick_conference(*conference);
  }
  if (!slow) return;
  const UdpCounters& udp = socket_.counters();
  counts_.rxq_overflow = udp.overflowed;
  counts_.gso_messages = udp.gso_messages;
  counts_.drop_send_buffer = udp.send_dropped;
  counts_.drop_send_failed = udp.send_failed;
  counts_.drop_truncated = udp.truncated;
  env_.metrics.publish(counts_, published_);
}

void Worker::tick_endpoint(Endpoint& endpoint, bool slow) {
  if (endpoint.ice.next_deadline() <= now_) {
    endpoint.ice.tick(now_, ice_output_);
    apply_ice(endpoint, nullptr);
  }
  if (!endpoint.ready()) return;
  if (endpoint.features.transport_cc) {
    send_arrivals(endpoint);
    send_padding(endpoint);
  }
  if (slow) review_downlink(endpoint);
  if (slow && endpoint.own) review_maps(endpoint);
  if (endpoint.keyframes_from && now_ >= *endpoint.keyframes_from) {
    endpoint.keyframes_from.reset();
    ask_for_keyframes(endpoint);
  }
  for (const IncomingStream& stream : endpoint.streams) {
    if (stream.rtx) continue;
    LayerState& layer = stream.source->streams[stream.layer];
    if (layer.nack && !layer.nack->idle()) send_nacks(*stream.source, layer);
    if (layer.keyframes.waiting()) send_picture_loss_if_due(*stream.source, layer);
  }
  if (now_ < endpoint.next_report) return;
  endpoint.next_report = now_ + seconds(1);
  send_reports(endpoint);
}

void Worker::tick_conference(Conference& conference) {
  if (now_ >= conference.next_report) {
    conference.next_report = now_ + limits_.report_interval;
    emit(PartReport{conference.report(last_n_.limit(), now_)});
  }
  for (const auto& source : conference.sources()) {
    if (!source->is_video()) continue;
    // Said again and again: the sender's worker may have learnt of the source after it was said first.
    if (!source->is_local) tell_wanted(conference, *source, source->wanted_here());
    if (source->is_local && source->lower_at != TimePoint::max()) tell_sender_height(*source);
    for (LayerState& layer : source->streams) layer.history->expire(now_);
    std::uint32_t asked = 0;  // layers, once each however many receivers wait
    for (VideoOut& out : source->video_outs) {
      if (!out.receiver->ready() || out.receiver->keyframes_from) continue;
      const auto layer = out.forwarder.wanted_keyframe(source->layers, now_);
      if (!layer || (asked >> *layer & 1) != 0) continue;
      asked |= std::uint32_t{1} << *layer;
      // Throttled here: the requester repeats by itself until the key frame is there.
      if (!source->is_local || !source->streams[*layer].keyframes.waiting())
        want_keyframe(conference, *source, *layer);
    }
    if (!source->is_local || source->wanted_by_all() != 0) continue;
    for (LayerState& layer : source->streams) layer.keyframes.cancel();
  }
}

// ---------------------------------------------------------------- transport

void Worker::apply_ice(Endpoint& endpoint, const Path* path) {
  const auto local_of = [this, path](const Address& remote) {
    if (path != nullptr && path->remote == remote) return path->local;
    const auto known = by_address_.find(remote);
    return known == by_address_.end() ? Address() : known->second.local;
  };
  std::string_view reason;
  bool moved = false;
  for (const transport::IceEvent& event : ice_output_.events()) {
    switch (event.kind) {
      case transport::IceEventKind::learnt:
        by_address_[event.address] = {&endpoint, local_of(event.address)};
        break;
      case transport::IceEventKind::forgotten: {
        const auto known = by_address_.find(event.address);
        if (known != by_address_.end() && known->second.endpoint == &endpoint) by_address_.erase(known);
        break;
      }
      case transport::IceEventKind::selected:
        flush_batch();  // what is queued was meant for the old path
        moved = endpoint.path.has_value();
        take_path(endpoint, {event.address, local_of(event.address)});
        break;
      case transport::IceEventKind::connected:
      case transport::IceEventKind::interrupted: break;
      case transport::IceEventKind::failed: reason = "ice"; break;
    }
  }
  for (const transport::IceDatagram& datagram : ice_output_.datagrams()) {
    socket_.send({datagram.to, local_of(datagram.to)}, datagram.view());
  }
  const bool changed = !ice_output_.events().empty();
  ice_output_.clear();
  if (changed) update_state(endpoint, reason);
  if (moved && endpoint.ready()) renew_pictures(endpoint);
}

void Worker::take_path(Endpoint& endpoint, const Path& path) {
  endpoint.path = socket_.leanest(path);
  endpoint.path_at = now_;
}

void Worker::update_state(Endpoint& endpoint, std::string_view reason) {
  std::optional<EndpointState> state;
  if (endpoint.dtls_failed || endpoint.ice.state() == transport::IceState::failed) {
    state = EndpointState::failed;
  } else if (endpoint.ready() && endpoint.ice.state() == transport::IceState::connected) {
    state = EndpointState::connected;
  } else if (endpoint.ready() && endpoint.ice.state() == transport::IceState::interrupted) {
    state = EndpointState::interrupted;
  }
  if (!state || state == endpoint.told) return;
  endpoint.told = state;
  emit(StateChanged{endpoint.key, *state, std::string(reason)});
}

void Worker::emit(WorkerEvent&& event) {
  if (!events_.push(std::move(event))) ++counts_.events_lost;
}

Conference* Worker::find_conference(ConferenceKey key) {
  const auto found = conferences_.find(key);
  return found == conferences_.end() ? nullptr : found->second.get();
}

Endpoint* Worker::find_endpoint(EndpointKey key) {
  const auto found = endpoints_.find(key);
  return found == endpoints_.end() ? nullptr : found->second.get();
}

Endpoint* Worker::find_address(const Address& remote) {
  const auto found = by_address_.find(remote);
  return found == by_address_.end() ? nullptr : found->second.endpoint;
}

}  // namespace roomgate::sfu::bridge

#include "sfu/bridge/bridge.hpp"

#include <algorithm>
#include <set>

#include "base/log.hpp"
#include "base/random.hpp"
#include "sfu/bridge/candidates.hpp"

namespace roomgate::sfu::bridge {
namespace {

Result<UdpSocket, std::string> open_media_socket(const std::string& ip, std::uint16_t port, int buffer) {
  const auto address = Address::from_ip(ip, port);
  if (!address) return fail("media.address: " + ip + " is no IP address");
  auto socket = UdpSocket::open(*address, buffer);
  if (socket || address->is_v4() || !address->is_unspecified()) return socket;
  // A kernel without IPv6.
  return UdpSocket::open(*Address::from_ip("0.0.0.0", port), buffer);
}

}  // namespace

Result<std::unique_ptr<Bridge>, std::string> Bridge::start(const BridgeConfig& config,
                                                           metrics::Registry& registry) {
  std::unique_ptr<Bridge> bridge(new Bridge(config, registry));
  if (auto opened = bridge->open(); !opened) return fail(opened.error());
  return bridge;
}

Bridge::Bridge(const BridgeConfig& config, metrics::Registry& registry)
    : config_(config), metrics_(registry) {}

Bridge::~Bridge() { workers_.clear(); }

Result<void, std::string> Bridge::open() {
  const std::size_t count = config_.workers;
  if (count == 0 || count > config_.limits.max_workers || count > 64) {
    return fail("media.workers: " + std::to_string(count) + " is not between 1 and " +
                std::to_string(config_.limits.max_workers));
  }
  if (config_.port != 0 && config_.port + count > 65536)
    return fail(std::string("media.port: too high for the workers"));
  auto context = transport::DtlsContext::make();
  if (!context) return fail(std::string("dtls: ") + std::string(transport::to_string(context.error())));
  dtls_ = std::move(*context);
  crossings_ =
      std::make_unique<Crossings>(count, config_.limits.crossing_queue, config_.limits.crossing_queue);
  handshakes_ = std::make_unique<transport::HandshakeThread>(*dtls_, count, config_.limits.handshakes);
  environment_ = std::make_unique<WorkerEnvironment>(WorkerEnvironment{
      .limits = config_.limits,
      .crossings = *crossings_,
      .handshakes = *handshakes_,
      .metrics = metrics_,
      .signalling = events_ready_,
      .audio_ssrc = random_u32() | 1,  // not 0
      .video_ssrc = random_u32() | 1,
  });
  for (std::size_t i = 0; i < count; ++i) {
    const auto port = static_cast<std::uint16_t>(config_.port == 0 ? 0 : config_.port + i);
    auto socket = open_media_socket(config_.bind_ip, port, config_.socket_buffer);
    if (!socket) return fail(socket.error());
    workers_.push_back(std::make_unique<Worker>(i, std::move(*socket), *environment_));
  }
  backlog_.resize(count);
  endpoints_on_.resize(count, 0);
  handshakes_->start();
  for (const auto& worker : workers_) worker->start();
  return {};
}

std::vector<Address> Bridge::media_addresses() const {
  std::vector<Address> out;
  for (const auto& worker : workers_) out.push_back(worker->bound());
  return out;
}

// ---------------------------------------------------------------- from the focus

void Bridge::send(Command command) {
  std::visit([this](auto& m) { on(m); }, command);
  flush_commands();
}

void Bridge::on(Allocate& m) {
  const auto refuse = [&](const char* reason) {
    metrics_.allocations_failed->add();
    emit(AllocateFailed{m.request, m.conference, m.endpoint, reason});
  };
  if (m.conference.empty() || m.endpoint.empty()) return refuse("bad id");
  // The same endpoint again starts anew: its old transport is gone.
  if (const EndpointRecord* before = find_endpoint(m.conference, m.endpoint)) remove_endpoint(before->key);
  if (endpoints_.size() >= config_.limits.max_endpoints) return refuse("endpoint limit");
  ConferenceRecord* conference = find_conference(m.conference);
  if (conference != nullptr && conference->endpoints.size() >= config_.limits.max_endpoints_per_conference) {
    return refuse("conference limit");
  }
  if (conference == nullptr && conferences_.size() >= config_.limits.max_conferences)
    return refuse("conference limit");

  const std::size_t worker = choose_worker(conference);
  if (conference == nullptr) {
    auto made = std::make_unique<ConferenceRecord>();
    conference = made.get();
    conference->key = next_key_++;
    conference->id = m.conference;
    conference->home = worker;
    conference_keys_[m.conference] = conference->key;
    conferences_[conference->key] = std::move(made);
  }
  add_part(*conference, worker);

  auto endpoint = std::make_unique<EndpointRecord>();
  endpoint->key = next_key_++;
  endpoint->conference = conference->key;
  endpoint->id = m.endpoint;
  endpoint->worker = worker;
  endpoint->allocated_at = Clock::now();
  conference->endpoints[m.endpoint] = endpoint->key;
  ++endpoints_on_[worker];

  const transport::IceCredentials ice = transport::IceCredentials::make();
  to_worker(worker, AddEndpoint{conference->key, endpoint->key, ice});
  emit(Allocated{.request = m.request,
                 .conference = m.conference,
                 .endpoint = m.endpoint,
                 .ufrag = ice.ufrag,
                 .pwd = ice.pwd,
                 .fingerprint = {"sha-256", dtls_->fingerprint()},
                 .candidates = candidates_of(worker),
                 .channel_secret = random_hex(16),
                 .bridge = config_.name,
                 .bridge_region = config_.region,
                 .audio_ssrc = environment_->audio_ssrc,
                 .video_ssrc = environment_->video_ssrc});
  endpoints_[endpoint->key] = std::move(endpoint);
}

void Bridge::on(SetTransport& m) {
  EndpointRecord* endpoint = find_endpoint(m.conference, m.endpoint);
  if (endpoint == nullptr) return;
  const bool vocabulary_changed = endpoint->features.source_names != m.features.source_names;
  endpoint->features = m.features;
  // A channel may open before the answer that tells which vocabulary its client speaks.
  if (vocabulary_changed && endpoint->channel_open) greet(conference_of(*endpoint), *endpoint);
  to_worker(endpoint->worker, SetRemote{endpoint->key, m.ufrag, m.pwd, m.fingerprint, m.features});
}

void Bridge::on(SetSources& m) {
  EndpointRecord* endpoint = find_endpoint(m.conference, m.endpoint);
  if (endpoint == nullptr) return;
  ConferenceRecord& conference = conference_of(*endpoint);
  std::vector<Source> sources = accepted_sources(conference, *endpoint, m.sources);
  to_parts(conference,
           SetEndpointSources{conference.key, endpoint->key, endpoint->worker, endpoint->id, sources});
  std::erase_if(endpoint->heights, [&](const auto& told) {
    return std::none_of(sources.begin(), sources.end(),
                        [&](const Source& s) { return s.name == told.first; });
  });
  endpoint->sources = std::move(sources);
}

// An SSRC belongs to one endpoint of a conference: whoever announces somebody else's would get their key
// frames asked for and their packets taken for its own.
std::vector<Source> Bridge::accepted_sources(const ConferenceRecord& conference, const EndpointRecord& owner,
                                             const std::vector<Source>& sources) {
  std::set<std::uint32_t> taken = {0, environment_->audio_ssrc, environment_->video_ssrc};
  std::set<std::string> names;
  for (const auto& [id, key] : conference.endpoints) {
    if (key == owner.key) continue;
    for (const Source& source : endpoints_.at(key)->sources) {
      names.insert(source.name);
      for (const Layer& layer : source.layers) taken.insert({layer.ssrc, layer.rtx});
    }
  }
  std::vector<Source> accepted;
  for (const Source& source : sources) {
    std::set<std::uint32_t> own;
    bool fine = !source.layers.empty() && source.layers.size() <= config_.limits.max_layers_per_source &&
                accepted.size() < config_.limits.max_sources_per_endpoint && !names.contains(source.name);
    for (const Layer& layer : source.layers) {
      fine = fine && !taken.contains(layer.ssrc) && own.insert(layer.ssrc).second;
      if (layer.rtx != 0) fine = fine && !taken.contains(layer.rtx) && own.insert(layer.rtx).second;
    }
    if (!fine) {
      metrics_.sources_refused->add();
      LOG(warn, "source_refused", {"conference", conference.id}, {"endpoint", owner.id},
          {"source", source.name});
      continue;
    }
    taken.merge(own);
    names.insert(source.name);
    accepted.push_back(source);
  }
  return accepted;
}

void Bridge::on(Expire& m) {
  if (!m.endpoint.empty()) {
    if (const EndpointRecord* endpoint = find_endpoint(m.conference, m.endpoint))
      remove_endpoint(endpoint->key);
    return;
  }
  ConferenceRecord* conference = find_conference(m.conference);
  if (conference != nullptr) remove_conference(*conference);
}

void Bridge::remove_endpoint(EndpointKey key) {
  EndpointRecord* endpoint = find_endpoint(key);
  if (endpoint == nullptr) return;
  ConferenceRecord& conference = conference_of(*endpoint);
  if (conference.endpoints.size() == 1) return remove_conference(conference);
  to_parts(conference, RemoveEndpoint{conference.key, key});
  conference.endpoints.erase(endpoint->id);
  std::erase(conference.speakers, key);
  --endpoints_on_[endpoint->worker];
  endpoints_.erase(key);
}

void Bridge::remove_conference(ConferenceRecord& conference) {
  to_parts(conference, RemoveConference{conference.key});
  for (const auto& [id, key] : conference.endpoints) {
    --endpoints_on_[endpoints_.at(key)->worker];
    endpoints_.erase(key);
  }
  conference_keys_.erase(conference.id);
  conferences_.erase(conference.key);  // `conference` is gone now
}

// ---------------------------------------------------------------- workers

// The conference's home, unless it has enough to do and another worker has less.
std::size_t Bridge::choose_worker(const ConferenceRecord* conference) const {
  const auto full = [this](std::size_t w) {
    return endpoints_on_[w] >= config_.limits.worker_endpoints ||
           workers_[w]->busy() >= config_.limits.worker_busy;
  };
  const auto lighter = [this](std::size_t a, std::size_t b) {
    const auto load = [this](std::size_t w) {
      return std::pair(static_cast<int>(workers_[w]->busy() * 10), endpoints_on_[w]);
    };
    return load(a) < load(b);
  };
  std::size_t best = 0;
  for (std::size_t w = 1; w < workers_.size(); ++w) {
    if (lighter(w, best)) best = w;
  }
  if (conference == nullptr || (full(conference->home) && !full(best))) return best;
  if (!full(conference->home)) return conference->home;
  return endpoints_on_[best] < endpoints_on_[conference->home] ? best : conference->home;
}

void Bridge::add_part(ConferenceRecord& conference, std::size_t worker) {
  const std::uint64_t bit = std::uint64_t{1} << worker;
  if ((conference.parts & bit) != 0) return;
  conference.parts |= bit;
  to_parts(conference, SetParts{conference.key, conference.home, conference.parts});
  // The newcomer learns what the others know.
  for (const auto& [id, key] : conference.endpoints) {
    const EndpointRecord& endpoint = *endpoints_.at(key);
    to_worker(worker, SetEndpointSources{conference.key, endpoint.key, endpoint.worker, endpoint.id,
                                         endpoint.sources});
  }
  if (!conference.speakers.empty()) to_worker(worker, SetSpeakers{conference.key, conference.speakers});
}

void Bridge::to_worker(std::size_t worker, WorkerCommand command) {
  if (backlog_[worker].empty() && workers_[worker]->push(std::move(command))) return;
  if (backlog_[worker].size() >= config_.limits.command_backlog) {
    metrics_.commands_lost->add();
    LOG(error, "worker_stuck", {"worker", worker});
    return;
  }
  backlog_[worker].push_back(std::move(command));
}

void Bridge::to_parts(const ConferenceRecord& conference, const WorkerCommand& command) {
  for (std::size_t w = 0; w < workers_.size(); ++w) {
    if ((conference.parts >> w & 1) != 0) to_worker(w, command);
  }
}

void Bridge::flush_commands() {
  for (std::size_t w = 0; w < workers_.size(); ++w) {
    while (!backlog_[w].empty() && workers_[w]->push(std::move(backlog_[w].front()))) backlog_[w].pop_front();
    workers_[w]->flush();
  }
}

std::vector<Candidate> Bridge::candidates_of(std::size_t worker) {
  const Address& bound = workers_[worker]->bound();
  if (const TimePoint now = Clock::now(); bound.is_unspecified() && now - interfaces_asked_ >= seconds(1)) {
    interfaces_ = interface_addresses();
    interfaces_asked_ = now;
  }
  return make_candidates(bound, worker, interfaces_, config_.advertise, config_.limits.max_candidates);
}

// ---------------------------------------------------------------- events

std::vector<Event> Bridge::poll_events(TimePoint now) {
  events_ready_.clear();
  // Whoever polls again has written what it got before (shard rule 13).
  for (const MapWritten& written : std::exchange(maps_handed_out_, {})) {
    if (const EndpointRecord* endpoint = find_endpoint(written.endpoint))
      to_worker(endpoint->worker, written);
  }
  for (const auto& worker : workers_) {
    worker->drain_events(config_.limits.events_per_poll, [this](WorkerEvent&& event) {
      std::visit(
          [this](auto& m) {
            if constexpr (!std::is_same_v<std::decay_t<decltype(m)>, std::monostate>) on_event(m);
          },
          event);
    });
  }
  tell_stress(now);
  flush_commands();
  maps_handed_out_ = std::exchange(maps_pending_, {});
  if (!maps_handed_out_.empty()) events_ready_.signal();
  return std::exchange(pending_, {});
}

void Bridge::emit(Event event) {
  if (pending_.empty()) events_ready_.signal();
  pending_.push_back(std::move(event));
}

void Bridge::tell_stress(TimePoint now) {
  if (now < next_stress_) return;
  next_stress_ = now + config_.limits.stress_interval;
  // The mean: a new room goes to the worker with the least of it.
  double sum = 0;
  for (const auto& worker : workers_) sum += worker->stress();
  const double work = sum / static_cast<double>(workers_.size());
  const double places =
      static_cast<double>(endpoints_.size()) / static_cast<double>(config_.limits.max_endpoints);
  stress_ = std::clamp(std::max(work, places), 0.0, 1.0);
  metrics_.stress->set(stress_);
  metrics_.conferences->set(static_cast<double>(conferences_.size()));
  metrics_.endpoints->set(static_cast<double>(endpoints_.size()));
  emit(Stress{stress_, static_cast<std::uint32_t>(conferences_.size()),
              static_cast<std::uint32_t>(endpoints_.size())});
}

void Bridge::on_event(StateChanged& m) {
  EndpointRecord* endpoint = find_endpoint(m.endpoint);
  if (endpoint == nullptr) return;
  const ConferenceRecord& conference = conference_of(*endpoint);
  // A first connection is what everybody takes for granted; only its loss and its return are told.
  const bool active = m.state == EndpointState::connected;
  if (endpoint->was_connected && active != endpoint->active) {
    to_all_channels(conference, connectivity_changed(endpoint->id, active), endpoint->key);
  }
  if (active && !endpoint->was_connected) {
    metrics_.join_time->observe(std::chrono::duration<double>(Clock::now() - endpoint->allocated_at).count());
  }
  endpoint->was_connected = endpoint->was_connected || active;
  endpoint->active = active;
  emit(EndpointChanged{conference.id, endpoint->id, m.state, m.reason});
}

void Bridge::on_event(SpeakersChanged& m) {
  const auto found = conferences_.find(m.conference);
  if (found == conferences_.end()) return;
  ConferenceRecord& conference = *found->second;
  const EndpointKey before = conference.speakers.empty() ? 0 : conference.speakers.front();
  std::erase_if(m.order, [&](EndpointKey key) { return find_endpoint(key) == nullptr; });
  conference.speakers = std::move(m.order);
  conference.silence = m.silence;
  if (conference.speakers.empty()) return;
  for (std::size_t w = 0; w < workers_.size(); ++w) {
    if (w != conference.home && (conference.parts >> w & 1) != 0) {
      to_worker(w, SetSpeakers{conference.key, conference.speakers});
    }
  }
  to_all_channels(conference, speaker_text(conference));
  if (conference.speakers.front() != before) {
    emit(DominantSpeaker{conference.id, endpoints_.at(conference.speakers.front())->id});
  }
}

void Bridge::on_event(ForwardedChanged& m) {
  EndpointRecord* endpoint = find_endpoint(m.endpoint);
  if (endpoint == nullptr) return;
  endpoint->forwarded = std::move(m.sources);
  endpoint->forwarded_endpoints = std::move(m.endpoints);
  endpoint->suspended = std::move(m.suspended);
  send_forwarded(*endpoint);
}

void Bridge::on_event(SenderHeightChanged& m) {
  EndpointRecord* endpoint = find_endpoint(m.endpoint);
  if (endpoint == nullptr) return;
  const bool still_there = std::any_of(endpoint->sources.begin(), endpoint->sources.end(),
                                       [&](const Source& source) { return source.name == m.source; });
  if (!still_there) return;
  endpoint->heights[m.source] = m.height;
  send_height(*endpoint, m.source, m.height);
}

void Bridge::on_event(SourcesMapped& m) {
  EndpointRecord* endpoint = find_endpoint(m.endpoint);
  if (endpoint == nullptr) return;
  EndpointRecord::SourcesMap& map = endpoint->map_of(m.media);
  map.map = m.map;
  map.sources = std::move(m.sources);
  send_map(*endpoint, m.media);
}

void Bridge::on_event(DownlinkEstimated& m) {
  const EndpointRecord* endpoint = find_endpoint(m.endpoint);
  if (endpoint != nullptr) to_channel(*endpoint, connection_stats(m.bitrate, m.limited));
}

void Bridge::on_event(PartReport& m) {
  for (EndpointReport& report : m.endpoints) {
    EndpointRecord* endpoint = find_endpoint(report.key);
    if (endpoint == nullptr) continue;
    if (endpoint->active)
      metrics_.round_trip->observe(std::chrono::duration<double>(report.round_trip).count());
    endpoint->report = std::move(report);
  }
}

BridgeReport Bridge::report() const {
  BridgeReport all;
  for (const auto& worker : workers_) all.workers.push_back({worker->stress(), worker->last_n_limit()});
  for (const auto& [key, conference] : conferences_) {
    ConferenceReport& made = all.conferences.emplace_back(ConferenceReport{conference->id, {}});
    std::unordered_map<std::uint32_t, std::string> names;
    for (const auto& [id, endpoint] : conference->endpoints) {
      for (const Source& source : endpoints_.at(endpoint)->sources)
        names[source.layers.front().ssrc] = source.name;
    }
    for (const auto& [id, endpoint] : conference->endpoints) {
      EndpointReport& row = made.endpoints.emplace_back(endpoints_.at(endpoint)->report);
      row.id = id;
      for (VideoReport& video : row.videos) video.source = names[video.ssrc];
    }
  }
  return all;
}

Bridge::ConferenceRecord* Bridge::find_conference(const std::string& id) {
  const auto key = conference_keys_.find(id);
  return key == conference_keys_.end() ? nullptr : conferences_.at(key->second).get();
}

Bridge::EndpointRecord* Bridge::find_endpoint(const std::string& conference, const std::string& endpoint) {
  const ConferenceRecord* record = find_conference(conference);
  if (record == nullptr) return nullptr;
  const auto key = record->endpoints.find(endpoint);
  return key == record->endpoints.end() ? nullptr : endpoints_.at(key->second).get();
}

Bridge::EndpointRecord* Bridge::find_endpoint(EndpointKey key) {
  const auto found = endpoints_.find(key);
  return found == endpoints_.end() ? nullptr : found->second.get();
}

}  // namespace roomgate::sfu::bridge

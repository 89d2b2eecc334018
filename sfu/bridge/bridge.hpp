// A bridge in this process: what the focus talks to (bridge::Link), what owns the workers, and the only place
// that reads and writes the bridge channel's JSON. Signalling thread throughout. Events wait until
// poll_events(); event_fd() is readable when there are some, and about once a second besides.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/result.hpp"
#include "sfu/bridge/config.hpp"
#include "sfu/bridge/control/control.hpp"
#include "sfu/bridge/crossing.hpp"
#include "sfu/bridge/messages.hpp"
#include "sfu/bridge/metrics.hpp"
#include "sfu/bridge/worker.hpp"
#include "sfu/transport/dtls.hpp"
#include "sfu/transport/handshake_thread.hpp"

namespace roomgate::sfu::bridge {

class Bridge : public Link {
 public:
  // Opens the media ports and starts the threads; the error says what could not be had. `registry` outlives
  // it.
  static Result<std::unique_ptr<Bridge>, std::string> start(const BridgeConfig& config,
                                                            metrics::Registry& registry);
  ~Bridge() override;

  void send(Command command) override;

  int event_fd() const { return events_ready_.fd(); }
  // Everything that waits, in order.
  std::vector<Event> poll_events(TimePoint now);

  double stress() const { return stress_; }
  std::size_t conferences() const { return conferences_.size(); }
  std::size_t endpoints() const { return endpoints_.size(); }
  BridgeReport report() const;
  std::vector<Address> media_addresses() const;  // as bound, one per worker

 private:
  struct EndpointRecord {
    EndpointKey key = 0;
    ConferenceKey conference = 0;
    std::string id;
    std::size_t worker = 0;
    Features features;
    std::vector<Source> sources;  // with the video types of now
    bool channel_open = false;
    bool was_connected = false;
    bool active = false;
    std::vector<std::string> forwarded;
    std::vector<std::string> forwarded_endpoints;
    std::vector<std::string> suspended;
    std::map<std::string, int> heights;  // last told, by source
    struct SourcesMap {
      std::uint64_t map = 0;      // 0: none yet
      std::uint64_t written = 0;  // to its channel
      std::vector<MappedSource> sources;
    };
    SourcesMap audio_map;  // of a client that lets us own its SSRCs
    SourcesMap video_map;
    SourcesMap& map_of(Media media) { return media == Media::video ? video_map : audio_map; }
    TimePoint allocated_at;
    EndpointReport report;
  };
  struct ConferenceRecord {
    ConferenceKey key = 0;
    std::string id;
    std::size_t home = 0;
    std::uint64_t parts = 0;
    std::map<std::string, EndpointKey> endpoints;
    std::vector<EndpointKey> speakers;
    bool silence = false;
  };

  Bridge(const BridgeConfig& config, metrics::Registry& registry);
  Result<void, std::string> open();

  void on(Allocate& m);
  void on(SetTransport& m);
  void on(SetSources& m);
  void on(Expire& m);
  void on(ChannelOpened& m);
  void on(ChannelClosed& m);
  void on(ChannelFrame& m);

  void on_channel(ConferenceRecord& conference, EndpointRecord& from, FromClient&& message);
  void relay(const ConferenceRecord& conference, const EndpointRecord& from, const Relayed& message);
  void on_event(StateChanged& m);
  void on_event(SpeakersChanged& m);
  void on_event(ForwardedChanged& m);
  void on_event(SenderHeightChanged& m);
  void on_event(SourcesMapped& m);
  void on_event(DownlinkEstimated& m);
  void on_event(PartReport& m);

  void greet(const ConferenceRecord& conference, EndpointRecord& endpoint);
  void send_forwarded(EndpointRecord& endpoint);
  void send_map(EndpointRecord& endpoint, Media media);
  void send_height(EndpointRecord& endpoint, const std::string& source, int height);
  std::string speaker_text(const ConferenceRecord& conference) const;
  void to_channel(const EndpointRecord& endpoint, std::string text);
  void to_all_channels(const ConferenceRecord& conference, const std::string& text, EndpointKey except = 0);

  std::size_t choose_worker(const ConferenceRecord* conference) const;
  void add_part(ConferenceRecord& conference, std::size_t worker);
  void remove_endpoint(EndpointKey key);
  void remove_conference(ConferenceRecord& conference);
  std::vector<Source> accepted_sources(const ConferenceRecord& conference, const EndpointRecord& owner,
                                       const std::vector<Source>& sources);
  std::vector<Candidate> candidates_of(std::size_t worker);
  void tell_stress(TimePoint now);

  void to_worker(std::size_t worker, WorkerCommand command);
  void to_parts(const ConferenceRecord& conference, const WorkerCommand& command);
  void flush_commands();
  void emit(Event event);

  ConferenceRecord* find_conference(const std::string& id);
  EndpointRecord* find_endpoint(const std::string& conference, const std::string& endpoint);
  EndpointRecord* find_endpoint(EndpointKey key);
  ConferenceRecord& conference_of(const EndpointRecord& endpoint) {
    return *conferences_.at(endpoint.conference);
  }

  const BridgeConfig config_;
  BridgeMetrics metrics_;
  Wakeup events_ready_;
  std::unique_ptr<Crossings> crossings_;
  std::unique_ptr<transport::DtlsContext> dtls_;
  std::unique_ptr<transport::HandshakeThread> handshakes_;
  std::unique_ptr<WorkerEnvironment> environment_;
  std::vector<std::unique_ptr<Worker>> workers_;    // destroyed first: they use all of the above
  std::vector<std::deque<WorkerCommand>> backlog_;  // per worker, what its queue had no room for
  std::vector<std::size_t> endpoints_on_;
  // The machine's addresses: asked for again when they are older than a second, since many join at once.
  std::vector<Address> interfaces_;
  TimePoint interfaces_asked_{};

  std::vector<Event> pending_;
  // Maps among what waits, and among what was handed out to be written when events were polled the last time.
  std::vector<MapWritten> maps_pending_;
  std::vector<MapWritten> maps_handed_out_;
  std::uint64_t next_key_ = 1;
  std::unordered_map<ConferenceKey, std::unique_ptr<ConferenceRecord>> conferences_;
  std::unordered_map<std::string, ConferenceKey> conference_keys_;
  std::unordered_map<EndpointKey, std::unique_ptr<EndpointRecord>> endpoints_;
  double stress_ = 0;
  TimePoint next_stress_{};
};

}  // namespace roomgate::sfu::bridge

// One participant from the page to the goodbye: signalling, media session, bridge channel, tracks and
// receiver. Owned by its station, which keeps it until the run is over; on the station's thread.
//
//   waiting --its time--> joining --own presence--> joined --ICE, DTLS--> connected --leave()--> leaving --> gone
//   a problem at any time --> failed (it leaves all the same)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/timer_wheel.hpp"
#include "bench/roomload/media/receiver.hpp"
#include "bench/roomload/media/track.hpp"
#include "bench/roomload/session/member.hpp"
#include "bench/roomload/session/sources.hpp"
#include "bench/roomload/session/station.hpp"
#include "bench/roomload/signal/conversation.hpp"
#include "bench/roomload/signal/websocket.hpp"
#include "bench/roomload/transport/media_transport.hpp"
#include "bench/roomload/transport/pacer.hpp"

namespace roomgate::bench::roomload::session {

class Participant final : public Member,
                          private transport::MediaTransport::Listener,
                          private transport::Pacer::Timed,
                          private TimerWheel::Timer {
 public:
  Participant(Station& station, std::uint32_t number);
  ~Participant() override;

  void begin(TimePoint at) override;
  void stop_sending(TimePoint now) override;
  void leave(TimePoint now) override;
  Dropped dropped() const override;

 private:
  enum class Phase { waiting, joining, joined, connected, leaving, gone, failed };

  // A session of media: made for an offer, gone with it.
  struct MediaSession;

  net::Task<void> signal();
  net::Task<void> ask_for_conference();
  net::Task<void> channel(std::string url);

  // TimerWheel::Timer: the beginning, then the conversation's deadlines.
  void on_expire() override;
  void pump();
  void on_event(signal::Event event);
  void on_offer(signal::Offer offer);
  void on_sources(const signal::SourcesChanged& change);
  void on_map(const signal::SourcesMap& map);
  void end_session(TimePoint now);
  std::vector<signal::OwnSource> own_sources() const;
  std::uint32_t ssrc(std::uint32_t which) const;
  void make_tracks(TimePoint now);
  void tell_wishes();
  void on_channel_message(std::string_view text);
  void fail_with(const signal::Problem& problem);
  void finish();

  // Media.
  void on_connected(TimePoint now) override;
  void on_rtp(ByteView clear, TimePoint arrival) override;
  void on_rtcp(ByteView clear, TimePoint arrival) override;
  void on_batch(TimePoint now) override;
  void on_failed(signal::Problem problem) override;
  void on_due(TimePoint now) override;
  void schedule_media();

  Station& station_;
  const Plan& plan_;
  const std::uint32_t number_;   // of all
  const std::uint32_t in_room_;  // of its room
  const bool sends_;
  const bool reads_;  // what comes, and checks it
  signal::RoomName room_;
  Phase phase_ = Phase::waiting;
  bool present_ = false;
  TimePoint begun_{};
  TimePoint joined_{};
  std::unique_ptr<signal::WebSocket> socket_;
  std::optional<signal::Conversation> conversation_;
  std::unique_ptr<signal::WebSocket> channel_;
  std::optional<media::Recorder> recorder_;  // of the first of all, when the run is to be recorded
  std::unique_ptr<MediaSession> media_;
  // Kept: coroutines that end, and whoever called us, may still speak of them.
  std::vector<std::unique_ptr<MediaSession>> ended_;
  std::vector<std::unique_ptr<signal::WebSocket>> ended_channels_;
  bool sending_stopped_ = false;
  TimePoint next_view_ = TimePoint::max();  // View::changing
};

}  // namespace roomgate::bench::roomload::session

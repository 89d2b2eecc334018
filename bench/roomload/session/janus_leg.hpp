// One peer connection with Janus' VideoRoom, which publishes the participant's stream or watches one of
// another: a session of Janus' own with its long poll, a transport, and a track or a receiver. Owned by its
// participant, which keeps it until the run is over; on the station's thread.
//
//   waiting --its time--> joining --Janus has answered--> ready (media starts) --leave()--> gone
//   a problem at any time --> failed (the participant is told, and its other legs end with the run)
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/timer_wheel.hpp"
#include "bench/roomload/media/receiver.hpp"
#include "bench/roomload/media/track.hpp"
#include "bench/roomload/session/member.hpp"
#include "bench/roomload/session/station.hpp"
#include "bench/roomload/transport/media_transport.hpp"
#include "bench/roomload/transport/pacer.hpp"
#include "bench/sfu/janus.hpp"

namespace roomgate::bench::roomload::session {

class JanusLeg final : private transport::MediaTransport::Listener,
                       private transport::Pacer::Timed,
                       private TimerWheel::Timer {
 public:
  class Owner {
   public:
    virtual void on_ready(const JanusLeg& leg) = 0;
    virtual void on_heard(TimePoint arrival) = 0;  // the first packet of another
    virtual void on_failed(const JanusLeg& leg, const signal::Problem& problem) = 0;
    // Once after leave(): Janus has said goodbye, or will not.
    virtual void on_gone() = 0;

   protected:
    ~Owner() = default;
  };

  struct Options {
    bool publishes = false;
    std::uint64_t room = 0;
    std::uint64_t feed = 0;
    std::uint32_t ssrc = 0;  // a publisher's
    std::uint32_t rtx = 0;
    bool unread = false;  // the kernel drops its media
  };
  JanusLeg(Station& station, Owner& owner, const Options& options);
  ~JanusLeg();

  void begin(TimePoint at);
  void stop_sending(TimePoint now);
  void leave(TimePoint now);
  Dropped dropped() const;

 private:
  enum class Phase { waiting, joining, ready, gone, failed };

  void on_expire() override;
  void pump();
  net::Task<void> post(janus::JanusConversation::Request request);
  net::Task<void> poll();
  net::Task<void> say_goodbye();
  void start_media();
  void fail_with(signal::Problem problem);
  bool over() const { return phase_ == Phase::gone || phase_ == Phase::failed; }

  void on_connected(TimePoint now) override;
  void on_rtp(ByteView clear, TimePoint arrival) override;
  void on_rtcp(ByteView clear, TimePoint arrival) override;
  void on_batch(TimePoint now) override;
  void on_failed(signal::Problem problem) override { fail_with(std::move(problem)); }
  void on_due(TimePoint now) override;
  void schedule_media();

  Station& station_;
  Owner& owner_;
  const Options options_;
  Phase phase_ = Phase::waiting;
  transport::MediaTransport transport_;
  janus::JanusConversation conversation_;
  bool polling_ = false;
  bool heard_ = false;
  bool sending_stopped_ = false;
  media::TransportSequence numbers_;
  std::optional<media::Receiver> receiver_;  // of a publisher too: it answers what Janus reports
  std::optional<media::Track> video_;
};

}  // namespace roomgate::bench::roomload::session

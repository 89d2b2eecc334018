// A participant of Janus' VideoRoom: one peer connection that publishes, where it sends, and one for each of
// the others that do, as the VideoRoom's own page makes them. Rooms and feeds have the numbers that follow
// from the participants', so that nobody has to be told of anybody. Owned by its station, which keeps it
// until the run is over; on the station's thread.
#pragma once

#include <memory>
#include <vector>

#include "bench/roomload/session/janus_leg.hpp"
#include "bench/roomload/session/member.hpp"

namespace roomgate::bench::roomload::session {

class JanusParticipant final : public Member, private JanusLeg::Owner, private TimerWheel::Timer {
 public:
  JanusParticipant(Station& station, std::uint32_t number);
  ~JanusParticipant() override;

  void begin(TimePoint at) override;
  void stop_sending(TimePoint now) override;
  void leave(TimePoint now) override;
  Dropped dropped() const override;

 private:
  enum class Phase { waiting, joining, joined, leaving, over };

  void on_expire() override;
  void on_ready(const JanusLeg& leg) override;
  void on_heard(TimePoint arrival) override;
  void on_failed(const JanusLeg& leg, const signal::Problem& problem) override;
  void on_gone() override;
  void make_leg(std::uint32_t feed_of, bool publishes);
  void leave_legs(TimePoint now);
  void end_if_all_gone();

  Station& station_;
  const std::uint32_t number_;
  Phase phase_ = Phase::waiting;
  bool failed_ = false;
  bool heard_ = false;
  TimePoint begun_{};
  TimePoint joined_{};
  std::vector<std::unique_ptr<JanusLeg>> legs_;
  // Joined is who has those that could be had when it came: others may come later.
  std::size_t needed_ = 0;  // the first so many legs
  std::size_t ready_ = 0;   // of them
  std::size_t gone_ = 0;
};

}  // namespace roomgate::bench::roomload::session

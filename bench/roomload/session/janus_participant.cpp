#include "bench/roomload/session/janus_participant.hpp"

#include <algorithm>

namespace roomgate::bench::roomload::session {

namespace {

constexpr std::uint32_t kSsrcs = 2;  // of one participant: media, then RTX

}  // namespace

JanusParticipant::JanusParticipant(Station& station, std::uint32_t number)
    : station_(station), number_(number) {}

JanusParticipant::~JanusParticipant() = default;

void JanusParticipant::begin(TimePoint at) {
  const Plan& plan = station_.run.plan;
  const std::uint32_t first = number_ / plan.participants * plan.participants;
  if (plan.sends(number_ - first)) {
    make_leg(number_, true);
    legs_.back()->begin(at);
  }
  // Legs to those who come later begin when these do.
  for (std::uint32_t other = first; other < first + plan.participants; ++other) {
    if (other == number_) needed_ = legs_.size();
    if (other == number_ || !plan.sends(other - first)) continue;
    make_leg(other, false);
    const Duration later = other > number_ ? start_of(plan, other) - start_of(plan, number_) : Duration();
    legs_.back()->begin(at + later);
  }
  if (needed_ == 0) needed_ = legs_.size();  // all come later: joined is who watches them
  station_.core.schedule(*this, at);
}

void JanusParticipant::make_leg(std::uint32_t feed_of, bool publishes) {
  const Run& run = station_.run;
  JanusLeg::Options options;
  options.publishes = publishes;
  // Another room than that of a run before; neither number is 0.
  options.room = (std::uint64_t{run.ssrc_seed} << 16) + 1 + feed_of / run.plan.participants;
  options.feed = feed_of + 1;
  // An odd factor maps numbers one to one: no two of a run are equal, and none looks made up.
  options.ssrc = (run.ssrc_seed + feed_of * kSsrcs) * 2654435761U;
  options.rtx = (run.ssrc_seed + feed_of * kSsrcs + 1) * 2654435761U;
  options.unread = !run.plan.reads(number_);
  Owner& owner = *this;
  legs_.push_back(std::make_unique<JanusLeg>(station_, owner, options));
}

void JanusParticipant::on_expire() {
  begun_ = station_.core.now();
  phase_ = Phase::joining;
  ++station_.tally.begun;
}

void JanusParticipant::on_ready(const JanusLeg& leg) {
  const auto end = legs_.begin() + static_cast<std::ptrdiff_t>(needed_);
  const bool needed = std::any_of(legs_.begin(), end, [&](const auto& own) { return own.get() == &leg; });
  if (!needed || ++ready_ < needed_ || phase_ != Phase::joining) return;
  joined_ = station_.core.now();
  phase_ = Phase::joined;
  Tally& tally = station_.tally;
  ++tally.joined;
  ++tally.present;
  tally.join.add(joined_ - begun_);
  tally.joins.push_back(joined_ - begun_);
}

void JanusParticipant::on_heard(TimePoint arrival) {
  if (heard_ || phase_ != Phase::joined) return;
  heard_ = true;
  station_.tally.first_media.add(arrival - joined_);
}

void JanusParticipant::on_failed(const JanusLeg&, const signal::Problem& problem) {
  if (phase_ == Phase::leaving || phase_ == Phase::over) return;
  failed_ = true;
  station_.tally.fail_with(problem.text);
  // The leg that tells is in the middle of it.
  if (phase_ == Phase::joined) --station_.tally.present;
  phase_ = Phase::over;
  ++station_.tally.over;
}

void JanusParticipant::stop_sending(TimePoint now) {
  for (const auto& leg : legs_) leg->stop_sending(now);
}

void JanusParticipant::leave(TimePoint now) {
  Timer::cancel();
  if (phase_ == Phase::joined) --station_.tally.present;
  if (phase_ != Phase::over) phase_ = Phase::leaving;
  leave_legs(now);
  end_if_all_gone();
}

void JanusParticipant::leave_legs(TimePoint now) {
  for (const auto& leg : legs_) leg->leave(now);
}

void JanusParticipant::on_gone() {
  ++gone_;
  end_if_all_gone();
}

void JanusParticipant::end_if_all_gone() {
  if (phase_ != Phase::leaving || gone_ < legs_.size()) return;
  phase_ = Phase::over;
  ++station_.tally.over;
}

Dropped JanusParticipant::dropped() const {
  Dropped out;
  for (const auto& leg : legs_) out.add(leg->dropped());
  return out;
}

}  // namespace roomgate::bench::roomload::session

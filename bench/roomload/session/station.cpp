#include "bench/roomload/session/station.hpp"

#include <utility>

#include "bench/roomload/session/janus_participant.hpp"
#include "bench/roomload/session/participant.hpp"

namespace roomgate::bench::roomload::session {

void Tally::add(const Tally& other) {
  totals.add(other.totals);
  transport.socket.datagrams_in += other.transport.socket.datagrams_in;
  transport.socket.datagrams_out += other.transport.socket.datagrams_out;
  transport.socket.not_sent += other.transport.socket.not_sent;
  transport.socket.cut += other.transport.socket.cut;
  transport.not_authentic += other.transport.not_authentic;
  transport.replayed += other.transport.replayed;
  transport.strange += other.transport.strange;
  join.add(other.join);
  first_media.add(other.first_media);
  joins.insert(joins.end(), other.joins.begin(), other.joins.end());
  for (const auto& [words, count] : other.failures) failures[words] += count;
  begun += other.begun;
  present += other.present;
  joined += other.joined;
  connected += other.connected;
  failed += other.failed;
  over += other.over;
  dropped.add(other.dropped);
}

Station::Station(net::Core& its_core, const Run& its_run) : core(its_core), run(its_run), desk(its_core) {}

Station::~Station() = default;

void Station::begin(std::uint32_t number, Duration after) {
  if (participants_.empty()) send_from = core.now() + run.plan.send_after;
  if (run.plan.adapter == Adapter::janus) {
    participants_.push_back(std::make_unique<JanusParticipant>(*this, number));
  } else {
    participants_.push_back(std::make_unique<Participant>(*this, number));
  }
  participants_.back()->begin(core.now() + after);
}

void Station::stop_sending(TimePoint now) {
  for (const auto& participant : participants_) participant->stop_sending(now);
}

void Station::leave(TimePoint now) {
  for (const auto& participant : participants_) participant->leave(now);
}

Tally Station::take_tally() {
  Tally out = tally;
  tally.joins.clear();
  for (const auto& participant : participants_) out.dropped.add(participant->dropped());
  return out;
}

}  // namespace roomgate::bench::roomload::session

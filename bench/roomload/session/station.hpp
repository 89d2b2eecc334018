// The participants of one core, and what they share: the desk of its sockets, what is counted, and references
// to what the whole run shares. Made by the runner before the threads, used on the core's thread only.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/roomload/media/recorder.hpp"
#include "bench/roomload/media/totals.hpp"
#include "bench/roomload/session/member.hpp"
#include "bench/roomload/session/plan.hpp"
#include "bench/roomload/signal/network.hpp"
#include "bench/roomload/signal/settings.hpp"
#include "bench/roomload/transport/media_transport.hpp"

namespace roomgate::bench::roomload::session {

// Of the whole run; const while it lasts, but for the network, which locks.
struct Run {
  Plan plan;
  signal::Url page;
  signal::RoomName prefix;
  signal::Settings settings;
  signal::Network* network = nullptr;
  std::unique_ptr<transport::DtlsIdentity> identity;
  const media::Sample* video = nullptr;  // nullptr: none
  const media::Sample* audio = nullptr;
  std::uint32_t ssrc_seed = 0;
  // Where the first video that the first participant gets goes, as a file; empty: it is not recorded.
  media::Recorder::Write record;
};

// What a station has to tell, as a value that may cross threads.
struct Tally {
  static constexpr std::size_t kMaxWords = 32;

  media::Totals totals;
  transport::TransportCounts transport;
  media::Histogram join;
  media::Histogram first_media;
  std::vector<Duration> joins;  // since the last tally
  std::map<std::string, std::uint32_t> failures;
  std::uint32_t begun = 0;
  std::uint32_t present = 0;  // in the room now
  std::uint32_t joined = 0;   // ever
  std::uint32_t connected = 0;
  std::uint32_t failed = 0;
  std::uint32_t over = 0;  // gone, or failed
  Dropped dropped;

  void fail_with(const std::string& words) {
    ++failed;
    // What names a thousand addresses is one line in the report.
    ++failures[failures.size() < kMaxWords || failures.count(words) > 0 ? words : "other reasons"];
  }
  void add(const Tally& other);
};

class Station {
 public:
  Station(net::Core& its_core, const Run& its_run);
  ~Station();

  // On its thread, all of them.
  void begin(std::uint32_t number, Duration after);  // of all participants; the first call begins the run
  void stop_sending(TimePoint now);
  // Counts what is open to its end, closes media and leaves the rooms.
  void leave(TimePoint now);
  Tally take_tally();
  bool all_over() const { return tally.over == participants_.size(); }

  net::Core& core;
  const Run& run;
  transport::Desk desk;
  Tally tally;
  TimePoint send_from{};  // nobody sends before

 private:
  std::vector<std::unique_ptr<Member>> participants_;
};

}  // namespace roomgate::bench::roomload::session

// A run from its first question to its summary: finds out how the deployment is spoken to, starts the
// participants over the ramp, takes a tally each second, ends politely. Owned by main; its conductor is a
// coroutine of the control core.
#pragma once

#include <memory>
#include <vector>

#include "base/net/runtime.hpp"
#include "base/net/sleep.hpp"
#include "bench/roomload/report/summary.hpp"
#include "bench/roomload/session/progress.hpp"
#include "bench/roomload/session/station.hpp"

namespace roomgate::bench::roomload::session {

class Runner {
 public:
  Runner(Run run, Limits limits, Progress& progress);
  ~Runner();

  // Blocks until it is over. A Problem when it could not begin at all.
  Result<report::Summary, signal::Problem> run();

 private:
  net::Task<void> conduct();
  net::Task<void> each_second_until(TimePoint end);
  // A tally of all stations, taken on their threads.
  net::Task<Tally> gather();
  net::Task<void> on_stations(std::function<void(Station&)> work);
  void tell_watcher(const Tally& tally);
  void summarise(const Tally& tally);
  void judge(report::Summary& summary, const Tally& tally) const;

  Run run_;
  Limits limits_;
  Progress& progress_;
  net::Runtime runtime_;
  std::vector<std::unique_ptr<Station>> stations_;  // by core; before the runtime goes
  std::vector<Tally> tallies_;
  net::Event stopped_;  // somebody pressed Ctrl-C
  report::Summary summary_;
  TimePoint begun_{};
  std::optional<report::Timeline> timeline_;
  media::Totals told_;  // to who watches
  std::optional<signal::Problem> problem_;
};

}  // namespace roomgate::bench::roomload::session

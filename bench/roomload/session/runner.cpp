#include "bench/roomload/session/runner.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <ctime>

#include "base/random.hpp"
#include "bench/roomload/report/report.hpp"

namespace roomgate::bench::roomload::session {

using net::Task;
using signal::Problem;

namespace {

constexpr Duration kSecond = seconds(1);
constexpr Duration kSettle = milliseconds(700);  // for what is under way, and for what is asked for again
constexpr Duration kGoodbyes = seconds(4);
constexpr Duration kFindOut = seconds(15);

std::string now_as_text() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  std::array<char, 40> text;
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S %z", &local)};
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto in_seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return in_seconds(used.ru_utime) + in_seconds(used.ru_stime);
}

std::string percent(double share) {
  std::array<char, 32> text;
  const int size = std::snprintf(text.data(), text.size(), "%.4g %%", share);
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string in_ms(Duration duration) {
  std::array<char, 32> text;
  const double ms = std::chrono::duration<double, std::milli>(duration).count();
  const int size = std::snprintf(text.data(), text.size(), "%.4g ms", ms);
  return {text.data(), static_cast<std::size_t>(size)};
}

std::vector<std::pair<std::string, std::string>> settings_of(const Run& run) {
  const Plan& plan = run.plan;
  std::vector<std::pair<std::string, std::string>> out = {
      {"rooms", std::to_string(plan.rooms)},
      {"participants in each", std::to_string(plan.participants)},
      {"of them sending",
       std::to_string(std::min(plan.senders.value_or(plan.participants), plan.participants))},
      {"duration", to_text(plan.duration)},
      {"ramp", to_text(plan.ramp)},
      {"video", run.video == nullptr
                    ? "none"
                    : std::string(to_text(plan.video)) + ", " + std::string(to_text(plan.codec))},
      {"audio", plan.audio ? "opus" : "none"},
      {"view", std::string(to_text(plan.view))},
      {"network", std::string(plan.network.name) + ": " + std::string(plan.network.words)}};
  if (plan.send_after > Duration()) out.emplace_back("media begins after", to_text(plan.send_after));
  if (!plan.transport_cc) out.emplace_back("feedback", "reports only");
  if (plan.read) out.emplace_back("receivers that are read", std::to_string(*plan.read));
  return out;
}

}  // namespace

Runner::Runner(Run run, Limits limits, Progress& progress)
    : run_(std::move(run)),
      limits_(limits),
      progress_(progress),
      runtime_({.threads = run_.plan.threads}),
      tallies_(runtime_.size()),
      stopped_(runtime_.control()) {
  run_.ssrc_seed = random_u32();
  for (std::size_t i = 0; i < runtime_.size(); ++i) {
    stations_.push_back(std::make_unique<Station>(runtime_.core(i), run_));
  }
}

Runner::~Runner() = default;

Result<report::Summary, Problem> Runner::run() {
  runtime_.on_signal([this](int signal) {
    if (signal != SIGINT && signal != SIGTERM) return;
    if (stopped_.is_set()) return runtime_.stop();  // the second time it is meant at once
    progress_.say("roomload: stopping; once more to end at once");
    stopped_.set();
  });
  runtime_.control().post([this] { runtime_.control().spawn(conduct()); });
  runtime_.run();
  progress_.end();
  if (problem_) return fail(*problem_);
  return std::move(summary_);
}

Task<void> Runner::conduct() {
  net::Core& core = runtime_.control();
  if (run_.plan.adapter == Adapter::jitsi) {
    auto found = co_await signal::find_settings(*run_.network, core, run_.page, run_.settings,
                                                run_.prefix.room + "1", core.now() + kFindOut);
    if (!found) {
      problem_ = found.error();
      runtime_.stop();
      co_return;
    }
    run_.settings = std::move(found).value();
  }

  begun_ = Clock::now();
  timeline_.emplace(begun_);
  summary_.started = now_as_text();
  co_await on_stations([this](Station& station) {
    for (std::uint32_t number = 0; number < run_.plan.asked(); ++number) {
      if (number % stations_.size() == station.core.index())
        station.begin(number, start_of(run_.plan, number));
    }
  });
  co_await each_second_until(begun_ + run_.plan.ramp + run_.plan.duration);

  co_await on_stations([](Station& station) { station.stop_sending(station.core.now()); });
  co_await net::sleep_for(core, kSettle);
  co_await on_stations([](Station& station) { station.leave(station.core.now()); });
  Tally tally = co_await gather();
  for (const TimePoint latest = core.now() + kGoodbyes;
       tally.over < run_.plan.asked() && core.now() < latest;) {
    co_await net::sleep_for(core, milliseconds(50));
    tally = co_await gather();
  }
  summarise(tally);
  runtime_.stop();
}

Task<void> Runner::each_second_until(TimePoint end) {
  net::Core& core = runtime_.control();
  TimePoint next = core.now() + kSecond;
  while (core.now() < end && !stopped_.is_set()) {
    if (co_await stopped_.wait(std::min(next, end))) co_return;
    next += kSecond;
    Tally tally = co_await gather();
    if (progress_.watched()) tell_watcher(tally);
    for (const Duration took : tally.joins) timeline_->on_joined(took);
    timeline_->sample(core.now(), tally.present, tally.totals);
    if (!timeline_->points().empty()) {
      std::string line = report::progress(timeline_->points().back(), run_.plan.asked());
      if (tally.failed > 0) line += ", " + std::to_string(tally.failed) + " failed";
      progress_.show(line, core.now());
    }
    if (tally.over == run_.plan.asked()) co_return;  // all have failed: nothing more will come
  }
}

void Runner::tell_watcher(const Tally& tally) {
  report::Moment moment{.at = Clock::now() - begun_,
                        .joined = tally.joined,
                        .connected = tally.connected,
                        .failed = tally.failed,
                        .unread = tally.dropped.on_purpose,
                        .dropped = tally.dropped.late,
                        .totals = tally.totals,
                        .audio_latency = tally.totals.audio.latency.since(told_.audio.latency),
                        .video_latency = tally.totals.video.latency.since(told_.video.latency)};
  told_ = tally.totals;
  progress_.tell(report::moment(moment));
}

Task<void> Runner::on_stations(std::function<void(Station&)> work) {
  net::Event done(runtime_.control());
  runtime_.on_each([this, &work](net::Core& core) { work(*stations_[core.index()]); },
                   [&done] { done.set(); });
  (void)co_await done.wait(TimePoint::max());
}

Task<Tally> Runner::gather() {
  co_await on_stations([this](Station& station) { tallies_[station.core.index()] = station.take_tally(); });
  Tally out;
  for (const Tally& tally : tallies_) out.add(tally);
  co_return out;
}

void Runner::summarise(const Tally& tally) {
  summary_.url = run_.page.origin() + run_.page.path;
  summary_.settings = settings_of(run_);
  summary_.length = Clock::now() - begun_;
  summary_.rooms = run_.plan.rooms;
  summary_.asked = run_.plan.asked();
  summary_.joined = tally.joined;
  summary_.failed = tally.failed;
  summary_.failures.assign(tally.failures.begin(), tally.failures.end());
  std::stable_sort(summary_.failures.begin(), summary_.failures.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  summary_.join = tally.join;
  summary_.first_media = tally.first_media;
  summary_.totals = tally.totals;
  summary_.points = timeline_->points();
  summary_.cpu_seconds = cpu_seconds();
  if (tally.dropped.late > 0) {
    summary_.settings.emplace_back("not read in time by roomload",
                                   std::to_string(tally.dropped.late) + " datagrams");
  }
  if (tally.transport.socket.not_sent > 0) {
    summary_.settings.emplace_back("not sent by this machine",
                                   std::to_string(tally.transport.socket.not_sent) + " datagrams");
  }
  if (tally.transport.not_authentic > 0) {
    summary_.settings.emplace_back("SRTP that did not open", std::to_string(tally.transport.not_authentic));
  }
  const Plan& plan = run_.plan;
  const bool wanted = plan.audio || (plan.video != Video::none && plan.last_n != 0);
  summary_.media_expected = plan.participants > 1 && wanted && plan.read != 0U;
  judge(summary_, tally);
}

void Runner::judge(report::Summary& summary, const Tally& tally) const {
  const auto judge_duration = [&](const char* name, Duration allowed, Duration actual) {
    summary.thresholds.push_back({name, in_ms(allowed), in_ms(actual), actual <= allowed});
  };
  // Who was never there to be counted has not met anything.
  const std::uint32_t missing = summary.asked - std::min(summary.asked, tally.joined);
  const std::uint32_t failed = std::max(tally.failed, stopped_.is_set() ? 0 : missing);
  summary.thresholds.push_back({"--max-failed", std::to_string(limits_.max_failed), std::to_string(failed),
                                failed <= limits_.max_failed});
  if (limits_.loss) {
    const auto expected = tally.totals.audio.expected + tally.totals.video.expected;
    const auto lost = tally.totals.audio.lost() + tally.totals.video.lost();
    // Nothing at all is no proof of no loss.
    const double share =
        expected == 0 ? 100 : 100.0 * static_cast<double>(lost) / static_cast<double>(expected);
    summary.thresholds.push_back(
        {"--max-loss", percent(limits_.max_loss), percent(share), share <= limits_.max_loss});
  }
  if (limits_.join) judge_duration("--max-join", limits_.max_join, tally.join.max());
  if (limits_.first_media)
    judge_duration("--max-first-media", limits_.max_first_media, tally.first_media.max());
  if (limits_.latency)
    judge_duration("--max-latency", limits_.max_latency, tally.totals.video.latency.quantile(0.99));
  if (limits_.freezes) {
    const std::uint64_t freezes = tally.totals.video.freezes;
    summary.thresholds.push_back({"--max-freezes", std::to_string(limits_.max_freezes),
                                  std::to_string(freezes), freezes <= limits_.max_freezes});
  }
}

}  // namespace roomgate::bench::roomload::session

#include "router/census/ask/asker.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "base/random.hpp"
#include "router/health/ask.hpp"
#include "router/health/fetch.hpp"

namespace roomgate::router::census {

using net::Task;

namespace {

constexpr std::size_t kMaxAddresses = 8;  // of one shard that are asked
constexpr int kPatience = 3;              // questions without an answer, until the last answer is too old

// A tenth more or less, so that many gates do not ask in step.
Duration jittered(Duration interval) {
  const auto jitter = interval.count() / 5 * static_cast<Duration::rep>(random_u32() % 1000) / 1000;
  return interval - interval / 10 + Duration(jitter);
}

std::int64_t wall_clock() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string places_text(const std::vector<Snapshot::Place>& places) {
  std::string text;
  for (const auto& place : places) {
    if (!text.empty()) text += ",";
    text += place.shard + ":" + std::to_string(place.participants);
  }
  return text;
}

}  // namespace

struct Asker::Outcome {
  std::shared_ptr<const ShardRooms> rooms;  // null: it has not said
  bool no_census = false;                   // and will not, as it seems
  std::string reason;                       // for people
};

struct Asker::Probe {
  explicit Probe(net::Core& core) : nap(core) {}

  void stop() {
    stopped = true;
    wake();
  }
  void wake() {
    due = true;
    nap.wake({});
  }

  Target target;
  std::shared_ptr<const ShardRooms> rooms;
  TimePoint answered_at{};
  bool asked = false;
  bool has_none = false;  // it has been said that it has no census
  bool stopped = false;
  net::Waiter nap;
  bool due = false;  // something new has come while the last question was under way
};

Asker::Asker(net::Core& core, Options options, Metrics& metrics)
    : core_(core),
      options_(std::make_shared<const Options>(std::move(options))),
      metrics_(metrics),
      all_asked_(core) {}

Asker::~Asker() {
  for (auto& [shard, probe] : probes_) probe->stop();
}

void Asker::set_targets(const std::vector<Target>& targets) {
  std::map<std::string, std::shared_ptr<Probe>> next;
  std::vector<std::shared_ptr<Probe>> fresh;
  for (const Target& target : targets) {
    if (target.path.empty()) continue;
    std::shared_ptr<Probe>& place = next[target.shard];
    if (const auto known = probes_.find(target.shard); known != probes_.end()) {
      place = std::move(known->second);
      probes_.erase(known);
      if (place->target == target) continue;
      place->target = target;
      place->has_none = false;
      place->wake();
    } else if (place == nullptr) {
      place = std::make_shared<Probe>(core_);
      place->target = target;
      fresh.push_back(place);
    }
  }
  const bool some_left = !probes_.empty();
  for (auto& [shard, probe] : probes_) probe->stop();
  probes_ = std::move(next);
  if (some_left) publish();
  for (const auto& probe : fresh) core_.spawn(watch(probe));
  tell_if_all_asked();
}

void Asker::set_options(Options options) {
  options_ = std::make_shared<const Options>(std::move(options));
  for (auto& [shard, probe] : probes_) probe->wake();
}

std::shared_ptr<const Snapshot> Asker::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

Task<Asker::Outcome> Asker::ask(net::Core& core, Target target, std::shared_ptr<const Options> options) {
  Outcome outcome{.rooms = nullptr, .no_census = false, .reason = "no address"};
  target.addresses.resize(std::min(target.addresses.size(), kMaxAddresses));
  for (const std::string& address : target.addresses) {
    const auto deadline = Clock::now() + options->timeout;
    auto opened = co_await health::open(core, address, target.tls.get(), deadline);
    if (!opened) {
      outcome.reason = opened.error().reason;
      continue;
    }
    Parser parser(options->limits);
    std::size_t unwanted = 0;
    // What is no census is read to its end all the same: the status says more than its text.
    const health::Body read = [&](std::string_view piece) -> std::string_view {
      if (!parser.feed(piece)) unwanted += piece.size();
      return unwanted > options->limits.max_bytes ? "the answer is too long" : "";
    };
    const health::Options how{.path = target.path, .host = options->host, .headers = options->headers};
    const auto status = co_await health::exchange(**opened, health::check_request(how, address), read,
                                                  deadline, options->timeout);
    if (!status) {
      outcome.reason = status.error().reason;
      continue;
    }
    if (*status != 200) {
      // Others than these may pass: a shard that starts, or is overloaded.
      outcome.no_census = *status < 500;
      outcome.reason = "status " + std::to_string(*status);
      co_return outcome;
    }
    const auto rooms = parser.finish();
    if (!rooms) {
      outcome.no_census = true;
      outcome.reason = to_text(rooms.error());
      co_return outcome;
    }
    outcome.rooms = std::make_shared<const ShardRooms>(*rooms, options->keys, Clock::now(), wall_clock());
    co_return outcome;
  }
  co_return outcome;
}

Task<void> Asker::watch(std::shared_ptr<Probe> probe) {
  // Whoever was stopped while it waited does not know whether there still is an asker.
  while (!probe->stopped) {
    probe->due = false;
    auto outcome = co_await ask(core_, probe->target, options_);
    if (probe->stopped) co_return;
    const Duration pause = conclude(*probe, std::move(outcome));
    if (!probe->due) (void)co_await probe->nap.wait(Clock::now() + jittered(pause));
  }
}

Duration Asker::conclude(Probe& probe, Outcome outcome) {
  const auto now = Clock::now();
  const std::string& shard = probe.target.shard;
  probe.asked = true;
  Duration pause = options_->interval;
  if (outcome.rooms != nullptr) {
    if (std::exchange(probe.has_none, false)) LOG(info, "census_answers", {"shard", shard});
    probe.rooms = std::move(outcome.rooms);
    probe.answered_at = now;
    publish();
  } else if (outcome.no_census) {
    if (!std::exchange(probe.has_none, true)) {
      LOG(info, "census_missing", {"shard", shard}, {"path", probe.target.path}, {"reason", outcome.reason});
    }
    if (std::exchange(probe.rooms, nullptr) != nullptr) publish();
    pause = std::max(pause, options_->rarely);
  } else if (probe.rooms != nullptr && now - probe.answered_at > kPatience * options_->interval) {
    // What it said then is no longer so, as far as anybody knows.
    probe.rooms = nullptr;
    publish();
  }
  tell_if_all_asked();
  return pause;
}

void Asker::publish() {
  Snapshot::Shards shards;
  metrics_.census_rooms.clear();
  for (const auto& [shard, probe] : probes_) {
    if (probe->rooms == nullptr) continue;
    shards.emplace(shard, probe->rooms);
    metrics_.census_rooms.with({shard}).set(static_cast<double>(probe->rooms->rooms().size()));
  }
  auto snapshot = std::make_shared<const Snapshot>(std::move(shards));
  const std::lock_guard lock(mutex_);
  snapshot_.swap(snapshot);
}

void Asker::tell_if_all_asked() {
  const bool all =
      std::all_of(probes_.begin(), probes_.end(), [](const auto& entry) { return entry.second->asked; });
  if (all) all_asked_.set();
}

void Asker::review(const std::function<bool(std::string_view key)>& known) {
  auto now = snapshot();
  if (now == reviewed_) return;
  reviewed_ = now;

  auto splits = now->splits();
  const auto before = [](const Snapshot::Split& a, const Snapshot::Split& b) { return a.key < b.key; };
  for (const auto& split : splits) {
    if (std::binary_search(splits_.begin(), splits_.end(), split, before)) continue;
    LOG(warn, "census_room_split", {"room", split.key}, {"shards", places_text(split.places)});
  }
  splits_ = std::move(splits);

  const auto unknown = now->unknown(known);
  if (unknown.size() > unknown_) {
    LOG(info, "census_rooms_unknown", {"rooms", unknown.size()}, {"one", unknown.front().key},
        {"shard", unknown.front().shard});
  }
  unknown_ = unknown.size();
  metrics_.census_split_rooms.with({}).set(static_cast<double>(splits_.size()));
  metrics_.census_unknown_rooms.with({}).set(static_cast<double>(unknown_));
}

}  // namespace roomgate::router::census

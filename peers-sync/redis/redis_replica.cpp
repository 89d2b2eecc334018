#include "peers-sync/redis/redis_replica.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/log.hpp"
#include "base/random.hpp"
#include "peers-sync/redis/script.hpp"

namespace roomgate::peers_sync::redis {

using net::Task;

namespace {

constexpr std::size_t kBatch = 200;             // rooms of one call
constexpr Duration kFirstWait = seconds(5);     // for Redis, before a gate serves without
constexpr Duration kLongestPause = seconds(2);  // between two attempts to connect
constexpr Duration kBlock = seconds(5);         // at the stream

std::int64_t to_ms(TimePoint time) {
  return std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count();
}
std::string ms_text(Duration duration) {
  return std::to_string(std::chrono::duration_cast<milliseconds>(duration).count());
}

std::int64_t number_of(const Reply& reply) {
  if (reply.kind == Reply::Kind::number) return reply.number;
  std::int64_t number = 0;
  std::from_chars(reply.text.data(), reply.text.data() + reply.text.size(), number);
  return number;
}

// The value of "name:VALUE" in what INFO says.
std::string info_value(const std::string& info, const std::string& name) {
  const auto at = info.find("\n" + name + ":");
  if (at == std::string::npos) return {};
  const auto begin = at + name.size() + 2;
  return info.substr(begin, info.find_first_of("\r\n", begin) - begin);
}

// "a", 1, "b", 2 of a reply: what stands behind that name.
const Reply* field(const Reply& list, std::string_view name) {
  for (std::size_t i = 0; i + 1 < list.items.size(); i += 2) {
    if (list.items[i].text == name) return &list.items[i + 1];
  }
  return nullptr;
}

std::vector<std::string> words(std::initializer_list<std::string_view> list) {
  return {list.begin(), list.end()};
}

}  // namespace

Result<std::unique_ptr<RedisReplica>, std::string> RedisReplica::make(net::Core& core, Options options,
                                                                      Host& host) {
  SslContext context;
  if (options.place.tls) {
    auto made = make_context(options.ca);
    if (!made) return fail(made.error());
    context = std::move(made).value();
  }
  return std::unique_ptr<RedisReplica>(new RedisReplica(core, std::move(options), host, std::move(context)));
}

RedisReplica::RedisReplica(net::Core& core, Options options, Host& host, SslContext context)
    : core_(core),
      options_(std::move(options)),
      host_(host),
      context_(std::move(context)),
      cut_since_(Clock::now()),
      where_(options_.place.to_string()),
      nap_(core) {}

RedisReplica::~RedisReplica() {
  *alive_ = false;
  if (link_ != nullptr) link_->close("the gate ends");
  if (stream_ != nullptr) stream_->close("the gate ends");
  nap_.wake({});
  for (const auto& sleeper : sleepers_) sleeper->waiter.wake({});
}

void RedisReplica::start() { core_.spawn(run(alive_)); }

// --- The connection.

Task<void> RedisReplica::run(Alive alive) {
  const TimePoint began = Clock::now();
  Duration pause = milliseconds(50);
  while (!leaving_) {
    auto connected = co_await connect(alive);
    if (!*alive) co_return;
    if (connected) {
      const std::shared_ptr<Link> link = std::move(connected).value();
      pause = milliseconds(50);
      LOG(info, "redis_connected", {"redis", where_}, {"rooms", rooms_.size()});
      // Until either of the two breaks, or the gate leaves.
      while (link_ == link && link->is_open() && stream_->is_open() && !leaving_) {
        co_await beat(link, alive);
        if (!*alive) co_return;
        co_await keep_house(link, alive);
        if (!*alive) co_return;
        if (!link->is_open() || leaving_) break;
        (void)co_await nap_.wait(Clock::now() + options_.lease / 3);
        if (!*alive) co_return;
      }
      if (leaving_) co_return;
      cut(!link->is_open() ? link->error() : stream_->error());
    } else {
      if (connected.error() != error_) {
        LOG(warn, "redis_not_connected", {"redis", where_}, {"error", connected.error()});
      }
      error_ = connected.error();
    }
    // A Redis that is not there must not keep a gate from serving for ever; one that may forget rooms must.
    if (!ready_ && !refused_ && Clock::now() - began >= kFirstWait) set_ready();
    pause = std::min(pause * 2, kLongestPause);
    const auto jitter =
        pause / 2 +
        Duration(static_cast<Duration::rep>(random_u64() % static_cast<std::uint64_t>((pause / 2).count())));
    (void)co_await nap_.wait(Clock::now() + jitter);
    if (!*alive) co_return;
  }
}

void RedisReplica::cut(std::string why) {
  if (link_ == nullptr) return;
  LOG(warn, "redis_lost", {"redis", where_}, {"error", why});
  error_ = std::move(why);
  link_->close(error_);
  stream_->close(error_);
  link_ = nullptr;
  nap_.wake({});
  cut_since_ = Clock::now();
  ++reconnects_;
}

Task<Result<std::shared_ptr<Link>, std::string>> RedisReplica::connect(Alive alive) {
  Place place = options_.place;
  if (!options_.sentinels.empty()) {
    const auto master =
        co_await find_master(core_, options_.sentinels, options_.sentinel_master, options_.connect_timeout);
    if (!*alive || !master) co_return fail(master ? std::string() : "sentinel " + master.error());
    place.host = master->host;
    place.port = master->port;
  }
  where_ = place.to_string();
  auto opened = co_await Link::open(core_, place, context_.get(), Clock::now() + options_.connect_timeout);
  if (!*alive || !opened) co_return fail(opened ? std::string() : opened.error());
  const std::shared_ptr<Link> link = std::move(opened).value();
  const auto give_up = [&link](const std::string& why) {
    link->close(why);
    return fail(why);
  };
  const auto greeted = co_await greet(link, alive);
  if (!*alive || !greeted) co_return give_up(greeted ? std::string() : greeted.error());
  auto second = co_await Link::open(core_, place, context_.get(), Clock::now() + options_.connect_timeout);
  if (!*alive || !second) co_return give_up(second ? std::string() : second.error());
  const auto learned = co_await learn(link, alive);
  if (!*alive || !learned) {
    (*second)->close("not needed");
    co_return give_up(learned ? std::string() : learned.error());
  }
  link_ = link;
  stream_ = std::move(second).value();
  linked_since_ = Clock::now();
  error_.clear();
  core_.spawn(follow(stream_, alive));
  set_ready();
  for (const auto& sleeper : sleepers_) sleeper->waiter.wake({});
  co_return link;
}

Task<Answer> RedisReplica::call(std::shared_ptr<Link> link, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"EVALSHA", script_sha_, "0"});
  // The operation, then who asks.
  arguments.insert(arguments.begin() + 4, gate());
  auto answer = co_await link->ask(std::move(arguments), Clock::now() + options_.reply_timeout);
  // One that has lost the script has lost more: begin anew.
  if (answer && answer->is_error()) {
    link->close(answer->text);
    co_return fail(answer->text);
  }
  co_return answer;
}

Task<Result<void, std::string>> RedisReplica::greet(std::shared_ptr<Link> link, Alive alive) {
  std::vector<std::string> ask_info = words({"INFO"});
  const auto info = co_await link->ask(std::move(ask_info), Clock::now() + options_.reply_timeout);
  if (!*alive || !info) co_return fail(info ? std::string() : info.error());
  if (info->kind != Reply::Kind::text) co_return fail("INFO: " + info->text);
  if (const std::string role = info_value(info->text, "role"); role != "master") {
    co_return fail("it is no master but a " + role);
  }
  const std::string policy = info_value(info->text, "maxmemory_policy");
  refused_ = !policy.empty() && policy != "noeviction";
  if (refused_)
    co_return fail("its maxmemory-policy is " + policy + ": only noeviction never forgets a room");
  std::vector<std::string> load = words({"SCRIPT", "LOAD", script()});
  const auto loaded = co_await link->ask(std::move(load), Clock::now() + options_.reply_timeout);
  if (!*alive || !loaded) co_return fail(loaded ? std::string() : loaded.error());
  if (loaded->is_error()) co_return fail("SCRIPT LOAD: " + loaded->text);
  script_sha_ = loaded->text;

  run_ = info_value(info->text, "run_id");
  std::vector<std::string> hello = words({"hello", run_, ms_text(options_.failover_hold)});
  const auto greeted = co_await call(link, std::move(hello));
  if (!*alive || !greeted) co_return fail(greeted ? std::string() : greeted.error());
  if (!greeted->is_list(2)) co_return fail(std::string("hello: no answer of ours"));
  clock_offset_ = number_of(greeted->items[0]) - to_ms(Clock::now());
  co_await beat(link, alive);
  if (!*alive || !link->is_open()) co_return fail(link->error());
  co_return co_await assert_holds(link, alive);
}

Task<Result<void, std::string>> RedisReplica::assert_holds(std::shared_ptr<Link> link, Alive alive) {
  std::vector<std::pair<std::string, bool>> mine;
  for (const auto& [key, cached] : rooms_) {
    if (cached.held) mine.emplace_back(key, cached.weak);
  }
  // What is weak gives way to what is not.
  std::stable_sort(mine.begin(), mine.end(),
                   [](const auto& a, const auto& b) { return a.second < b.second; });
  for (std::size_t at = 0; at < mine.size();) {
    const bool weak = mine[at].second;
    std::vector<std::string> asserts = words({"assert", weak ? "1" : "0"});
    std::vector<std::string> keys;
    for (; at < mine.size() && keys.size() < kBatch && mine[at].second == weak; ++at) {
      const auto known = rooms_.find(mine[at].first);
      if (known == rooms_.end()) continue;
      asserts.push_back(known->first);
      asserts.push_back(pack(known->second.entry));
      keys.push_back(known->first);
    }
    if (keys.empty()) continue;
    const auto answer = co_await call(link, std::move(asserts));
    if (!*alive || !answer) co_return fail(answer ? std::string() : answer.error());
    if (!answer->is_list(keys.size())) co_return fail(std::string("assert: no answer of ours"));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto entry = unpack(answer->items[i].text);
      if (!entry) co_return fail(std::string("assert: an entry that is none"));
      const auto known = rooms_.find(keys[i]);
      if (weak && known != rooms_.end() && known->second.entry.shard != entry->shard) ++splits_;
      (void)take(keys[i], *entry, true);
    }
  }
  co_return Result<void, std::string>();
}

Task<Result<void, std::string>> RedisReplica::learn(std::shared_ptr<Link> link, Alive alive) {
  const auto soon = [this] { return Clock::now() + options_.reply_timeout; };
  // From where the stream is followed; what changes while all is read comes by it once more.
  std::vector<std::string> newest = words({"XREVRANGE", kLogKey, "+", "-", "COUNT", "1"});
  const auto last = co_await link->ask(std::move(newest), soon());
  if (!*alive || !last) co_return fail(last ? std::string() : last.error());
  if (last->kind != Reply::Kind::list) co_return fail("XREVRANGE: " + last->text);
  position_ = "0-0";
  count_ = 0;
  if (last->is_list(1) && last->items[0].is_list(2)) {
    position_ = last->items[0].items[0].text;
    if (const Reply* n = field(last->items[0].items[1], "n")) count_ = number_of(*n);
  }

  std::unordered_map<std::string, bool, SipHasher, std::equal_to<>> there;
  for (const std::string_view what : {kRoomsKey, kWordsKey}) {
    std::string cursor = "0";
    do {
      std::vector<std::string> scan = words({"HSCAN", what, cursor, "COUNT", "1000"});
      const auto answer = co_await link->ask(std::move(scan), soon());
      if (!*alive || !answer) co_return fail(answer ? std::string() : answer.error());
      if (!answer->is_list(2)) co_return fail("HSCAN: " + answer->text);
      cursor = answer->items[0].text;
      const auto& items = answer->items[1].items;
      for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
        if (what == kWordsKey) {
          take_word(items[i].text, items[i + 1].text, true);
          continue;
        }
        const auto entry = unpack(items[i + 1].text);
        if (!entry || !entry->is_live(redis_now())) continue;
        there[items[i].text] = true;
        if (rooms_.size() < options_.max_entries || rooms_.contains(items[i].text)) {
          (void)take(items[i].text, *entry, false);
        }
      }
    } while (cursor != "0");
  }
  // What it does not know any more, and is not held here.
  std::vector<std::string> gone;
  for (const auto& [key, cached] : rooms_) {
    if (!cached.held && !there.contains(key)) gone.push_back(key);
  }
  for (const std::string& key : gone) {
    rooms_.erase(key);
    host_.drop(key);
  }
  co_return Result<void, std::string>();
}

Task<void> RedisReplica::follow(std::shared_ptr<Link> link, Alive alive) {
  while (link->is_open()) {
    std::vector<std::string> read =
        words({"XREAD", "COUNT", "1000", "BLOCK", ms_text(kBlock), "STREAMS", kLogKey, position_});
    const auto answer = co_await link->ask(std::move(read), Clock::now() + kBlock + options_.reply_timeout);
    if (!*alive || link != stream_) co_return;
    if (!answer || answer->is_error()) {
      link->close(answer ? answer->text : answer.error());
      break;
    }
    if (answer->is_list(1) && answer->items[0].is_list(2)) take_log(answer->items[0].items[1]);
  }
  nap_.wake({});
}

void RedisReplica::take_log(const Reply& items) {
  for (const Reply& item : items.items) {
    if (!item.is_list(2)) continue;
    const Reply& fields = item.items[1];
    const Reply* n = field(fields, "n");
    if (n == nullptr) continue;
    // Some have fallen off its end before they were read.
    if (number_of(*n) != count_ + 1 && count_ != 0) return stream_->close("changes were missed");
    count_ = number_of(*n);
    position_ = item.items[0].text;
    ++changes_in_;
    if (const Reply* key = field(fields, "k")) {
      const Reply* text = field(fields, "e");
      const auto entry = text == nullptr ? std::nullopt : unpack(text->text);
      if (entry) (void)take(key->text, *entry, false);
    } else if (const Reply* name = field(fields, "w")) {
      if (const Reply* text = field(fields, "v")) take_word(name->text, text->text, false);
    }
  }
}

Task<void> RedisReplica::beat(std::shared_ptr<Link> link, Alive alive) {
  std::vector<std::string> beat =
      words({"beat", ms_text(options_.lease), ms_text(options_.reconnect_grace), ms_text(options_.idle)});
  for (std::string& shard : host_.shards_down()) beat.push_back(std::move(shard));
  const auto answer = co_await call(link, std::move(beat));
  if (!*alive || !answer || !answer->is_list(2)) co_return;
  clock_offset_ = number_of(answer->items[0]) - to_ms(Clock::now());
  other_gates_.clear();
  for (std::size_t i = 2; i < answer->items.size(); ++i) other_gates_.push_back(answer->items[i].text);
  if (link != link_) co_return;  // it is being made
  // It took so long that others counted this gate as gone.
  if (number_of(answer->items[1]) == 0) {
    (void)co_await assert_holds(link, alive);
  }
}

Task<void> RedisReplica::keep_house(std::shared_ptr<Link> link, Alive alive) {
  if (link != link_) co_return;
  if (const auto now = Clock::now(); now - dropped_at_ >= options_.lease) {
    dropped_at_ = now;
    drop_expired();
  }
  co_await give_up_holds(link, alive);
  if (!*alive) co_return;
  co_await reap(link, alive);
}

Task<void> RedisReplica::give_up_holds(std::shared_ptr<Link> link, Alive alive) {
  // Between a claim's answer and the first use by the core that asked there is a moment.
  const auto is_over = [this](const std::string& key, const Cached& cached) {
    const auto now = Clock::now();
    return cached.held && now - cached.claimed_at >= options_.recent && !host_.local_use(key, now).held;
  };
  std::vector<std::string> over;
  for (const auto& [key, cached] : rooms_) {
    if (!is_over(key, cached)) continue;
    over.push_back(key);
    if (over.size() >= 10 * kBatch) break;
  }
  for (std::size_t at = 0; at < over.size(); at += kBatch) {
    std::vector<std::string> unhold = words({"unhold", ms_text(options_.idle)});
    std::vector<std::string> keys;
    for (std::size_t i = at; i < std::min(over.size(), at + kBatch); ++i) {
      const auto known = rooms_.find(over[i]);
      if (known == rooms_.end() || !is_over(over[i], known->second)) continue;
      unhold.push_back(over[i]);
      keys.push_back(over[i]);
    }
    if (keys.empty()) continue;
    const auto answer = co_await call(link, std::move(unhold));
    if (!*alive || !answer) co_return;
    // A claim that came meanwhile is answered behind this, and holds it again.
    for (const std::string& key : keys) {
      if (const auto known = rooms_.find(key); known != rooms_.end()) known->second.held = false;
    }
  }
}

Task<void> RedisReplica::reap(std::shared_ptr<Link> link, Alive alive) {
  std::vector<std::string> scan = words({"HSCAN", kRoomsKey, reap_cursor_, "COUNT", "100"});
  const auto answer = co_await link->ask(std::move(scan), Clock::now() + options_.reply_timeout);
  if (!*alive || !answer || !answer->is_list(2)) co_return;
  reap_cursor_ = answer->items[0].text;
  const std::int64_t life = std::chrono::duration_cast<milliseconds>(options_.tombstone_life).count();
  const auto items = answer->items[1].items;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    const auto entry = unpack(items[i + 1].text);
    if (!entry || entry->idle == 0 || entry->idle + life > redis_now()) continue;
    std::vector<std::string> reap = words({"reap", items[i].text, items[i + 1].text});
    const auto reaped = co_await call(link, std::move(reap));
    if (!*alive || !reaped) co_return;
  }
}

// --- What is known.

Home RedisReplica::take(const std::string& key, const Entry& entry, bool hold) {
  const Home home = home_of(entry);
  const auto known = rooms_.find(key);
  if (known != rooms_.end() && !hold && known->second.held) {
    Cached& cached = known->second;
    // Of what is held here nothing older counts: it is on its way through the stream.
    if (entry.generation < cached.entry.generation) return home_of(cached.entry);
    if (!entry.is_live(redis_now())) {
      // An operator's forget: whoever comes next makes it anew.
      cached.held = false;
    }
  }
  if (!entry.is_live(redis_now())) {
    if (known != rooms_.end()) rooms_.erase(known);
    host_.drop(key);
    return home;
  }
  const std::string from = known == rooms_.end() ? std::string() : known->second.entry.shard;
  Cached& cached = known == rooms_.end() ? rooms_[key] : known->second;
  cached.entry = entry;
  cached.weak = false;
  cached.held = cached.held || hold;
  if (hold) cached.claimed_at = Clock::now();
  host_.put(key, home);
  if (!from.empty() && from != entry.shard) host_.moved(key, from, home);
  return home;
}

void RedisReplica::take_word(std::string_view name, std::string_view text, bool own_too) {
  Word word{.name = std::string(name)};
  const auto first = text.find(' ');
  const auto second = text.find(' ', first == text.npos ? text.npos : first + 1);
  if (second == text.npos) return;
  std::from_chars(text.data(), text.data() + first, word.version);
  word.by = text.substr(first + 1, second - first - 1);
  word.value = text.substr(second + 1);
  if (own_too || word.by != options_.name) host_.heard(word);
}

void RedisReplica::drop_expired() {
  std::vector<std::string> over;
  const std::int64_t now = redis_now();
  for (const auto& [key, cached] : rooms_) {
    if (!cached.held && !cached.entry.is_live(now)) over.push_back(key);
  }
  for (const std::string& key : over) {
    rooms_.erase(key);
    host_.drop(key);
  }
}

std::int64_t RedisReplica::redis_now() const { return to_ms(Clock::now()) + clock_offset_; }

Home RedisReplica::home_of(const Entry& entry) const {
  const auto age = milliseconds(std::max(redis_now() - entry.created, std::int64_t{0}));
  return {.shard = entry.shard,
          .generation = entry.generation,
          .created = Clock::now() - age,
          .provisional = entry.provisional,
          .placed = entry.placed,
          .region = entry.region};
}

Entry RedisReplica::entry_of(const Home& home) const {
  return {.generation = std::max(home.generation, std::uint64_t{1}),
          .shard = home.shard,
          .created = std::max(to_ms(home.created) + clock_offset_, std::int64_t{0}),
          .idle = 0,
          .provisional = home.provisional,
          .placed = home.placed,
          .region = home.region};
}

void RedisReplica::set_ready() {
  if (std::exchange(ready_, true)) return;
  host_.ready_changed(true);
}

// --- Rooms.

Task<std::shared_ptr<Link>> RedisReplica::linked(TimePoint deadline, Alive alive) {
  while (true) {
    // One that broke just now is noticed by whoever needs it first.
    if (link_ != nullptr && !link_->is_open()) cut(link_->error());
    if (link_ != nullptr) co_return link_;
    if (Clock::now() >= deadline || sleepers_.size() >= options_.max_waiting) co_return nullptr;
    const auto sleeper = std::make_shared<Sleeper>(core_);
    const auto place = sleepers_.insert(sleepers_.end(), sleeper);
    (void)co_await sleeper->waiter.wait(deadline);
    if (!*alive) co_return nullptr;
    sleepers_.erase(place);
  }
}

Host::Chosen RedisReplica::choose(const Host::Placement& placement) {
  auto chosen = host_.choose(placement, Clock::now());
  if (chosen.kind != Host::Chosen::Kind::say_more) return chosen;
  const std::string full = host_.said_in_full(placement.key, placement.wish);
  Host::Placement again = placement;
  again.wish = full;
  return host_.choose(again, Clock::now());
}

void RedisReplica::claim(Claim claim, Done done) {
  core_.spawn(decide(std::move(claim), std::move(done), alive_));
}

Task<void> RedisReplica::decide(Claim claim, Done done, Alive alive) {
  const auto deadline = Clock::now() + options_.claim_timeout;
  Host::Chosen chosen;
  bool asked = false;
  while (true) {
    const auto link = co_await linked(
        std::min(deadline, std::max(Clock::now(), cut_since_ + options_.cut_off_after)), alive);
    if (!*alive) co_return;
    if (link == nullptr) {
      if (is_cut_off(Clock::now())) co_return place_alone(claim, done);
      const bool crowded = sleepers_.size() >= options_.max_waiting;
      if (crowded || Clock::now() >= deadline) co_return done({.refusal = Refusal::no_owner});
      continue;
    }
    const auto known = rooms_.find(claim.key);
    if (known == rooms_.end() && rooms_.size() >= options_.max_entries) {
      co_return done({.refusal = Refusal::table_full});
    }
    // Where it is known no choice is made in vain.
    if (!asked && known == rooms_.end()) {
      asked = true;
      chosen = choose({.key = claim.key, .wish = claim.wish});
    }
    const bool has_one = asked && chosen.kind == Host::Chosen::Kind::shard;
    std::vector<std::string> ask =
        words({"claim", claim.key, claim.use == Use::signalling ? "signalling" : "page",
               has_one ? std::string_view(chosen.shard) : std::string_view(), std::to_string(chosen.placed),
               chosen.region, ms_text(options_.provisional_life), ms_text(options_.failover_hold)});
    const auto answer = co_await call(link, std::move(ask));
    if (!*alive) co_return;
    if (!answer || !answer->is_list(3)) {
      if (Clock::now() >= deadline) co_return done({.refusal = Refusal::no_owner});
      continue;  // linked() waits for the next connection
    }
    const std::string& what = answer->items[0].text;
    if (what == "wait") {
      const auto pause = milliseconds(number_of(answer->items[2]) + 1);
      if (Clock::now() + pause >= deadline) co_return done({.refusal = Refusal::no_owner});
      co_await net::sleep_for(core_, pause);
      if (!*alive) co_return;
      continue;
    }
    if (what == "none") {
      if (asked) co_return done({.refusal = Refusal::no_shard});
      asked = true;
      chosen = choose({.key = claim.key, .wish = claim.wish});
      continue;
    }
    const auto entry = unpack(answer->items[1].text);
    if (!entry) co_return done({.refusal = Refusal::no_owner});
    ++changes_out_;
    const Home home = take(claim.key, *entry, claim.use == Use::signalling);
    co_return done({.home = home, .created = what == "made"});
  }
}

void RedisReplica::place_alone(const Claim& claim, const Done& done) {
  const auto known = rooms_.find(claim.key);
  if (known != rooms_.end() && known->second.entry.is_live(redis_now())) {
    if (claim.use == Use::signalling) {
      known->second.held = true;
      known->second.claimed_at = Clock::now();
    }
    return done({.home = home_of(known->second.entry)});
  }
  if (known == rooms_.end() && rooms_.size() >= options_.max_entries) {
    return done({.refusal = Refusal::table_full});
  }
  const auto chosen = choose({.key = claim.key, .wish = claim.wish, .by_hash = true});
  if (chosen.kind != Host::Chosen::Kind::shard) return done({.refusal = Refusal::no_shard});
  Cached& cached = rooms_[claim.key];
  cached.entry = {.generation = cached.entry.shard.empty() ? 1 : cached.entry.generation + 1,
                  .shard = chosen.shard,
                  .created = redis_now(),
                  .idle = 0,
                  .provisional = claim.use == Use::page,
                  .placed = chosen.placed,
                  .region = chosen.region};
  // Said to Redis when it is there again.
  cached.held = cached.weak = true;
  cached.claimed_at = Clock::now();
  const Home home = home_of(cached.entry);
  host_.put(claim.key, home);
  done({.home = home, .created = true});
}

void RedisReplica::elsewhere(Elsewhere ask, Done done) {
  core_.spawn(ask_elsewhere(std::move(ask), std::move(done), alive_));
}

Task<void> RedisReplica::ask_elsewhere(Elsewhere ask, Done done, Alive alive) {
  const auto link = co_await linked(Clock::now() + options_.claim_timeout, alive);
  if (!*alive) co_return;
  if (link == nullptr) co_return done({.refusal = Refusal::stay});
  // What is seen down is a second old at most otherwise.
  co_await beat(link, alive);
  if (!*alive) co_return;
  std::vector<std::string> move =
      words({"move", ask.key, ask.from, "", "0", "ask", ask.was_in_use ? "1" : "0",
             host_.in_panic(Clock::now()) ? "1" : "0", ms_text(options_.reconnect_grace)});
  const auto answer = co_await call(link, std::move(move));
  if (!*alive) co_return;
  const auto entry = answer && answer->is_list(2) ? unpack(answer->items[1].text) : std::nullopt;
  if (!entry) co_return done({.refusal = Refusal::stay});
  const std::string& what = answer->items[0].text;
  if (what == "have") co_return done({.home = take(ask.key, *entry, true)});
  if (what != "may") co_return done({.refusal = Refusal::stay});
  const auto chosen = choose({.key = ask.key, .wish = ask.wish, .from = ask.from});
  if (chosen.kind != Host::Chosen::Kind::shard) co_return done({.refusal = Refusal::no_shard});
  Home home = home_of(*entry);
  home.shard = chosen.shard;
  home.placed = chosen.placed;
  co_return done({.home = std::move(home), .candidate = true});
}

void RedisReplica::settle(Settle settle, Done done) {
  core_.spawn(do_settle(std::move(settle), std::move(done), alive_));
}

Task<void> RedisReplica::do_settle(Settle settle, Done done, Alive alive) {
  const auto link = co_await linked(Clock::now() + options_.claim_timeout, alive);
  if (!*alive) co_return;
  if (link == nullptr) co_return done({.refusal = Refusal::stay});
  std::vector<std::string> move =
      words({"move", settle.key, settle.from, settle.to, std::to_string(settle.placed), "settle",
             settle.was_in_use ? "1" : "0", host_.in_panic(Clock::now()) ? "1" : "0",
             ms_text(options_.reconnect_grace)});
  const auto answer = co_await call(link, std::move(move));
  if (!*alive) co_return;
  const auto entry = answer && answer->is_list(2) ? unpack(answer->items[1].text) : std::nullopt;
  if (!entry || answer->items[0].text == "stay") co_return done({.refusal = Refusal::stay});
  const bool moved = answer->items[0].text == "moved";
  co_return done({.home = take(settle.key, *entry, true), .moved = moved});
}

void RedisReplica::move(std::string key, std::string to, std::uint8_t placed, Done done) {
  core_.spawn(do_move(std::move(key), std::move(to), placed, std::move(done), alive_));
}

Task<void> RedisReplica::do_move(std::string key, std::string to, std::uint8_t placed, Done done,
                                 Alive alive) {
  const auto link = co_await linked(Clock::now() + options_.claim_timeout, alive);
  if (!*alive) co_return;
  const auto known = rooms_.find(key);
  if (link == nullptr) co_return done({.refusal = Refusal::no_owner});
  if (known == rooms_.end()) co_return done({.refusal = Refusal::stay});
  const bool held = known->second.held;
  std::vector<std::string> move =
      words({"move", key, known->second.entry.shard, to, std::to_string(placed), "order", "0", "0", "0"});
  const auto answer = co_await call(link, std::move(move));
  if (!*alive) co_return;
  const auto entry = answer && answer->is_list(2) ? unpack(answer->items[1].text) : std::nullopt;
  if (!entry) co_return done({.refusal = Refusal::stay});
  const bool moved = answer->items[0].text == "moved";
  co_return done({.home = take(key, *entry, held), .moved = moved});
}

void RedisReplica::forget(std::string key, Done done) {
  core_.spawn(do_forget(std::move(key), std::move(done), alive_));
}

Task<void> RedisReplica::do_forget(std::string key, Done done, Alive alive) {
  const auto link = co_await linked(Clock::now() + options_.claim_timeout, alive);
  if (!*alive) co_return;
  if (link == nullptr) co_return done({.refusal = Refusal::no_owner});
  std::vector<std::string> forget = words({"forget", key});
  const auto answer = co_await call(link, std::move(forget));
  if (!*alive) co_return;
  const bool known = answer && answer->is_list(1) && answer->items[0].text == "1";
  if (known) {
    rooms_.erase(key);
    host_.drop(key);
  }
  co_return done({.refusal = known ? Refusal::none : answer ? Refusal::stay : Refusal::no_owner});
}

void RedisReplica::say(std::string name, std::string value) {
  core_.spawn(do_say(std::move(name), std::move(value), alive_));
}

Task<void> RedisReplica::do_say(std::string name, std::string value, Alive alive) {
  // Said as soon as there is somebody to say it to.
  while (true) {
    const auto link = co_await linked(TimePoint::max(), alive);
    if (!*alive || link == nullptr) co_return;
    std::vector<std::string> say = words({"say", name, value});
    const auto answer = co_await call(link, std::move(say));
    if (!*alive || answer) co_return;
  }
}

void RedisReplica::adopt(std::string key, Home home) {
  if (adopting_.size() >= options_.max_entries) return;
  adopting_.emplace_back(std::move(key), std::move(home));
  if (adopting_.size() == 1) core_.spawn(do_adopt(alive_));
}

Task<void> RedisReplica::do_adopt(Alive alive) {
  while (!adopting_.empty()) {
    const auto link = co_await linked(TimePoint::max(), alive);
    if (!*alive || link == nullptr) co_return;
    const std::size_t count = std::min(adopting_.size(), kBatch);
    std::vector<std::string> adopt = words({"adopt", ms_text(options_.idle)});
    for (std::size_t i = 0; i < count; ++i) {
      adopt.push_back(adopting_[i].first);
      adopt.push_back(pack(entry_of(adopting_[i].second)));
    }
    const auto answer = co_await call(link, std::move(adopt));
    if (!*alive) co_return;
    if (!answer || !answer->is_list(count)) continue;
    for (std::size_t i = 0; i < count; ++i) {
      const auto entry = unpack(answer->items[i].text);
      if (entry) (void)take(adopting_[i].first, *entry, false);
    }
    adopting_.erase(adopting_.begin(), adopting_.begin() + static_cast<std::ptrdiff_t>(count));
  }
}

// --- For people.

claim::View RedisReplica::view() const {
  claim::View view;
  if (link_ == nullptr) return view;
  view.push_back({options_.name, options_.life});
  for (const std::string& gate : other_gates_) view.push_back({gate.substr(0, gate.rfind('/')), 0});
  // Of a gate that was started anew both lives may be there for a while.
  std::sort(view.begin(), view.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  const auto same = [](const auto& a, const auto& b) { return a.name == b.name; };
  view.erase(std::unique(view.begin(), view.end(), same), view.end());
  return view;
}

ReplicaStatus RedisReplica::status() const {
  std::vector<std::string> names;
  for (const auto& gate : view()) names.push_back(gate.name);
  return {.mode = "redis",
          .state = leaving_           ? "leaving"
                   : link_ != nullptr ? "member"
                   : ready_           ? "cut off"
                                      : "learning",
          .ready = ready_,
          .may_decide = link_ != nullptr,
          .view = std::move(names),
          .splits = splits_,
          .lease_ms = std::chrono::duration<double, std::milli>(options_.lease).count()};
}

std::vector<PeerRow> RedisReplica::peers() const {
  PeerRow redis{.name = "redis", .address = where_, .kind = "redis"};
  redis.up = link_ != nullptr;
  redis.state = redis.up ? "up" : "down";
  redis.updates_in = changes_in_;
  redis.updates_out = changes_out_;
  redis.reconnects = reconnects_;
  redis.error = error_;
  if (redis.up) redis.up_seconds = std::chrono::duration<double>(Clock::now() - linked_since_).count();
  std::vector<PeerRow> rows = {std::move(redis)};
  for (const std::string& gate : other_gates_) {
    rows.push_back({.name = gate.substr(0, gate.rfind('/')),
                    .kind = "gate",
                    .state = "member",
                    .up = true,
                    .in_view = true,
                    .via = "redis"});
  }
  return rows;
}

RoomFacts RedisReplica::facts(std::string_view key) const {
  // Redis decides; what one gate alone is to do about a room (move it from a shard that is drained) is for
  // the one that the mesh would choose.
  RoomFacts facts;
  if (const auto gates = view(); !gates.empty()) facts.owner = gates[claim::owner_of(gates, key)].name;
  const auto known = rooms_.find(key);
  if (known == rooms_.end()) return facts;
  facts.home = home_of(known->second.entry);
  if (known->second.held) facts.holders.push_back(options_.name);
  return facts;
}

// --- The end.

void RedisReplica::leave(std::function<void()> left) {
  leaving_ = true;
  core_.spawn(do_leave(std::move(left), alive_));
  nap_.wake({});
}

Task<void> RedisReplica::do_leave(std::function<void()> left, Alive alive) {
  const auto deadline = Clock::now() + seconds(1);
  const std::shared_ptr<Link> link = link_;
  while (link != nullptr && link->is_open() && Clock::now() < deadline) {
    std::vector<std::string> leave = words({"leave", ms_text(options_.idle)});
    const auto answer = co_await call(link, std::move(leave));
    if (!*alive) co_return;
    if (!answer || !answer->is_list(1) || answer->items[0].text == "0") break;
  }
  left();
}

}  // namespace roomgate::peers_sync::redis

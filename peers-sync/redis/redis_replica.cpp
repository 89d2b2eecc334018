#include "peers-sync/redis/redis_replica.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.hpp"
#include "base/random.hpp"
#include "peers-sync/redis/arguments.hpp"
#include "peers-sync/redis/script.hpp"

namespace roomgate::peers_sync::redis {

using net::Task;

namespace {

constexpr Duration kFirstWait = seconds(5);     // for Redis, before a gate serves without
constexpr Duration kLongestPause = seconds(2);  // between two attempts to connect
constexpr Duration kBlock = seconds(5);         // at the stream

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

}  // namespace

Result<std::unique_ptr<RedisReplica>, std::string> RedisReplica::make(net::Core& core, Options options,
                                                                      Host& host, mesh::PeersOptions peers) {
  SslContext context;
  const bool sentinels = std::any_of(options.sentinels.begin(), options.sentinels.end(),
                                     [](const Place& sentinel) { return sentinel.tls; });
  if (options.place.tls || sentinels) {
    auto made = make_context(options.ca);
    if (!made) return fail(made.error());
    context = std::move(made).value();
  }
  peers.name = options.name;
  peers.life = options.life;
  // We learn of each other with a beat: whoever dials at once is a stranger there.
  peers.limits.first_dial = options.lease / 2;
  std::unique_ptr<RedisReplica> replica(
      new RedisReplica(core, std::move(options), host, std::move(context), Members::own_address(peers)));
  if (Members::wanted(peers)) {
    auto members = Members::make(core, peers, *replica);
    if (!members) return fail("peers.tls: " + members.error());
    replica->members_ = std::move(*members);
  }
  return replica;
}

RedisReplica::RedisReplica(net::Core& core, Options options, Host& host, SslContext context,
                           std::string own_address)
    : core_(core),
      options_(std::move(options)),
      host_(host),
      context_(std::move(context)),
      own_address_(std::move(own_address)),
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

Result<void, std::string> RedisReplica::start() {
  if (members_ != nullptr) {
    if (auto started = members_->start(); !started) return started;
    core_.spawn(keep_in_touch(alive_));
  }
  core_.spawn(run(alive_));
  return {};
}

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
      // Rooms that were placed while the others were being said again.
      (void)co_await assert_holds(link, Which::weak, alive);
      if (!*alive) co_return;
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
  tell_members();
}

Task<Result<std::shared_ptr<Link>, std::string>> RedisReplica::connect(Alive alive) {
  Place place = options_.place;
  if (!options_.sentinels.empty()) {
    const auto master = co_await find_master(core_, options_.sentinels, context_.get(),
                                             options_.sentinel_master, options_.connect_timeout);
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
  tell_members();
  set_ready();
  for (const auto& sleeper : sleepers_) sleeper->waiter.wake({});
  co_return link;
}

Task<Answer> RedisReplica::call(std::shared_ptr<Link> link, std::vector<std::string> arguments,
                                std::string gate) {
  arguments.insert(arguments.begin(), {"EVALSHA", script_sha_, "0"});
  // The operation, then who asks.
  arguments.insert(arguments.begin() + 4, std::move(gate));
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
  co_return co_await assert_holds(link, Which::all, alive);
}

Task<Result<void, std::string>> RedisReplica::assert_holds(std::shared_ptr<Link> link, Which which,
                                                           Alive alive) {
  std::vector<std::pair<std::string, bool>> mine;
  for (const auto& [key, cached] : rooms_) {
    if (cached.held && (which == Which::all || cached.weak)) mine.emplace_back(key, cached.weak);
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
  std::vector<std::string> beat = words({"beat", ms_text(options_.lease), ms_text(options_.reconnect_grace),
                                         ms_text(options_.idle), own_address_});
  for (std::string& shard : host_.shards_down()) beat.push_back(std::move(shard));
  const auto answer = co_await call(link, std::move(beat));
  if (!*alive || !answer || !answer->is_list(4)) co_return;
  clock_offset_ = number_of(answer->items[0]) - to_ms(Clock::now());
  other_gates_.clear();
  for (const Reply& gate : answer->items[2].items) other_gates_.push_back(gate.text);
  learn_members(answer->items[3]);
  if (link != link_) co_return;  // it is being made
  // It took so long that others counted this gate as gone.
  if (number_of(answer->items[1]) == 0) {
    (void)co_await assert_holds(link, Which::all, alive);
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
          .asked = asked_,
          .asked_in_vain = asked_in_vain_,
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
  std::set<std::string> living;
  if (link_ != nullptr) {
    for (const std::string& gate : other_gates_) living.insert(gate.substr(0, gate.rfind('/')));
  }
  if (members_ != nullptr) {
    for (PeerRow& row : members_->rows()) {
      row.in_view = living.erase(row.name) > 0;
      // Whoever was there an hour ago is remembered, and nobody's alarm.
      if (row.up || row.in_view || members_->named_in_settings(row.name)) rows.push_back(std::move(row));
    }
  }
  for (const std::string& name : living) {
    rows.push_back(
        {.name = name, .kind = "gate", .state = "member", .up = true, .in_view = true, .via = "redis"});
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
  if (members_ != nullptr) members_->stop();
  left();
}

}  // namespace roomgate::peers_sync::redis

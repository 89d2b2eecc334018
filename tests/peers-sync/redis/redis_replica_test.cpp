// Front doors through a real redis-server, killed and started again.
#include "peers-sync/redis/redis_replica.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <map>
#include <set>

#include "base/net/acceptor.hpp"
#include "peers-sync/redis/script.hpp"
#include "tests/support/on_core.hpp"
#include "tests/support/redis_server.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync;
using namespace roomgate::peers_sync::redis;
using net::Core;
using net::Task;
using roomgate::tests::RedisServer;

namespace {

// A gate with three shards, which it takes in turn from a place of its own: two that decide alone differ.
class Gate final : public Host {
 public:
  explicit Gate(std::size_t turn) : turn_(turn) {}

  Chosen choose(const Placement& placement, TimePoint) override {
    ++choices;
    std::size_t at = placement.by_hash ? hash_turn.value_or(placement.key.size()) : turn_++;
    while (shards[at % shards.size()] == placement.from || down.contains(shards[at % shards.size()])) ++at;
    return {.kind = Chosen::Kind::shard, .shard = shards[at % shards.size()], .placed = 1, .region = "eu"};
  }
  std::string said_in_full(std::string_view, std::string_view wish) override { return std::string(wish); }
  bool sees_down(std::string_view shard) override { return down.contains(std::string(shard)); }
  std::vector<std::string> shards_down() override { return {down.begin(), down.end()}; }
  bool in_panic(TimePoint) override { return panic; }
  std::optional<std::size_t> participants(std::string_view, std::string_view) override {
    return std::nullopt;
  }
  void put(std::string_view key, const Home& home) override { table[std::string(key)] = home; }
  void drop(std::string_view key) override { table.erase(std::string(key)); }
  bool give_back(std::string_view key, TimePoint) override { return table.erase(std::string(key)) > 0; }
  LocalUse local_use(std::string_view key, TimePoint) override {
    return {.held = !left.contains(std::string(key)), .tunnels = false, .last_used = {}};
  }
  void moved(std::string_view key, std::string_view from, const Home& to) override {
    moves.push_back(std::string(key) + ": " + std::string(from) + " > " + to.shard);
  }
  void heard(const Word& word) override { words[word.name] = word.value; }
  void ready_changed(bool now) override { ready = now; }

  std::string home(const std::string& key) const {
    const auto found = table.find(key);
    return found == table.end() ? "" : found->second.shard;
  }

  std::vector<std::string> shards = {"s0", "s1", "s2"};
  std::map<std::string, Home> table;
  std::set<std::string> down;
  std::set<std::string> left;  // rooms that nobody is in at this gate
  std::vector<std::string> moves;
  std::map<std::string, std::string> words;
  std::optional<std::size_t> hash_turn;
  bool panic = false;
  bool ready = false;
  int choices = 0;

 private:
  std::size_t turn_;
};

// A front door: a gate and its replica.
struct Door {
  Door(Core& on_core, const RedisServer& server, std::string name, std::size_t turn,
       std::function<void(Options&)> change = {}, mesh::PeersOptions peers = {})
      : core(on_core), gate(turn) {
    Options options{.name = std::move(name)};
    options.place.host = server.host();
    options.place.port = server.port();
    options.claim_timeout = seconds(30);
    options.failover_hold = milliseconds(50);
    options.lease = milliseconds(60);
    options.recent = Duration(0);
    options.cut_off_after = seconds(30);
    if (change) change(options);
    replica = std::move(RedisReplica::make(core, options, gate, std::move(peers))).value();
    REQUIRE(replica->start().ok());
  }

  Task<void> until(std::function<bool()> holds) {
    while (!holds()) co_await net::yield(core);
  }
  Task<void> until_ready() {
    return until([this] { return gate.ready && replica->status().may_decide; });
  }
  Task<Outcome> claim(std::string key, Use use = Use::signalling) {
    std::optional<Outcome> outcome;
    replica->claim({.key = std::move(key), .use = use}, [&outcome](const Outcome& said) { outcome = said; });
    co_await until([&outcome] { return outcome.has_value(); });
    co_return *outcome;
  }

  Core& core;
  Gate gate;
  std::unique_ptr<RedisReplica> replica;
};

void with_redis(const std::function<Task<void>(Core&, RedisServer&)>& body,
                std::vector<std::string> options = {}) {
  if (!RedisServer::is_installed()) {
    MESSAGE("skipped: no redis-server");
    return;
  }
  RedisServer server(std::move(options));
  tests::run([&](Core& core) { return body(core, server); });
}

}  // namespace

TEST_CASE("two doors asked at once for the same new rooms give one answer") {
  with_redis([](Core& core, RedisServer& server) -> Task<void> {
    server.start();
    Door a(core, server, "a", 0);
    Door b(core, server, "b", 1);
    co_await a.until_ready();
    co_await b.until_ready();
    constexpr int kRooms = 200;
    std::map<std::string, std::vector<Outcome>> answers;
    std::size_t count = 0;

    for (int i = 0; i < kRooms; ++i) {
      const std::string key = "room-" + std::to_string(i);
      for (Door* door : {&a, &b}) {
        door->replica->claim({.key = key}, [&answers, &count, key](const Outcome& said) {
          answers[key].push_back(said);
          ++count;
        });
      }
    }
    co_await a.until([&count] { return count == 2 * kRooms; });

    std::set<std::string> used;
    for (const auto& [key, said] : answers) {
      REQUIRE(said.size() == 2);
      CHECK(said[0].refusal == Refusal::none);
      CHECK(said[0].home.shard == said[1].home.shard);
      CHECK(said[0].home.generation == 1);
      CHECK(said[0].created != said[1].created);
      CHECK(said[0].home.region == "eu");
      used.insert(said[0].home.shard);
    }
    CHECK(used.size() == 3);
    co_await a.until([&] { return a.gate.table.size() == kRooms && b.gate.table.size() == kRooms; });
    for (const auto& [key, said] : answers) CHECK(a.gate.home(key) == b.gate.home(key));
    CHECK(a.gate.moves.empty());
    CHECK(a.replica->peers().front().kind == "redis");
    CHECK(a.replica->peers().front().up);
  });
}

TEST_CASE("a door that starts later knows all rooms before it is ready, and what was said") {
  with_redis([](Core& core, RedisServer& server) -> Task<void> {
    server.start();
    Door a(core, server, "a", 0);
    co_await a.until_ready();
    for (int i = 0; i < 50; ++i) (void)co_await a.claim("room-" + std::to_string(i));
    a.replica->say("ban/room/x", "403");
    a.replica->adopt("adopted", {.shard = "s2", .generation = 0, .created = Clock::now() - seconds(60)});
    co_await a.until([&] { return a.gate.table.contains("adopted"); });

    Door b(core, server, "b", 1);
    co_await b.until_ready();

    CHECK(b.gate.table.size() == 51);
    CHECK(b.gate.words["ban/room/x"] == "403");
    CHECK(b.gate.home("adopted") == "s2");
    CHECK(b.gate.table["adopted"].created < Clock::now() - seconds(59));
    const auto known = co_await b.claim("adopted");
    CHECK(known.home.shard == "s2");
    CHECK(!known.created);
    CHECK(b.gate.choices == 0);
    b.replica->say("shard-state/s1", "drain");
    co_await a.until([&] { return a.gate.words["shard-state/s1"] == "drain"; });
  });
}

TEST_CASE("a Redis that is killed and comes back with its table: nothing has changed") {
  with_redis([](Core& core, RedisServer& server) -> Task<void> {
    server.start();
    Door a(core, server, "a", 0);
    Door b(core, server, "b", 1);
    co_await a.until_ready();
    co_await b.until_ready();
    for (int i = 0; i < 20; ++i) (void)co_await a.claim("room-" + std::to_string(i));
    const auto before = a.gate.table;

    server.kill();
    co_await a.until([&] { return !a.replica->status().may_decide && !b.replica->status().may_decide; });
    server.start();
    co_await a.until_ready();
    co_await b.until_ready();

    for (const auto& [key, home] : before) {
      const auto there = co_await b.claim(key);
      CHECK(there.home.shard == home.shard);
      CHECK(there.home.generation == home.generation);
    }
    const auto fresh = co_await b.claim("fresh");
    CHECK(fresh.created);
    CHECK(a.gate.moves.empty());
    CHECK(a.replica->peers().front().reconnects == 1);
  });
}

TEST_CASE("a Redis that comes back empty is told again what is in use, before new rooms are made") {
  with_redis([](Core& core, RedisServer& server) -> Task<void> {
    server.start();
    Door a(core, server, "a", 0);
    Door b(core, server, "b", 1);
    co_await a.until_ready();
    co_await b.until_ready();
    for (int i = 0; i < 20; ++i) (void)co_await a.claim("a-" + std::to_string(i));
    for (int i = 0; i < 20; ++i) (void)co_await b.claim("b-" + std::to_string(i));
    co_await a.until([&] { return a.gate.table.size() == 40; });
    const auto before = a.gate.table;

    server.kill();
    server.forget_all();
    co_await a.until([&] { return !a.replica->status().may_decide && !b.replica->status().may_decide; });
    server.start();
    co_await a.until_ready();
    co_await b.until_ready();

    for (const auto& [key, home] : before) {
      const auto from_a = co_await a.claim(key);
      const auto from_b = co_await b.claim(key);
      CHECK(from_a.home.shard == home.shard);
      CHECK(from_b.home.shard == home.shard);
      CHECK(!from_a.created);
    }
    CHECK(a.gate.moves.empty());
    CHECK(b.gate.moves.empty());
  });
}

TEST_CASE(
    "doors that are cut off place rooms alone; when Redis is back it has one home, and the others follow") {
  with_redis([](Core& core, RedisServer& server) -> Task<void> {
    server.start();
    const auto quick = [](Options& options) { options.cut_off_after = milliseconds(1); };
    Door a(core, server, "a", 0, quick);
    Door b(core, server, "b", 1, quick);
    co_await a.until_ready();
    co_await b.until_ready();
    const auto known = co_await a.claim("known");
    co_await b.until([&] { return b.gate.table.contains("known"); });
    server.kill();
    // They know different shards.
    a.gate.hash_turn = 0;
    b.gate.hash_turn = 1;

    const auto at_a = co_await a.claim("both");
    const auto at_b = co_await b.claim("both");
    const auto still = co_await b.claim("known");

    CHECK(at_a.created);
    CHECK(at_a.home.shard == "s0");
    CHECK(at_b.home.shard == "s1");
    CHECK(still.home.shard == known.home.shard);
    CHECK(a.replica->status().state == "cut off");
    CHECK(a.replica->ready());

    server.start();
    co_await a.until_ready();
    co_await b.until_ready();
    co_await a.until([&] { return a.gate.home("both") == b.gate.home("both"); });
    const std::string home = a.gate.home("both");
    CHECK((home == "s0" || home == "s1"));
    CHECK(a.gate.moves.size() + b.gate.moves.size() == 1);
    CHECK((home == "s0" ? b : a).gate.moves ==
          std::vector<std::string>{home == "s0" ? "both: s1 > s0" : "both: s0 > s1"});
    CHECK(a.replica->status().splits + b.replica->status().splits == 1);
    CHECK((co_await a.claim("known")).home.shard == known.home.shard);
  });
}

TEST_CASE("a room is free again when nobody has held it, and its next home has the next generation") {
  with_redis([](Core& core, RedisServer& server) -> Task<void> {
    server.start();
    const auto quick = [](Options& options) { options.idle = milliseconds(1); };
    Door a(core, server, "a", 0, quick);
    Door b(core, server, "b", 1, quick);
    co_await a.until_ready();
    co_await b.until_ready();
    CHECK((co_await a.claim("room")).home.generation == 1);
    CHECK(!(co_await b.claim("room")).created);

    a.gate.left.insert("room");
    co_await a.until([&] { return a.replica->facts("room").holders.empty(); });
    CHECK(!(co_await a.claim("room")).created);  // b holds it
    b.gate.left.insert("room");
    co_await a.until([&] { return a.gate.home("room").empty() && b.gate.home("room").empty(); });

    const auto next = co_await b.claim("room");
    CHECK(next.created);
    CHECK(next.home.generation == 2);
  });
}

TEST_CASE("a page's entry is provisional until signalling comes") {
  with_redis([](Core& core, RedisServer& server) -> Task<void> {
    server.start();
    Door a(core, server, "a", 0);
    Door b(core, server, "b", 1);
    co_await a.until_ready();
    co_await b.until_ready();

    const auto page = co_await a.claim("room", Use::page);
    const auto real = co_await b.claim("room");

    CHECK(page.home.provisional);
    CHECK(page.created);
    CHECK(!real.home.provisional);
    CHECK(!real.created);
    CHECK(real.home.shard == page.home.shard);
    co_await a.until([&] { return !a.gate.table["room"].provisional; });
  });
}

TEST_CASE("a room in use moves only when most doors see its shard down") {
  with_redis([](Core& core, RedisServer& server) -> Task<void> {
    server.start();
    Door a(core, server, "a", 0);
    Door b(core, server, "b", 1);
    co_await a.until_ready();
    co_await b.until_ready();
    const std::string from = (co_await a.claim("room")).home.shard;
    (void)co_await b.claim("room");
    const auto ask = [&](Door& door) -> Task<Outcome> {
      std::optional<Outcome> outcome;
      door.replica->elsewhere({.key = "room", .from = from, .was_in_use = true},
                              [&](const Outcome& said) { outcome = said; });
      co_await door.until([&outcome] { return outcome.has_value(); });
      co_return *outcome;
    };

    a.gate.down.insert(from);
    CHECK((co_await ask(a)).refusal == Refusal::stay);  // one of two is not more than half
    b.gate.down.insert(from);
    (void)co_await ask(b);  // says what it sees
    const auto candidate = co_await ask(a);
    CHECK(candidate.candidate);
    CHECK(candidate.home.shard != from);
    CHECK(a.gate.home("room") == from);
    a.gate.panic = true;
    CHECK((co_await ask(a)).refusal == Refusal::stay);
    a.gate.panic = false;

    std::optional<Outcome> settled;
    a.replica->settle({.key = "room", .from = from, .to = candidate.home.shard, .was_in_use = true},
                      [&](const Outcome& said) { settled = said; });
    co_await b.until([&] { return settled.has_value() && b.gate.home("room") == candidate.home.shard; });

    CHECK(settled->moved);
    CHECK(settled->home.generation == 2);
    const std::vector<std::string> moves = {"room: " + from + " > " + candidate.home.shard};
    CHECK(a.gate.moves == moves);
    CHECK(b.gate.moves == moves);
    CHECK((co_await ask(b)).home.shard == candidate.home.shard);  // somebody was faster
  });
}

TEST_CASE("an operator moves a room, and makes it forgotten") {
  with_redis([](Core& core, RedisServer& server) -> Task<void> {
    server.start();
    Door a(core, server, "a", 0);
    Door b(core, server, "b", 1);
    co_await a.until_ready();
    co_await b.until_ready();
    (void)co_await a.claim("room");
    std::optional<Outcome> said;
    const auto take = [&said](const Outcome& outcome) { said = outcome; };
    const auto answered = [&said] { return said.has_value(); };

    a.replica->move("room", "s2", 6, take);
    co_await a.until(answered);
    CHECK(said->moved);
    CHECK(said->home.placed == 6);
    co_await b.until([&] { return b.gate.home("room") == "s2"; });

    said.reset();
    b.replica->forget("room", take);
    co_await b.until(answered);
    CHECK(said->refusal == Refusal::none);
    co_await a.until([&] { return a.gate.home("room").empty(); });
    said.reset();
    a.replica->move("nobody", "s2", 6, take);
    co_await a.until(answered);
    CHECK(said->refusal == Refusal::stay);
    CHECK((co_await a.claim("room")).home.generation == 3);
  });
}

TEST_CASE("what a door held that died is free after its grace; what one held that left, at once") {
  with_redis([](Core& core, RedisServer& server) -> Task<void> {
    server.start();
    const auto quick = [](Options& options) {
      options.idle = milliseconds(1);
      options.reconnect_grace = milliseconds(1);
    };
    Door a(core, server, "a", 0, quick);
    auto b = std::make_unique<Door>(core, server, "b", 1, quick);
    auto c = std::make_unique<Door>(core, server, "c", 2, quick);
    co_await a.until_ready();
    co_await b->until_ready();
    co_await c->until_ready();
    (void)co_await b->claim("of-b");
    (void)co_await c->claim("of-c");
    co_await a.until([&] { return a.gate.table.size() == 2; });

    b.reset();
    bool left = false;
    c->replica->leave([&left] { left = true; });
    co_await a.until([&left] { return left; });

    co_await a.until([&] { return a.gate.table.empty(); });
    CHECK((co_await a.claim("of-b")).home.generation == 2);
  });
}

TEST_CASE("a Redis that may throw rooms away is refused") {
  with_redis(
      [](Core& core, RedisServer& server) -> Task<void> {
        server.start();
        Door a(core, server, "a", 0);

        co_await a.until(
            [&] { return a.replica->peers().front().error.find("noeviction") != std::string::npos; });

        CHECK(!a.replica->ready());
        CHECK(!a.replica->status().may_decide);
      },
      {"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"});
}

TEST_CASE("a password and a database of its own") {
  with_redis(
      [](Core& core, RedisServer& server) -> Task<void> {
        server.start();
        Door wrong(core, server, "a", 0, [](Options& options) { options.place.password = "guess"; });
        Door a(core, server, "a", 0, [](Options& options) { options.place.password = "secret"; });
        Door other(core, server, "b", 1, [](Options& options) {
          options.place.password = "secret";
          options.place.database = 1;
        });

        co_await a.until_ready();
        co_await other.until_ready();
        co_await wrong.until([&] { return wrong.replica->peers().front().error.starts_with("AUTH: "); });

        CHECK((co_await a.claim("room")).created);
        CHECK((co_await other.claim("room")).created);
      },
      {"--requirepass", "secret"});
}

TEST_CASE("TLS, and nobody else's certificate") {
  if (!RedisServer::is_installed() || std::system("command -v openssl >/dev/null 2>&1") != 0) {
    MESSAGE("skipped: no redis-server, or no openssl");
    return;
  }
  RedisServer plain;
  const auto certificate = [&plain](const std::string& name, const std::string& ip) {
    const std::string file = plain.folder() + "/" + name;
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" + name +
        " -addext subjectAltName=IP:" + ip + " -keyout " + file + ".key -out " + file +
        ".pem >/dev/null 2>&1";
    REQUIRE(std::system(command.c_str()) == 0);
    return file;
  };
  const std::string own = certificate("own", plain.host());
  const std::string other = certificate("other", plain.host());
  const std::string elsewhere = certificate("elsewhere", "192.0.2.1");
  const auto served = [&](const std::string& file, const std::string& ca,
                          std::function<Task<void>(Door&)> body) {
    RedisServer server({"--port", "0", "--tls-port", std::to_string(plain.port()), "--bind", plain.host(),
                        "--tls-cert-file", file + ".pem", "--tls-key-file", file + ".key",
                        "--tls-ca-cert-file", file + ".pem", "--tls-auth-clients", "no"});
    tests::run([&](Core& core) -> Task<void> {
      server.start();
      Door door(core, plain, "a", 0, [&](Options& options) {
        options.place.tls = true;
        options.ca = ca + ".pem";
      });
      co_await body(door);
    });
  };

  served(own, own, [](Door& door) -> Task<void> {
    co_await door.until_ready();
    CHECK((co_await door.claim("room")).created);
  });
  const auto refused = [](Door& door) -> Task<void> {
    co_await door.until([&door] { return door.replica->peers().front().error.starts_with("tls: "); });
    CHECK(!door.replica->status().may_decide);
  };
  served(own, other, refused);
  served(elsewhere, elsewhere, refused);
}

TEST_CASE("sentinels know where the master is, and where it is after a failover") {
  with_redis([](Core& core, RedisServer& first) -> Task<void> {
    // The whole answer as one text; empty: none.
    const auto ask = [&core](const RedisServer& server, std::vector<std::string> words) -> Task<std::string> {
      const auto deadline = Clock::now() + seconds(30);
      Place place{.host = server.host(), .port = server.port()};
      const auto link = co_await Link::open(core, place, nullptr, deadline);
      if (!link) co_return "";
      const auto answer = co_await (*link)->ask(std::move(words), deadline);
      (*link)->close("done");
      if (!answer) co_return "";
      std::string text = answer->text;
      for (const Reply& item : answer->items) {
        text += " " + item.text;
        for (const Reply& inner : item.items) text += " " + inner.text;
      }
      co_return text;
    };
    const auto until = [&ask](const RedisServer& server, std::vector<std::string> words,
                              std::string part) -> Task<void> {
      while ((co_await ask(server, words)).find(part) == std::string::npos) {
      }
    };
    first.start();
    RedisServer second({"--replicaof", first.host() + " " + std::to_string(first.port())});
    second.announce_own_address();
    second.start();
    const std::vector<std::string> replication = {"INFO", "replication"};
    co_await until(second, replication, "master_link_status:up");
    RedisServer sentinel;
    sentinel.start_sentinel(
        "sentinel monitor rooms " + first.host() + " " + std::to_string(first.port()) +
        " 1\nsentinel down-after-milliseconds rooms 500\nsentinel failover-timeout rooms 2000\n");
    const std::vector<std::string> replicas = {"SENTINEL", "replicas", "rooms"};
    co_await until(sentinel, replicas, second.host());
    const auto by_sentinel = [&](Options& options) {
      options.place.port = 1;  // nobody is there
      options.sentinels = {{.host = sentinel.host(), .port = sentinel.port()}};
      options.sentinel_master = "rooms";
      // It may take a while until the sentinel has chosen.
      options.cut_off_after = seconds(60);
      options.claim_timeout = seconds(60);
    };
    Door a(core, first, "a", 0, by_sentinel);
    Door b(core, first, "b", 1, by_sentinel);
    co_await a.until_ready();
    co_await b.until_ready();
    const auto before = co_await a.claim("room");
    const std::vector<std::string> get_room = {"HGET", std::string(kRoomsKey), "room"};
    co_await until(second, get_room, before.home.shard);

    first.kill();
    const auto fresh = co_await b.claim("fresh");

    CHECK(fresh.created);
    CHECK((co_await b.claim("room")).home.shard == before.home.shard);
    CHECK((co_await a.claim("fresh")).home.shard == fresh.home.shard);
    CHECK(a.gate.moves.empty());
    std::vector<std::string> get_fresh = {"HGET", std::string(kRoomsKey), "fresh"};
    CHECK((co_await ask(second, std::move(get_fresh))).find(fresh.home.shard) != std::string::npos);
  });
}

TEST_CASE("sentinels with TLS and a password of their own are asked; a wrong one is told") {
  with_redis([](Core& core, RedisServer& master) -> Task<void> {
    master.start();
    RedisServer sentinel;
    const std::string file = sentinel.folder() + "/own";
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=own -addext "
        "subjectAltName=IP:" +
        sentinel.host() + " -keyout " + file + ".key -out " + file + ".pem >/dev/null 2>&1";
    REQUIRE(std::system(command.c_str()) == 0);
    sentinel.start_sentinel("port 0\ntls-port " + std::to_string(sentinel.port()) + "\ntls-cert-file " +
                            file + ".pem\ntls-key-file " + file + ".key\ntls-ca-cert-file " + file +
                            ".pem\ntls-auth-clients no\nuser rooms on >well-kept +@all ~* &*\n" +
                            "user default off\nsentinel monitor rooms " + master.host() + " " +
                            std::to_string(master.port()) + " 1\n");
    const auto by_sentinel = [&](std::string password, bool tls) {
      return [&, password = std::move(password), tls](Options& options) {
        options.place.port = 1;  // nobody is there
        options.ca = file + ".pem";
        options.sentinels = {{.host = sentinel.host(),
                              .port = sentinel.port(),
                              .tls = tls,
                              .user = "rooms",
                              .password = password}};
        options.sentinel_master = "rooms";
      };
    };

    Door a(core, master, "a", 0, by_sentinel("well-kept", true));
    Door wrong(core, master, "b", 1, by_sentinel("guessed", true));
    Door plain(core, master, "c", 2, by_sentinel("well-kept", false));
    co_await a.until_ready();
    CHECK((co_await a.claim("room")).created);
    const auto error_of = [](const Door& door) { return door.replica->peers().front().error; };
    co_await wrong.until([&] { return error_of(wrong).find("WRONGPASS") != std::string::npos; });
    co_await plain.until([&] { return error_of(plain).starts_with("sentinel "); });

    CHECK_FALSE(wrong.replica->status().may_decide);
    CHECK_FALSE(plain.replica->status().may_decide);
  });
}

namespace {

// That nobody else uses: the server's host is this process's own.
Address free_address(const RedisServer& server) {
  const auto listening = net::open_listener(*Address::from_ip(server.host(), 0), false);
  REQUIRE(listening.ok());
  const auto address = net::bound_address(*listening);
  ::close(*listening);
  REQUIRE(address);
  return *address;
}

// A text of Redis; empty: it has none.
Task<std::string> asked_of(Core& core, const RedisServer& server, std::vector<std::string> words) {
  const auto deadline = Clock::now() + seconds(5);
  Place place{.host = server.host(), .port = server.port()};
  const auto link = co_await Link::open(core, std::move(place), nullptr, deadline);
  if (!link) co_return "";
  const auto answer = co_await (*link)->ask(std::move(words), deadline);
  (*link)->close("done");
  if (!answer) co_return "";
  co_return answer->kind == Reply::Kind::number ? std::to_string(answer->number) : answer->text;
}

mesh::PeersOptions at(const Address& address, std::vector<mesh::Member> members = {}) {
  mesh::PeersOptions peers;
  peers.address = address;
  peers.members = std::move(members);
  peers.allow = *Networks::parse(std::vector<std::string>{"127.0.0.0/8"});
  return peers;
}

}  // namespace

TEST_CASE(
    "a door without Redis claims through another, in its own name, and is vouched for as long as it lives") {
  with_redis([](Core& core, RedisServer& server) -> Task<void> {
    server.start();
    RedisServer nowhere;  // is never started
    const Address near_a = free_address(server);
    const Address near_c = free_address(server);
    const auto quick = [](Options& options) { options.reconnect_grace = options.idle = milliseconds(600); };
    Door a(core, server, "a", 0, quick, at(near_a, {{.name = "c", .addresses = {near_c}}}));
    co_await a.until_ready();
    auto c = std::make_unique<Door>(
        core, nowhere, "c", 1, [](Options& options) { options.cut_off_after = milliseconds(1); },
        at(near_c, {{.name = "a", .addresses = {near_a}}}));
    co_await a.until([&] {
      const auto rows = c->replica->peers();
      return rows.size() == 2 && rows[1].up && rows[1].state == "member";
    });

    const auto known = co_await a.claim("page", Use::page);
    const auto made = co_await c->claim("room");
    const auto page = co_await c->claim("page", Use::page);

    CHECK(made.created);
    CHECK(made.home.shard == "s1");  // as it chose itself
    CHECK(page.home.shard == known.home.shard);
    CHECK(!page.created);
    CHECK(page.home.created > Clock::now() - seconds(60));  // Redis' clock is known, by the member
    CHECK(c->replica->status().asked == 2);
    co_await a.until([&] { return a.gate.home("room") == "s1"; });
    const std::vector<std::string> lease = {"ZSCORE", "{roomgate}:gates", "c/1"};
    const std::vector<std::string> holds = {"SISMEMBER", "{roomgate}:holds:room", "c/1"};
    CHECK(co_await asked_of(core, server, holds) == "1");
    // For longer than it would be held without.
    std::string first = co_await asked_of(core, server, lease);
    while (std::stod(co_await asked_of(core, server, lease)) < std::stod(first) + 1200)
      co_await net::yield(core);
    CHECK(co_await asked_of(core, server, holds) == "1");
    CHECK(a.replica->status().view == std::vector<std::string>{"a"});  // it has no vote

    c.reset();
    co_await a.until([&] { return a.gate.home("room").empty(); });
  });
}

TEST_CASE(
    "doors with an address find each other in Redis, and ask when it is gone from one of them: nobody has "
    "it") {
  with_redis([](Core& core, RedisServer& server) -> Task<void> {
    server.start();
    const auto quick = [](Options& options) { options.cut_off_after = milliseconds(1); };
    Door a(core, server, "a", 0, quick, at(free_address(server)));
    Door b(core, server, "b", 1, quick, at(free_address(server)));
    const auto in_touch = [](const Door& door) {
      const auto rows = door.replica->peers();
      return rows.size() == 2 && rows[1].up && rows[1].state == "member" && rows[1].in_view;
    };
    co_await a.until([&] { return in_touch(a) && in_touch(b); });

    server.kill();
    co_await a.until(
        [&] { return a.replica->peers()[1].state == "cut off" && b.replica->peers()[1].state == "cut off"; });
    a.gate.hash_turn = b.gate.hash_turn = 2;
    const auto at_a = co_await a.claim("room");
    const auto at_b = co_await b.claim("room");

    CHECK(at_a.home.shard == "s2");
    CHECK(at_b.home.shard == "s2");
    CHECK(a.replica->status().asked_in_vain == 1);
    CHECK(a.replica->status().asked == 0);
  });
}

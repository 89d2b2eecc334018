#include "peers-sync/haproxy/beside.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace roomgate;
using namespace roomgate::peers_sync;
using namespace roomgate::peers_sync::haproxy;
using std::chrono::hours;

namespace {

// What the gates know, and a gate's word for keys: lower case, no spaces.
class Gates final : public Feed, public Beside::Listener {
 public:
  struct Home {
    Known known;
    std::uint64_t position = 0;
  };
  std::map<std::string, Home, std::less<>> rooms;
  std::vector<std::string> adopted;
  std::uint64_t last = 0;
  bool knows_all = true;
  bool adopts = true;

  void set(const std::string& key, const std::string& shard, bool ours = true, bool in_use = true) {
    rooms[key] = {{shard, ours, in_use}, ++last};
  }
  void release(const std::string& key) { rooms[key] = {{}, ++last}; }

  void changed_since(std::uint64_t position, const std::function<bool(const Change&)>& visit) const override {
    std::vector<std::pair<std::uint64_t, std::string_view>> order;
    for (const auto& [key, home] : rooms) {
      if (home.position > position) order.emplace_back(home.position, key);
    }
    std::sort(order.begin(), order.end());
    for (const auto& [at, key] : order) {
      const Home& home = rooms.find(key)->second;
      if (!visit({key, home.known.shard, home.known.ours, at})) return;
    }
  }
  std::optional<Known> find(std::string_view key) const override {
    const auto found = rooms.find(key);
    if (found == rooms.end() || found->second.known.shard.empty()) return std::nullopt;
    return found->second.known;
  }
  bool complete() const override { return knows_all; }

  std::optional<std::string> key_of(std::string_view spelling) override {
    std::string key(spelling);
    for (char& c : key) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (key.empty() || key.find(' ') != std::string::npos) return std::nullopt;
    return key;
  }
  void adopt(std::string_view key, std::string_view shard) override {
    adopted.push_back(std::string(key) + " " + std::string(shard));
    if (adopts) set(std::string(key), std::string(shard), true, false);
  }
};

struct Bench {
  Gates gates;
  TimePoint now{hours(1)};
  Beside::Settings settings;
  std::vector<Server> servers{
      {"shard-0", 1, "s1", "10.0.0.1:80"}, {"shard-1", 2, "", "10.0.0.2:80"}, {"shard-2"}};
  Beside beside;

  explicit Bench(Beside::Settings said = {}) : settings(said), beside(settings, servers, gates, gates, now) {}

  void after(Duration time) {
    now += time;
    tick();
  }
  void tick() {
    do {
      beside.tick(now);
    } while (beside.next() <= now);
  }
  // "key id name", of what is pushed behind that position.
  std::vector<std::string> pushed(std::uint64_t behind = 0, bool lesson = false) {
    std::vector<std::string> out;
    while (const auto entry = beside.next(behind, now)) {
      behind = entry->position;
      if (entry->ours || lesson) {
        out.push_back(entry->key + " " + std::to_string(entry->server_id) + " " + entry->server_key);
      }
    }
    return out;
  }
  std::uint64_t end() {
    std::uint64_t behind = 0;
    while (const auto entry = beside.next(behind, now)) behind = entry->position;
    return behind;
  }
  void learn(std::string_view key, std::string_view name, std::int64_t id = 1) {
    beside.learn({.peer = "hap", .table = "jitsi-meet", .key = key, .server_id = id, .server_key = name},
                 now);
    tick();
  }
};

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("rooms are told in the order of their changes, under the servers that HAProxy knows") {
  Bench bench;
  bench.gates.set("a", "shard-0");
  bench.gates.set("b", "shard-1");
  bench.gates.set("c", "shard-2");
  bench.tick();

  CHECK(bench.beside.take_news());
  CHECK(!bench.beside.take_news());
  CHECK(bench.pushed() == Strings{"a 1 s1", "b 2 shard-1"});

  const auto end = bench.end();
  bench.gates.set("a", "shard-1");
  bench.tick();

  CHECK(bench.pushed(end) == Strings{"a 2 shard-1"});
  CHECK(bench.pushed() == Strings{"b 2 shard-1", "a 2 shard-1"});
}

TEST_CASE("what another gate speaks for is told in lessons only") {
  Bench bench;
  bench.gates.set("a", "shard-0", false);
  bench.tick();

  CHECK(bench.pushed().empty());
  CHECK(bench.pushed(0, true) == Strings{"a 1 s1"});

  bench.gates.set("a", "shard-0", true);
  bench.tick();

  CHECK(bench.pushed() == Strings{"a 1 s1"});
}

TEST_CASE("an unknown room is adopted and not pushed back, a known one stays where it is") {
  Bench bench;
  bench.gates.set("known", "shard-1");
  bench.tick();
  const auto end = bench.end();

  bench.learn("new", "s1");
  bench.learn("known", "shard-1", 2);
  bench.learn("known", "s1");

  CHECK(bench.gates.adopted == Strings{"new shard-0"});
  CHECK(bench.gates.find("known")->shard == "shard-1");
  CHECK(bench.pushed(end) == Strings{"known 2 shard-1"});
  CHECK(bench.beside.counters().adopted == 1);
  CHECK(bench.beside.counters().refused == 1);
  CHECK(bench.beside.counters().said_again == 1);
}

TEST_CASE("only the gate that speaks for a room contradicts") {
  Bench bench;
  bench.gates.set("a", "shard-1", false);
  bench.tick();
  const auto end = bench.end();

  bench.learn("a", "s1");

  CHECK(bench.pushed(end).empty());
  CHECK(bench.beside.counters().refused == 1);
}

TEST_CASE("a HAProxy that insists is contradicted three times in ten seconds, then somebody is told") {
  Bench bench;
  bench.gates.set("a", "shard-1");
  bench.tick();

  for (int i = 0; i < 8; ++i) bench.learn("a", "s1");

  CHECK(bench.beside.counters().refused == 8);
  CHECK(bench.beside.counters().said_again == 3);
  CHECK(bench.beside.counters().alarms == 1);

  const auto end = bench.end();
  bench.after(seconds(9));
  CHECK(bench.pushed(end).empty());
  bench.after(seconds(2));
  CHECK(bench.pushed(end) == Strings{"a 2 shard-1"});

  for (int i = 0; i < 8; ++i) bench.learn("a", "s1");
  CHECK(bench.beside.counters().said_again == 6);
  CHECK(bench.beside.counters().alarms == 2);
}

TEST_CASE("rooms in use are said again every third of their time, others are not") {
  Bench bench({.expire = seconds(30)});
  bench.gates.set("used", "shard-0");
  bench.gates.set("idle", "shard-0", true, false);
  bench.gates.set("another's", "shard-0", false);
  bench.tick();
  const auto end = bench.end();

  bench.after(seconds(9));
  CHECK(bench.pushed(end).empty());
  bench.after(seconds(1));
  CHECK(bench.pushed(end) == Strings{"used 1 s1"});
  CHECK(bench.beside.take_news());

  // HAProxy's own word for it counts as well.
  const auto then = bench.end();
  bench.after(seconds(9));
  bench.learn("used", "s1");
  bench.after(seconds(9));
  CHECK(bench.pushed(then).empty());
}

TEST_CASE("an entry says how long it has to live") {
  Bench bench({.expire = seconds(30)});
  bench.gates.set("a", "shard-0", true, false);
  bench.tick();
  bench.after(seconds(12));

  CHECK(bench.beside.next(0, bench.now)->remaining == seconds(18));
}

TEST_CASE("a room is told under every spelling that was seen, four at most") {
  Bench bench;
  bench.gates.set("room", "shard-0");
  bench.beside.spelled("room", "Room", bench.now);
  bench.tick();
  bench.learn("ROOM", "s1");
  bench.beside.spelled("room", "rOom", bench.now);
  bench.beside.spelled("room", "roOm", bench.now);

  CHECK(bench.pushed(0, true) == Strings{"room 1 s1", "Room 1 s1", "ROOM 1 s1", "rOom 1 s1"});
  // HAProxy has this one from itself.
  CHECK(bench.pushed() == Strings{"room 1 s1", "Room 1 s1", "rOom 1 s1"});

  const auto end = bench.end();
  bench.gates.set("room", "shard-1");
  bench.tick();
  CHECK(bench.pushed(end).size() == 4);
}

TEST_CASE("a spelling that HAProxy adopted a room under is the one it is told about") {
  Bench bench;
  bench.learn("BigRoom", "s1");

  CHECK(bench.gates.adopted == Strings{"bigroom shard-0"});
  CHECK(bench.pushed() == Strings{"bigroom 1 s1"});
  CHECK(bench.pushed(0, true) == Strings{"bigroom 1 s1", "BigRoom 1 s1"});
}

TEST_CASE("keys have HAProxy's form, are cut as it cuts them, and hold no NUL") {
  Bench rooms({.key_length = 8});
  Bench both({.form = KeyForm::tenant_and_room});
  Bench off({.form = KeyForm::off});
  for (Bench* bench : {&rooms, &both, &off}) {
    bench->gates.set("tenant/meeting-point", "shard-0");
    bench->gates.set(std::string("nul\0tail", 8), "shard-0");
    bench->tick();
  }

  CHECK(rooms.pushed() == Strings{"meeting- 1 s1", "nul 1 s1"});
  CHECK(both.pushed() == Strings{"tenant/meeting-point 1 s1", "nul 1 s1"});
  CHECK(off.pushed().empty());
  CHECK(!off.beside.wants("jitsi-meet", 6, 129));
  CHECK(!off.beside.wants_lesson("hap", off.now));
}

TEST_CASE("keys that were cut, or may be any tenant's, are hints and nothing else") {
  Bench bench({.key_length = 8});
  bench.gates.set("school/maths", "shard-1");
  bench.tick();
  const auto end = bench.end();

  bench.learn("longroom", "s1");
  bench.learn("maths", "s1");

  CHECK(bench.gates.adopted.empty());
  CHECK(bench.pushed(end).empty());
  CHECK(bench.beside.hint("longroom-and-more", bench.now) == "shard-0");
  CHECK(bench.beside.hint("other/maths", bench.now) == "shard-0");
  CHECK(!bench.beside.hint("else", bench.now));
  CHECK(bench.beside.counters().hints == 2);

  bench.gates.release("school/maths");
  bench.tick();
  bench.learn("maths", "s1");
  CHECK(bench.gates.adopted == Strings{"maths shard-0"});
}

TEST_CASE("a released room is not told any more, but HAProxy still looks for it there") {
  Bench bench({.expire = seconds(60)});
  bench.gates.set("a", "shard-1");
  bench.tick();
  bench.gates.release("a");
  bench.tick();

  CHECK(bench.pushed(0, true).empty());
  CHECK(bench.beside.hint("a", bench.now) == "shard-1");
  bench.after(seconds(61));
  CHECK(!bench.beside.hint("a", bench.now));
}

TEST_CASE(
    "a server is found by its name, by its address where that is the key, by its id where there is none") {
  const std::vector<Server> all{
      {"shard-0", 1, "s1", "10.0.0.1:80"}, {"shard-1", 2, "", "10.0.0.2:80"}, {"shard-2", 0, "s3"}};
  const Servers names(false, all);
  const Servers addresses(true, all);

  CHECK(names.shard_of(2, "s1") == "shard-0");
  CHECK(names.shard_of(1, "shard-1") == "shard-1");
  CHECK(names.shard_of(9, "s3") == "shard-2");
  CHECK(names.shard_of(2, "") == "shard-1");
  CHECK(names.shard_of(1, "unknown").empty());
  CHECK(names.shard_of(0, "").empty());
  CHECK(addresses.shard_of(1, "10.0.0.2:80") == "shard-1");
  CHECK(*names.spoken("shard-1") == Servers::Spoken{2, "shard-1"});
  CHECK(*addresses.spoken("shard-0") == Servers::Spoken{1, "10.0.0.1:80"});
  CHECK(names.spoken("shard-2") == nullptr);
  CHECK(addresses.spoken("shard-2") == nullptr);
}

TEST_CASE("an unknown server or an unusable key changes nothing and is counted") {
  Bench bench;

  bench.learn("a", "nobody");
  bench.learn("not a room", "s1");
  bench.learn("", "s1");

  CHECK(bench.gates.adopted.empty());
  CHECK(bench.beside.counters().unknown_servers == 1);
  CHECK(bench.beside.counters().unusable_keys == 2);
}

TEST_CASE("a reload says again what has another server now, and under another form everything") {
  Bench bench;
  bench.gates.set("t/a", "shard-0");
  bench.gates.set("t/b", "shard-2");
  bench.tick();
  auto end = bench.end();

  bench.servers[0].id = 7;
  bench.servers[2].id = 3;
  bench.beside.set(bench.settings, bench.servers, bench.now);
  auto said = bench.pushed(end);
  std::sort(said.begin(), said.end());
  CHECK(said == Strings{"a 7 s1", "b 3 shard-2"});

  end = bench.end();
  bench.settings.form = KeyForm::tenant_and_room;
  bench.beside.set(bench.settings, bench.servers, bench.now);
  CHECK(bench.pushed(end) == Strings{"t/a 7 s1", "t/b 3 shard-2"});
  CHECK(bench.pushed() == bench.pushed(end));
}

TEST_CASE("a feed that begins again is read from its beginning, and what it does not know is not told") {
  Bench bench;
  for (const char* room : {"a", "b", "c"}) bench.gates.set(room, "shard-0");
  bench.tick();
  const auto end = bench.end();

  bench.gates.rooms.clear();
  bench.gates.last = 0;
  bench.gates.set("b", "shard-1");
  bench.beside.begin_again(bench.now);

  CHECK(bench.pushed(0, true) == Strings{"b 2 shard-1"});
  CHECK(bench.pushed(end) == Strings{"b 2 shard-1"});
}

TEST_CASE("as long as no shard has an id nothing is told, but HAProxy is learned from") {
  Bench bench;
  bench.gates.set("a", "shard-0");
  const auto with_ids = bench.servers;
  for (Server& server : bench.servers) server.id = 0;
  bench.beside.set(bench.settings, bench.servers, bench.now);
  CHECK(bench.beside.wants("jitsi-meet", 6, 129));

  bench.learn("new", "s1", 0);
  CHECK(bench.gates.adopted == Strings{"new shard-0"});
  CHECK(bench.pushed(0, true).empty());

  bench.beside.set(bench.settings, with_ids, bench.now);
  CHECK(bench.pushed(0, true) == Strings{"a 1 s1", "new 1 s1"});
  bench.beside.set(bench.settings, bench.servers, bench.now);
  CHECK(bench.pushed(0, true).empty());
}

TEST_CASE("only a table like ours is listened to") {
  Bench bench;

  CHECK(bench.beside.wants("jitsi-meet", 6, 129));
  CHECK(!bench.beside.wants("jitsi-meet", 6, 128));
  CHECK(!bench.beside.wants("jitsi-meet", 7, 129));
  CHECK(!bench.beside.wants("another", 6, 129));
  const auto table = bench.beside.definition();
  CHECK(table.name == "jitsi-meet");
  CHECK(table.key_length == 129);
  CHECK(table.expire == 86'400'000U);
}

TEST_CASE("one HAProxy at a time is asked, the next one where it did not know everything") {
  Bench bench;

  CHECK(bench.beside.wants_lesson("one", bench.now));
  CHECK(!bench.beside.wants_lesson("two", bench.now));
  CHECK(!bench.beside.up_to_date(bench.now + hours(1)));

  bench.beside.lesson_over("one", false, bench.now);
  CHECK(!bench.beside.wants_lesson("one", bench.now));
  CHECK(bench.beside.wants_lesson("two", bench.now));
  bench.beside.lesson_over("two", true, bench.now);

  CHECK(bench.beside.up_to_date(bench.now));
  CHECK(!bench.beside.wants_lesson("one", bench.now + hours(1)));
}

TEST_CASE("with nobody to ask the table counts as complete after five seconds, when the gates' is") {
  Bench bench;

  CHECK(!bench.beside.up_to_date(bench.now + seconds(4)));
  CHECK(bench.beside.up_to_date(bench.now + seconds(5)));
  bench.gates.knows_all = false;
  CHECK(!bench.beside.up_to_date(bench.now + seconds(5)));
  CHECK(bench.beside.learned(bench.now + seconds(5)));

  // One that comes later is asked, and may take its time.
  CHECK(bench.beside.wants_lesson("late", bench.now + seconds(9)));
  CHECK(bench.beside.learned(bench.now + seconds(9)));
}

TEST_CASE("nobody who says unasked that its lesson was complete ends ours") {
  Bench bench;

  bench.beside.lesson_over("anybody", true, bench.now);

  CHECK(!bench.beside.learned(bench.now));
  CHECK(bench.beside.wants_lesson("hap", bench.now));
}

TEST_CASE("a lesson of a hundred thousand rooms is taken whole") {
  Bench bench;
  for (int i = 0; i < 100'000; ++i) {
    bench.beside.learn({.peer = "hap",
                        .table = "jitsi-meet",
                        .key = "room-" + std::to_string(i),
                        .server_id = 1,
                        .server_key = "s1",
                        .lesson = true},
                       bench.now);
    if (i % 2'000 == 0) bench.tick();
  }
  bench.tick();

  CHECK(bench.gates.adopted.size() == 100'000);
  CHECK(bench.pushed().empty());
  CHECK(bench.pushed(0, true).size() == 100'000);
}

#include "router/discovery/discoverer.hpp"

#include <doctest/doctest.h>

#include "tests/support/dns_server.hpp"

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::discovery;
using namespace roomgate::tests;
using directory::DiscoverBlock;
using directory::Endpoint;
using net::Core;
using net::Task;

namespace {

constexpr const char* kName = "_http._tcp.web.example";
constexpr Limits kQuick{.least = milliseconds(10), .after_trouble = milliseconds(20)};

// A discoverer on a core of its own; what it has found is waited for.
class Bench {
 public:
  explicit Bench(DnsServer& server)
      : options{.servers = {server.address()}, .timeout = milliseconds(100), .tries = 2} {}

  void run(const std::function<Task<void>(Bench&)>& body) {
    const auto whole = [](Bench& on, const std::function<Task<void>(Bench&)>& work) -> Task<void> {
      co_await work(on);
      on.core.stop();
    };
    core.post([&] { core.spawn(whole(*this, body)); });
    core.run();
  }

  // Until `holds`, looked at whenever something may have happened.
  Task<void> until(std::function<bool()> holds) {
    while (!holds()) co_await net::sleep_for(core, milliseconds(5));
  }

  Core core{0};
  Metrics metrics;
  dns::Options options;
  std::map<std::string, std::vector<Endpoint>> found;
  std::size_t told = 0;
  Discoverer discoverer{core, metrics,
                        [this](const std::string& question, const std::vector<Endpoint>& endpoints) {
                          found[question] = endpoints;
                          ++told;
                        },
                        kQuick};

  double stale() { return metrics.discovery_stale.with({kName}).value(); }
  std::uint64_t answers(std::string_view result) {
    return metrics.discovery_answers.with({kName, result}).value();
  }
};

void offer(DnsZone& zone, const std::vector<std::pair<std::string, std::string>>& shards) {
  std::vector<DnsRecord> records;
  for (const auto& [name, ip] : shards) {
    records.push_back(srv_record(kName, 0, 0, 8080, name + ".example", 0));
    zone.set(name + ".example", kDnsA, {address_record(name + ".example", ip, 0)});
  }
  zone.set(kName, kDnsSrv, records);
}
const DiscoverBlock kBlock{.srv = kName, .refresh = milliseconds(20)};

}  // namespace

TEST_CASE("shards are found, and told about again only when they change") {
  DnsZone zone;
  offer(zone, {{"shard-1", "10.0.0.1"}, {"shard-2", "10.0.0.2"}});
  DnsServer server(std::ref(zone));
  Bench bench(server);

  bench.run([&](Bench& b) -> Task<void> {
    b.discoverer.set_blocks({kBlock}, b.options);
    co_await b.until([&] { return b.answers("ok") >= 1; });
    CHECK(b.found[kName] ==
          std::vector<Endpoint>{{"shard-1", "10.0.0.1:8080", {}}, {"shard-2", "10.0.0.2:8080", {}}});
    offer(zone, {{"shard-2", "10.0.0.2"}, {"shard-1", "10.0.0.1"}});
    const auto before = b.answers("ok");
    co_await b.until([&] { return b.answers("ok") >= before + 2; });
    CHECK(b.told == 1);
    offer(zone, {{"shard-1", "10.0.0.9"}, {"shard-3", "10.0.0.3"}});
    co_await b.until([&] { return b.found[kName].front().address == "10.0.0.9:8080"; });
    CHECK(b.found[kName].back().name == "shard-3");
  });
}

TEST_CASE("a server that has nothing to say, or does not answer, takes nothing away and is an alarm") {
  DnsZone zone;
  offer(zone, {{"shard-1", "10.0.0.1"}});
  DnsServer server(std::ref(zone));
  Bench bench(server);

  bench.run([&](Bench& b) -> Task<void> {
    b.discoverer.set_blocks({kBlock}, b.options);
    co_await b.until([&] { return b.answers("ok") >= 1; });
    CHECK(b.stale() == 0);

    zone.remove(kName);
    co_await b.until([&] { return b.answers("empty") >= 1; });
    CHECK(b.stale() == 1);
    CHECK(b.discoverer.rows().front().state == State::stale);
    CHECK(b.discoverer.rows().front().error == "no such name");

    zone.fail_with(2);
    co_await b.until([&] { return b.answers("failed") >= 1; });
    CHECK(b.stale() == 1);

    zone.fail_with(0);
    offer(zone, {{"shard-1", "10.0.0.1"}});
    const auto before = b.answers("ok");
    co_await b.until([&] { return b.answers("ok") > before; });
    CHECK(b.stale() == 0);
    CHECK(b.told == 1);
    const auto rows = b.discoverer.rows();
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].state == State::ok);
    CHECK(rows[0].shards == 1);
    CHECK(rows[0].since_good.has_value());
  });
}

TEST_CASE(
    "whoever waits for the first answers goes on when every block has one, or there is nothing to ask") {
  DnsZone zone;
  zone.fail_with(2);
  DnsServer server(std::ref(zone));
  Bench bench(server);

  bench.run([&](Bench& b) -> Task<void> {
    b.discoverer.set_blocks({kBlock}, b.options);
    co_await b.until([&] { return b.answers("failed") >= 1; });
    const bool before = co_await b.discoverer.all_answered(Clock::now());
    CHECK_FALSE(before);
    zone.fail_with(0);
    const bool after = co_await b.discoverer.all_answered(Clock::now() + seconds(60));
    CHECK(after);
    CHECK(b.answers("empty") >= 1);

    Discoverer idle(b.core, b.metrics, [](const auto&, const auto&) {});
    idle.set_blocks({}, b.options);
    const bool at_once = co_await idle.all_answered(Clock::now());
    CHECK(at_once);
  });
}

TEST_CASE("a hundred targets are all resolved") {
  DnsZone zone;
  std::vector<std::pair<std::string, std::string>> many;
  for (int i = 0; i < 100; ++i)
    many.emplace_back("shard-" + std::to_string(i), "10.0.1." + std::to_string(i));
  offer(zone, many);
  DnsServer server(std::ref(zone));
  Bench bench(server);
  bench.options.timeout = seconds(20);

  bench.run([&](Bench& b) -> Task<void> {
    b.discoverer.set_blocks({kBlock}, b.options);
    co_await b.until([&] { return b.answers("ok") + b.answers("partial") >= 1; });
    CHECK(b.found[kName].size() == 100);
  });
}

TEST_CASE("a host's addresses are shards where the settings say so") {
  DnsZone zone;
  zone.set("web.example", kDnsA,
           {address_record("web.example", "10.0.0.1", 0), address_record("web.example", "10.0.0.2", 0)});
  DnsServer server(std::ref(zone));
  Bench bench(server);
  const DiscoverBlock block{.host = "web.example",
                            .port = 80,
                            .name_from = directory::NameFrom::announced,
                            .refresh = milliseconds(20)};

  bench.run([&](Bench& b) -> Task<void> {
    b.discoverer.set_blocks({block}, b.options);
    co_await b.until([&] { return b.told >= 1; });
    CHECK(b.found["web.example:80"] ==
          std::vector<Endpoint>{{"", "10.0.0.1:80", {}}, {"", "10.0.0.2:80", {}}});
  });
}

TEST_CASE("new settings: blocks that stay go on, others begin, those that are gone are not asked for") {
  DnsZone zone;
  offer(zone, {{"shard-1", "10.0.0.1"}});
  zone.set("web.example", kDnsA, {address_record("web.example", "10.0.0.5", 0)});
  DnsServer server(std::ref(zone));
  Bench bench(server);
  const DiscoverBlock other{.host = "web.example",
                            .port = 80,
                            .name_from = directory::NameFrom::address,
                            .refresh = milliseconds(20)};

  bench.run([&](Bench& b) -> Task<void> {
    b.discoverer.set_blocks({kBlock}, b.options);
    co_await b.until([&] { return b.told == 1; });
    DiscoverBlock elsewhere = kBlock;
    elsewhere.kind.region = "eu";
    b.discoverer.set_blocks({elsewhere, other}, b.options);
    CHECK(b.discoverer.rows().size() == 2);
    CHECK(b.discoverer.rows()[0].state == State::ok);
    co_await b.until([&] { return b.told == 2; });
    CHECK(b.found["web.example:80"].size() == 1);

    b.discoverer.set_blocks({other}, b.options);
    const auto before = b.answers("ok");
    const auto answered = [&b] { return b.metrics.discovery_answers.with({"web.example:80", "ok"}).value(); };
    const auto others_before = answered();
    co_await b.until([&] { return answered() >= others_before + 2; });
    CHECK(b.answers("ok") == before);
    CHECK(b.discoverer.rows().size() == 1);
    CHECK(b.told == 2);
  });
}

TEST_CASE("a discoverer may go while its questions are open") {
  DnsServer silent([](const DnsQuery&) { return std::vector<std::string>{}; });
  Core core(0);
  Metrics metrics;
  std::size_t told = 0;
  auto discoverer =
      std::make_unique<Discoverer>(core, metrics, [&told](const auto&, const auto&) { ++told; });
  core.post([&] {
    discoverer->set_blocks({kBlock}, {.servers = {silent.address()}, .timeout = seconds(20)});
    discoverer.reset();
    core.stop();
  });

  core.run();

  CHECK(told == 0);
}

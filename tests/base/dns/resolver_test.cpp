#include "base/dns/resolver.hpp"

#include <doctest/doctest.h>

#include <atomic>

#include "base/net/sleep.hpp"
#include "tests/support/dns_server.hpp"
#include "tests/support/on_core.hpp"

using namespace roomgate;
using namespace roomgate::dns;
using namespace roomgate::tests;
using net::Core;
using net::Task;
using roomgate::tests::run;

namespace {

constexpr const char* kName = "_http._tcp.web.example";

Options asking(const DnsServer& server) { return {.servers = {server.address()}, .timeout = seconds(20)}; }
Options impatient(const DnsServer& server) {
  return {.servers = {server.address()}, .timeout = milliseconds(20), .tries = 2};
}

Result<SrvAnswer, DnsError> ask_srv(const Options& options, const std::string& name) {
  Result<SrvAnswer, DnsError> answer = fail(DnsError::busy);
  run([&](Core& core) -> Task<void> {
    Resolver resolver(core, options);
    answer = co_await resolver.srv(name);
  });
  return answer;
}
Result<HostAnswer, DnsError> ask_host(const Options& options, const std::string& host) {
  Result<HostAnswer, DnsError> answer = fail(DnsError::busy);
  run([&](Core& core) -> Task<void> {
    Resolver resolver(core, options);
    answer = co_await resolver.addresses(host);
  });
  return answer;
}
template <class Answer>
DnsError error_of(const Result<Answer, DnsError>& answer) {
  REQUIRE_FALSE(answer.ok());
  return answer.error();
}
std::vector<std::string> ips(const HostAnswer& answer) {
  std::vector<std::string> out;
  for (const Address& address : answer.addresses) out.push_back(address.ip());
  return out;
}

}  // namespace

TEST_CASE("SRV records come with their TTL") {
  DnsZone zone;
  zone.set(kName, kDnsSrv, {srv_record(kName, 0, 3, 8080, "shard-1.example", 17)});
  const DnsServer server(std::ref(zone));

  const auto answer = ask_srv(asking(server), kName);

  REQUIRE(answer.ok());
  CHECK(answer->records == std::vector<SrvRecord>{{0, 3, 8080, "shard-1.example"}});
  CHECK(answer->ttl == seconds(17));
}

TEST_CASE("a host's addresses of both kinds come together, sorted, with the smallest TTL") {
  DnsZone zone;
  zone.set("web.example", kDnsA,
           {address_record("web.example", "10.0.0.2", 9), address_record("web.example", "10.0.0.1", 9)});
  zone.set("web.example", kDnsAaaa, {address_record("web.example", "2001:db8::1", 5)});
  const DnsServer server(std::ref(zone));

  const auto answer = ask_host(asking(server), "web.example");

  REQUIRE(answer.ok());
  CHECK(ips(*answer) == std::vector<std::string>{"10.0.0.1", "10.0.0.2", "2001:db8::1"});
  CHECK(answer->ttl == seconds(5));
  CHECK(answer->whole);
}

TEST_CASE("addresses of one kind are a whole answer when the server says there are none of the other") {
  DnsZone zone;
  zone.set("web.example", kDnsA, {address_record("web.example", "10.0.0.1")});
  const DnsServer server(std::ref(zone));

  const auto answer = ask_host(asking(server), "web.example");

  REQUIRE(answer.ok());
  CHECK(answer->whole);
}

TEST_CASE("addresses of one kind are not a whole answer when the other's question failed") {
  DnsZone zone;
  zone.set("web.example", kDnsA, {address_record("web.example", "10.0.0.1")});
  zone.fail_with(2, kDnsAaaa);
  const DnsServer server(std::ref(zone));

  const auto answer = ask_host(impatient(server), "web.example");

  REQUIRE(answer.ok());
  CHECK_FALSE(answer->whole);
  CHECK(ips(*answer) == std::vector<std::string>{"10.0.0.1"});
}

TEST_CASE("an alias leads to addresses, and its TTL counts") {
  const DnsServer server([](const DnsQuery& query) -> std::vector<std::string> {
    std::vector<DnsRecord> records{cname_record("web.example", "real.example", 3)};
    if (query.type == kDnsA) records.push_back(address_record("real.example", "10.0.0.1", 60));
    return {query.answer(records).bytes()};
  });

  const auto answer = ask_host(asking(server), "web.example");

  REQUIRE(answer.ok());
  CHECK(ips(*answer) == std::vector<std::string>{"10.0.0.1"});
  CHECK(answer->ttl == seconds(3));
}

TEST_CASE("an address in text is its own answer, and nobody is asked") {
  std::atomic<int> asked{0};
  const DnsServer server([&asked](const DnsQuery&) {
    ++asked;
    return std::vector<std::string>{};
  });

  const auto answer = ask_host(asking(server), "2001:db8::7");

  REQUIRE(answer.ok());
  CHECK(ips(*answer) == std::vector<std::string>{"2001:db8::7"});
  CHECK(asked == 0);
}

TEST_CASE("an answer that does not fit a datagram is asked for again over TCP") {
  std::atomic<int> over_tcp{0};
  const DnsServer server([&over_tcp](const DnsQuery& query) -> std::vector<std::string> {
    std::vector<DnsRecord> records;
    for (int i = 0; i < 500; ++i) {
      records.push_back(srv_record(kName, 0, 0, 8080, "shard-" + std::to_string(i) + ".example"));
    }
    DnsMessage whole = query.answer(records);
    if (query.tcp) {
      ++over_tcp;
      return {whole.bytes()};
    }
    whole.flags |= 0x0200;
    whole.answers.resize(3);
    return {whole.bytes()};
  });

  const auto answer = ask_srv(asking(server), kName);

  REQUIRE(answer.ok());
  CHECK(answer->records.size() == 500);
  CHECK(over_tcp == 1);
}

TEST_CASE("questions over one TCP connection at a time are all answered") {
  const DnsServer server([](const DnsQuery& query) -> std::vector<std::string> {
    DnsMessage whole = query.answer({srv_record(query.name, 0, 0, 80, "shard.example")});
    if (!query.tcp) {
      whole.flags |= 0x0200;
      whole.answers.clear();
    }
    return {whole.bytes()};
  });
  std::size_t answered = 0;

  run([&](Core& core) -> Task<void> {
    Resolver resolver(core, asking(server));
    net::Event all(core);
    const auto ask = [](Resolver& of, std::string name, std::size_t& count, net::Event& done) -> Task<void> {
      const auto answer = co_await of.srv(std::move(name));
      CHECK(answer.ok());
      if (++count == 40) done.set();
    };
    for (int i = 0; i < 40; ++i) core.spawn(ask(resolver, "_x._tcp.n" + std::to_string(i), answered, all));
    (void)co_await all.wait(Clock::now() + seconds(60));
  });

  CHECK(answered == 40);
}

TEST_CASE("no such name and no such records are told apart, and both mean that there is nothing") {
  DnsZone zone;
  zone.set(kName, kDnsA, {address_record(kName, "10.0.0.1")});
  const DnsServer server(std::ref(zone));

  const DnsError empty = error_of(ask_srv(asking(server), kName));
  const DnsError missing = error_of(ask_srv(asking(server), "_http._tcp.other.example"));
  const DnsError no_host = error_of(ask_host(asking(server), "other.example"));

  CHECK(empty == DnsError::no_data);
  CHECK(missing == DnsError::no_such_name);
  CHECK(no_host == DnsError::no_such_name);
  CHECK((means_none(empty) && means_none(missing)));
}

TEST_CASE("a server that fails, refuses or is silent says nothing about what is there") {
  DnsZone zone;
  const DnsServer server(std::ref(zone));
  const DnsServer silent([](const DnsQuery&) { return std::vector<std::string>{}; });

  zone.fail_with(2);
  const DnsError failing = error_of(ask_srv(impatient(server), kName));
  zone.fail_with(5);
  const DnsError refusing = error_of(ask_host(impatient(server), "web.example"));
  const DnsError nothing = error_of(ask_srv(impatient(silent), kName));

  for (const DnsError error : {failing, refusing, nothing}) CHECK_FALSE(means_none(error));
  CHECK(nothing == DnsError::timed_out);
}

TEST_CASE("nobody at the server's address") {
  std::string address;
  {
    const DnsServer server([](const DnsQuery&) { return std::vector<std::string>{}; });
    address = server.address();
  }

  const DnsError error =
      error_of(ask_srv({.servers = {address}, .timeout = milliseconds(20), .tries = 1}, kName));

  CHECK_FALSE(means_none(error));
}

TEST_CASE("the next server is asked when the first does not answer") {
  DnsZone zone;
  zone.set(kName, kDnsSrv, {srv_record(kName, 0, 0, 80, "shard-1.example")});
  const DnsServer server(std::ref(zone));
  const DnsServer silent([](const DnsQuery&) { return std::vector<std::string>{}; });

  const auto answer = ask_srv(
      {.servers = {silent.address(), server.address()}, .timeout = milliseconds(50), .tries = 8}, kName);

  CHECK(answer.ok());
}

TEST_CASE("a server that comes back is asked as before") {
  DnsZone zone;
  zone.set(kName, kDnsSrv, {srv_record(kName, 0, 0, 80, "shard-1.example")});
  std::atomic<bool> silent{true};
  const DnsServer server(
      [&](const DnsQuery& query) { return silent ? std::vector<std::string>{} : zone(query); });

  run([&](Core& core) -> Task<void> {
    Resolver resolver(core, impatient(server));
    const auto before = co_await resolver.srv(kName);
    silent = false;
    auto after = co_await resolver.srv(kName);
    // The machine may be slow to answer within such a timeout.
    while (!after && after.error() == DnsError::timed_out) after = co_await resolver.srv(kName);

    CHECK(error_of(before) == DnsError::timed_out);
    CHECK(after.ok());
  });
}

TEST_CASE("answers with another id, to another question, or of garbage are not taken") {
  const DnsServer server([](const DnsQuery& query) -> std::vector<std::string> {
    DnsMessage forged = query.answer({srv_record(kName, 0, 0, 80, "forged.example")});
    DnsMessage other = forged;
    forged.id = static_cast<std::uint16_t>(forged.id + 1);
    other.name = "_http._tcp.other.example";
    const DnsMessage right = query.answer({srv_record(kName, 0, 0, 80, "right.example")});
    return {"garbage", std::string(600, '\xff'), forged.bytes(), other.bytes(), right.bytes()};
  });

  const auto answer = ask_srv(asking(server), kName);

  REQUIRE(answer.ok());
  CHECK(answer->records[0].target == "right.example");
}

TEST_CASE("an answer that cannot be read is an error, not an empty set") {
  const DnsServer server([](const DnsQuery& query) -> std::vector<std::string> {
    std::string bytes = query.answer({srv_record(kName, 0, 0, 80, "shard-1.example")}).bytes();
    bytes[bytes.size() - 9] = '\x3f';  // a label that is longer than the message
    return {bytes};
  });

  CHECK(error_of(ask_srv(impatient(server), kName)) == DnsError::malformed);
}

TEST_CASE("what is no name is not asked for") {
  const DnsServer server([](const DnsQuery&) { return std::vector<std::string>{}; });

  CHECK(error_of(ask_srv(asking(server), std::string(70, 'a') + ".example")) == DnsError::bad_name);
  CHECK(error_of(ask_srv(asking(server), "a..b")) == DnsError::bad_name);
}

TEST_CASE("more open questions than allowed are refused at once") {
  const DnsServer silent([](const DnsQuery&) { return std::vector<std::string>{}; });

  run([&](Core& core) -> Task<void> {
    Resolver resolver(core, asking(silent), {.open_questions = 1});
    const auto ask = [](Resolver& of) -> Task<void> { (void)co_await of.srv(kName); };
    core.spawn(ask(resolver));

    const auto second = co_await resolver.srv(kName);

    CHECK(error_of(second) == DnsError::busy);
  });
}

TEST_CASE("a question that is open when the resolver goes ends with cancelled") {
  const DnsServer silent([](const DnsQuery&) { return std::vector<std::string>{}; });
  std::optional<DnsError> error;

  run([&](Core& core) -> Task<void> {
    auto resolver = std::make_unique<Resolver>(core, asking(silent));
    net::Event ended(core);
    const auto ask = [](Resolver& of, std::optional<DnsError>& into, net::Event& done) -> Task<void> {
      const auto answer = co_await of.addresses("web.example");
      if (!answer) into = answer.error();
      done.set();
    };
    core.spawn(ask(*resolver, error, ended));
    resolver.reset();
    (void)co_await ended.wait(Clock::now() + seconds(60));
  });

  CHECK(error == DnsError::cancelled);
}

TEST_CASE("a core may end, with a resolver on it that has open questions") {
  const DnsServer silent([](const DnsQuery&) { return std::vector<std::string>{}; });
  Core core(0);
  Resolver resolver(core, asking(silent));
  const auto ask = [](Resolver& of) -> Task<void> { (void)co_await of.srv(kName); };
  core.post([&] {
    core.spawn(ask(resolver));
    core.stop();
  });

  core.run();
  core.end_coroutines();

  CHECK(resolver.deadline() > Duration::zero());
}

#include "peers-sync/mesh/seeker.hpp"

#include <doctest/doctest.h>

#include "tests/support/dns_server.hpp"
#include "tests/support/on_core.hpp"
#include "tests/support/until.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync::mesh;
using namespace roomgate::tests;
using net::Core;
using net::Task;

namespace {

constexpr const char* kName = "_peers._tcp.web.example";

Address at(std::string_view text) { return *Address::parse(text); }

dns::HostAnswer host(std::initializer_list<const char*> ips) {
  dns::HostAnswer answer;
  for (const char* ip : ips) answer.addresses.push_back(*Address::from_ip(ip, 0));
  return answer;
}

void offer(DnsZone& zone, const std::vector<std::pair<std::string, std::string>>& gates) {
  std::vector<DnsRecord> records;
  for (const auto& [name, ip] : gates) {
    records.push_back(srv_record(kName, 0, 0, 1024, name + ".example", 0));
    zone.set(name + ".example", kDnsA, {address_record(name + ".example", ip, 0)});
  }
  zone.set(kName, kDnsSrv, records);
}

Seeker::Options asking(DnsServer& server) {
  return {.own_name = "gate-1",
          .srv = kName,
          .dns = {.servers = {server.address()}, .timeout = milliseconds(100), .tries = 2},
          .limits = {.least = milliseconds(10), .most = milliseconds(50)}};
}

}  // namespace

TEST_CASE("members are named by the first labels of the targets, without ourselves") {
  dns::SrvAnswer answer;
  answer.records = {{.port = 1024, .target = "gate-2.web.example"},
                    {.port = 1024, .target = "gate-1.web.example"},
                    {.port = 2048, .target = "gate-3.web.example"},
                    {.port = 1, .target = ""}};
  HostAnswers hosts;
  hosts.emplace("gate-1.web.example", host({"192.0.2.1"}));
  hosts.emplace("gate-2.web.example", host({"192.0.2.2", "2001:db8::2"}));
  hosts.emplace("gate-3.web.example", host({"192.0.2.3"}));

  const auto members = members_of(answer, hosts, "gate-1", {}, 64);

  CHECK(members == std::vector<Member>{{"gate-2", {at("192.0.2.2:1024"), at("[2001:db8::2]:1024")}},
                                       {"gate-3", {at("192.0.2.3:2048")}}});
}

TEST_CASE("a target without addresses keeps those it had, or is left out") {
  dns::SrvAnswer answer;
  answer.records = {{.port = 1, .target = "gate-2.web.example"}, {.port = 1, .target = "gate-3.web.example"}};
  HostAnswers hosts;
  hosts.emplace("gate-2.web.example", fail(dns::DnsError::timed_out));
  hosts.emplace("gate-3.web.example", fail(dns::DnsError::no_data));
  const std::vector<Member> before = {{"gate-2", {at("192.0.2.2:1")}}, {"gate-4", {at("192.0.2.4:1")}}};

  const auto members = members_of(answer, hosts, "gate-1", before, 64);

  CHECK(members == std::vector<Member>{{"gate-2", {at("192.0.2.2:1")}}});
}

TEST_CASE("an answer with too many names gives only so many members") {
  dns::SrvAnswer answer;
  HostAnswers hosts;
  for (int i = 0; i < 200; ++i) {
    const std::string target = "gate-" + std::to_string(i) + ".example";
    answer.records.push_back({.port = 1, .target = target});
    hosts.emplace(target, host({"192.0.2.1"}));
  }

  CHECK(members_of(answer, hosts, "me", {}, 64).size() == 64);
}

TEST_CASE("who comes and goes is told, and only that") {
  DnsZone zone;
  offer(zone, {{"gate-1", "192.0.2.1"}, {"gate-2", "192.0.2.2"}});
  DnsServer server(std::ref(zone));
  run([&](Core& core) -> Task<void> {
    std::vector<std::vector<Member>> told;
    Seeker seeker(core, asking(server), [&](const std::vector<Member>& members) { told.push_back(members); });
    co_await until(core, [&] { return told.size() == 1; });
    CHECK(told.back() == std::vector<Member>{{"gate-2", {at("192.0.2.2:1024")}}});

    offer(zone, {{"gate-2", "192.0.2.2"}, {"gate-3", "192.0.2.3"}});
    co_await until(core, [&] { return told.size() == 2; });
    CHECK(told.back().size() == 2);

    offer(zone, {{"gate-3", "192.0.2.33"}});
    co_await until(core, [&] { return told.size() == 3; });
    CHECK(told.back() == std::vector<Member>{{"gate-3", {at("192.0.2.33:1024")}}});
  });
}

TEST_CASE("a name server that fails or forgets takes nobody away") {
  DnsZone zone;
  offer(zone, {{"gate-2", "192.0.2.2"}});
  DnsServer server(std::ref(zone));
  run([&](Core& core) -> Task<void> {
    std::vector<std::vector<Member>> told;
    Seeker seeker(core, asking(server), [&](const std::vector<Member>& members) { told.push_back(members); });
    co_await until(core, [&] { return told.size() == 1; });

    zone.fail_with(2);
    co_await until(core, [&] { return !seeker.error().empty(); });
    zone.fail_with(0);
    zone.remove(kName);
    co_await until(core, [&] { return seeker.error() == dns::to_string(dns::DnsError::no_such_name); });
    offer(zone, {{"gate-2", "192.0.2.2"}});
    co_await until(core, [&] { return seeker.error().empty(); });

    CHECK(told.size() == 1);
  });
}

TEST_CASE("a seeker that goes while it asks leaves nothing behind") {
  DnsServer server([](const DnsQuery&) { return std::vector<std::string>(); });
  run([&](Core& core) -> Task<void> {
    bool told = false;
    auto seeker = std::make_unique<Seeker>(core, asking(server), [&](const auto&) { told = true; });
    seeker->ask_now();
    seeker.reset();
    co_await net::yield(core);
    CHECK_FALSE(told);
  });
}

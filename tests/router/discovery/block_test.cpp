#include "router/discovery/block.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::discovery;
using directory::DiscoverBlock;
using directory::Endpoint;
using directory::NameFrom;
using dns::DnsError;
using dns::HostAnswer;
using dns::SrvAnswer;

namespace {

const TimePoint kNow = TimePoint{} + seconds(1000);

DiscoverBlock by_srv() { return {.srv = "_http._tcp.web.example", .refresh = seconds(10)}; }
DiscoverBlock by_address() {
  return {.host = "web.example", .port = 8080, .name_from = NameFrom::address, .refresh = seconds(10)};
}
HostAnswer at(const std::vector<std::string>& ips, Duration ttl = seconds(60)) {
  HostAnswer answer{.addresses = {}, .ttl = ttl};
  for (const std::string& ip : ips) answer.addresses.push_back(*Address::from_ip(ip, 0));
  return answer;
}
SrvAnswer offers(std::vector<dns::SrvRecord> records, Duration ttl = seconds(60)) {
  return {.records = std::move(records), .ttl = ttl};
}
const SrvAnswer kTwo = offers({{0, 0, 80, "shard-1.example"}, {0, 0, 80, "shard-2.example"}});
HostAnswers both_at(const std::string& first, const std::string& second) {
  return {{"shard-1.example", at({first})}, {"shard-2.example", at({second})}};
}
std::vector<std::string> names(const Block& block) {
  std::vector<std::string> out;
  for (const Endpoint& endpoint : block.endpoints()) out.push_back(endpoint.name);
  return out;
}
using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a shard's name is its target's first label, behind the prefix") {
  DiscoverBlock settings = by_srv();
  settings.name_prefix = "eu-";
  Block block(settings);

  const News news = block.answered(kTwo, both_at("10.0.0.1", "10.0.0.2"), kNow);

  CHECK(block.endpoints() ==
        std::vector<Endpoint>{{"eu-shard-1", "10.0.0.1:80", {}}, {"eu-shard-2", "10.0.0.2:80", {}}});
  CHECK(news.came == Names{"eu-shard-1", "eu-shard-2"});
  CHECK((news.changed && news.turned));
  CHECK(block.state() == State::ok);
  CHECK(block.last_good() == kNow);
}

TEST_CASE("a shard's name can be its address, or be left to the shard") {
  Block named(by_address());
  DiscoverBlock later = by_address();
  later.name_from = NameFrom::announced;
  Block announced(later);

  named.answered(at({"10.0.0.1", "2001:db8::1"}), kNow);
  const News news = announced.answered(at({"10.0.0.1"}), kNow);

  CHECK(names(named) == Names{"10.0.0.1:8080", "[2001:db8::1]:8080"});
  CHECK(announced.endpoints() == std::vector<Endpoint>{{"", "10.0.0.1:8080", {}}});
  CHECK(news.came == Names{"10.0.0.1:8080"});
}

TEST_CASE("the order of records changes nothing") {
  Block block(by_srv());
  block.answered(kTwo, both_at("10.0.0.1", "10.0.0.2"), kNow);
  SrvAnswer turned_round = kTwo;
  std::reverse(turned_round.records.begin(), turned_round.records.end());

  const News news = block.answered(turned_round, both_at("10.0.0.1", "10.0.0.2"), kNow);

  CHECK_FALSE(news.changed);
  CHECK_FALSE(news.turned);
}

TEST_CASE("a shard that comes back under another address has moved, one that is not in the answer went") {
  Block block(by_srv());
  block.answered(kTwo, both_at("10.0.0.1", "10.0.0.2"), kNow);

  const News moved = block.answered(kTwo, both_at("10.0.0.9", "10.0.0.2"), kNow);
  const News replaced =
      block.answered(offers({{0, 0, 80, "shard-3.example"}}), {{"shard-3.example", at({"10.0.0.3"})}}, kNow);

  CHECK(moved.moved == Names{"shard-1"});
  CHECK((moved.came.empty() && moved.went.empty()));
  CHECK(replaced.came == Names{"shard-3"});
  CHECK(replaced.went == Names{"shard-1", "shard-2"});
  CHECK(names(block) == Names{"shard-3"});
}

TEST_CASE("an empty or failed answer keeps what was known, and says so once") {
  Block block(by_srv());
  block.answered(kTwo, both_at("10.0.0.1", "10.0.0.2"), kNow);

  const News empty = block.failed(DnsError::no_such_name);
  const News failed = block.failed(DnsError::timed_out);
  const State between = block.state();
  const std::string error = block.error();
  const News back = block.answered(kTwo, both_at("10.0.0.1", "10.0.0.2"), kNow + seconds(5));

  CHECK(empty.outcome == Outcome::empty);
  CHECK((empty.turned && !empty.changed));
  CHECK(failed.outcome == Outcome::failed);
  CHECK_FALSE(failed.turned);
  CHECK(between == State::stale);
  CHECK(error == "timed out");
  CHECK((back.turned && !back.changed));
  CHECK(block.state() == State::ok);
  CHECK(block.error().empty());
  CHECK(names(block).size() == 2);
}

TEST_CASE("the target . is an empty answer") {
  Block block(by_srv());
  block.answered(kTwo, both_at("10.0.0.1", "10.0.0.2"), kNow);

  const News news = block.answered(offers({{0, 0, 0, ""}}), {}, kNow);

  CHECK(news.outcome == Outcome::empty);
  CHECK(block.state() == State::stale);
  CHECK(names(block).size() == 2);
}

TEST_CASE("a block that has found nothing yet waits, and tells its first failure") {
  Block block(by_srv());

  const News first = block.failed(DnsError::timed_out);
  const News second = block.failed(DnsError::timed_out);

  CHECK(first.turned);
  CHECK_FALSE(second.turned);
  CHECK(block.state() == State::waiting);
  CHECK(block.error() == "timed out");
}

TEST_CASE("a target without an answer keeps its addresses; one that had none is left out") {
  Block block(by_srv());
  block.answered(kTwo, both_at("10.0.0.1", "10.0.0.2"), kNow);
  SrvAnswer three = kTwo;
  three.records.push_back({0, 0, 80, "shard-3.example"});
  HostAnswers hosts = both_at("10.0.0.1", "10.0.0.2");
  hosts.insert_or_assign("shard-2.example", fail(DnsError::no_such_name));
  hosts.insert_or_assign("shard-3.example", fail(DnsError::timed_out));

  const News news = block.answered(three, hosts, kNow);

  CHECK(news.outcome == Outcome::partial);
  CHECK(news.turned);
  CHECK_FALSE(news.changed);
  CHECK(names(block) == Names{"shard-1", "shard-2"});
  CHECK(block.error() == "addresses of 2 of 3 targets: shard-2.example: no such name");
  CHECK(block.ask_again_in(0) == seconds(3));
}

TEST_CASE("a shard that left the answer does not come back with its old address") {
  Block block(by_srv());
  block.answered(kTwo, both_at("10.0.0.1", "10.0.0.2"), kNow);
  block.answered(offers({{0, 0, 80, "shard-1.example"}}), {{"shard-1.example", at({"10.0.0.1"})}}, kNow);
  HostAnswers hosts = both_at("10.0.0.1", "10.0.0.2");
  hosts.insert_or_assign("shard-2.example", fail(DnsError::timed_out));

  block.answered(kTwo, hosts, kNow);

  CHECK(names(block) == Names{"shard-1"});
}

TEST_CASE("when no target has an address, what was known is kept") {
  Block block(by_srv());
  block.answered(kTwo, both_at("10.0.0.1", "10.0.0.2"), kNow);

  const News news = block.answered(offers({{0, 0, 80, "shard-9.example"}}),
                                   {{"shard-9.example", fail(DnsError::server_failed)}}, kNow);

  CHECK(news.outcome == Outcome::failed);
  CHECK(names(block) == Names{"shard-1", "shard-2"});
}

TEST_CASE("half of a host's addresses take nothing away, however often they come") {
  Block block(by_address());
  block.answered(at({"10.0.0.1", "2001:db8::1"}), kNow);
  HostAnswer half = at({"10.0.0.2"});
  half.whole = false;

  const News news = block.answered(half, kNow);
  const News again = block.answered(half, kNow);
  const std::size_t kept = block.endpoints().size();
  block.answered(at({"10.0.0.2"}), kNow);

  CHECK(news.outcome == Outcome::partial);
  CHECK(news.went.empty());
  CHECK_FALSE(again.changed);
  CHECK(kept == 3);
  CHECK(names(block) == Names{"10.0.0.2:8080"});
}

TEST_CASE("the records of the lowest-numbered priority count, the others do not") {
  Block block(by_srv());
  const SrvAnswer answer =
      offers({{20, 0, 80, "backup.example"}, {10, 0, 80, "shard-1.example"}, {5, 0, 0, ""}});

  CHECK(Block::targets(answer) == Names{"shard-1.example"});
  block.answered(answer, {{"shard-1.example", at({"10.0.0.1"})}}, kNow);

  CHECK(names(block) == Names{"shard-1"});
}

TEST_CASE("weights of records count when the settings say so, and when there is something to choose by") {
  DiscoverBlock settings = by_srv();
  settings.srv_weight = true;
  Block weighted(settings);
  Block plain(by_srv());
  const SrvAnswer answer = offers({{0, 30, 80, "shard-1.example"}, {0, 0, 80, "shard-2.example"}});

  weighted.answered(answer, both_at("10.0.0.1", "10.0.0.2"), kNow);
  plain.answered(answer, both_at("10.0.0.1", "10.0.0.2"), kNow);
  const auto with_weights = weighted.endpoints();
  const News all_zero = weighted.answered(kTwo, both_at("10.0.0.1", "10.0.0.2"), kNow);

  CHECK(with_weights[0].weight == 30);
  CHECK(with_weights[1].weight == 0);
  CHECK_FALSE(plain.endpoints()[0].weight.has_value());
  CHECK(all_zero.changed);
  CHECK_FALSE(weighted.endpoints()[0].weight.has_value());
}

TEST_CASE(
    "a TTL is followed between one second and refresh, a failure is followed by another question soon") {
  struct Case {
    Duration ttl;
    Duration host_ttl;
    Duration next;
  };
  for (const Case& each :
       {Case{seconds(5), seconds(60), seconds(5)}, Case{seconds(60), seconds(4), seconds(4)},
        Case{seconds(0), seconds(60), seconds(1)}, Case{seconds(60), seconds(60), seconds(10)}}) {
    Block block(by_srv());
    block.answered(offers({{0, 0, 80, "shard-1.example"}}, each.ttl),
                   {{"shard-1.example", at({"10.0.0.1"}, each.host_ttl)}}, kNow);
    CHECK(block.ask_again_in(0) == each.next);
  }
  Block block(by_srv());
  block.answered(kTwo, both_at("10.0.0.1", "10.0.0.2"), kNow);
  CHECK(block.ask_again_in(1) == seconds(9));
  block.failed(DnsError::timed_out);
  CHECK(block.ask_again_in(0) == seconds(3));
}

TEST_CASE("a name that no shard can have is left out and told") {
  DiscoverBlock settings = by_srv();
  Block block(settings);
  const SrvAnswer answer = offers({{0, 0, 80, "shard\\0321.example"}, {0, 0, 80, "shard-2.example"}});

  const News news = block.answered(
      answer, {{"shard\\0321.example", at({"10.0.0.1"})}, {"shard-2.example", at({"10.0.0.2"})}}, kNow);
  const News nothing_else = block.answered(offers({{0, 0, 80, "shard\\0321.example"}}),
                                           {{"shard\\0321.example", at({"10.0.0.1"})}}, kNow);

  CHECK(names(block) == Names{"shard-2"});
  CHECK(news.left_out == 1);
  CHECK(news.left_out_example == "shard\\0321");
  CHECK(nothing_else.outcome == Outcome::empty);
}

TEST_CASE("more endpoints than allowed are left out, the same ones whatever the order") {
  Block block(by_address(), {.endpoints = 2});

  const News news = block.answered(at({"10.0.0.3", "10.0.0.1", "10.0.0.2"}), kNow);
  const News again = block.answered(at({"10.0.0.2", "10.0.0.3", "10.0.0.1"}), kNow);

  CHECK(names(block) == Names{"10.0.0.1:8080", "10.0.0.2:8080"});
  CHECK(news.left_out == 1);
  CHECK_FALSE(again.changed);
}

TEST_CASE("a target with several addresses is one shard") {
  Block block(by_srv());

  block.answered(offers({{0, 0, 80, "shard-1.example"}}),
                 {{"shard-1.example", at({"10.0.0.1", "2001:db8::1"})}}, kNow);

  CHECK(block.endpoints().size() == 2);
  CHECK(block.shard_count() == 1);
}

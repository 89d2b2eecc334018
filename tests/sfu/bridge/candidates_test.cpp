#include "sfu/bridge/candidates.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::sfu::bridge;

namespace {

std::vector<std::string> texts(const std::vector<Candidate>& candidates) {
  std::vector<std::string> out;
  for (const Candidate& c : candidates) out.push_back(c.ip + "|" + std::to_string(c.port));
  return out;
}

const std::vector<Address> kMachine = {*Address::from_ip("127.0.0.1", 0), *Address::from_ip("192.0.2.5", 0),
                                       *Address::from_ip("2001:db8::5", 0), *Address::from_ip("::1", 0)};
using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("shard rule 7: a socket bound to all addresses is offered under each, loopback left out") {
  CHECK(texts(make_candidates(*Address::parse("[::]:10000"), 0, kMachine, {}, 16)) ==
        Texts{"192.0.2.5|10000", "2001:db8::5|10000"});
  CHECK(texts(make_candidates(*Address::parse("0.0.0.0:10000"), 0, kMachine, {}, 16)) ==
        Texts{"192.0.2.5|10000"});
}

TEST_CASE("shard rule 7: loopback is offered when given, or when nothing else exists") {
  const std::vector<Address> bare = {*Address::from_ip("127.0.0.1", 0)};
  CHECK(texts(make_candidates(*Address::parse("[::]:10000"), 0, bare, {}, 16)) == Texts{"127.0.0.1|10000"});
  CHECK(texts(make_candidates(*Address::parse("127.0.0.1:10000"), 0, kMachine, {}, 16)) ==
        Texts{"127.0.0.1|10000"});

  const std::vector<Advertised> given = {*Advertised::parse("127.0.0.1")};
  CHECK(texts(make_candidates(*Address::parse("[::]:10000"), 0, kMachine, given, 16)) ==
        Texts{"127.0.0.1|10000", "192.0.2.5|10000", "2001:db8::5|10000"});
}

TEST_CASE("shard rule 7: advertised addresses come first, and their ports count up with the worker") {
  const std::vector<Advertised> given = {*Advertised::parse("198.51.100.7:30000"),
                                         *Advertised::parse("[2001:db8::9]:31000"),
                                         *Advertised::parse("203.0.113.1")};

  CHECK(texts(make_candidates(*Address::parse("192.0.2.5:10001"), 1, {}, given, 16)) ==
        Texts{"198.51.100.7|30001", "2001:db8::9|31001", "203.0.113.1|10001", "192.0.2.5|10001"});
}

TEST_CASE(
    "candidates are bounded, and each has its own foundation and a lower priority than the one before") {
  const auto candidates = make_candidates(*Address::parse("[::]:1"), 0, kMachine, {}, 16);

  REQUIRE(candidates.size() == 2);
  CHECK(candidates[0].priority > candidates[1].priority);
  CHECK(candidates[0].foundation != candidates[1].foundation);
  CHECK(make_candidates(*Address::parse("[::]:1"), 0, kMachine, {}, 1).size() == 1);
}

TEST_CASE("refuses advertised addresses that are none") {
  for (const char* text : {"", "example.org", "192.0.2.1:0", "192.0.2.1:99999", "[::]:1"}) {
    CAPTURE(text);
    CHECK(!Advertised::parse(text));
  }
}

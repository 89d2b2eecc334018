#include "peers-sync/claim/status.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <random>

using namespace roomgate;
using namespace roomgate::peers_sync::claim;

namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

Status example() {
  Status status;
  status.gate = {"gate-1", 1764195000123};
  status.number = 4711;
  status.state = State::member;
  status.view = {{"gate-1", 1764195000123}, {"gate-2", 7}};
  status.granting = true;
  status.lease_ms = 620;
  status.asked_lease_ms = 500;
  status.table_limit = 1'000'000;
  status.log_end = 99;
  status.log_at_view = 98;
  status.history = true;
  status.of = {
      {.gate = {"gate-2", 7}, .heard = 5, .held_us = 250, .have = 8, .direct = true, .complete = true},
      {.gate = {"gate-3", 9}, .heard = 1}};
  status.shards_down = {1, 0xffffffff};
  return status;
}

Status largest() {
  Status status;
  for (std::size_t i = 0; i < kMaxGates; ++i) {
    std::string name = std::to_string(100 + i);
    name.resize(kMaxGateName, 'x');
    status.view.push_back({name, kMost});
    if (i > 0) {
      status.of.push_back({.gate = status.view.back(), .heard = kMost, .held_us = UINT32_MAX, .have = kMost});
    }
  }
  status.gate = status.view.front();
  status.number = status.log_end = status.log_at_view = kMost;
  status.shards_down.assign(kMaxShardsDown, 0xffffffff);
  return status;
}

}  // namespace

TEST_CASE("a status comes back as it was") {
  CHECK(decode_status(as_bytes(encode(example()))) == example());
  CHECK(decode_status(as_bytes(encode(Status{.gate = {"a", 0}}))) == Status{.gate = {"a", 0}});
}

TEST_CASE("the largest status fits into a packet") {
  const std::string bytes = encode(largest());

  CHECK(bytes.size() <= 15'000);
  CHECK(decode_status(as_bytes(bytes)) == largest());
}

TEST_CASE("a status that is cut off or goes on is none") {
  const std::string whole = encode(example());

  for (std::size_t size = 0; size < whole.size(); ++size) CHECK(!decode_status(as_bytes(whole).first(size)));
  CHECK(!decode_status(as_bytes(whole + '\0')));
}

TEST_CASE("refuses what no gate says") {
  const auto refused = [](auto&& change) {
    Status status = example();
    change(status);
    return !decode_status(as_bytes(encode(status)));
  };

  CHECK(refused([](Status& s) { s.gate.name.clear(); }));
  CHECK(refused([](Status& s) { s.gate.name = std::string(kMaxGateName + 1, 'a'); }));
  CHECK(refused([](Status& s) { s.state = static_cast<State>(5); }));
  CHECK(refused([](Status& s) { s.log_at_view = s.log_end + 1; }));
  CHECK(refused([](Status& s) { std::swap(s.view[0], s.view[1]); }));
  CHECK(refused([](Status& s) { s.view.push_back({"gate-2", 8}); }));  // two lives of one gate
  CHECK(refused([](Status& s) { s.of.push_back(s.of.front()); }));
  CHECK(refused([](Status& s) { s.lease_ms = 600'001; }));
  CHECK(refused([](Status& s) { s.shards_down.resize(kMaxShardsDown + 1); }));
  CHECK(refused([](Status& s) {
    for (std::size_t i = 0; i < kMaxGates; ++i) s.of.push_back({.gate = {"other", i}});
  }));
}

TEST_CASE("any change of a byte is refused or reads as some other status within the limits") {
  std::mt19937_64 random(5);
  const std::string whole = encode(example());

  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = whole;
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    const auto status = decode_status(as_bytes(bytes));
    if (!status) continue;
    REQUIRE(decode_status(as_bytes(encode(*status))) == *status);
  }
}

TEST_CASE("a shard's short name is the same everywhere") {
  CHECK(short_hash("shard-1") == 3756142172u);
  CHECK(short_hash("shard-1") != short_hash("shard-2"));
}

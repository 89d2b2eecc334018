#include "peers-sync/redis/relay_packets.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::peers_sync;
using namespace roomgate::peers_sync::redis;

namespace {

const RelayAsk kWhole = {
    .id = 7,
    .proposal = {.key = "tenant/room", .use = Use::page, .shard = "s1", .placed = 3, .region = "eu central"}};
const RelayAnswer kMade = {.id = 7, .claimed = {.what = Claimed::What::made, .entry = "1 s1 5 0 0 3 eu"}};

}  // namespace

TEST_CASE("what gates of Redis mode say is read back as it was") {
  const State state{.has_redis = true, .now = 1'764'195'000'123};
  const RelayAnswer wait{.id = 1, .claimed = {.what = Claimed::What::wait, .wait = milliseconds(300)}};

  CHECK(read_state(as_bytes(encode(state))) == state);
  CHECK(read_relay_ask(as_bytes(encode(kWhole))) == kWhole);
  CHECK(read_relay_answer(as_bytes(encode(kMade))) == kMade);
  CHECK(read_relay_answer(as_bytes(encode(wait))) == wait);
}

TEST_CASE("a packet that is cut anywhere, or has more behind it, is none") {
  const auto state = encode(State{.has_redis = true, .now = 1'764'195'000'123});
  const auto ask = encode(kWhole);
  const auto answer = encode(kMade);

  for (std::size_t i = 0; i < state.size(); ++i) CHECK_FALSE(read_state(as_bytes(state.substr(0, i))));
  for (std::size_t i = 0; i < ask.size(); ++i) CHECK_FALSE(read_relay_ask(as_bytes(ask.substr(0, i))));
  for (std::size_t i = 0; i < answer.size(); ++i) {
    CHECK_FALSE(read_relay_answer(as_bytes(answer.substr(0, i))));
  }
  CHECK_FALSE(read_state(as_bytes(state + "x")));
  CHECK_FALSE(read_relay_ask(as_bytes(ask + "x")));
  CHECK_FALSE(read_relay_answer(as_bytes(answer + "x")));
}

TEST_CASE("a proposal that would not be read back from Redis, or is too long, is none") {
  const auto with = [](auto change) {
    RelayAsk ask = kWhole;
    change(ask.proposal);
    return read_relay_ask(as_bytes(encode(ask))).has_value();
  };

  CHECK(with([](Proposal& p) { p.shard.clear(); }));
  CHECK_FALSE(with([](Proposal& p) { p.key.clear(); }));
  CHECK_FALSE(with([](Proposal& p) { p.shard = "two words"; }));
  CHECK_FALSE(with([](Proposal& p) { p.shard = "line\n"; }));
  CHECK_FALSE(with([](Proposal& p) { p.region = std::string("nul\0", 4); }));
  CHECK(with([](Proposal& p) { p.key.assign(2048, 'k'); }));
  CHECK_FALSE(with([](Proposal& p) { p.key.assign(2049, 'k'); }));
  CHECK_FALSE(with([](Proposal& p) { p.shard.assign(256, 's'); }));
  CHECK_FALSE(with([](Proposal& p) { p.region.assign(256, 'r'); }));
}

TEST_CASE("an answer has an entry where it says so, and says only what there is to say") {
  RelayAnswer none = kMade;
  none.claimed.entry = "no entry";
  std::string unheard = encode(RelayAnswer{.id = 1});
  unheard[1] = 5;

  CHECK_FALSE(read_relay_answer(as_bytes(encode(none))));
  CHECK_FALSE(read_relay_answer(as_bytes(unheard)));
  CHECK_FALSE(read_state(as_bytes(std::string("\x02\x00", 2))));
}

#include "router/gate/words.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::router::gate;
using roomgate::router::balance::ShardState;
using roomgate::router::route::Ban;

TEST_CASE("a shard's state is said and read as it was meant") {
  const WallTime deadline{std::chrono::seconds(1764195000)};

  CHECK(state_word("eu/shard-0") == "shard-state/eu/shard-0");
  CHECK(shard_of_state_word("shard-state/eu/shard-0") == "eu/shard-0");
  for (const StateSaid& said :
       {StateSaid{ShardState::ready, std::nullopt}, StateSaid{ShardState::maint, std::nullopt},
        StateSaid{ShardState::drain, deadline}}) {
    CAPTURE(state_value(said));
    CHECK(read_state(state_value(said)) == said);
  }
}

TEST_CASE("what is no state of a shard is not taken for one") {
  for (const char* value : {"", "off", "drain ", "drain x", "drain 1x", "drain -1",
                            "drain 99999999999999999999", "drain 9999999999", "ready 1764195000", " drain"}) {
    CAPTURE(value);
    CHECK_FALSE(read_state(value));
  }
  CHECK_FALSE(shard_of_state_word("shard-state/"));
  CHECK_FALSE(shard_of_state_word("shard/shard-0"));
}

TEST_CASE("a ban is said and read with its pattern, which may have slashes") {
  const Ban ban{.kind = Ban::Kind::room, .text = "school/a", .status = 429};

  const auto read = read_ban(ban_word(ban), ban_value(ban));
  const auto lifted = read_ban(ban_word(ban), "");

  REQUIRE(read);
  CHECK(read->ban.kind == Ban::Kind::room);
  CHECK(read->ban.text == "school/a");
  CHECK(read->ban.status == 429);
  CHECK_FALSE(read->lifted);
  REQUIRE(lifted);
  CHECK(lifted->lifted);
}

TEST_CASE("what is no ban is not taken for one") {
  CHECK_FALSE(read_ban("ban/room/", "403"));
  CHECK_FALSE(read_ban("ban/room", "403"));
  CHECK_FALSE(read_ban("ban/rooms/a", "403"));
  CHECK_FALSE(read_ban("bans/room/a", "403"));
  CHECK_FALSE(read_ban("ban/room/a", "200"));
  CHECK_FALSE(read_ban("ban/prefix/" + std::string(10'000, 'a'), "403"));
}

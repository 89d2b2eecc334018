#include "peers-sync/redis/place.hpp"

#include <doctest/doctest.h>

using namespace roomgate::peers_sync::redis;

TEST_CASE("where a Redis is, and how one gets in") {
  struct Row {
    const char* url;
    Place place;
  };
  const Row rows[] = {
      {"redis://10.0.0.1", {.host = "10.0.0.1"}},
      {"redis://10.0.0.1:6380/2", {.host = "10.0.0.1", .port = 6380, .database = 2}},
      {"rediss://redis.example/", {.host = "redis.example", .tls = true}},
      {"redis://:s%3Acret@[::1]:7/0", {.host = "::1", .port = 7, .password = "s:cret"}},
      {"redis://gate:a/b@h:1/3", {.host = "h", .port = 1, .user = "gate", .password = "a/b", .database = 3}},
  };
  for (const Row& row : rows) {
    const auto place = parse_place(row.url);

    REQUIRE_MESSAGE(place, row.url);
    CHECK_MESSAGE(*place == row.place, row.url);
  }
}

TEST_CASE("what is no place") {
  for (const char* url : {"", "http://x", "redis://", "redis://:1", "redis://h:0", "redis://h:70000",
                          "redis://h/x", "redis://secret@h", "redis://[::1", "redis://[::1]x"}) {
    CHECK_MESSAGE(!parse_place(url), url);
  }
  CHECK(parse_sentinel("10.0.0.1:26380")->port == 26380);
  CHECK(parse_sentinel("[::1]:1")->to_string() == "[::1]:1");
}

TEST_CASE("its name for people has no secrets") {
  CHECK(parse_place("rediss://gate:secret@10.0.0.1:7/3")->to_string() == "10.0.0.1:7");
}

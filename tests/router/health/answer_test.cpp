#include <doctest/doctest.h>

#include "router/health/checker.hpp"

using namespace roomgate::router::health;

TEST_CASE("a status of 200 is good, whatever the body is") {
  CHECK(read_answer(200, "").ok);
  CHECK(read_answer(200, "OK").ok);
  CHECK(read_answer(200, "[1,2").ok);
  CHECK_FALSE(read_answer(204, "").ok);
  CHECK(read_answer(500, "").reason == "status 500");
}

TEST_CASE("takes name, load and state from a roomshard's answer") {
  const auto answer =
      read_answer(200, R"({"shard":"shard-0","rooms":3,"stress":0.25,"state":"ready","region":"eu"})");

  CHECK(answer.announced == "shard-0");
  CHECK(answer.load == 0.25);
  CHECK_FALSE(answer.refuses_new_rooms);
  CHECK(read_answer(200, R"({"state":"drain"})").refuses_new_rooms);
  CHECK(read_answer(200, R"({"state":"full"})").refuses_new_rooms);
}

TEST_CASE("takes no name that could not stand in a header, and no load outside of 0 to 1") {
  CHECK_FALSE(read_answer(200, R"({"shard":"a\r\nb"})").announced);
  CHECK_FALSE(read_answer(200, R"({"shard":""})").announced);
  CHECK_FALSE(read_answer(200, R"({"shard":7})").announced);
  CHECK(read_answer(200, R"({"stress":17})").load == 1.0);
  CHECK(read_answer(200, R"({"stress":-1})").load == 0.0);
  CHECK_FALSE(read_answer(200, R"({"stress":"high"})").load);
}

#include "router/health/answer.hpp"

#include <doctest.h>

namespace health = roomgate::router::health;
using health::Answer;
using health::parse_status_range;
using health::StatusRange;
using roomgate::router::balance::Outcome;

namespace {

const std::vector<StatusRange> kUsual = {{200, 200}};

Answer read_answer(int status, std::string_view body) { return health::read_answer(status, body, kUsual); }

}  // namespace

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

TEST_CASE("takes counts that are some") {
  const auto answer = read_answer(200, R"({"rooms":3,"participants":17})");
  CHECK(answer.rooms == 3);
  CHECK(answer.participants == 17);
  for (const char* body :
       {R"({"rooms":-1})", R"({"rooms":"3"})", R"({"rooms":null})", R"({"rooms":1e300})", R"({})"}) {
    CAPTURE(body);
    CHECK_FALSE(read_answer(200, body).rooms);
  }
}

TEST_CASE("an expected status is good, an unexpected 503 asks for patience, others fail") {
  const std::vector<StatusRange> expected = {{200, 299}, {401, 401}};
  CHECK(health::read_answer(204, "", expected).outcome() == Outcome::good);
  CHECK(health::read_answer(401, "", expected).outcome() == Outcome::good);
  CHECK(health::read_answer(300, "", expected).outcome() == Outcome::failed);
  CHECK(health::read_answer(503, "", expected).outcome() == Outcome::soft);
  CHECK(health::read_answer(500, "", expected).outcome() == Outcome::failed);
  CHECK(health::read_answer(503, "", {{500, 599}}).outcome() == Outcome::good);
  CHECK(health::read_answer(200, "", {}).outcome() == Outcome::failed);
}

TEST_CASE("reads ranges of statuses") {
  CHECK(parse_status_range("200") == StatusRange{200, 200});
  CHECK(parse_status_range("200-299") == StatusRange{200, 299});
  CHECK(parse_status_range("2xx") == StatusRange{200, 299});
  for (const char* text :
       {"", "20", "2000", "0xx", "6xx", "xxx", "x", "299-200", "200-", "-200", "2 0", "200-2xx"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_status_range(text));
  }
}

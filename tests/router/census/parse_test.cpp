#include "router/census/parse.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::census;

namespace {

Result<std::vector<Room>, ParseError> parse(std::string_view text, Limits limits = {}) {
  Parser parser(limits);
  (void)parser.feed(text);
  return parser.finish();
}

std::string key(const Room& room, bool tenants = true) {
  room::KeySettings settings;
  settings.tenants = tenants;
  return key_of(room, settings).value_or("none");
}

}  // namespace

TEST_CASE("reads what a roomshard says") {
  const auto rooms = parse(R"({"shard": "a", "rooms": [
    {"room": "alpha", "jid": "alpha@conference.meet.jitsi", "participants": 2, "created": "2026-11-22T19:03:39Z"},
    {"room": "beta", "tenant": "acme", "jid": "beta@conference.acme.meet.jitsi", "participants": 0}]})");

  REQUIRE(rooms);
  REQUIRE(rooms->size() == 2);
  CHECK(rooms->at(0) == Room{"", "alpha", 2, 1'795'374'219'000});
  CHECK(rooms->at(1) == Room{"acme", "beta", 0, std::nullopt});
}

TEST_CASE("reads what Prosody says, and takes no one for there who is not") {
  const auto rooms = parse(R"({"room_census": [
    {"room_name": "alpha@conference.meet.example", "participants": 3, "created_time": "1795374219000"},
    {"room_name": "[acme]beta@conference.meet.example", "participants": -1, "created_time": 1.795374219e+12},
    {"room_name": "c@conference.meet.example", "participants": 4, "leaked": true, "created_time": 1795374219,
     "breakout_rooms": [{"room_name": "x@breakout.meet.example", "participants": 2}]}]})");

  REQUIRE(rooms);
  REQUIRE(rooms->size() == 3);
  CHECK(rooms->at(0) == Room{"", "alpha", 3, 1'795'374'219'000});
  CHECK(rooms->at(1) == Room{"acme", "beta", 0, 1'795'374'219'000});
  CHECK(rooms->at(2) == Room{"", "c", 0, 1'795'374'219'000});
}

TEST_CASE("bytes may come in any pieces") {
  const std::string_view text = R"({"rooms":[{"room":"\u00e4lpha","participants":12}],"shard":"a"})";

  for (std::size_t step = 1; step < text.size(); ++step) {
    Parser parser;
    for (std::size_t at = 0; at < text.size(); at += step) CHECK(parser.feed(text.substr(at, step)));
    const auto rooms = parser.finish();

    REQUIRE(rooms);
    REQUIRE(rooms->size() == 1);
    CHECK(rooms->front().name == "älpha");
    CHECK(rooms->front().participants == 12);
  }
}

TEST_CASE("what is no census is told apart") {
  struct Row {
    std::string_view text;
    ParseError error;
  };
  const Row rows[] = {
      {"", ParseError::not_json},
      {"<html>404</html>", ParseError::not_json},
      {R"({"rooms":[{"room":"x"})", ParseError::not_json},
      {R"({"rooms":[]} more)", ParseError::not_json},
      {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", ParseError::not_json},
      {"7", ParseError::not_a_census},
      {R"({"shard":"a","rooms":3})", ParseError::not_a_census},
      {R"({"x":{"rooms":[{"room":"x"}]}})", ParseError::not_a_census},
      {R"([{"rooms":[]}])", ParseError::not_a_census},
  };
  for (const Row& row : rows) {
    const auto rooms = parse(row.text);

    REQUIRE_MESSAGE(!rooms, row.text);
    CHECK_MESSAGE(to_text(rooms.error()) == to_text(row.error), row.text);
  }
}

TEST_CASE("an answer is bounded, and so is each name") {
  const std::string_view three = R"({"rooms":[{"room":"a"},{"room":"b"},{"room":"c"}]})";

  CHECK(parse(three, {.max_rooms = 3}));
  CHECK(parse(three, {.max_rooms = 2}).error() == ParseError::too_many_rooms);
  CHECK(parse(three, {.max_bytes = 20}).error() == ParseError::too_long);
  const auto short_names =
      parse(R"({"rooms":[{"room":"abcdefg"},{"room":"c"}],"rooms23":[{"room":"d"}]})", {.max_name_bytes = 6});
  REQUIRE(short_names);
  REQUIRE(short_names->size() == 1);
  CHECK(short_names->front().name == "c");
}

TEST_CASE("values of other types and of other depths are left alone") {
  const auto rooms = parse(R"({"rooms":[[{"room":"x"}],{"rooms":[{"room":"y","participants":1}]},
    {"room":["z"],"participants":{"participants":9}},"w",7,null,true,
    {"room":"v","participants":"5","created":[1],"tenant":null}]})");

  REQUIRE(rooms);
  REQUIRE(rooms->size() == 1);
  CHECK(rooms->front() == Room{"", "v", 0, std::nullopt});
}

TEST_CASE("a time that cannot be is none") {
  for (const char* created :
       {"\"2026-11-22 19:03:39Z\"", "\"20x6-11-22T19:03:39Z\"", "\"-026-11-22T19:03:39Z\"", "\"soon\"",
        "\"\"", "-5", "0", "1e300", "18446744073709551615"}) {
    const auto rooms = parse(std::string(R"({"rooms":[{"room":"a","created":)") + created + "}]}");

    REQUIRE_MESSAGE(rooms, created);
    CHECK_MESSAGE(!rooms->front().created, created);
  }
}

TEST_CASE("a room's key is that of its requests") {
  CHECK(key({"", "Alpha"}) == "alpha");
  CHECK(key({"Acme", "b%C3%A4"}) == "acme/bä");
  CHECK(key({"acme", "beta"}, false) == "beta");
  CHECK(key({"", std::string(2000, 'a')}) == "none");
}

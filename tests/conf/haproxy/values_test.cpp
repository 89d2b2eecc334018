#include "conf/haproxy/values.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::conf::haproxy;
using std::chrono::milliseconds;

TEST_CASE("times are milliseconds where no unit is given, and never overflow") {
  CHECK(time_of("500") == milliseconds(500));
  CHECK(time_of("500us") == milliseconds(0));
  CHECK(time_of("7ms") == milliseconds(7));
  CHECK(time_of("2s") == std::chrono::seconds(2));
  CHECK(time_of("3m") == std::chrono::minutes(3));
  CHECK(time_of("1h") == std::chrono::hours(1));
  CHECK(time_of("1d") == std::chrono::hours(24));
  CHECK(time_of("9223372036854775807d") == std::chrono::hours(24 * 366));
  for (const char* text : {"", "s", "-1s", "1x", "1s ", "99999999999999999999"}) CHECK(!time_of(text));
}

TEST_CASE("sizes count in 1024") {
  CHECK(size_of("2048") == 2048);
  CHECK(size_of("2k") == 2048);
  CHECK(size_of("1m") == 1024 * 1024);
  CHECK(size_of("1g") == 1024 * 1024 * 1024);
  CHECK(size_of("9223372036854775807g") == std::int64_t{1} << 40);
  for (const char* text : {"", "k", "2kb", "-2", "2x"}) CHECK(!size_of(text));
}

TEST_CASE("places have many spellings") {
  struct Row {
    const char* text;
    const char* place;
  };
  const Row rows[] = {
      {"*:80", "0.0.0.0:80"},
      {":443", "0.0.0.0:443"},
      {"0.0.0.0:80", "0.0.0.0:80"},
      {"ipv4@10.0.0.1:80", "10.0.0.1:80"},
      {"ipv6@:443", "[::]:443"},
      {"[::]:443", "[::]:443"},
      {":::443", "[::]:443"},
      {"[2001:db8::1]:80", "[2001:db8::1]:80"},
      {"tcp@10.0.0.1:53", "10.0.0.1:53"},
      {"web.example:8080", "web.example:8080"},
  };
  for (const Row& row : rows) {
    const auto place = place_of(row.text);

    REQUIRE_MESSAGE(place, row.text);
    CHECK(place->to_string() == row.place);
  }
  CHECK(place_of("web:80")->is_name);
  CHECK(place_of("[::]:80")->is_any_v6);
  for (const char* text : {"", ":", "web", "10.0.0.1", "/run/x.sock", "unix@/x:1", "abns@x", "fd@3",
                           "*:80-90", "10.0.0.1:+5", "web:0", "web:65536", "a b:80", "${HOST}:80"}) {
    CHECK_MESSAGE(!place_of(text), text);
  }
}

TEST_CASE("expected statuses are read from lists, ranges and the usual expressions") {
  using List = std::vector<std::string>;
  CHECK(statuses_of("200") == List{"200"});
  CHECK(statuses_of("200,204,300-399") == List{"200", "204", "300-399"});
  CHECK(statuses_of("399-200").empty());
  CHECK(statuses_of("20").empty());
  CHECK(statuses_of("").empty());
  CHECK(statuses_of_expression("^2") == List{"2xx"});
  CHECK(statuses_of_expression("^2..$") == List{"2xx"});
  CHECK(statuses_of_expression("(2|3)[0-9][0-9]") == List{"2xx", "3xx"});
  CHECK(statuses_of_expression("^[23]\\d\\d") == List{"2xx", "3xx"});
  CHECK(statuses_of_expression("[2-3]..") == List{"2xx", "3xx"});
  CHECK(statuses_of_expression("200|204") == List{"200", "204"});
  CHECK(statuses_of_expression("^200$") == List{"200"});
  for (const char* text : {"", "^", "[2-5]..", "(2|x)..", "[2", "(2", "2.*", "!2"}) {
    CHECK_MESSAGE(statuses_of_expression(text).empty(), text);
  }
}

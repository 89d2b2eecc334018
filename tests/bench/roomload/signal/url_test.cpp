#include "bench/roomload/signal/url.hpp"

#include <doctest/doctest.h>

using roomgate::bench::roomload::signal::Url;

TEST_CASE("an address is what a person types") {
  const auto url = Url::parse("https://Meet.Example.org/load");

  REQUIRE(url);
  CHECK(url->secure);
  CHECK(url->host == "meet.example.org");
  CHECK(url->port == 443);
  CHECK(url->path == "/load");
  CHECK(url->authority() == "meet.example.org");
}

TEST_CASE("ports, brackets, queries and WebSocket schemes are read") {
  const auto six = Url::parse("http://[2001:db8::1]:8080");
  const auto channel = Url::parse("wss://h:8443/colibri-ws/a/b/c?pwd=x%2f");

  REQUIRE(six);
  CHECK(six->host == "2001:db8::1");
  CHECK(six->authority() == "[2001:db8::1]:8080");
  CHECK(six->path == "/");
  REQUIRE(channel);
  CHECK(channel->secure);
  CHECK(channel->target() == "/colibri-ws/a/b/c?pwd=x%2f");
  CHECK(channel->origin() == "https://h:8443");
}

TEST_CASE("what would break a request, or is no address, is refused") {
  for (const char* text : {"", "meet.example.org", "ftp://h/", "https://", "https://user@h/", "https://h:0/",
                           "https://h:99999/", "https://[::1/", "https://h/a b", "https://h/\r\nX: y"}) {
    CAPTURE(text);
    CHECK_FALSE(Url::parse(text));
  }
}

#include "router/health/ask.hpp"

#include <doctest.h>

using namespace roomgate::router::health;

TEST_CASE("a check asks with its address as host, and closes") {
  CHECK(check_request({.path = "/about/health"}, "192.0.2.1:80") ==
        "GET /about/health HTTP/1.1\r\nHost: 192.0.2.1:80\r\nUser-Agent: roomgate\r\n"
        "Accept: application/json\r\nConnection: close\r\n\r\n");
}

TEST_CASE("host and headers are the operator's") {
  CHECK(check_request({.path = "/x", .host = "meet.example", .headers = {"user-agent: probe", "X-A: b c"}},
                      "192.0.2.1:80") ==
        "GET /x HTTP/1.1\r\nHost: meet.example\r\nAccept: application/json\r\nuser-agent: probe\r\n"
        "X-A: b c\r\nConnection: close\r\n\r\n");
  CHECK(is_own_field("host"));
  CHECK(is_own_field("Transfer-Encoding"));
  CHECK_FALSE(is_own_field("X-Host"));
}

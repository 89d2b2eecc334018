#include "sfu/web/origin.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::sfu::web;

namespace {

Request from(const char* remote, Headers headers) {
  Request request;
  request.remote = *Address::parse(remote);
  request.headers = std::move(headers);
  return request;
}

const Networks kTrusted = *Networks::parse({"10.0.0.0/8"});

}  // namespace

TEST_CASE("shard rule 8: a trusted front door's word on client, scheme, host and region counts") {
  const auto request = from("10.0.0.1:9", {{"Host", "shard-0:8080"},
                                           {"X-Forwarded-For", "203.0.113.5, 198.51.100.7, 10.0.0.2"},
                                           {"X-Forwarded-Proto", "https"},
                                           {"X-Forwarded-Host", "meet.example.org:8443"},
                                           {"X-Proxy-Region", "eu"}});

  const Origin origin = origin_of(request, kTrusted, "");

  CHECK(origin.client == "198.51.100.7");
  CHECK(origin.channel_base == "wss://meet.example.org:8443");
  CHECK(origin.region == "eu");
}

TEST_CASE("shard rule 8: a client's own word counts for nothing but its Host") {
  const auto request = from("203.0.113.5:9", {{"Host", "meet.example.org"},
                                              {"X-Forwarded-For", "192.0.2.1"},
                                              {"X-Forwarded-Proto", "https"},
                                              {"X-Forwarded-Host", "evil.example"},
                                              {"X-Proxy-Region", "eu"}});

  const Origin origin = origin_of(request, kTrusted, "");

  CHECK(origin.client == "203.0.113.5");
  CHECK(origin.channel_base == "ws://meet.example.org");
  CHECK(origin.region.empty());
}

TEST_CASE("a Host that could break out of the URL is not used") {
  CHECK(origin_of(from("203.0.113.5:9", {{"Host", "a/b?c"}}), kTrusted, "").channel_base == "ws://localhost");
}

TEST_CASE("shard rule 8: web.public_url overrides what requests say") {
  CHECK(
      origin_of(from("203.0.113.5:9", {{"Host", "x"}}), kTrusted, "https://meet.example.org/").channel_base ==
      "wss://meet.example.org");
}

TEST_CASE("orders come from this machine itself or with the token") {
  CHECK(may_administer(from("127.0.0.1:9", {}), ""));
  CHECK(!may_administer(from("127.0.0.1:9", {{"X-Forwarded-For", "1.2.3.4"}}), ""));
  CHECK(!may_administer(from("10.0.0.1:9", {}), ""));
  CHECK(!may_administer(from("10.0.0.1:9", {{"Authorization", "Bearer "}}), ""));
  CHECK(may_administer(from("10.0.0.1:9", {{"Authorization", "Bearer t0ken"}}), "t0ken"));
  CHECK(!may_administer(from("10.0.0.1:9", {{"Authorization", "Bearer t0kex"}}), "t0ken"));
}

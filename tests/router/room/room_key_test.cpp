#include "router/room/room_key.hpp"

#include <doctest.h>

#include <vector>

#include "router/http/target.hpp"

using namespace roomgate::router;
using namespace roomgate::router::room;

namespace {

const std::vector<http::HeaderView> kHeaders = {
    {"X-Room", "From Header", http::HeaderId::other},
    {"Cookie", "a=1; room=From%20Cookie", http::HeaderId::cookie}};

// The key of a target as the gate finds it; "-" for none, "!" for too long.
std::string key_of(std::string_view target, const KeySettings& settings = {}) {
  const std::size_t question = target.find('?');
  http::PathScratch path_scratch;
  const auto path = http::routed_path(target.substr(0, question), path_scratch);
  REQUIRE(path.ok());
  const std::string_view query = question == std::string_view::npos ? "" : target.substr(question + 1);
  std::string scratch = "left over";
  const auto key = room_key({UrlMap().classify(path->plain, query), query, kHeaders, "Meet.Example:8443"},
                            settings, scratch);
  if (!key) return "!";
  return *key ? std::string((*key)->text) : "-";
}

}  // namespace

TEST_CASE("finds one key for a room's page and its signalling") {
  for (std::string_view target :
       {"/Tenant/a%20b", "/tenant/xmpp-websocket?room=a+b", "/tenant/http-bind?token=x&room=a%2520b",
        "/tenant/conference-request/v1?room=A%20B", "/TENANT/_unlock?room=a+b", "/tenant//x/../a%20b",
        "/v1/_ws/shard-0/xmpp-websocket?room=a+b&tenant=Tenant", "/tenant/config.js?room=a%20b&release=7",
        "/tenant/room-size?room=a+b", "/tenant%2Fa%20b"}) {
    CHECK_MESSAGE(key_of(target) == "tenant/a b", target);
  }
  for (std::string_view target : {"/Room", "/room?x=1", "/xmpp-websocket?room=ROOM", "/%72oom", "/./room",
                                  "/v1/_ws/shard-0/xmpp-websocket?room=room"}) {
    CHECK_MESSAGE(key_of(target) == "room", target);
  }
}

TEST_CASE("finds no key where there is no room") {
  CHECK(key_of("/") == "-");
  CHECK(key_of("/libs/x.js") == "-");
  CHECK(key_of("/xmpp-websocket") == "-");
  CHECK(key_of("/xmpp-websocket?room=") == "-");
  CHECK(key_of("/colibri-ws/shard-0/c/e?pwd=x") == "-");
}

TEST_CASE("leaves the tenant out when told to") {
  KeySettings settings;
  settings.tenants = false;
  CHECK(key_of("/tenant/room", settings) == "room");
  CHECK(key_of("/other/xmpp-websocket?room=room", settings) == "room");
}

TEST_CASE("asks the sources in their order") {
  KeySettings settings;
  settings.sources = {*parse_source("query:r"), *parse_source("header:x-room")};
  CHECK(key_of("/t/page?r=1", settings) == "t/1");
  CHECK(key_of("/page", settings) == "from header");
  settings.sources = {*parse_source("header:missing"), *parse_source("cookie:room")};
  CHECK(key_of("/page", settings) == "from cookie");
  settings.sources = {*parse_source("host")};
  CHECK(key_of("/t/page", settings) == "meet.example");
}

TEST_CASE("reads the names of sources") {
  CHECK(parse_source("query:room")->kind == SourceKind::query);
  CHECK(parse_source("path")->kind == SourceKind::path);
  CHECK(parse_source("header:X-Room")->name == "X-Room");
  CHECK(parse_source("cookie:room")->kind == SourceKind::cookie);
  for (std::string_view bad :
       {"", "room", "query", "query:", "header:", "header:a b", "cookie:a;b", "body:x"}) {
    CHECK_MESSAGE(!parse_source(bad).has_value(), bad);
  }
}

TEST_CASE("refuses a key over the limit, and never cuts one") {
  KeySettings settings;
  settings.max_key_bytes = 8;
  CHECK(key_of("/12345678", settings) == "12345678");
  CHECK(key_of("/123456789", settings) == "!");
  CHECK(key_of("/t/1234567", settings) == "!");
  CHECK(key_of("/%2531%32%33%34%35%36%37%38", settings) == "12345678");
}

#include "bench/roomload/signal/settings.hpp"

#include <doctest/doctest.h>

using namespace roomgate::bench::roomload::signal;

TEST_CASE("roomshard's config.json tells the domains") {
  const auto settings =
      read_config_json(R"({"domain":"meet.jitsi","muc":"conference.meet.jitsi","focus":"focus.meet.jitsi"})");

  REQUIRE(settings);
  CHECK(settings->domain == "meet.jitsi");
  CHECK(settings->muc == "conference.meet.jitsi");
  CHECK(settings->focus == "focus.meet.jitsi");
  CHECK_FALSE(read_config_json("<html></html>"));
  CHECK_FALSE(read_config_json("{}"));
}

TEST_CASE("config.js is read in the two forms that installations have") {
  const auto debian = read_config_js(R"(var config = {
    hosts: {
        // domain: 'old.example.org',
        domain: 'meet.example.org',
        // anonymousdomain: 'guest.example.com',
        muc: 'conference.' + subdomain + 'meet.example.org',
    },
    bosh: 'https://meet.example.org/' + subdir + 'http-bind',
    websocket: 'wss://meet.example.org/' + subdir + 'xmpp-websocket',
})");
  const auto docker = read_config_js(R"(config.hosts = {};
config.hosts.domain = 'meet.jitsi';
config.hosts.muc = 'muc.' + subdomain + 'meet.jitsi';
config.websocket = 'wss://localhost:8443/' + subdir + 'xmpp-websocket';
config.conferenceRequestUrl = 'https://localhost:8443/' + subdir + 'conference-request/v1';
)");

  REQUIRE(debian);
  CHECK(debian->domain == "meet.example.org");
  CHECK(debian->muc == "conference.meet.example.org");
  CHECK(debian->websocket == "wss://meet.example.org/xmpp-websocket");
  CHECK(debian->conference_request.empty());
  REQUIRE(docker);
  CHECK(docker->domain == "meet.jitsi");
  CHECK(docker->muc == "muc.meet.jitsi");
  CHECK(docker->websocket == "wss://localhost:8443/xmpp-websocket");
  CHECK(docker->conference_request == "https://localhost:8443/conference-request/v1");
  CHECK_FALSE(read_config_js("<!DOCTYPE html><script>config</script>"));
}

TEST_CASE("a path names a room prefix, with or without a tenant, and nothing deeper") {
  const auto plain = room_prefix(*Url::parse("https://h/Load%20x"));
  const auto tenant = room_prefix(*Url::parse("https://h/School/Class"));
  const auto none = room_prefix(*Url::parse("https://h/"));

  REQUIRE(plain);
  CHECK(plain->tenant.empty());
  CHECK(plain->room == "load%20x");
  REQUIRE(tenant);
  CHECK(tenant->tenant == "school");
  CHECK(tenant->room == "class");
  REQUIRE(none);
  CHECK(none->room.empty());
  CHECK_FALSE(room_prefix(*Url::parse("https://h/a/b/c")));
}

TEST_CASE("a tenant stands in the room's domain and before the WebSocket's path") {
  const Settings settings{.domain = "meet.jitsi", .muc = "conference.meet.jitsi"};
  const Url page = *Url::parse("https://h:8443/school/class");

  CHECK(room_jid(settings, {"", "class1"}) == "class1@conference.meet.jitsi");
  CHECK(room_jid(settings, {"school", "class1"}) == "class1@conference.school.meet.jitsi");
  CHECK(websocket_url(settings, page, {"", "class1"}).target() == "/xmpp-websocket?room=class1");
  CHECK(websocket_url(settings, page, {"school", "class1"}).target() == "/school/xmpp-websocket?room=class1");
  CHECK(websocket_url(settings, page, {"", "class1"}).authority() == "h:8443");
}

#include "sfu/xmpp/jid.hpp"

#include <doctest/doctest.h>

#include "sfu/xmpp/types.hpp"

using namespace roomgate::sfu::xmpp;

TEST_CASE("takes an address apart and puts it together") {
  const auto jid = Jid::parse("Alpha@Conference.Meet.Jitsi/8fc6A697");

  REQUIRE(jid);
  CHECK(jid->local == "alpha");
  CHECK(jid->domain == "conference.meet.jitsi");
  CHECK(jid->resource == "8fc6A697");
  CHECK(jid->bare() == "alpha@conference.meet.jitsi");
  CHECK(jid->full() == "alpha@conference.meet.jitsi/8fc6A697");
  CHECK(Jid::parse("meet.jitsi")->bare() == "meet.jitsi");
  CHECK(Jid::parse("meet.jitsi/a@b/c")->resource == "a@b/c");
  CHECK(Jid::parse("my%20room@muc.meet.jitsi")->local == "my%20room");
}

TEST_CASE("refuses what is no address") {
  for (const std::string text : {"", "@d", "a@", "a@d/", "/r", "a@b@c", "a b@d", "a<@d", "a'@d", "a\x01@d",
                                 "a@d/\x02", "a@d\xff", "a:b@d"}) {
    CAPTURE(text);
    CHECK(!Jid::parse(text));
  }
  CHECK(!Jid::parse(std::string(1024, 'a') + "@d"));
  CHECK(Jid::parse(std::string(1023, 'a') + "@d"));
}

TEST_CASE("knows the room service and those of tenants") {
  const Domains domains;

  CHECK(domains.is_room_service("conference.meet.jitsi"));
  CHECK(domains.is_room_service("conference.school.meet.jitsi"));
  CHECK(!domains.is_room_service("meet.jitsi"));
  CHECK(!domains.is_room_service("conference.a.b.meet.jitsi"));
  CHECK(!domains.is_room_service("conference..meet.jitsi"));
  CHECK(!domains.is_room_service("conference.meet.example"));
  CHECK(!domains.is_room_service("focus.meet.jitsi"));
  CHECK(domains.tenant_of("conference.meet.jitsi") == "");
  CHECK(domains.tenant_of("Conference.School.meet.jitsi") == "School");
  CHECK(domains.tenant_of("focus.meet.jitsi") == std::nullopt);
  CHECK(Domains{.muc = "rooms.example"}.is_room_service("rooms.example"));
}

// What the domain and the focus domain answer, and the HTTP form of the conference request.
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "sfu/xmpp/external_services.hpp"
#include "sfu/xmpp/iq_router.hpp"
#include "tests/sfu/xmpp/world.hpp"

using namespace roomgate::sfu::xmpp;
using namespace roomgate::sfu::xmpp::test;

namespace {

Config config() { return World::ready({}); }

Element domain(const std::string& type, const std::string& child) {
  const auto iq =
      parse_stanza("<iq id='7' to='meet.jitsi' type='" + type + "' xmlns='jabber:client'>" + child + "</iq>");
  REQUIRE(iq.ok());
  return answer_domain_iq(*iq, config(), 1795374219414);
}

}  // namespace

TEST_CASE("answers pings and the old session request with an empty result") {
  for (const Element& answer : {domain("get", "<ping xmlns='urn:xmpp:ping'/>"),
                                domain("set", "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>")}) {
    CHECK(answer.serialize() == "<iq xmlns='jabber:client' type='result' id='7' from='meet.jitsi'/>");
  }
}

TEST_CASE("pitfall 18: tells the shard and the region, and announces nothing that is not there") {
  const Element answer = domain("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>");

  const Element* query = answer.child("query", ns::kDiscoInfo);
  REQUIRE(query != nullptr);
  std::string identities;
  for (const Element* each : query->children("identity", ns::kDiscoInfo)) {
    identities += *each->attribute("type") + "=" + *each->attribute("name") + " ";
  }
  CHECK(identities == "im=roomgate shard=shard-0 region=lab ");
  CHECK(contains(answer.serialize(), "<feature var='urn:xmpp:ping'/>"));
}

TEST_CASE("reads TURN addresses and refuses what is none") {
  const auto full = parse_service_uri("turns:turn.example.net:443?transport=tcp");
  REQUIRE(full);
  CHECK(full->type == "turns");
  CHECK(full->host == "turn.example.net");
  CHECK(full->port == 443);
  CHECK(full->transport == "tcp");
  CHECK(parse_service_uri("turn:[2001:db8::1]")->host == "2001:db8::1");
  CHECK(parse_service_uri("turn:[2001:db8::1]:99")->port == 99);
  CHECK(parse_service_uri("turns:h")->port == 5349);
  CHECK(parse_service_uri("stun:h")->transport == "udp");
  for (const char* text : {"", "http:h", "turn:", "turn:h:0", "turn:h:x", "turn:h:65536",
                           "turn:h?transport=x", "turn:[::1", "turn:[::1]x", "turn:a/b"}) {
    CAPTURE(text);
    CHECK(!parse_service_uri(text));
  }
}

TEST_CASE("shard rule 7: makes TURN credentials that expire, in both versions of the query") {
  Turn turn;
  turn.uris = {"turns:turn.example.net:443?transport=tcp", "stun:stun.example.net", "nonsense"};
  turn.secret = "secret";
  turn.ttl = std::chrono::seconds(600);

  const Element services = external_services(turn, ns::kExternalServices2, "", 1000000000000);

  // printf 1000000600 | openssl dgst -sha1 -hmac secret -binary | base64
  CHECK(services.serialize() ==
        "<services xmlns='urn:xmpp:extdisco:2'><service type='turns' host='turn.example.net' port='443' "
        "transport='tcp' username='1000000600' password='+eRr/H4Wd0H1w+OvK0PpXu6tNls=' restricted='1' "
        "expires='2001-09-09T01:56:40Z'/><service type='stun' host='stun.example.net' port='3478' "
        "transport='udp'/></services>");
  CHECK(external_services(turn, ns::kExternalServices1, "turns", 0).children().size() == 1);
  CHECK(!contains(external_services(turn, ns::kExternalServices1, "", 0).serialize(), "expires"));
}

TEST_CASE("answers services queries of both versions") {
  CHECK(domain("get", "<services xmlns='urn:xmpp:extdisco:2'/>").child("services", ns::kExternalServices2) !=
        nullptr);
  CHECK(domain("get", "<services xmlns='urn:xmpp:extdisco:1'/>").child("services", ns::kExternalServices1) !=
        nullptr);
}

TEST_CASE("pitfall 9: answers every IQ to the domain") {
  for (const char* child :
       {"<odd xmlns='u'/>", "", "<a xmlns='u'/><b xmlns='u'/>", "<query xmlns='jabber:iq:roster'/>",
        "<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>", "<vCard xmlns='vcard-temp'/>"}) {
    for (const char* type : {"get", "set"}) {
      CAPTURE(child);
      const Element answer = domain(type, child);
      CHECK(*answer.attribute("type") == "error");
      CHECK(*answer.attribute("id") == "7");
      CHECK(answer.child("error", ns::kClient) != nullptr);
    }
  }
}

TEST_CASE("pitfall 2: focusjid is lower case in XML, focusJid in JSON, and a bare JID in both") {
  World world;
  Client alice(world);

  alice.request_conference();

  CHECK(alice.expect({"<conference", "id='c1'"}) ==
        "<iq xmlns='jabber:client' type='result' id='c1' from='focus.meet.jitsi' to='" + alice.jid +
            "'><conference xmlns='http://jitsi.org/protocol/focus' room='alpha@conference.meet.jitsi' "
            "ready='true' "
            "focusjid='focus@auth.meet.jitsi'><property name='authentication' "
            "value='false'/></conference></iq>");
  const HttpAnswer http = world.server.conference_request(
      R"({"machineUid":"x","properties":{"rtcstatsEnabled":false},"room":"alpha@conference.meet.jitsi"})",
      "192.0.2.1", world.now);
  CHECK(http.status == 200);
  const auto json = boost::json::parse(http.body).as_object();
  CHECK(json.at("ready").as_bool());
  CHECK(json.at("focusJid").as_string() == "focus@auth.meet.jitsi");
  CHECK(json.at("properties").as_object().at("authentication").as_string() == "false");
}

TEST_CASE("answers not ready rather than an error while busy") {
  World world;
  world.focus.ready = false;
  Client alice(world);

  alice.request_conference();

  alice.expect({"type='result'", "ready='false'"});
  CHECK(world.server.room_count() == 0);
  const auto http =
      world.server.conference_request(R"({"room":"alpha@conference.meet.jitsi"})", "192.0.2.1", world.now);
  CHECK(contains(http.body, "\"ready\":false"));
}

TEST_CASE("refuses conference requests that name no room of ours") {
  World world;
  Client alice(world);
  for (const char* room : {"", "alpha", "alpha@elsewhere.example", "conference.meet.jitsi",
                           "alpha@conference.meet.jitsi/nick"}) {
    CAPTURE(room);
    alice.take();
    alice.request_conference(room);
    alice.expect({"type='error'", "<bad-request "});
  }
  for (const char* body : {"", "[]", "{", "{}", R"({"room":1})", R"({"room":"x"})", R"({"room":"a@b.c"})",
                           R"({"room":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}}})"}) {
    CAPTURE(body);
    CHECK(world.server.conference_request(body, "192.0.2.1", world.now).status == 400);
  }
  CHECK(world.server.conference_request(std::string(70000, ' '), "192.0.2.1", world.now).status == 413);
  CHECK(world.server.room_count() == 0);
}

TEST_CASE("keeps rooms going and refuses new ones while draining") {
  World world;
  Client alice(world);
  Client bob(world);
  alice.join();

  world.server.drain(true);
  bob.request_conference("beta@conference.meet.jitsi");
  bob.expect({"ready='false'"});
  bob.join();
  bob.expect({"status code='110'"});

  world.server.drain(false);
  bob.request_conference("beta@conference.meet.jitsi");
  bob.expect({"ready='true'"});
}

TEST_CASE("limits the new rooms of one client") {
  World world({.limits = {.new_room_burst = 2}});
  Client alice(world);
  std::string answers;
  for (int i = 0; i < 3; ++i) {
    alice.request_conference("r" + std::to_string(i) + "@conference.meet.jitsi");
    answers += contains(alice.take().back(), "ready='true'") ? "y" : "n";
  }

  CHECK(answers == "yyn");
}

TEST_CASE("ends a room that was requested and stayed empty") {
  World world;
  world.server.conference_request(R"({"room":"alpha@conference.meet.jitsi"})", "192.0.2.1", world.now);
  REQUIRE(world.server.room_count() == 1);

  world.now += std::chrono::seconds(59);
  world.server.tick(world.now);
  CHECK(world.server.room_count() == 1);
  world.now += std::chrono::seconds(1);
  world.server.tick(world.now);

  CHECK(world.server.room_count() == 0);
  CHECK(world.log() == std::vector<std::string>{"requested " + kRoom, "ended " + kRoom});
}

TEST_CASE("one address cannot fill the shard with rooms that nobody enters") {
  World world;
  const auto ask = [&](int number, const char* address) {
    const auto answer = world.server.conference_request(
        "{\"room\":\"r" + std::to_string(number) + "@conference.meet.jitsi\"}", address, world.now);
    return contains(answer.body, "\"ready\":true");
  };
  int given = 0;

  for (int i = 0; i < 1000; ++i) given += ask(i, "192.0.2.1") ? 1 : 0;

  CHECK(given == 200);
  CHECK(ask(0, "192.0.2.1"));  // a room that is there is not a new one
  CHECK(ask(1001, "192.0.2.2"));
}

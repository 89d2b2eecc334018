// XEP-0198 over the server: acknowledgements, and sessions that outlive their socket.
#include "tests/sfu/xmpp/world.hpp"

using namespace roomgate::sfu::xmpp;
using namespace roomgate::sfu::xmpp::test;

namespace {

std::string resume(const std::string& previd, int h) {
  return "<resume h='" + std::to_string(h) + "' previd='" + previd + "' xmlns='urn:xmpp:sm:3'/>";
}

std::string chat(const std::string& body) {
  return "<message to='" + kRoom + "' type='groupchat' xmlns='jabber:client'><body>" + body +
         "</body></message>";
}

}  // namespace

TEST_CASE("gives a resumption id of 128 bits that is no other's") {
  World world;
  Client alice(world);
  Client bob(world);

  const std::string first = alice.enable_management();

  CHECK(first.size() == 32);
  CHECK(first != bob.enable_management());
  alice.say("<enable resume='true' xmlns='urn:xmpp:sm:3'/>");
  alice.expect({"<failed ", "<unexpected-request "});
}

TEST_CASE("counts stanzas from enabled on and answers with the count") {
  World world;
  Client alice(world);
  alice.say("<iq id='1' type='get' xmlns='jabber:client'><ping xmlns='urn:xmpp:ping'/></iq>");
  alice.enable_management();
  alice.say("<r xmlns='urn:xmpp:sm:3'/>");
  CHECK(alice.take().at(0) == "<a xmlns='urn:xmpp:sm:3' h='0'/>");

  alice.join();  // a conference request and a presence
  alice.take();
  alice.say("<r xmlns='urn:xmpp:sm:3'/>");

  CHECK(alice.take().at(0) == "<a xmlns='urn:xmpp:sm:3' h='2'/>");
}

TEST_CASE("asks for an acknowledgement after a burst, and within a second for less") {
  World world;
  Client alice(world);
  Client bob(world);
  bob.join();
  alice.enable_management();
  alice.join();
  CHECK(alice.take().back() == "<r xmlns='urn:xmpp:sm:3'/>");  // 5 stanzas
  alice.say("<a h='5' xmlns='urn:xmpp:sm:3'/>");

  bob.say(chat("x"));
  CHECK(alice.take().size() == 1);
  world.server.tick(world.now);
  CHECK(alice.take().at(0) == "<r xmlns='urn:xmpp:sm:3'/>");
  world.server.tick(world.now);
  CHECK(alice.take().empty());
}

TEST_CASE(
    "shard rule 15: resumes by previd alone: same JID, no leave seen, what was missed comes, duplicates do "
    "not") {
  World world;
  Client alice(world);
  Client bob(world);
  bob.join();
  const std::string previd = alice.enable_management();
  alice.join();
  alice.take();
  alice.say("<a h='5' xmlns='urn:xmpp:sm:3'/>");
  bob.take();
  bob.say(chat("seen"));  // arrives, unacknowledged
  CHECK(alice.take().size() == 1);
  world.log();

  alice.drop();
  bob.say(chat("missed"));
  world.now += std::chrono::seconds(10);
  world.server.tick(world.now);
  alice.connect();  // the login is anonymous again
  alice.take();
  alice.say(resume(previd, 6));

  const auto back = alice.take();
  REQUIRE(back.size() == 3);
  CHECK(back[0] == "<resumed xmlns='urn:xmpp:sm:3' h='2' previd='" + previd + "'/>");
  CHECK(contains(back[1], "<body>missed</body>"));
  CHECK(contains(back[1], "to='" + alice.jid + "'"));
  CHECK(back[2] == "<r xmlns='urn:xmpp:sm:3'/>");
  CHECK(world.log().empty());
  bob.take();
  alice.say("<r xmlns='urn:xmpp:sm:3'/>");
  CHECK(alice.take().at(0) == "<a xmlns='urn:xmpp:sm:3' h='2'/>");
  alice.say(chat("here"));
  bob.expect({"<body>here</body>", "from='" + kRoom + "/" + alice.nick});
  CHECK(world.server.session_count() == 2);

  // And again, with the same id.
  alice.drop();
  alice.connect();
  alice.take();
  alice.say(resume(previd, 8));
  CHECK(contains(alice.take().at(0), "<resumed "));
  CHECK(world.server.counters().resumed == 2);
}

TEST_CASE("shard rule 15: takes a session over from a socket that is dead and does not know it") {
  World world;
  Client alice(world);
  const std::string previd = alice.enable_management();
  alice.join();
  const ConnectionId old = alice.id;
  alice.connect();
  alice.take();

  alice.say(resume(previd, 0));

  CHECK(contains(alice.take().at(0), "<resumed "));
  CHECK(world.sockets.codes.contains(old));
  CHECK(contains(world.take(old).back(), "<close "));
  world.server.closed(old, world.now);
  world.server.received(old, chat("ghost"), world.now);
  CHECK(world.server.participant_count() == 1);
  CHECK(world.server.dropped_session_count() == 0);
}

TEST_CASE("refuses to resume what it does not know, and lets the client bind instead") {
  World world;
  Client alice(world);
  alice.connect();
  alice.take();
  for (const char* previd : {"", "110454f9a0c4ed53"}) {
    alice.say(resume(previd, 0));
    CHECK(alice.take().at(0) ==
          "<failed xmlns='urn:xmpp:sm:3'><item-not-found "
          "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>");
  }

  alice.say(kBindIq);
  alice.expect({"type='result'", "<jid>"});
}

TEST_CASE("shard rule 15: keeps a dropped session 15 seconds, and 60 while its media flows") {
  for (const bool media : {false, true}) {
    CAPTURE(media);
    World world;
    Client alice(world);
    Client bob(world);
    bob.join();
    alice.enable_management();
    alice.join();
    bob.take();
    world.log();
    world.server.media_alive(alice.jid, media);
    alice.drop();

    world.now += std::chrono::seconds(media ? 59 : 14);
    world.server.tick(world.now);
    CHECK(bob.take().empty());
    CHECK(world.server.dropped_session_count() == 1);
    world.now += std::chrono::seconds(1);
    world.server.tick(world.now);

    bob.expect({"type='unavailable'", alice.nick});
    CHECK(world.log() == std::vector<std::string>{"left " + alice.nick + " connection_lost"});
    CHECK(world.server.session_count() == 1);
  }
}

TEST_CASE("shard rule 15: whose link went dark is gone within 40 seconds, and stays while its media flows") {
  for (const bool media : {false, true}) {
    CAPTURE(media);
    World world;
    Client alice(world);
    Client bob(world);
    bob.join();
    alice.enable_management();
    alice.join();
    bob.take();
    world.server.media_alive(alice.jid, media);

    world.now += std::chrono::seconds(30);  // without a byte: web/ gives the socket up
    world.server.closed(alice.id, world.now, std::chrono::seconds(30));
    world.now += std::chrono::seconds(1);
    world.server.tick(world.now);

    CHECK(world.server.dropped_session_count() == (media ? 1 : 0));
    CHECK(bob.take().empty() == media);
  }
}

TEST_CASE("does not keep a session that closed its stream or asked for no resumption") {
  World world;
  Client alice(world);
  const std::string previd = alice.enable_management();
  alice.say("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
  CHECK(world.server.session_count() == 0);
  alice.connect();
  alice.take();
  alice.say(resume(previd, 0));
  alice.expect({"<failed "});

  Client bob(world);
  bob.take();
  bob.say("<enable xmlns='urn:xmpp:sm:3'/>");
  CHECK(bob.take().at(0) == "<enabled xmlns='urn:xmpp:sm:3'/>");
  bob.drop();
  CHECK(world.server.session_count() == 0);
}

TEST_CASE(
    "ends the stream of a client that acknowledges more than it got, or takes back what it acknowledged") {
  for (const char* h : {"99", "0"}) {
    CAPTURE(h);
    World world;
    Client alice(world);
    alice.enable_management();
    alice.join();
    alice.say("<a h='2' xmlns='urn:xmpp:sm:3'/>");
    alice.take();

    alice.say("<a h='" + std::string(h) + "' xmlns='urn:xmpp:sm:3'/>");

    alice.expect(
        {"<stream:error ", "<undefined-condition ", "<handled-count-too-high xmlns='urn:xmpp:sm:3'"});
    CHECK(alice.closed());
    CHECK(world.server.session_count() == 0);
  }
}

TEST_CASE("a resumption with an impossible count ends the new stream only") {
  World world;
  Client alice(world);
  const std::string previd = alice.enable_management();
  alice.join();
  alice.drop();
  alice.connect();
  alice.take();
  alice.say(resume(previd, 77));

  alice.expect({"<handled-count-too-high "});
  CHECK(alice.closed());
  CHECK(world.server.dropped_session_count() == 1);
}

TEST_CASE("gives up a session that missed more than can be kept, without disturbing the room") {
  World world({.limits = {.unacked = {.stanzas = 10}}});
  Client alice(world);
  Client bob(world);
  Client carol(world);
  bob.join();
  alice.enable_management();
  alice.join();
  carol.join();
  alice.drop();
  for (int i = 0; i < 10; ++i) bob.say(chat("x"));

  CHECK(world.server.session_count() == 2);
  CHECK(world.server.counters().queue_overflows == 1);
  bob.expect({"type='unavailable'", alice.nick});
  carol.expect({"type='unavailable'", alice.nick});
}

TEST_CASE("ends the stream of a connected client that never acknowledges") {
  World world({.limits = {.unacked = {.stanzas = 10}}});
  Client alice(world);
  Client bob(world);
  bob.join();
  alice.enable_management();
  alice.join();
  for (int i = 0; i < 10; ++i) bob.say(chat("x"));

  CHECK(alice.closed());
  alice.expect({"<stream:error ", "<resource-constraint "});
  CHECK(world.server.participant_count() == 1);
}

TEST_CASE("a request for counts without stream management ends the stream") {
  World world;
  Client alice(world);
  alice.say("<r xmlns='urn:xmpp:sm:3'/>");

  CHECK(alice.closed());
}

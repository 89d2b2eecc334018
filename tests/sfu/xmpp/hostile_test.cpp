// What one client does wrong ends its own stream and nothing else.
#include "tests/sfu/xmpp/world.hpp"

using namespace roomgate::sfu::xmpp;
using namespace roomgate::sfu::xmpp::test;

namespace {

std::string message(const std::string& inside, const std::string& attributes = "") {
  return "<message to='" + kRoom + "' type='groupchat' xmlns='jabber:client'" + attributes + ">" + inside +
         "</message>";
}

// Mallory, in a room with bob, says it. Returns the condition of mallory's stream error.
std::string condition_of(const std::string& text) {
  World world;
  Client bob(world);
  Client mallory(world);
  bob.join();
  mallory.join();
  bob.take();
  mallory.take();

  mallory.say(text);

  CHECK(mallory.closed());
  CHECK(!bob.closed());
  const auto last = mallory.take();
  REQUIRE(last.size() == 2);
  CHECK(last[1] == "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
  const auto seen = bob.take();
  REQUIRE(seen.size() == 1);
  CHECK(contains(seen[0], "type='unavailable'"));
  mallory.say(kOpen);  // too late
  CHECK(mallory.take().empty());
  bob.say(message("<body>still here</body>"));
  bob.expect({"still here"});
  CHECK(world.server.counters().stream_errors == 1);
  const auto error = parse_stanza(last[0]);
  REQUIRE(error->is("error", ns::kStreams));
  return error->children().at(0)->name();
}

}  // namespace

TEST_CASE("ends the stream on a duplicate attribute") {
  CHECK(condition_of(message("<a k='1' k='2'/>")) == "not-well-formed");
  CHECK(condition_of(message("<a xmlns:p='u' xmlns:q='u' p:k='1' q:k='2'/>")) == "not-well-formed");
}
TEST_CASE("ends the stream on an unbound prefix") {
  CHECK(condition_of(message("<p:a/>")) == "not-well-formed");
}
TEST_CASE("ends the stream on a character that XML does not have") {
  CHECK(condition_of(message("<body>&#1;</body>")) == "not-well-formed");
  CHECK(condition_of(message("<body>\x01</body>")) == "not-well-formed");
}
TEST_CASE("ends the stream on bad UTF-8") {
  CHECK(condition_of(message("<body>\xff</body>")) == "not-well-formed");
}
TEST_CASE("ends the stream on two roots") {
  CHECK(condition_of(message("") + message("")) == "not-well-formed");
}
TEST_CASE("ends the stream on text outside") {
  CHECK(condition_of(message("") + "x") == "not-well-formed");
  CHECK(condition_of("x" + message("")) == "not-well-formed");
}
TEST_CASE("ends the stream on a doctype") {
  CHECK(condition_of("<!DOCTYPE message>" + message("")) == "restricted-xml");
}
TEST_CASE("ends the stream on an entity") {
  CHECK(condition_of("<!DOCTYPE m [<!ENTITY e 'eeee'>]>" + message("&e;")) == "restricted-xml");
  CHECK(condition_of(message("&e;")) == "not-well-formed");
}
TEST_CASE("ends the stream on a processing instruction, a declaration or a comment") {
  CHECK(condition_of(message("<?x y?>")) == "restricted-xml");
  CHECK(condition_of("<?xml version='1.0'?>" + message("")) == "restricted-xml");
  CHECK(condition_of(message("<!-- x -->")) == "restricted-xml");
}
TEST_CASE("ends the stream on a stanza that is too deep") {
  std::string open;
  std::string close;
  for (int i = 0; i < 32; ++i) {
    open += "<a>";
    close += "</a>";
  }
  CHECK(condition_of(message(open + close)) == "policy-violation");
}
TEST_CASE("ends the stream on a stanza that is too big") {
  CHECK(condition_of(message(std::string(256 * 1024, 'x'))) == "policy-violation");
}
TEST_CASE("ends the stream on too many attributes") {
  std::string attributes;
  for (int i = 0; i < 129; ++i) attributes += " k" + std::to_string(i) + "='v'";
  CHECK(condition_of(message("", attributes)) == "policy-violation");
}
TEST_CASE("ends the stream on an unknown stanza") {
  CHECK(condition_of("<odd xmlns='jabber:client'/>") == "unsupported-stanza-type");
  CHECK(condition_of("<message/>") == "unsupported-stanza-type");
  CHECK(condition_of(kOpen) == "policy-violation");
}

TEST_CASE("answers the first message of a stranger that is no XML") {
  World world;
  world.server.connected(1, {}, world.now);
  world.server.received(1, "GET / HTTP/1.1", world.now);

  const auto last = world.take(1);
  REQUIRE(last.size() == 3);
  CHECK(contains(last[0], "<open "));
  CHECK(contains(last[1], "<not-well-formed "));
  CHECK(world.sockets.codes.at(1) == 1007);
}

TEST_CASE("ends the stream of a client that floods, by count and by size") {
  World world({.limits = {.stanzas_per_second = 10, .stanza_burst = 20}});
  Client alice(world);
  for (int i = 0; i < 20; ++i) alice.say("<presence xmlns='jabber:client'/>");
  CHECK(!alice.closed());
  world.now += std::chrono::seconds(1);
  for (int i = 0; i < 10; ++i) alice.say("<presence xmlns='jabber:client'/>");
  CHECK(!alice.closed());
  alice.say("<presence xmlns='jabber:client'/>");
  CHECK(alice.closed());

  World small({.limits = {.bytes_per_second = 10, .byte_burst = 100}});
  Client bob(small);
  bob.say("<presence xmlns='jabber:client'><a>" + std::string(100, 'x') + "</a></presence>");
  CHECK(bob.closed());
  CHECK(small.server.counters().rate_limited == 1);
}

TEST_CASE("ends a connection that does not log in") {
  World world;
  world.server.connected(50, {}, world.now);
  world.server.received(50, kOpen, world.now);
  world.now += std::chrono::seconds(20);
  world.server.tick(world.now);

  CHECK(world.sockets.codes.contains(50));
  CHECK(world.server.connection_count() == 0);

  Client alice(world);
  world.now += std::chrono::seconds(20);
  world.server.tick(world.now);
  CHECK(!alice.closed());
}

TEST_CASE("bounds connections and sessions") {
  World world({.limits = {.connections = 3, .sessions = 1}});
  Client alice(world);
  world.server.connected(50, {}, world.now);
  for (const std::string& text : {kOpen, kAuth, kOpen, kBindIq}) world.server.received(50, text, world.now);
  CHECK(contains(world.take(50).at(5), "<resource-constraint "));
  CHECK(world.sockets.codes.contains(50));
  world.server.connected(51, {}, world.now);
  world.server.connected(52, {}, world.now);
  world.server.connected(53, {}, world.now);

  CHECK(!world.sockets.codes.contains(52));
  CHECK(world.sockets.codes.at(53) == 1013);
}

TEST_CASE("bounds the rooms one client is in") {
  World world({.limits = {.rooms_per_session = 1}});
  Client alice(world);
  alice.join();
  alice.take();
  alice.join("", "beta@conference.meet.jitsi");

  alice.expect({"type='error'", "<service-unavailable "});
}

TEST_CASE("shuts down with a close for everybody, dropped sessions included") {
  World world;
  Client alice(world);
  Client bob(world);
  alice.enable_management();
  alice.join();
  alice.drop();
  bob.join();

  world.server.shut_down(world.now);

  CHECK(world.sockets.codes.at(bob.id) == 1001);
  CHECK(bob.take().back() == "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
  CHECK(world.server.session_count() == 0);
  CHECK(world.server.room_count() == 0);
  CHECK(world.log().back() == "ended " + kRoom);
}

TEST_CASE("pitfall 16: the local part is a UUID, whose first eight digits are the nick") {
  World world;
  Client alice(world);

  REQUIRE(alice.jid.find('@') == 36);
  CHECK(alice.jid[8] == '-');
  for (char c : alice.nick) CHECK(contains("0123456789abcdef", std::string_view(&c, 1)));
  CHECK(contains(alice.jid, "@meet.jitsi/"));
}

TEST_CASE("pitfall 8: every frame carries its own namespaces") {
  World world;
  Client alice(world);
  Client bob(world);
  alice.enable_management();
  alice.join();
  bob.join();
  for (const ConnectionId id : {alice.id, bob.id}) {
    for (const std::string& text : world.take(id)) CHECK(contains(text.substr(0, text.find('>')), " xmlns="));
  }
}

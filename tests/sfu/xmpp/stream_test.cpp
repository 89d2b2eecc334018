#include "sfu/xmpp/stream.hpp"

#include <doctest/doctest.h>

#include <list>

#include "sfu/xmpp/parser.hpp"
#include "sfu/xmpp/stream_management.hpp"

using namespace roomgate::sfu::xmpp;

namespace {

Step feed(Stream& stream, const std::string& text) { return stream.received(*parse_stanza(text)); }

const std::string kOpen = "<open to='meet.jitsi' version='1.0' xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";
const std::string kAuth = "<auth mechanism='ANONYMOUS' xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
const std::string kBind =
    "<iq id='1' type='set' xmlns='jabber:client'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";

Stream binding() {
  Stream stream("meet.jitsi", true);
  feed(stream, kOpen);
  feed(stream, kAuth);
  feed(stream, kOpen);
  return stream;
}

}  // namespace

TEST_CASE("goes from open through login to bind") {
  Stream stream("meet.jitsi", true);

  const Step first = feed(stream, kOpen);
  REQUIRE(first.send.size() == 2);
  CHECK(*first.send[0].attribute("from") == "meet.jitsi");
  CHECK(first.send[0].attribute("id")->size() == 32);
  CHECK(first.send[1].serialize() ==
        "<stream:features xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client'><mechanisms "
        "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>ANONYMOUS</mechanism></mechanisms></"
        "stream:features>");
  CHECK(feed(stream, kAuth).send[0].serialize() == "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
  const Step second = feed(stream, kOpen);
  CHECK(*second.send[0].attribute("id") != *first.send[0].attribute("id"));
  CHECK(second.send[1].child("bind") != nullptr);
  CHECK(second.send[1].child("sm") != nullptr);
  CHECK(second.send[1].child("session") == nullptr);
  CHECK(feed(stream, kBind).want == Want::bind);
  stream.bound();
  CHECK(feed(stream, "<presence xmlns='jabber:client'/>").want == Want::stanza);
  const Step last = feed(stream, "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
  CHECK(last.want == Want::end);
  CHECK(last.send[0].is("close", "urn:ietf:params:xml:ns:xmpp-framing"));
  CHECK(stream.state() == StreamState::ended);
}

TEST_CASE("does not offer stream management when it is off") {
  Stream stream("meet.jitsi", false);
  feed(stream, kOpen);
  feed(stream, kAuth);

  CHECK(feed(stream, kOpen).send[1].child("sm") == nullptr);
  CHECK(
      feed(stream, "<resume h='0' previd='x' xmlns='urn:xmpp:sm:3'/>").send[0].is("failed", "urn:xmpp:sm:3"));
}

TEST_CASE("answers an unknown mechanism with a failure, and the third one with the end") {
  Stream stream("meet.jitsi", true);
  feed(stream, kOpen);
  const std::string plain =
      "<auth mechanism='PLAIN' xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AGEAYg==</auth>";

  CHECK(feed(stream, plain).send[0].child("invalid-mechanism") != nullptr);
  CHECK(feed(stream, "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>").send[0].child("aborted") !=
        nullptr);
  CHECK(feed(stream, plain).want == Want::failure);
}

TEST_CASE("ends the stream of whoever is out of order") {
  const auto condition = [](Stream stream, const std::string& text) {
    const Step step = feed(stream, text);
    REQUIRE(step.want == Want::failure);
    return step.failure.condition;
  };
  Stream fresh("meet.jitsi", true);
  Stream bound = binding();
  bound.bound();

  CHECK(condition(fresh, kAuth) == "not-authorized");
  CHECK(condition(fresh, "<presence xmlns='jabber:client'/>") == "not-authorized");
  CHECK(condition(fresh, "<open to='other.example' xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>") ==
        "host-unknown");
  CHECK(condition(fresh, "<odd xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>") == "unsupported-stanza-type");
  CHECK(condition(binding(), "<message xmlns='jabber:client'/>") == "not-authorized");
  CHECK(condition(binding(), kOpen) == "policy-violation");
  CHECK(condition(binding(), kAuth) == "policy-violation");
  CHECK(condition(binding(), "<r xmlns='urn:xmpp:sm:3'/>") == "not-authorized");
  CHECK(condition(bound, kOpen) == "policy-violation");
  CHECK(condition(bound, "<message/>") == "unsupported-stanza-type");
  CHECK(condition(bound, "<odd xmlns='jabber:client'/>") == "unsupported-stanza-type");
  CHECK(condition(bound, "<a h='-1' xmlns='urn:xmpp:sm:3'/>") == "bad-format");
  CHECK(condition(bound, "<a h='4294967296' xmlns='urn:xmpp:sm:3'/>") == "bad-format");
}

TEST_CASE("opens its own side before it says why it closes") {
  Stream stream("meet.jitsi", true);

  const auto last = stream.farewell({"not-well-formed", 1007, {}});

  REQUIRE(last.size() == 3);
  CHECK(last[0].name() == "open");
  CHECK(
      last[1].serialize() ==
      "<stream:error xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client'><not-well-formed "
      "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
  CHECK(last[2].name() == "close");
  CHECK(feed(stream, kOpen).send.empty());
}

TEST_CASE("refuses enable before bind and resume after it") {
  Stream before = binding();
  Stream after = binding();
  after.bound();

  CHECK(feed(before, "<enable xmlns='urn:xmpp:sm:3'/>").send[0].child("unexpected-request") != nullptr);
  CHECK(feed(after, "<resume h='0' previd='x' xmlns='urn:xmpp:sm:3'/>").send[0].child("unexpected-request") !=
        nullptr);
  CHECK(feed(before, "<resume previd='x' xmlns='urn:xmpp:sm:3'/>").send[0].child("bad-request") != nullptr);
}

TEST_CASE("keeps what is unacknowledged and forgets what is") {
  StreamManagement management;
  const StreamManagementLimits limits;
  CHECK(management.keep("before", limits));
  management.enable("id");
  management.count_received();
  for (const char* text : {"a", "b", "c"}) CHECK(management.keep(text, limits));

  CHECK(management.handled() == 1);
  CHECK(management.sent() == 3);
  CHECK(management.acknowledge(2));
  CHECK(management.unacked() == std::list<std::string>{"c"});
  CHECK(management.acknowledge(2));
  CHECK(!management.acknowledge(1));
  CHECK(!management.acknowledge(4));
  CHECK(management.sent() == 3);
}

TEST_CASE("bounds the unacknowledged queue in stanzas and in bytes") {
  StreamManagement management;
  management.enable("id");

  CHECK(management.keep("12345", {.stanzas = 2, .bytes = 8}));
  CHECK(!management.keep("6789", {.stanzas = 2, .bytes = 8}));
  CHECK(management.keep("6", {.stanzas = 2, .bytes = 8}));
  CHECK(!management.keep("7", {.stanzas = 2, .bytes = 8}));
}

TEST_CASE("asks for an acknowledgement after a burst, once, and for the rest when idle") {
  StreamManagement management;
  management.enable("id");
  CHECK(!management.should_ask(true));
  for (int i = 0; i < 4; ++i) CHECK(management.keep("x", {}));

  CHECK(!management.should_ask(false));
  CHECK(management.should_ask(true));
  CHECK(management.keep("x", {}));
  CHECK(management.should_ask(false));
  management.asked();
  CHECK(!management.should_ask(true));
  CHECK(management.acknowledge(5));
  CHECK(!management.should_ask(true));
}

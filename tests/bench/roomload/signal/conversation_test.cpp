#include "bench/roomload/signal/conversation.hpp"

#include <doctest/doctest.h>

#include "sfu/xmpp/parser.hpp"

using namespace roomgate;
using namespace roomgate::bench::roomload::signal;
using roomgate::sfu::xmpp::Element;

namespace {

constexpr TimePoint kStart{seconds(1000)};
const std::string kRoom = "alpha@conference.meet.jitsi";

Account account() {
  Account out;
  out.domain = "meet.jitsi";
  out.focus = "focus.meet.jitsi";
  out.room_jid = kRoom;
  out.name = "load 1";
  out.codec = "vp8";
  return out;
}

// A shard's side, word by word.
struct Script {
  Conversation conversation{account(), kStart};
  TimePoint now = kStart;

  std::vector<Element> said() {
    std::vector<Element> out;
    for (const std::string& text : conversation.take_output()) {
      auto parsed = sfu::xmpp::parse_stanza(text);
      REQUIRE_MESSAGE(parsed.ok(), text);
      out.push_back(*parsed);
    }
    return out;
  }
  void hear(const std::string& text) { conversation.consume(text, now); }
  template <class T>
  T event() {
    auto next = conversation.next_event();
    REQUIRE(next);
    REQUIRE(std::holds_alternative<T>(*next));
    return std::get<T>(*next);
  }

  void log_in() {
    hear("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='meet.jitsi' id='1' version='1.0'/>");
    hear(
        "<stream:features xmlns:stream='http://etherx.jabber.org/streams'><mechanisms "
        "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>ANONYMOUS</mechanism></mechanisms></"
        "stream:features>");
    hear("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    hear("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='meet.jitsi' id='2' version='1.0'/>");
    hear(
        "<stream:features xmlns:stream='http://etherx.jabber.org/streams'><bind "
        "xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>");
    hear(
        "<iq xmlns='jabber:client' type='result' id='_bind_auth_2'><bind "
        "xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
        "<jid>8fc6a697-7e2a-453e-a39d-3e70a1abad01@meet.jitsi/r</jid></bind></iq>");
  }
  // The id of the conference request.
  std::string request() {
    for (const Element& element : said()) {
      if (element.child("conference") != nullptr) return std::string(element.attribute_or("id", ""));
    }
    FAIL("no conference request");
    return "";
  }
  void answer_request(const std::string& id, const std::string& inside, const std::string& type = "result") {
    hear("<iq xmlns='jabber:client' type='" + type + "' id='" + id + "' from='focus.meet.jitsi'>" + inside +
         "</iq>");
  }
  void join() {
    log_in();
    answer_request(request(),
                   "<conference xmlns='http://jitsi.org/protocol/focus' ready='true' "
                   "focusjid='focus@auth.meet.jitsi'/>");
    (void)said();
    hear("<presence xmlns='jabber:client' from='" + kRoom +
         "/8fc6a697'><x xmlns='http://jabber.org/protocol/muc#user'>"
         "<item affiliation='none' role='participant'/><status code='110'/></x></presence>");
  }
};

}  // namespace

TEST_CASE("it logs in without a name, asks for the conference and joins with a nick from its address") {
  Script script;

  script.log_in();
  const std::string id = script.request();
  script.answer_request(id,
                        "<conference xmlns='http://jitsi.org/protocol/focus' ready='true' "
                        "focusjid='focus@auth.meet.jitsi'/>");

  const auto said = script.said();
  REQUIRE(said.size() == 1);
  CHECK(said[0].name() == "presence");
  CHECK(said[0].attribute_or("to", "") == kRoom + "/8fc6a697");
  CHECK(said[0].child("x", "http://jabber.org/protocol/muc") != nullptr);
  CHECK(script.conversation.stage() == Stage::joining);
}

TEST_CASE("it is in the room when its own presence comes back") {
  Script script;

  script.join();

  CHECK(script.event<Joined>().endpoint == "8fc6a697");
  CHECK(script.conversation.stage() == Stage::joined);
}

TEST_CASE("a conference that is not ready is asked for again, and not for ever") {
  Script script;
  script.log_in();
  int asked = 0;

  while (script.conversation.stage() == Stage::requesting && asked < 100) {
    ++asked;
    script.answer_request(script.request(),
                          "<conference xmlns='http://jitsi.org/protocol/focus' ready='false'/>");
    script.now = script.conversation.next_deadline();
    script.conversation.tick(script.now);
  }

  CHECK(asked == ConversationLimits{}.not_ready);
  CHECK(script.event<Failed>().problem.kind == ProblemKind::full);
}

TEST_CASE("what is refused is told with its reason") {
  Script login;
  login.hear(
      "<stream:features xmlns:stream='http://etherx.jabber.org/streams'><mechanisms "
      "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms></stream:features>");
  CHECK(login.event<Failed>().problem.kind == ProblemKind::not_allowed);

  Script conference;
  conference.log_in();
  conference.answer_request(
      conference.request(),
      "<error type='auth'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>", "error");
  CHECK(conference.event<Failed>().problem.text.find("not-authorized") != std::string::npos);

  Script room;
  room.log_in();
  room.answer_request(room.request(),
                      "<conference xmlns='http://jitsi.org/protocol/focus' ready='true' focusjid='f@a'/>");
  room.hear("<presence xmlns='jabber:client' type='error' from='" + kRoom +
            "/8fc6a697'><error type='wait'><service-unavailable "
            "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>");
  CHECK(room.event<Failed>().problem.kind == ProblemKind::full);
}

TEST_CASE("a shard that falls silent is noticed at each step") {
  Script script;

  script.now = script.conversation.next_deadline();
  script.conversation.tick(script.now);

  CHECK(script.event<Failed>().problem.kind == ProblemKind::unreachable);
  CHECK(script.conversation.next_deadline() == TimePoint::max());
}

TEST_CASE("it pings when nothing comes, and is content with an answer") {
  Script script;
  script.join();
  (void)script.said();

  script.now += seconds(10);
  script.conversation.tick(script.now);
  const auto said = script.said();
  REQUIRE(said.size() == 1);
  CHECK(said[0].child("ping", "urn:xmpp:ping") != nullptr);
  script.hear("<iq xmlns='jabber:client' type='result' id='" + std::string(said[0].attribute_or("id", "")) +
              "'/>");
  script.now += seconds(9);
  script.conversation.tick(script.now);

  CHECK(script.conversation.stage() == Stage::joined);
  CHECK(script.said().empty());
}

TEST_CASE("a ping without an answer is the end") {
  Script script;
  script.join();
  (void)script.event<Joined>();

  for (int i = 0; i < 4; ++i) {
    script.now = std::max(script.now, script.conversation.next_deadline());
    if (script.now == TimePoint::max()) break;
    script.conversation.tick(script.now);
  }

  CHECK(script.event<Failed>().problem.kind == ProblemKind::lost);
}

TEST_CASE("its features have transport-cc in them, or not, and its version says so") {
  const auto features = [](bool transport_cc) {
    Account mine = account();
    mine.features.transport_cc = transport_cc;
    Conversation conversation(std::move(mine), kStart);
    (void)conversation.take_output();
    conversation.consume(
        "<iq xmlns='jabber:client' type='get' id='d' from='focus.meet.jitsi'><query "
        "xmlns='http://jabber.org/protocol/disco#info'/></iq>",
        kStart);
    const auto output = conversation.take_output();
    return output.empty() ? std::string() : output.front();
  };

  CHECK(features(true).find("http://jitsi.org/tcc") != std::string::npos);
  CHECK(features(false).find("http://jitsi.org/remb") != std::string::npos);
  CHECK(features(false).find("http://jitsi.org/tcc") == std::string::npos);
  CHECK(capabilities_version() != capabilities_version({.transport_cc = false}));
}

TEST_CASE("only the focus may call") {
  Script script;
  script.join();
  (void)script.event<Joined>();
  (void)script.said();

  script.hear("<iq xmlns='jabber:client' type='set' id='p1' from='" + kRoom +
              "/548301e2'><jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='x'/></iq>");

  const auto said = script.said();
  REQUIRE(said.size() == 1);
  CHECK(said[0].attribute_or("type", "") == "error");
  CHECK_FALSE(script.conversation.next_event());
}

TEST_CASE("leaving says so, and ends when the room has heard it") {
  Script script;
  script.join();
  (void)script.event<Joined>();
  (void)script.said();

  script.conversation.leave(script.now);
  const auto said = script.said();
  script.hear("<presence xmlns='jabber:client' type='unavailable' from='" + kRoom + "/8fc6a697'/>");

  REQUIRE(said.size() == 2);
  CHECK(said[0].attribute_or("type", "") == "unavailable");
  CHECK(said[1].name() == "close");
  CHECK(script.conversation.stage() == Stage::ended);
  CHECK_FALSE(script.conversation.next_event());
}

TEST_CASE("being put out of the room is a problem, with the reason given") {
  Script script;
  script.join();
  (void)script.event<Joined>();

  script.hear("<presence xmlns='jabber:client' type='unavailable' from='" + kRoom +
              "/8fc6a697'><x xmlns='http://jabber.org/protocol/muc#user'><item role='none'><reason>too "
              "loud</reason></item></x></presence>");

  CHECK(script.event<Failed>().problem.text.find("too loud") != std::string::npos);
}

TEST_CASE("nonsense from the shard ends it, whatever it is") {
  for (const char* text : {"", "<", "<a/><b/>", "<!DOCTYPE a><a/>", "\xff"}) {
    Script script;

    script.hear(text);

    CHECK(script.event<Failed>().problem.kind == ProblemKind::protocol);
  }
}

// Rooms as two and three clients see them, text in and text out.
#include "tests/sfu/xmpp/world.hpp"

using namespace roomgate::sfu::xmpp;
using namespace roomgate::sfu::xmpp::test;

namespace {

std::string item(const std::string& inside) {
  return "<query xmlns='http://jabber.org/protocol/muc#admin'>" + inside + "</query>";
}

std::string form(const std::string& fields) {
  return "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'><field "
         "var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>" +
         fields + "</x></query>";
}

std::string field(const std::string& name, const std::string& value) {
  return "<field var='muc#roomconfig_" + name + "'><value>" + value + "</value></field>";
}

std::size_t count(const std::vector<std::string>& messages, std::string_view part) {
  std::size_t n = 0;
  for (const std::string& message : messages) n += contains(message, part) ? 1 : 0;
  return n;
}

}  // namespace

TEST_CASE("from nothing to joined: lines 1 to 8 of the minimum, two clients") {
  World world;
  Client alice(world);
  alice.join();
  const auto first = alice.take();

  REQUIRE(first.size() == 4);  // conference answer, focus, oneself, subject
  CHECK(contains(first[0], "ready='true'"));
  CHECK(first[1] ==
        "<presence xmlns='jabber:client' from='alpha@conference.meet.jitsi/focus' to='" + alice.jid +
            "'><conference-properties xmlns='http://jitsi.org/protocol/focus'><property "
            "key='support-session-restart' "
            "value='true'/></conference-properties><x xmlns='http://jabber.org/protocol/muc#user'><item "
            "jid='focus@auth.meet.jitsi/focus' affiliation='owner' role='moderator'/></x></presence>");
  CHECK(
      first[2] ==
      "<presence xmlns='jabber:client' from='alpha@conference.meet.jitsi/" + alice.nick + "' to='" +
          alice.jid +
          "'><stats-id>Jean-bdJ</stats-id><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' "
          "node='https://jitsi.org/jitsi-meet' ver='dtzK='/><SourceInfo>{}</SourceInfo><nick "
          "xmlns='http://jabber.org/protocol/nick'>guest</nick><x "
          "xmlns='http://jabber.org/protocol/muc#user'><item "
          "jid='" +
          alice.jid +
          "' affiliation='owner' role='moderator'/><status code='100'/><status code='110'/></x></presence>");
  CHECK(first[3] ==
        "<message xmlns='jabber:client' type='groupchat' from='alpha@conference.meet.jitsi' to='" +
            alice.jid + "'><subject/></message>");

  Client bob(world);
  bob.join();
  const auto second = bob.take();
  REQUIRE(second.size() == 5);
  CHECK(contains(second[1], "/focus'"));
  CHECK(contains(second[2], "from='alpha@conference.meet.jitsi/" + alice.nick));
  CHECK(contains(second[2], "<item jid='" + alice.jid + "' affiliation='owner' role='moderator'/></x>"));
  CHECK(contains(second[3], "<item jid='" + bob.jid + "' affiliation='none' role='participant'/>"));
  CHECK(contains(second[3], "code='110'"));
  CHECK(contains(second[4], "<subject/>"));
  const auto news = alice.take();
  REQUIRE(news.size() == 1);
  CHECK(contains(news[0], "<item jid='" + bob.jid + "' affiliation='none' role='participant'/></x>"));
  CHECK(!contains(news[0], "110"));

  const std::string info = bob.iq("get", kRoom, "<query xmlns='http://jabber.org/protocol/disco#info'/>");
  CHECK(contains(info, "<identity category='conference' type='text'/>"));
  CHECK(contains(info, "<feature var='http://jabber.org/protocol/muc'/>"));
  CHECK(contains(info, "var='muc#roominfo_meetingId'"));
  CHECK(contains(info, "<field var='muc#roominfo_created_timestamp'><value>1795374219414</value></field>"));
  CHECK(!contains(info, "muc_passwordprotected"));

  CHECK(world.log() == std::vector<std::string>{"requested " + kRoom, "joined " + alice.nick + " moderator",
                                                "requested " + kRoom, "joined " + bob.nick});
  CHECK(world.focus.last.channel_base == "wss://example.org");
  const auto census = world.server.rooms();
  REQUIRE(census.size() == 1);
  CHECK(census[0].room == kRoom);
  CHECK(census[0].participants == 2);
  CHECK(census[0].created == 1795374219414);
}

TEST_CASE("pitfall 3 and 4: the focus has the nick focus, and everybody's item has a full JID") {
  World world;
  Client alice(world);
  Client bob(world);
  alice.join();
  bob.join();

  for (const std::string& message : bob.take()) {
    if (!contains(message, "<presence")) continue;
    const auto presence = parse_stanza(message);
    const std::string* jid =
        presence->child("x", ns::kMucUser)->child("item", ns::kMucUser)->attribute("jid");
    REQUIRE(jid != nullptr);
    CHECK(contains(*jid, "/"));
  }
}

TEST_CASE("pitfall 3: nobody but the focus has the nick focus") {
  World world;
  Client alice(world);
  alice.nick = "focus";
  alice.join();
  alice.expect({"<presence ", "type='error'", "/focus'", "<error type='cancel'><conflict "});

  alice.nick = "alice";
  alice.join();
  alice.say("<presence to='" + kRoom + "/focus' xmlns='jabber:client'/>");
  alice.expect({"type='error'", "<conflict "});
}

TEST_CASE(
    "pitfall 10: relays presence payload verbatim, SourceInfo included, and keeps the last for later "
    "joiners") {
  World world;
  Client alice(world);
  Client bob(world);
  alice.join();
  bob.join();
  alice.take();
  bob.take();
  const std::string payload = "<SourceInfo>{\"" + alice.nick +
                              "-v0\":{\"muted\":true}}</SourceInfo><jitsi_participant_hand>1"
                              "</jitsi_participant_hand><audiomuted "
                              "xmlns='http://jitsi.org/jitmeet/audio'>false</audiomuted><plain xmlns=''/>";

  alice.say("<presence to='" + kRoom + "/" + alice.nick + "' xmlns='jabber:client'>" + payload +
            "</presence>");

  CHECK(contains(bob.take().at(0), payload + "<x xmlns='http://jabber.org/protocol/muc#user'>"));
  const auto own = alice.take();
  REQUIRE(own.size() == 1);
  CHECK(contains(own[0], payload));
  CHECK(contains(own[0], "<status code='110'/>"));
  Client carol(world);
  carol.join();
  carol.expect({payload, alice.nick});
  CHECK(world.log().at(4) == "presence " + alice.nick + " moderator");
}

TEST_CASE("lets nobody claim a role or an identity in a presence") {
  World world;
  Client alice(world);
  Client bob(world);
  alice.join();
  bob.join();
  alice.take();

  bob.say("<presence to='" + kRoom + "/" + bob.nick +
          "' xmlns='jabber:client'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='owner' "
          "role='moderator' jid='x@y/z'/></x><identity><user><id>boss</id></user></identity></presence>");

  const auto seen = alice.take();
  REQUIRE(seen.size() == 1);
  CHECK(!contains(seen[0], "moderator"));
  CHECK(!contains(seen[0], "boss"));
}

TEST_CASE("refuses a nick that is taken") {
  World world;
  Client alice(world);
  Client bob(world);
  alice.join();
  bob.nick = alice.nick;
  bob.join();

  CHECK(bob.expect({"type='error'"}) ==
        "<presence xmlns='jabber:client' type='error' from='" + kRoom + "/" + alice.nick + "' to='" +
            bob.jid +
            "'><x xmlns='http://jabber.org/protocol/muc'/><error type='cancel'><conflict "
            "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>");
  CHECK(world.server.participant_count() == 1);
}

TEST_CASE("refuses to join a room that nobody requested") {
  World world;
  Client alice(world);

  alice.say("<presence to='" + kRoom +
            "/a' xmlns='jabber:client'><x xmlns='http://jabber.org/protocol/muc'/></presence>");

  alice.expect({"type='error'", "<not-allowed ", "Room creation is restricted"});
}

TEST_CASE("gives everything once more to somebody who joins again") {
  World world;
  Client alice(world);
  alice.join();
  alice.take();
  alice.join();

  const auto again = alice.take();
  CHECK(count(again, "from='" + kRoom + "/focus'") == 1);
  CHECK(count(again, "<subject/>") == 1);
  CHECK(world.server.participant_count() == 1);
}

TEST_CASE("changes a nick: unavailable with 303, then present under the new one") {
  World world;
  Client alice(world);
  Client bob(world);
  alice.join();
  bob.join();
  alice.take();
  world.log();

  bob.say("<presence to='" + kRoom + "/newbob' xmlns='jabber:client'><a/></presence>");

  const auto seen = alice.take();
  REQUIRE(seen.size() == 2);
  CHECK(contains(seen[0], "type='unavailable'"));
  CHECK(contains(seen[0], "nick='newbob'"));
  CHECK(contains(seen[0], "<status code='303'/>"));
  CHECK(contains(seen[1], "from='" + kRoom + "/newbob'"));
  CHECK(world.log() == std::vector<std::string>{"left " + bob.nick + " left", "joined newbob"});
}

TEST_CASE("pitfall 15: the leaver sees himself leave with 110, the others without") {
  World world;
  Client alice(world);
  Client bob(world);
  alice.join();
  bob.join();
  alice.take();
  bob.take();

  bob.say("<presence to='" + kRoom + "/" + bob.nick +
          "' type='unavailable' xmlns='jabber:client'><status>bye</status></presence>");

  const std::string own = bob.expect({"type='unavailable'"});
  CHECK(contains(own, "<status>bye</status>"));
  CHECK(contains(own, "role='none'"));
  CHECK(contains(own, "<status code='110'/>"));
  const std::string seen = alice.expect({"type='unavailable'"});
  CHECK(contains(seen, "from='" + kRoom + "/" + bob.nick + "'"));
  CHECK(contains(seen, "role='none'"));
  CHECK(!contains(seen, "110"));
}

TEST_CASE("tells the focus of a leaver before the others, so that source-remove goes first") {
  World world;
  world.focus.source_remove_on_leave = true;
  Client alice(world);
  Client bob(world);
  alice.join();
  bob.join();
  alice.take();
  bob.leave();

  const auto seen = alice.take();
  REQUIRE(seen.size() == 2);
  CHECK(contains(seen[0], "source-remove"));
  CHECK(contains(seen[1], "unavailable"));
}

TEST_CASE("ends the room with its last occupant") {
  World world;
  std::vector<std::string> watched;
  world.server.set_room_watcher([&](bool created, const RoomCensus& room) {
    watched.push_back((created ? "created " : "ended ") + room.room);
  });
  Client alice(world);
  alice.join();
  alice.leave();

  CHECK(world.log() == std::vector<std::string>{"requested " + kRoom, "joined " + alice.nick + " moderator",
                                                "left " + alice.nick + " left", "ended " + kRoom});
  CHECK(watched == std::vector<std::string>{"created " + kRoom, "ended " + kRoom});
  CHECK(world.server.room_count() == 0);
}

TEST_CASE("leaves all rooms with an unavailable presence to nobody, and ends with close") {
  World world;
  Client alice(world);
  Client bob(world);
  alice.join();
  bob.join();
  bob.join("", "beta@conference.meet.jitsi");
  bob.say("<presence type='unavailable' xmlns='jabber:client'/>");
  CHECK(count(bob.take(), "<status code='110'/>") == 4);  // two joins, two leaves

  bob.say("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");

  CHECK(bob.take().at(0) == "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
  CHECK(world.sockets.codes.at(bob.id) == 1000);
  CHECK(world.server.session_count() == 1);
  CHECK(world.server.participant_count() == 1);
}

TEST_CASE("removes whoever loses his connection without stream management at once") {
  World world;
  Client alice(world);
  Client bob(world);
  alice.join();
  bob.join();
  alice.take();
  world.log();

  bob.drop();

  alice.expect({"type='unavailable'", bob.nick});
  CHECK(world.log() == std::vector<std::string>{"left " + bob.nick + " connection_lost"});
  CHECK(world.server.session_count() == 1);
}

TEST_CASE("makes the next one moderator when the moderator leaves") {
  World world;
  Client alice(world);
  Client bob(world);
  Client carol(world);
  alice.join();
  bob.join();
  carol.join();
  bob.take();
  carol.take();
  alice.leave();

  const auto seen = bob.take();
  REQUIRE(seen.size() == 2);
  CHECK(contains(seen[0], "type='unavailable'"));
  CHECK(contains(seen[1],
                 "<item jid='" + bob.jid + "' affiliation='owner' role='moderator'/><status code='110'/>"));
  CHECK(count(carol.take(), "<item jid='" + bob.jid + "' affiliation='owner' role='moderator'/></x>") == 1);
  CHECK(world.log().back() == "presence " + bob.nick + " moderator");
}

TEST_CASE("grants ownership by bare JID") {
  World world;
  Client alice(world);
  Client bob(world);
  alice.join();
  bob.join();
  bob.take();
  const std::string bare = bob.jid.substr(0, bob.jid.find('/'));

  CHECK(
      contains(bob.iq("set", kRoom, item("<item affiliation='owner' jid='" + bare + "'/>")), "<forbidden "));
  CHECK(
      contains(alice.iq("set", kRoom, item("<item affiliation='owner' jid='" + bare + "'><reason/></item>")),
               "type='result'"));
  bob.expect({"affiliation='owner' role='moderator'", "<status code='110'/>"});
  alice.iq("set", kRoom, item("<item nick='" + bob.nick + "' role='participant'/>"));
  bob.expect({"affiliation='none' role='participant'", "<status code='110'/>"});
}

TEST_CASE("kicks with 307, the actor and the reason; moderators only") {
  World world;
  Client alice(world);
  Client bob(world);
  Client carol(world);
  alice.join();
  bob.join();
  carol.join();
  bob.take();
  carol.take();
  const std::string kick = item("<item nick='" + bob.nick + "' role='none'><reason>Too loud</reason></item>");
  CHECK(contains(carol.iq("set", kRoom, kick), "<error type='auth'><forbidden "));
  world.log();

  CHECK(contains(alice.iq("set", kRoom, kick), "type='result'"));

  const std::string own = bob.expect({"type='unavailable'"});
  CHECK(contains(own, "affiliation='none' role='none'><actor nick='" + alice.nick +
                          "'/><reason>Too loud</reason></item><status code='307'/><status code='110'/>"));
  const std::string seen = carol.expect({"type='unavailable'", bob.nick});
  CHECK(contains(seen, "<status code='307'/></x>"));
  CHECK(world.log() == std::vector<std::string>{"left " + bob.nick + " kicked"});
  // An update of somebody who does not know yet does not bring him back.
  bob.say("<presence to='" + kRoom + "/" + bob.nick + "' xmlns='jabber:client'/>");
  bob.expect({"type='error'", "<not-acceptable "});
  CHECK(world.server.participant_count() == 2);
}

TEST_CASE("never kicks the focus, oneself or a stranger") {
  World world;
  Client alice(world);
  alice.join();

  CHECK(contains(alice.iq("set", kRoom, item("<item nick='focus' role='none'/>")), "<not-allowed "));
  CHECK(contains(alice.iq("set", kRoom, item("<item affiliation='outcast' jid='focus@auth.meet.jitsi'/>")),
                 "<not-allowed "));
  CHECK(
      contains(alice.iq("set", kRoom, item("<item nick='" + alice.nick + "' role='none'/>")), "<conflict "));
  CHECK(contains(alice.iq("set", kRoom, item("<item nick='nobody' role='none'/>")), "<item-not-found "));
  CHECK(contains(alice.iq("set", kRoom, item("")), "<bad-request "));
  CHECK(contains(alice.iq("set", kRoom, item("<item role='none'/>")), "<bad-request "));
  CHECK(contains(alice.iq("set", kRoom, item("<item nick='" + alice.nick + "' role='visitor'/>")),
                 "<feature-not-implemented "));
  CHECK(world.server.participant_count() == 1);
}

TEST_CASE("bans with 301, keeps the banned out, and lists and lifts the ban") {
  World world;
  Client alice(world);
  Client bob(world);
  alice.join();
  bob.join();
  bob.take();
  const std::string bare = bob.jid.substr(0, bob.jid.find('/'));

  alice.iq("set", kRoom, item("<item affiliation='outcast' jid='" + bare + "'/>"));

  bob.expect({"type='unavailable'", "affiliation='outcast' role='none'", "<status code='301'/>"});
  bob.join();
  bob.expect({"type='error'", "<forbidden "});
  CHECK(contains(alice.iq("get", kRoom, item("<item affiliation='outcast'/>")), "jid='" + bare + "'"));
  alice.iq("set", kRoom, item("<item affiliation='none' jid='" + bare + "'/>"));
  bob.join();
  bob.expect({"<status code='110'/>"});
}

TEST_CASE("locks a room, refuses wrong passwords, tells by 104, and unlocks it") {
  World world;
  Client alice(world);
  Client bob(world);
  alice.join();
  const std::string get = alice.iq("get", kRoom, "<query xmlns='http://jabber.org/protocol/muc#owner'/>");
  CHECK(contains(get, "var='muc#roomconfig_roomsecret'"));
  CHECK(contains(get, "var='muc#roomconfig_passwordprotectedroom'"));
  CHECK(contains(get, "var='muc#roomconfig_whois'"));
  CHECK(!contains(get, "membersonly"));

  alice.say("<iq id='l' type='set' to='" + kRoom + "' xmlns='jabber:client'>" +
            form(field("roomsecret", "s&lt;cret") + field("passwordprotectedroom", "1") +
                 field("whois", "anyone")) +
            "</iq>");

  alice.expect({"<status code='104'/>", "from='" + kRoom + "'", "type='groupchat'"});
  for (const char* inside :
       {"", "<password>wrong</password>", "<password/>", "<password>s&lt;cret </password>"}) {
    CAPTURE(inside);
    bob.take();
    bob.join(inside);
    bob.expect(
        {"type='error'", "<x xmlns='http://jabber.org/protocol/muc'/><error type='auth'><not-authorized "});
  }
  CHECK(contains(bob.iq("get", kRoom, "<query xmlns='http://jabber.org/protocol/disco#info'/>"),
                 "muc_passwordprotected"));
  bob.join("<password>s&lt;cret</password>");
  bob.expect({"<status code='110'/>"});
  CHECK(
      contains(bob.iq("get", kRoom, "<query xmlns='http://jabber.org/protocol/muc#owner'/>"), "<forbidden "));
  CHECK(contains(bob.iq("set", kRoom, form(field("roomsecret", ""))), "<forbidden "));

  alice.iq("set", kRoom, form(field("roomsecret", "") + field("passwordprotectedroom", "0")));
  Client carol(world);
  carol.join();
  carol.expect({"<status code='110'/>"});
}

TEST_CASE("refuses forms it cannot keep") {
  World world;
  Client alice(world);
  alice.join();

  CHECK(contains(alice.iq("set", kRoom, form(field("membersonly", "true"))), "<not-acceptable "));
  CHECK(contains(alice.iq("set", kRoom, form(field("whois", "moderators"))), "<not-acceptable "));
  CHECK(
      contains(alice.iq("set", kRoom, form(field("roomsecret", std::string(300, 'x')))), "<not-acceptable "));
  CHECK(contains(alice.iq("set", kRoom, "<query xmlns='http://jabber.org/protocol/muc#owner'/>"),
                 "<bad-request "));
}

TEST_CASE("destroys a room when its owner says so") {
  World world;
  Client alice(world);
  Client bob(world);
  alice.join();
  bob.join();
  bob.take();
  world.log();

  alice.iq(
      "set", kRoom,
      "<query xmlns='http://jabber.org/protocol/muc#owner'><destroy><reason>over</reason></destroy></query>");

  bob.expect({"type='unavailable'", "<destroy jid='" + kRoom + "'><reason>over</reason></destroy>"});
  CHECK(world.log() == std::vector<std::string>{"left " + alice.nick + " room_destroyed",
                                                "left " + bob.nick + " room_destroyed", "ended " + kRoom});
  CHECK(world.server.participant_count() == 0);
  bob.join();
  bob.expect({"<status code='110'/>"});
}

TEST_CASE("passes group chat to all, the sender too, under one id and from the room") {
  World world;
  Client alice(world);
  Client bob(world);
  alice.join();
  bob.join();
  alice.take();
  bob.take();

  alice.say("<message to='" + kRoom +
            "' from='bob@elsewhere/x' type='groupchat' xmlns='jabber:client'><body>hello "
            "&amp; &lt;all&gt;</body><json-message xmlns='http://jitsi.org/jitmeet'>{\"a\":1}</json-message>"
            "<delay xmlns='urn:xmpp:delay' stamp='2001-01-01T00:00:00Z'/></message>");

  const std::string own = alice.expect({"<body>"});
  const std::string seen = bob.expect({"<body>"});
  const auto a = parse_stanza(own);
  const auto b = parse_stanza(seen);
  CHECK(*a->attribute("from") == kRoom + "/" + alice.nick);
  CHECK(*b->attribute("from") == kRoom + "/" + alice.nick);
  CHECK(*a->attribute("id") == *b->attribute("id"));
  CHECK(!a->attribute("id")->empty());
  CHECK(
      contains(seen,
               "<body>hello &amp; &lt;all&gt;</body><json-message xmlns='http://jitsi.org/jitmeet'>{\"a\":1}"
               "</json-message></message>"));
}

TEST_CASE("keeps the id that the sender gave") {
  World world;
  Client alice(world);
  alice.join();
  alice.take();
  alice.say("<message to='" + kRoom +
            "' id='mine' type='groupchat' xmlns='jabber:client'><body>x</body></message>");

  alice.expect({"id='mine'", "<body>x</body>"});
}

TEST_CASE("delivers private messages to one, and drops those to the focus") {
  World world;
  Client alice(world);
  Client bob(world);
  Client carol(world);
  for (Client* each : {&alice, &bob, &carol}) each->join();
  for (Client* each : {&alice, &bob, &carol}) each->take();

  alice.say("<message to='" + kRoom + "/" + bob.nick +
            "' type='chat' xmlns='jabber:client'><body>psst</body></message>");
  alice.say("<message to='" + kRoom +
            "/focus' type='chat' xmlns='jabber:client'><body>psst</body></message>");

  bob.expect({"type='chat'", "from='" + kRoom + "/" + alice.nick + "'", "to='" + bob.jid + "'", "psst"});
  CHECK(carol.take().empty());
  CHECK(alice.take().empty());
  alice.say("<message to='" + kRoom +
            "/nobody' type='chat' xmlns='jabber:client'><body>psst</body></message>");
  alice.expect({"type='error'", "<item-not-found "});
}

TEST_CASE("lets moderators set the subject, and later joiners see it") {
  World world;
  Client alice(world);
  Client bob(world);
  alice.join();
  bob.join();
  bob.take();
  const std::string subject =
      "<message to='" + kRoom +
      "' type='groupchat' xmlns='jabber:client'><subject>Probe subject</subject></message>";

  bob.say(subject);
  bob.expect({"type='error'", "<forbidden "});
  alice.say(subject);
  bob.expect({"<subject>Probe subject</subject>", "from='" + kRoom + "/" + alice.nick});
  Client carol(world);
  carol.join();
  carol.expect({"<subject>Probe subject</subject>"});
}

TEST_CASE("relays IQs between occupants, answers included, and nothing that was not asked") {
  World world;
  Client alice(world);
  Client bob(world);
  alice.join();
  bob.join();
  alice.take();
  bob.take();
  const std::string jingle = "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='1'/>";

  alice.say("<iq id='j1' type='set' to='" + kRoom + "/" + bob.nick + "' from='x@y/z' xmlns='jabber:client'>" +
            jingle + "</iq>");
  bob.expect({"id='j1'", "type='set'", "from='" + kRoom + "/" + alice.nick + "'", "to='" + bob.jid + "'",
              "session-initiate"});
  const std::string answer =
      "<iq id='j1' type='result' to='" + kRoom + "/" + alice.nick + "' xmlns='jabber:client'/>";
  bob.say(answer);
  alice.expect({"id='j1'", "type='result'", "from='" + kRoom + "/" + bob.nick + "'"});
  bob.say(answer);
  CHECK(alice.take().empty());
}

TEST_CASE("answers for an occupant that left or stays silent") {
  World world;
  Client alice(world);
  Client bob(world);
  Client carol(world);
  for (Client* each : {&alice, &bob, &carol}) each->join();
  const auto ask = [&](const std::string& id, const Client& whom) {
    alice.say("<iq id='" + id + "' type='get' to='" + kRoom + "/" + whom.nick +
              "' xmlns='jabber:client'><query xmlns='u'/></iq>");
  };
  ask("a", bob);
  ask("b", carol);
  alice.take();

  bob.leave();
  alice.expect({"id='a'", "type='error'", "<item-not-found "});
  world.now += std::chrono::seconds(30);
  world.server.tick(world.now);
  alice.expect({"id='b'", "type='error'", "<remote-server-timeout "});
}

TEST_CASE("hands IQs for the focus to it, and its own to the occupant") {
  World world;
  Client alice(world);
  alice.join();
  world.log();

  CHECK(alice.iq("set", kRoom + "/focus", "<jingle xmlns='urn:xmpp:jingle:1' action='session-accept'/>") ==
        "<iq xmlns='jabber:client' type='result' id='q1' from='" + kRoom + "/focus' to='" + alice.jid +
            "'/>");
  CHECK(contains(
      alice.iq("set", kRoom + "/focus", "<unknown xmlns='urn:xmpp:jingle:1'/>"),
      "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><unknown-session "
      "xmlns='urn:xmpp:jingle:errors:1'/></error>"));
  const std::string id =
      world.server.send_focus_iq(kRoom, alice.nick, Element("jingle", "urn:xmpp:jingle:1"));
  CHECK(alice.take().at(0) == "<iq xmlns='jabber:client' type='set' id='" + id + "' from='" + kRoom +
                                  "/focus' to='" + alice.jid + "'><jingle xmlns='urn:xmpp:jingle:1'/></iq>");
  alice.say("<iq id='" + id + "' type='result' to='" + kRoom + "/focus' xmlns='jabber:client'/>");
  CHECK(world.log() == std::vector<std::string>{"iq " + alice.nick, "iq " + alice.nick,
                                                "answered " + alice.nick + " " + id + " result"});
  CHECK(world.server.send_focus_iq(kRoom, "nobody", Element("jingle", "u")).empty());
}

TEST_CASE("the focus changes its presence for all") {
  World world;
  Client alice(world);
  alice.join();
  alice.take();

  world.server.set_focus_presence(kRoom, {Element("bridgeNotAvailable", ns::kFocus)});

  alice.expect({"from='" + kRoom + "/focus'", "<bridgeNotAvailable ", "jid='focus@auth.meet.jitsi/focus'"});
}

TEST_CASE("keeps strangers out of a room's traffic") {
  World world;
  Client alice(world);
  Client eve(world);
  alice.join();
  alice.take();
  world.log();

  CHECK(contains(eve.iq("set", kRoom + "/focus", "<jingle xmlns='urn:xmpp:jingle:1'/>"), "<not-acceptable "));
  CHECK(contains(eve.iq("set", kRoom + "/" + alice.nick, "<jingle xmlns='urn:xmpp:jingle:1'/>"),
                 "<not-acceptable "));
  CHECK(contains(eve.iq("set", kRoom, item("<item nick='" + alice.nick + "' role='none'/>")), "<forbidden "));
  CHECK(contains(eve.iq("get", alice.jid, "<query xmlns='u'/>"), "<service-unavailable "));
  eve.say("<message to='" + kRoom + "' type='groupchat' xmlns='jabber:client'><body>x</body></message>");
  eve.expect({"type='error'", "<not-acceptable "});
  eve.say("<message to='" + alice.jid + "' type='chat' xmlns='jabber:client'><body>x</body></message>");
  eve.expect({"type='error'", "<service-unavailable "});
  CHECK(alice.take().empty());
  CHECK(world.log().empty());
}

TEST_CASE("pitfall 9: answers every IQ, wherever it goes") {
  World world;
  Client alice(world);
  alice.join();
  for (const std::string to :
       {"meet.jitsi", "focus.meet.jitsi", "conference.meet.jitsi", "nowhere.example",
        "alpha@conference.meet.jitsi", "gone@conference.meet.jitsi", "gone@conference.meet.jitsi/x",
        "alpha@conference.meet.jitsi/nobody", "alpha@conference.meet.jitsi/focus", "bad@@jid", "@"}) {
    for (const std::string type : {"get", "set"}) {
      for (const std::string child :
           {"<ping xmlns='urn:xmpp:ping'/>", "<query xmlns='http://jabber.org/protocol/disco#info'/>",
            "<query xmlns='http://jabber.org/protocol/disco#items'/>", "<vCard xmlns='vcard-temp'/>", "",
            "<query xmlns='http://jabber.org/protocol/muc#owner'/>",
            "<query xmlns='http://jabber.org/protocol/muc#admin'/>"}) {
        CAPTURE(to);
        CAPTURE(child);
        alice.iq(type, to, child);
      }
    }
  }
  CHECK(
      contains(alice.iq("get", kRoom + "/" + alice.nick, "<ping xmlns='urn:xmpp:ping'/>"), "type='result'"));
  alice.say("<iq id='q' type='odd' xmlns='jabber:client'/>");
  alice.expect({"id='q'", "<bad-request "});
  alice.say("<iq type='get' xmlns='jabber:client'><ping xmlns='urn:xmpp:ping'/></iq>");
  alice.expect({"type='error'", "<bad-request "});
  alice.say("<iq id='p' type='get' xmlns='jabber:client'><ping xmlns='urn:xmpp:ping'/></iq>");
  alice.expect({"id='p'", "type='result'"});
  CHECK(!alice.closed());
}

TEST_CASE("never answers an error or a result") {
  World world;
  Client alice(world);
  alice.join();
  alice.take();
  for (const std::string to : {"meet.jitsi", "alpha@conference.meet.jitsi",
                               "alpha@conference.meet.jitsi/nobody", "nowhere.example", "@"}) {
    alice.say("<iq id='1' type='result' to='" + to + "' xmlns='jabber:client'/>");
    alice.say("<iq id='1' type='error' to='" + to + "' xmlns='jabber:client'/>");
    alice.say("<message type='error' to='" + to + "' xmlns='jabber:client'/>");
    alice.say("<presence type='error' to='" + to + "' xmlns='jabber:client'/>");
  }

  CHECK(alice.take().empty());
}

TEST_CASE("answers service-unavailable when a room or the shard is full") {
  World world({.limits = {.participants = 3, .occupants_per_room = 2}});
  Client alice(world);
  Client bob(world);
  Client carol(world);
  alice.join();
  bob.join();
  carol.join();
  carol.expect({"<presence ", "type='error'", "<error type='wait'><service-unavailable "});

  carol.join("", "beta@conference.meet.jitsi");
  carol.expect({"<status code='110'/>"});
  Client dave(world);
  dave.join("", "beta@conference.meet.jitsi");
  dave.expect({"type='error'", "<service-unavailable "});
}

TEST_CASE("refuses presences and messages that are too big to be sent to a whole room") {
  World world;
  Client alice(world);
  alice.join();
  alice.take();
  alice.say("<presence to='" + kRoom + "/" + alice.nick + "' xmlns='jabber:client'><a>" +
            std::string(40000, 'x') + "</a></presence>");
  alice.expect({"type='error'", "<policy-violation "});
  alice.say("<message to='" + kRoom + "' type='groupchat' xmlns='jabber:client'><body>" +
            std::string(70000, 'x') + "</body></message>");
  alice.expect({"type='error'", "<policy-violation "});
  CHECK(!alice.closed());
}

TEST_CASE("two spellings of a room are one room, and tenants have their own") {
  World world;
  Client alice(world);
  Client bob(world);
  alice.join("", "Alpha@Conference.meet.jitsi");
  bob.join();
  CHECK(world.server.room_count() == 1);

  bob.join("", "alpha@conference.school.meet.jitsi");
  bob.expect({"from='alpha@conference.school.meet.jitsi/" + bob.nick});
  CHECK(world.server.room_count() == 2);
}

// Rules of shard.md that are xmpp/'s alone to keep, under their numbers there. The pitfalls of
// jitsi-signalling 12 stand beside what they belong to: domain_test, muc_test, parser_test, hostile_test.
#include "tests/sfu/xmpp/world.hpp"

using namespace roomgate::sfu::xmpp;
using namespace roomgate::sfu::xmpp::test;

namespace {

std::string presence(const std::string& nick, const std::string& inside, const std::string& attributes = "") {
  return "<presence to='" + kRoom + "/" + nick + "' xmlns='jabber:client'" + attributes + ">" + inside +
         "</presence>";
}

std::string nested(int depth) {
  std::string open;
  std::string close;
  for (int i = 0; i < depth; ++i) {
    open += "<a>";
    close += "</a>";
  }
  return open + close;
}

std::string many_attributes(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += " k" + std::to_string(i) + "='v'";
  return out;
}

}  // namespace

TEST_CASE("shard rule 14: each ill-formed class of XML in a presence ends only its sender's stream") {
  struct Class {
    const char* name;
    std::string (*text)(const std::string& nick);
  };
  using Nick = const std::string&;
  const Class classes[] = {
      {"an attribute twice", [](Nick n) { return presence(n, "<a k='1' k='2'/>"); }},
      {"an attribute twice by its namespace",
       [](Nick n) { return presence(n, "<a xmlns:p='u' xmlns:q='u' p:k='1' q:k='2'/>"); }},
      {"an attribute of the presence twice",
       [](Nick n) { return presence(n, "", " to='other@conference'"); }},
      {"an unbound prefix", [](Nick n) { return presence(n, "<p:a/>"); }},
      {"an unbound prefix of an attribute", [](Nick n) { return presence(n, "<a p:k='1'/>"); }},
      {"a prefix that is taken back", [](Nick n) { return presence(n, "<a xmlns:p=''/>"); }},
      {"the prefix xml bound to something else", [](Nick n) { return presence(n, "<a xmlns:xml='u'/>"); }},
      {"the prefix xmlns declared", [](Nick n) { return presence(n, "<a xmlns:xmlns='u'/>"); }},
      {"two colons in a name", [](Nick n) { return presence(n, "<p:a:b xmlns:p='u'/>"); }},
      {"a reference to a control character", [](Nick n) { return presence(n, "<nick>&#1;</nick>"); }},
      {"a reference to a control character in an attribute",
       [](Nick n) { return presence(n, "<a k='&#x1f;'/>"); }},
      {"a reference to a surrogate", [](Nick n) { return presence(n, "<nick>&#xd800;</nick>"); }},
      {"a reference to U+FFFE", [](Nick n) { return presence(n, "<nick>&#xfffe;</nick>"); }},
      {"a reference beyond Unicode", [](Nick n) { return presence(n, "<nick>&#x110000;</nick>"); }},
      {"a control character", [](Nick n) { return presence(n, "<nick>\x01</nick>"); }},
      {"a zero byte", [](Nick n) { return presence(n, "<nick>" + std::string(1, '\0') + "</nick>"); }},
      {"bad UTF-8", [](Nick n) { return presence(n, "<nick>\xff</nick>"); }},
      {"UTF-8 in more bytes than it needs", [](Nick n) { return presence(n, "<nick>\xc0\xaf</nick>"); }},
      {"a surrogate in UTF-8", [](Nick n) { return presence(n, "<nick>\xed\xa0\x80</nick>"); }},
      {"U+FFFF in UTF-8", [](Nick n) { return presence(n, "<nick>\xef\xbf\xbf</nick>"); }},
      {"an end that does not match", [](Nick n) { return presence(n, "<a></b>"); }},
      {"an element that does not end", [](Nick n) { return presence(n, "<a>"); }},
      {"an attribute without quotes", [](Nick n) { return presence(n, "<a k=1/>"); }},
      {"an attribute without a value", [](Nick n) { return presence(n, "<a k/>"); }},
      {"attributes without a space", [](Nick n) { return presence(n, "<a k='1'l='2'/>"); }},
      {"< in an attribute", [](Nick n) { return presence(n, "<a k='<'/>"); }},
      {"a bare &", [](Nick n) { return presence(n, "<nick>a & b</nick>"); }},
      {"an entity that nobody declared", [](Nick n) { return presence(n, "<nick>&nbsp;</nick>"); }},
      {"]]> in text", [](Nick n) { return presence(n, "<nick>]]></nick>"); }},
      {"a comment", [](Nick n) { return presence(n, "<!-- x -->"); }},
      {"a comment with two hyphens", [](Nick n) { return presence(n, "<!-- x -- y -->"); }},
      {"a processing instruction", [](Nick n) { return presence(n, "<?x y?>"); }},
      {"a declaration", [](Nick n) { return "<?xml version='1.0'?>" + presence(n, ""); }},
      {"a doctype", [](Nick n) { return "<!DOCTYPE presence>" + presence(n, ""); }},
      {"an entity declared",
       [](Nick n) { return "<!DOCTYPE p [<!ENTITY e 'eeee'>]>" + presence(n, "<nick>&e;</nick>"); }},
      {"two elements", [](Nick n) { return presence(n, "") + presence(n, ""); }},
      {"text behind", [](Nick n) { return presence(n, "") + "x"; }},
      {"text in front", [](Nick n) { return "x" + presence(n, ""); }},
      {"nothing whole", [](Nick n) { return presence(n, "").substr(0, 20); }},
      {"too deep", [](Nick n) { return presence(n, nested(32)); }},
      {"too many attributes", [](Nick n) { return presence(n, "", many_attributes(129)); }},
      {"too many attributes of a child",
       [](Nick n) { return presence(n, "<a" + many_attributes(129) + "/>"); }},
      {"too big", [](Nick n) { return presence(n, std::string(256 * 1024, 'x')); }},
  };

  for (const Class& each : classes) {
    CAPTURE(each.name);
    World world;
    Client bob(world);
    Client mallory(world);
    bob.join();
    mallory.join();
    bob.take();

    mallory.say(each.text(mallory.nick));

    CHECK(mallory.closed());
    CHECK(!bob.closed());
    CHECK(world.server.counters().stream_errors == 1);
    const auto seen = bob.take();  // the room sees him leave, and nothing of what he said
    REQUIRE(seen.size() == 1);
    CHECK(contains(seen[0], "type='unavailable'"));
    bob.say(presence(bob.nick, "<nick xmlns='http://jabber.org/protocol/nick'>still here</nick>"));
    bob.expect({"still here"});
  }
}

TEST_CASE("shard rule 14: what is just within the bounds is relayed as it came") {
  World world;
  Client bob(world);
  Client alice(world);
  bob.join();
  alice.join();
  bob.take();

  for (const std::string& inside : {nested(31), "<a" + many_attributes(120) + "/>",
                                    std::string("<nick>\xf0\x9f\x98\x80 &lt;&amp;</nick>")}) {
    alice.say(presence(alice.nick, inside));
    CHECK(!alice.closed());
    const auto seen = bob.take();
    REQUIRE(seen.size() == 1);
    CHECK(parse_stanza(seen[0]).ok());
  }
}

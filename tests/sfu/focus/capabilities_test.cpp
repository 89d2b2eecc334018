#include "sfu/focus/capabilities.hpp"

#include "tests/sfu/focus/support.hpp"

using namespace roomgate::sfu::focus;
using namespace roomgate::sfu::focus::test;

namespace {

// XEP-0115 5.2, the example there, with the version it says.
const std::string kExodus =
    "<query xmlns='http://jabber.org/protocol/disco#info' "
    "node='http://code.google.com/p/exodus#QgayPKawpkPSDYmwT/"
    "WM94uAlu0='><identity category='client' name='Exodus 0.9.1' type='pc'/>"
    "<feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#info'/>"
    "<feature var='http://jabber.org/protocol/disco#items'/><feature "
    "var='http://jabber.org/protocol/muc'/></query>";

Element answer(const std::string& query) {
  return xml("<iq xmlns='jabber:client' type='result'>" + query + "</iq>");
}

}  // namespace

TEST_CASE("the version of a list is that of XEP-0115, whatever its order") {
  CHECK(version_of(xml(kExodus)) == "QgayPKawpkPSDYmwT/WM94uAlu0=");
  const Element turned = xml(
      "<query xmlns='http://jabber.org/protocol/disco#info'><feature var='http://jabber.org/protocol/muc'/>"
      "<feature var='http://jabber.org/protocol/disco#items'/><feature "
      "var='http://jabber.org/protocol/caps'/>"
      "<feature var='http://jabber.org/protocol/disco#info'/><identity category='client' type='pc' "
      "name='Exodus 0.9.1'/></query>");
  CHECK(version_of(turned) == "QgayPKawpkPSDYmwT/WM94uAlu0=");
}

TEST_CASE("a presence announces what can be asked for, or nothing") {
  const auto of = [](const std::string& inside) {
    return announced_capabilities(xml("<presence xmlns='jabber:client'>" + inside + "</presence>"));
  };
  const std::string ns = " xmlns='http://jabber.org/protocol/caps'";

  const auto whole = of("<c" + ns + " hash='sha-1' node='https://jitsi.org/jitsi-meet' ver='abc='/>");
  REQUIRE(whole);
  CHECK(whole->version == "abc=");
  CHECK(capabilities_query(*whole).attribute_or("node", "") == "https://jitsi.org/jitsi-meet#abc=");
  CHECK_FALSE(of(""));
  CHECK_FALSE(of("<c" + ns + " hash='sha-1' node='n'/>"));
  CHECK_FALSE(of("<c" + ns + " hash='sha-1' ver='v'/>"));
  CHECK_FALSE(of("<c xmlns='other' node='n' ver='v'/>"));
  CHECK_FALSE(of("<c" + ns + " node='n' ver='" + std::string(200, 'v') + "'/>"));
  CHECK_FALSE(of("<c" + ns + " ver='v' node='" + std::string(300, 'n') + "'/>"));
}

TEST_CASE("SSRC rewriting is read from the list, and from nothing else") {
  const auto of = [](const std::string& inside) {
    return read_capabilities(
        answer("<query xmlns='http://jabber.org/protocol/disco#info'>" + inside + "</query>"));
  };
  CHECK(of("<feature var='a'/><feature var='http://jitsi.org/ssrc-rewriting-1'/>")->ssrc_rewriting);
  CHECK_FALSE(of("<feature var='http://jitsi.org/ssrc-rewriting-2'/>")->ssrc_rewriting);
  CHECK_FALSE(of("<feature xmlns='other' var='http://jitsi.org/ssrc-rewriting-1'/>")->ssrc_rewriting);
  CHECK_FALSE(of("")->ssrc_rewriting);
  CHECK_FALSE(read_capabilities(answer("<query xmlns='other'/>")));
  std::string many;
  for (int i = 0; i < 300; ++i) many += "<feature var='f" + std::to_string(i) + "'/>";
  CHECK_FALSE(of(many));
}

TEST_CASE("a list holds for others only when it hashes to what was announced") {
  CapabilityCache cache;
  const AnnouncedCapabilities exodus{"sha-1", "http://code.google.com/p/exodus",
                                     "QgayPKawpkPSDYmwT/WM94uAlu0="};
  const Capabilities rewriting{.ssrc_rewriting = true};

  cache.learn(exodus,
              answer("<query xmlns='http://jabber.org/protocol/disco#info'><feature "
                     "var='http://jitsi.org/ssrc-rewriting-1'/></query>"),
              rewriting);
  CHECK_FALSE(cache.find(exodus));
  cache.learn(exodus, answer(kExodus), Capabilities{});
  CHECK(cache.find(exodus) == Capabilities{});
  AnnouncedCapabilities other_hash = exodus;
  other_hash.hash = "md5";
  CHECK_FALSE(cache.find(other_hash));
}

TEST_CASE("the cache is bounded, whoever makes up versions") {
  CapabilityCache cache;
  for (int i = 0; i < 1000; ++i) {
    const std::string query = "<query xmlns='http://jabber.org/protocol/disco#info'><feature var='f" +
                              std::to_string(i) + "'/></query>";
    const AnnouncedCapabilities announced{"sha-1", "n", version_of(xml(query))};
    cache.learn(announced, answer(query), Capabilities{});
    REQUIRE(cache.find(announced));
  }
  CHECK(cache.size() == CapabilityCache::kMost);
}

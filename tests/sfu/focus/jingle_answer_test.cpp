#include "sfu/focus/jingle_answer.hpp"

#include "sfu/focus/sources.hpp"
#include "tests/sfu/focus/support.hpp"

using namespace roomgate;
using namespace roomgate::sfu::focus;
using namespace roomgate::sfu::focus::test;
namespace bridge = roomgate::sfu::bridge;

namespace {

Element jingle_of(const std::string& iq) { return *xml(iq).child("jingle", kJingleNs); }

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

const std::string kAccept =
    accept_iq("8fc6a697", "s1", audio_source("8fc6a697", 100), video_sources("8fc6a697", 100));

SignallingError error_of(const std::string& iq) {
  const auto result = parse_session_accept(jingle_of(iq), "8fc6a697");
  REQUIRE(!result.ok());
  return result.error();
}

}  // namespace

TEST_CASE("reads the session-accept of a current client") {
  const auto accept = parse_session_accept(jingle_of(kAccept), "8fc6a697");

  REQUIRE(accept.ok());
  CHECK(accept->ufrag == "u/Cw");
  CHECK(accept->pwd == "PJ0ahJY7WrYLHlviGTPCS0vf");
  CHECK(accept->fingerprint == bridge::Fingerprint{"sha-256", kPrint});
  CHECK(accept->transport_cc);
  CHECK(accept->source_names);
  CHECK(accept->sources.ssrcs.size() == 7);
  CHECK(accept->sources.groups.size() == 4);
  const auto sources = assemble(accept->sources, "8fc6a697", {});
  REQUIRE(sources.ok());
  REQUIRE(sources->size() == 2);
  CHECK((*sources)[0].source.name == "8fc6a697-a0");
  CHECK((*sources)[0].msid == "8fc6a697-audio-0-1 e9b3ebba-1");
  CHECK((*sources)[1].source.layers == std::vector<bridge::Layer>{{110, 111}, {112, 114}, {113, 115}});
}

TEST_CASE("a client without tracks accepts without sources") {
  const auto accept = parse_session_accept(jingle_of(accept_iq("8fc6a697", "s1", "", "")), "8fc6a697");

  REQUIRE(accept.ok());
  CHECK(accept->sources.ssrcs.empty());
  CHECK(accept->source_names);
}

TEST_CASE("sources may come as compact JSON, of the client itself only") {
  const auto json = [](const std::string& owner) {
    return replaced(accept_iq("8fc6a697", "s1", "", ""), "</jingle>",
                    "<json-message xmlns='http://jitsi.org/jitmeet'>{\"sources\":{\"" + owner +
                        "\":[[],[],[{\"s\":\"7\",\"m\":\"a b\"}]]}}</json-message></jingle>");
  };

  const auto accept = parse_session_accept(jingle_of(json("8fc6a697")), "8fc6a697");

  REQUIRE(accept.ok());
  CHECK(accept->sources.ssrcs.at(0).ssrc == 7);
  CHECK(!accept->source_names);
  CHECK(error_of(json("deadbeef")) == SignallingError::foreign_source);
}

TEST_CASE(
    "a client that lists feedback without transport-cc cannot do it; one that lists none has said nothing") {
  const std::string nothing = replaced(
      replaced(kAccept, "<rtcp-fb type='transport-cc' xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0'/>", ""),
      "<rtcp-fb type='nack' xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0'/>", "");

  CHECK(!parse_session_accept(jingle_of(replaced(kAccept, "transport-cc", "ccm")), "8fc6a697")->transport_cc);
  CHECK(parse_session_accept(jingle_of(nothing), "8fc6a697")->transport_cc);
  const std::string wildcard =
      replaced(replaced(kAccept, "transport-cc", "ccm"), "<payload-type clockrate='90000'",
               "<rtcp-fb type='transport-cc' xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0'/>"
               "<payload-type clockrate='90000'");
  CHECK(parse_session_accept(jingle_of(wildcard), "8fc6a697")->transport_cc);
}

TEST_CASE("a fingerprint in lower case is the same fingerprint") {
  const auto accept = parse_session_accept(jingle_of(replaced(kAccept, "43:4B:72", "43:4b:72")), "8fc6a697");

  REQUIRE(accept.ok());
  CHECK(accept->fingerprint.value == kPrint);
}

TEST_CASE("refuses a session-accept whose transport is of no use") {
  using E = SignallingError;
  CHECK(error_of(replaced(kAccept, " ufrag='u/Cw'", "")) == E::no_transport);
  CHECK(error_of(replaced(kAccept, "u/Cw", "u/C")) == E::bad_credentials);
  CHECK(error_of(replaced(kAccept, "u/Cw", "u:Cw")) == E::bad_credentials);
  CHECK(error_of(replaced(kAccept, "PJ0ahJY7WrYLHlviGTPCS0vf", "short")) == E::bad_credentials);
  CHECK(error_of(replaced(kAccept, "PJ0ahJY7WrYLHlviGTPCS0vf", std::string(300, 'x'))) == E::bad_credentials);
  CHECK(error_of(replaced(kAccept, "sha-256", "md5")) == E::bad_fingerprint);
  CHECK(error_of(replaced(kAccept, "sha-256", "sha-512")) == E::bad_fingerprint);
  CHECK(error_of(replaced(kAccept, kPrint, "43:4B")) == E::bad_fingerprint);
  CHECK(error_of(replaced(kAccept, kPrint, replaced(kPrint, ":", "-"))) == E::bad_fingerprint);
  CHECK(error_of(replaced(kAccept, "setup='active'", "setup='passive'")) == E::bad_setup);
  CHECK(error_of(replaced(kAccept, "urn:xmpp:jingle:apps:dtls:0", "urn:other")) == E::no_fingerprint);
}

TEST_CASE("refuses SSRCs and groups that are none") {
  using E = SignallingError;
  CHECK(error_of(replaced(kAccept, "ssrc='100'", "ssrc='0'")) == E::bad_ssrc);
  CHECK(error_of(replaced(kAccept, "ssrc='100'", "ssrc='4294967296'")) == E::bad_ssrc);
  CHECK(error_of(replaced(kAccept, "ssrc='100'", "ssrc='-1'")) == E::bad_ssrc);
  CHECK(error_of(replaced(kAccept, "ssrc='100'", "ssrc='1e3'")) == E::bad_ssrc);
  CHECK(error_of(replaced(kAccept, "semantics='SIM'", "semantics='FEC-FR'")) == E::bad_group);
}

TEST_CASE("a source-add without sources is refused") {
  const auto result =
      parse_source_change(jingle_of(jingle_iq("source-add", "s1", in_content("video", ""))), "aa");

  REQUIRE(!result.ok());
  CHECK(result.error() == SignallingError::no_sources);
}

TEST_CASE("a source-add of a screen says desktop") {
  const std::string source =
      "<source name='aa-v1' ssrc='5' videoType='desktop' xmlns='urn:xmpp:jingle:apps:rtp:ssma:0'>"
      "<parameter name='msid' value='d e'/></source>";

  const auto result =
      parse_source_change(jingle_of(jingle_iq("source-add", "s1", in_content("video", source))), "aa");

  REQUIRE(result.ok());
  CHECK(result->ssrcs.at(0).video_type == bridge::VideoType::desktop);
}

TEST_CASE("a session-terminate tells whether media shall start again") {
  const auto restart = parse_session_terminate(jingle_of(
      jingle_iq("session-terminate", "s1",
                "<reason><success/><text>restart required</text></reason>"
                "<bridge-session xmlns='http://jitsi.org/protocol/focus' id='4ee73cfd' restart='true'/>")));
  const auto end =
      parse_session_terminate(jingle_of(jingle_iq("session-terminate", "s1", "<reason><gone/></reason>")));

  CHECK(restart.restart);
  CHECK(restart.reason == "success");
  CHECK(restart.text == "restart required");
  CHECK(restart.bridge_session == "4ee73cfd");
  CHECK(!end.restart);
  CHECK(end.reason == "gone");
  CHECK(!end.bridge_session);
}

TEST_CASE("session-info is told apart") {
  using Kind = SessionInfo::Kind;
  const auto kind = [](const std::string& inside) {
    return parse_session_info(jingle_of(jingle_iq("session-info", "s1", inside))).kind;
  };

  CHECK(kind("") == Kind::ping);
  CHECK(kind("<ice-state xmlns='http://jitsi.org/protocol/focus'>failed</ice-state>") == Kind::ice_state);
  CHECK(kind("<bridge-session xmlns='http://jitsi.org/protocol/focus' id='x' ice-restart='true'/>") ==
        Kind::ice_restart);
  CHECK(kind("<ringing xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>") == Kind::other);
}

TEST_CASE("actions are told apart") {
  CHECK(action_of("session-accept") == Action::session_accept);
  CHECK(action_of("source-remove") == Action::source_remove);
  CHECK(action_of("transport-replace") == Action::unsupported);
  CHECK(action_of("dance") == Action::unknown);
  CHECK(action_of("") == Action::unknown);
}

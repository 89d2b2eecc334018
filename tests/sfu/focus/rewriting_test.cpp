// Clients that let the bridge own the SSRCs (shard rule 13), as the focus sees them.
#include "tests/sfu/focus/support.hpp"

using namespace roomgate;
using namespace roomgate::sfu;
using namespace roomgate::sfu::focus;
using namespace roomgate::sfu::focus::test;

namespace {

const std::string kDisco = "http://jabber.org/protocol/disco#info";

std::string list_of(const std::vector<std::string>& features) {
  std::string out = "<query xmlns='" + kDisco + "'>";
  for (const std::string& feature : features) out += "<feature var='" + feature + "'/>";
  return out + "</query>";
}

const std::string kRewriting = list_of({"http://jitsi.org/ssrc-rewriting-1", "http://jitsi.org/tcc"});
const std::string kPlain = list_of({"http://jitsi.org/tcc"});

std::string presence_with(const std::string& list) {
  return "<presence xmlns='jabber:client'><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' "
         "node='https://jitsi.org/jitsi-meet' ver='" +
         version_of(xml(list)) + "'/></presence>";
}

// The answer to the last question to `nick`.
void say(Shard& shard, const std::string& nick, const std::string& list, bool result = true) {
  const FakeRooms::Sent& asked = shard.rooms.questions.back();
  REQUIRE(asked.nick == nick);
  shard.focus.focus_iq_answered(kRoom, nick, asked.id, result,
                                xml("<iq xmlns='jabber:client' type='" +
                                    std::string(result ? "result" : "error") + "'>" + list + "</iq>"),
                                shard.now);
}

// From joining to accepted, by a client that says it can.
void enter_rewriting(Shard& shard, const std::string& nick, unsigned base) {
  const std::size_t asked = shard.rooms.questions.size();
  shard.join(nick, false, presence_with(kRewriting));
  if (shard.rooms.questions.size() > asked) say(shard, nick, kRewriting);
  shard.allocate(nick);
  shard.answer_initiate(nick);
  shard.accept(nick, base);
  REQUIRE(shard.reply().result);
}

bool invited(const Shard& shard, const std::string& nick) {
  return shard.rooms.last_to(nick, "session-initiate") != nullptr;
}

}  // namespace

TEST_CASE("shard rule 13: a client that lists ssrc-rewriting-1 is told of the bridge's own sources only") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);

  enter_rewriting(shard, "bbbbbbbb", 200);
  const std::string offer = shard.last_sources("bbbbbbbb", "session-initiate");
  shard.enter("cccccccc", 300);
  shard.leave("aaaaaaaa");

  CHECK(has(offer, "jvb-a0"));
  CHECK(has(offer, "jvb-v0"));
  CHECK_FALSE(has(offer, "aaaaaaaa"));
  CHECK(shard.rooms.to("bbbbbbbb", "source-add").empty());
  CHECK(shard.rooms.to("bbbbbbbb", "source-remove").empty());
  const auto transport = shard.link.all<bridge::SetTransport>("bbbbbbbb");
  REQUIRE(transport.size() == 1);
  CHECK(transport.front().features.ssrc_rewriting);
  // Others are told of it, and are as they were.
  CHECK(has(shard.last_sources("cccccccc", "session-initiate"), "bbbbbbbb-v0"));
  CHECK_FALSE(shard.link.all<bridge::SetTransport>("cccccccc").front().features.ssrc_rewriting);
}

TEST_CASE("a client that does not list it is told of everybody, as is one that announces nothing") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);

  shard.join("bbbbbbbb", false, presence_with(kPlain));
  say(shard, "bbbbbbbb", kPlain);
  shard.allocate("bbbbbbbb");

  CHECK(has(shard.last_sources("bbbbbbbb", "session-initiate"), "aaaaaaaa-v0"));
  CHECK(shard.rooms.questions.size() == 1);
}

TEST_CASE("the bridge's answer waits for the client's, a second at most") {
  Shard shard;
  shard.join("aaaaaaaa", false, presence_with(kRewriting));
  REQUIRE(shard.rooms.questions.size() == 1);
  CHECK(shard.rooms.questions.back().payload.is("query", kDisco));

  shard.allocate("aaaaaaaa");
  shard.wait(milliseconds(900));
  CHECK_FALSE(invited(shard, "aaaaaaaa"));
  shard.wait(milliseconds(200));
  CHECK(invited(shard, "aaaaaaaa"));

  // What it says now is too late for this session, and does no harm.
  say(shard, "aaaaaaaa", kRewriting);
  shard.answer_initiate("aaaaaaaa");
  shard.accept("aaaaaaaa", 100);
  CHECK_FALSE(shard.link.all<bridge::SetTransport>("aaaaaaaa").front().features.ssrc_rewriting);
}

TEST_CASE("an answer brings the session-initiate at once, and an error means what all get") {
  for (const bool result : {true, false}) {
    Shard shard;
    shard.join("aaaaaaaa", false, presence_with(kRewriting));
    shard.allocate("aaaaaaaa");
    REQUIRE_FALSE(invited(shard, "aaaaaaaa"));

    say(shard, "aaaaaaaa", result ? kRewriting : "", result);

    CHECK(invited(shard, "aaaaaaaa"));
    shard.answer_initiate("aaaaaaaa");
    shard.accept("aaaaaaaa", 100);
    CHECK(shard.link.all<bridge::SetTransport>("aaaaaaaa").front().features.ssrc_rewriting == result);
  }
}

TEST_CASE("clients of one version are asked once; a forged list holds for its author only") {
  Shard shard;
  shard.join("aaaaaaaa", false, presence_with(kPlain));
  say(shard, "aaaaaaaa", kRewriting);  // not what it announced
  shard.join("bbbbbbbb", false, presence_with(kPlain));
  CHECK(shard.rooms.questions.size() == 2);
  say(shard, "bbbbbbbb", kPlain);
  shard.join("cccccccc", false, presence_with(kPlain));
  CHECK(shard.rooms.questions.size() == 2);
  shard.allocate("cccccccc");
  CHECK(invited(shard, "cccccccc"));
}

TEST_CASE("without a channel, or where the operator does not want it, everybody is told of everybody") {
  Config config;
  config.ssrc_rewriting = false;
  Shard shard(config);
  shard.enter("aaaaaaaa", 100);
  shard.join("bbbbbbbb", false, presence_with(kRewriting));
  CHECK(shard.rooms.questions.empty());
  shard.allocate("bbbbbbbb");
  CHECK(has(shard.last_sources("bbbbbbbb", "session-initiate"), "aaaaaaaa-v0"));

  Shard other;
  other.enter("aaaaaaaa", 100);
  other.join("bbbbbbbb", false, presence_with(kRewriting));
  say(other, "bbbbbbbb", kRewriting);
  other.rooms.inside.back().channel_base.clear();
  other.focus.occupant_presence(kRoom, other.rooms.inside.back(), xml(presence_with(kRewriting)), other.now);
  other.allocate("bbbbbbbb");
  CHECK(has(other.last_sources("bbbbbbbb", "session-initiate"), "aaaaaaaa-v0"));
}

TEST_CASE("whoever leaves while it is asked leaves nothing behind") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  shard.join("bbbbbbbb", false, presence_with(kRewriting));
  shard.allocate("bbbbbbbb");
  shard.leave("bbbbbbbb");

  CHECK(shard.link.all<bridge::Expire>("bbbbbbbb").size() == 1);
  shard.wait(seconds(5));
  CHECK_FALSE(invited(shard, "bbbbbbbb"));
}

TEST_CASE("RED is offered when the operator wants it, after opus, and not otherwise") {
  const auto audio_types = [](Shard& shard) {
    std::string out;
    const Element& jingle = shard.rooms.last_to("aaaaaaaa", "session-initiate")->payload;
    const Element* description = jingle.child("content")->child("description");
    for (const Element* type : description->children("payload-type", description->ns())) {
      out += std::string(type->attribute_or("id", "")) + ":" + std::string(type->attribute_or("name", ""));
      if (const Element* parameter = type->child("parameter"); parameter && !parameter->attribute("name"))
        out += "(" + std::string(parameter->attribute_or("value", "")) + ")";
      out += " ";
    }
    return out;
  };
  Shard without;
  without.enter("aaaaaaaa", 100);
  CHECK(audio_types(without) == "111:opus 126:telephone-event ");

  Config config;
  config.opus_red = true;
  Shard with(config);
  with.enter("aaaaaaaa", 100);
  CHECK(audio_types(with) == "111:opus 112:red(111/111) 126:telephone-event ");
}

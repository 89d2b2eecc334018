#include "peers-sync/codec/gate_hello.hpp"

#include <doctest/doctest.h>

#include "peers-sync/codec/frame.hpp"
#include "peers-sync/codec/handshake.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync::codec;

TEST_CASE("a gate's words go behind a hello that HAProxy reads as its own") {
  std::string bytes;
  append_hello({.to = "gate-b", .from = "gate-a", .process = "77", .words = gate_words(5)}, bytes);

  const auto read = read_hello(as_bytes(bytes));

  CHECK(bytes == "HAProxyS 2.1\ngate-b\ngate-a 77 1 roomgate/1 life=5 hash=siphash24-rdv-1\n");
  REQUIRE((read && read->has_value()));
  CHECK((*read)->hello.from == "gate-a");
  CHECK((*read)->hello.process == "77");
  CHECK(read_gate_words((*read)->hello.words).value() == 5U);
}

TEST_CASE("words of nobody, of gates like us, and of gates unlike us") {
  CHECK(!read_gate_words("").value());
  CHECK(!read_gate_words("something else").value());
  CHECK(read_gate_words("roomgate/1 life=18446744073709551615 hash=siphash24-rdv-1 more=1").value() ==
        18446744073709551615U);
  for (const char* words :
       {"roomgate/2 life=1 hash=siphash24-rdv-1", "roomgate/ life=1 hash=siphash24-rdv-1",
        "roomgate/1 hash=siphash24-rdv-1", "roomgate/1 life=x hash=siphash24-rdv-1", "roomgate/1 life=1",
        "roomgate/1 life=1 hash=other", "roomgate/1 life=18446744073709551616 hash=siphash24-rdv-1"}) {
    CAPTURE(words);
    CHECK(!read_gate_words(words));
  }
}

TEST_CASE("what a stranger says is fit to be read by people") {
  const auto read = read_gate_words("roomgate/\x1b[2J" + std::string(500, 'x') + " life=1");

  REQUIRE(!read);
  CHECK(read.error().size() < 100);
  CHECK(read.error().find('\x1b') == std::string::npos);
}

TEST_CASE("an introduction there and back") {
  std::string bytes;
  append_introduction({"gate-a", 9}, bytes);

  const auto frame = next_frame(as_bytes(bytes));

  REQUIRE((frame && frame->has_value()));
  CHECK((*frame)->klass == kGateClass);
  CHECK((*frame)->type == kGateIntroduction);
  const auto read = read_introduction(as_text((*frame)->body));
  REQUIRE(read);
  CHECK(read->name == "gate-a");
  CHECK(read->life == 9);
  CHECK(!read_introduction(""));
  CHECK(!read_introduction("gate-a"));
  CHECK(!read_introduction(" roomgate/1 life=1 hash=siphash24-rdv-1"));
}

#include "peers-sync/session.hpp"

#include <doctest/doctest.h>

#include <random>

#include "peers-sync/codec/gate_hello.hpp"
#include "peers-sync/codec/update.hpp"
#include "tests/peers-sync/fakes.hpp"
#include "tests/support/corpora.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync;
using namespace roomgate::peers_sync::tests;
using namespace std::string_literals;

TEST_CASE("two gates recognise each other at once, and then packets go both ways") {
  Pair pair;

  pair.exchange();

  CHECK(pair.connecting.session.open());
  CHECK(pair.connecting.events == std::vector<std::string>{"opened gate-b", "recognised gate-b life 2"});
  CHECK(pair.accepting.events == std::vector<std::string>{"judge gate-a gate life 1", "opened gate-a gate",
                                                          "recognised gate-a life 1"});

  pair.connecting.session.send(128, "first", pair.now);
  pair.accepting.session.send(131, "second", pair.now);
  pair.exchange();

  CHECK(pair.accepting.packets == std::vector<std::string>{"128 first"});
  CHECK(pair.connecting.packets == std::vector<std::string>{"131 second"});
  CHECK(pair.connecting.table.learned.empty());
}

TEST_CASE("a gate with another hash or of another version is closed, with a word for people") {
  for (const char* words : {"roomgate/1 life=1 hash=other", "roomgate/2 life=1 hash=siphash24-rdv-1"}) {
    End end(Session::Side::accepting, "gate-b", 2);

    end.hears("HAProxyS 2.1\ngate-b\ngate-a 1 1 "s + words + "\n");

    CHECK(end.session.closed());
    CHECK(!end.session.why().empty());
    CHECK(end.session.out().empty());
    CHECK(end.events.empty());
  }
}

TEST_CASE("a session ends when the handshake takes too long, or nothing is heard for long") {
  End mute(Session::Side::accepting, "gate-b", 2);
  Pair pair;
  pair.exchange();

  mute.at(seconds(4));
  CHECK(!mute.session.closed());
  mute.at(seconds(6));
  pair.connecting.at(seconds(9));

  CHECK(mute.session.closed());
  CHECK(pair.connecting.session.closed());
  CHECK(pair.connecting.session.why() == "silent for too long");
}

TEST_CASE("silent gates keep their session up with heartbeats") {
  Pair pair;
  pair.exchange();

  for (int second = 1; second < 60; ++second) {
    pair.at(seconds(second));
    pair.exchange();
  }

  CHECK(pair.connecting.session.open());
  CHECK(pair.accepting.session.open());
}

TEST_CASE("a gate that sends what cannot be read is told so and closed") {
  Pair pair;
  pair.exchange();
  pair.accepting.readable = false;

  pair.connecting.session.send(128, "nonsense", pair.now);
  pair.exchange();

  CHECK(pair.accepting.session.closed());
  CHECK(pair.accepting.session.counters().malformed == 1);
  CHECK(!pair.accepting.session.why().empty());

  Pair reserved;
  reserved.exchange();
  reserved.accepting.hears("\xff\x00"s);
  CHECK(reserved.accepting.session.closed());
  CHECK(reserved.accepting.says() == "\x01\x00"s);
}

TEST_CASE("between gates HAProxy's messages change nothing") {
  Pair pair;
  pair.exchange();
  std::string entry;
  codec::append_definition(FakeTable().table, entry);
  codec::append_update({1, {}, "room", {1}, codec::Reference{1, "s1"}}, FakeTable().table, entry);

  pair.accepting.hears(entry);

  CHECK(pair.accepting.session.open());
  CHECK(pair.accepting.table.learned.empty());
  CHECK(pair.accepting.session.counters().skipped == 2);
}

TEST_CASE("a gate that does not read is given up before its packets fill the memory") {
  End gate(Session::Side::accepting, "gate-b", 2, {}, 1, {.max_unsent = 100'000});
  gate.hears("HAProxyS 2.1\ngate-b\ngate-a 1 1 " + codec::gate_words(1) + "\n");
  const std::string packet(10'000, 'x');

  for (int i = 0; i < 100; ++i) gate.session.send(128, packet, gate.now);

  CHECK(gate.session.closed());
  CHECK(gate.session.out().size() < 120'000);
  CHECK(gate.session.why() == "it does not read what it is sent");
}

TEST_CASE("packets that come in pieces are whole") {
  Pair pair;
  pair.exchange();
  for (int i = 0; i < 20; ++i) {
    pair.connecting.session.send(130, std::string(static_cast<std::size_t>(i) * 700, 'p'), pair.now);
  }
  const std::string all = pair.connecting.says();

  for (std::size_t at = 0; at < all.size(); at += 1'000) pair.accepting.hears(all.substr(at, 1'000));

  REQUIRE(pair.accepting.packets.size() == 20);
  CHECK(pair.accepting.packets.back() == "130 " + std::string(19 * 700, 'p'));
}

TEST_CASE("random bytes change no table and end the session or leave it waiting") {
  std::mt19937 random(5);
  const std::string hellos[] = {"", "HAProxyS 2.1\ngate\nhap 1 1\n",
                                "HAProxyS 2.1\ngate\nhap 1 1 " + codec::gate_words(1) + "\n"};
  for (int i = 0; i < 5'000; ++i) {
    End gate(Session::Side::accepting, "gate", 1);
    gate.hears(hellos[i % 3]);
    std::string bytes(random() % 200, '\0');
    for (char& c : bytes) c = static_cast<char>(random());

    gate.hears(bytes);

    REQUIRE(gate.table.learned.empty());
    REQUIRE(gate.session.closed() == !gate.session.why().empty());
    REQUIRE(gate.session.out().size() < 1'000);
  }
}

TEST_CASE("recorded sessions and those that were made to fail end as they should") {
  struct Row {
    std::string file;
    bool ends;
    std::size_t learned;
  };
  const Row rows[] = {
      {"came-1", false, 0},         {"found-4", false, 40},         {"class-255", true, 1},
      {"cut-update", true, 0},      {"dictionary-129", true, 0},    {"dictionary-unknown", false, 2},
      {"too-large", true, 0},       {"no-length", true, 0},         {"local", false, 1},
      {"version-2.0", false, 0},    {"wrong-name", true, 0},        {"unknown-classes", false, 1},
      {"other-tables", false, 1},   {"nul-and-long-key", false, 2}, {"gate-comes", false, 0},
      {"gate-other-hash", true, 0}, {"gate-found", false, 0},       {"gate-found-another", true, 0},
      {"refused", true, 0},         {"lessons", false, 1},
  };
  for (const Row& row : rows) {
    CAPTURE(row.file);
    const std::string input = roomgate::tests::read_file(std::filesystem::path(ROOMGATE_SOURCE_DIR) /
                                                         "tests/corpora/peers_session" / row.file);
    REQUIRE(input.size() > 2);
    End end(input[0] == 'c' ? Session::Side::connecting : Session::Side::accepting, "gate", 1, "hap");

    end.hears(std::string_view(input).substr(2));

    CAPTURE(end.session.why());
    CHECK(end.session.closed() == row.ends);
    CHECK(end.table.learned.size() == row.learned);
  }
}

// Sessions and the table beside them against real HAProxies.
#include <doctest/doctest.h>

#include <cstdio>

#include "tests/peers-sync/interop/front.hpp"
#include "tests/peers-sync/interop/haproxy.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync;
using namespace roomgate::peers_sync::tests;

namespace {

using Table = std::map<std::string, Haproxy::Row>;

// A gate's rooms as HAProxy shows them.
Table shown(const Front& front) {
  Table table;
  for (const auto& [room, shard] : front.rooms()) {
    const bool first = shard == "shard-1";
    table[room] = {first ? 1 : 2, first ? "s1" : "s2"};
  }
  return table;
}

// A gate and two HAProxies in one peers section.
struct Section {
  Port gate_port;
  Port a_port;
  Port b_port;
  Haproxy a{"hap-a", a_port.number(), {{"gate", gate_port.number()}, {"hap-b", b_port.number()}}};
  Haproxy b{"hap-b", b_port.number(), {{"gate", gate_port.number()}, {"hap-a", a_port.number()}}};
  std::optional<Front> gate;

  void start_gate(unsigned minor = 1) {
    gate.emplace("gate", gate_port.number(),
                 std::vector<Neighbour>{{"hap-a", a_port.number()}, {"hap-b", b_port.number()}}, minor);
  }
  bool equal() const {
    const Table ours = shown(*gate);
    return (!a.running() || a.table() == ours) && (!b.running() || b.table() == ours);
  }
  // All that anybody knows is everywhere, `rooms` of it.
  void all_have(std::size_t rooms) {
    const bool so = gate->until([&] { return gate->rooms().size() == rooms && equal(); });
    CAPTURE(gate->rooms().size());
    CAPTURE(a.table().size());
    CAPTURE(b.table().size());
    for (const std::string& why : gate->ended()) INFO(why);
    CHECK(so);
    CHECK(gate->counters().malformed == 0);
  }
  void traffic(const Haproxy& through, const std::string& prefix, int rooms) {
    for (int i = 0; i < rooms; ++i) CHECK(through.request(prefix + std::to_string(i)));
  }
};

bool skipped() {
  if (Haproxy::installed()) return false;
  std::puts("skipped: no haproxy");
  return true;
}

}  // namespace

TEST_CASE("a gate learns what HAProxies knew before it, and they what it decides") {
  if (skipped()) return;
  Section section;
  section.a.start();
  section.b.start();
  section.traffic(section.a, "before-", 300);

  section.start_gate();
  section.all_have(300);
  for (int i = 0; i < 300; ++i) {
    section.gate->put("ours-" + std::to_string(i), i % 3 == 0 ? "shard-1" : "shard-2");
  }
  section.all_have(600);
  section.traffic(section.b, "after-", 100);

  section.all_have(700);
  for (int i = 0; i < 300; ++i) {
    CHECK(section.a.request("ours-" + std::to_string(i)) == (i % 3 == 0 ? "s1" : "s2"));
  }
}

TEST_CASE("a HAProxy that was killed learns everything from a gate that is alone with it") {
  if (skipped()) return;
  Section section;
  section.a.start();
  section.start_gate();
  section.traffic(section.a, "its-", 50);
  for (int i = 0; i < 2'000; ++i) section.gate->put("ours-" + std::to_string(i), "shard-2");
  section.all_have(2'050);

  section.a.kill();
  section.gate->put("meanwhile", "shard-1");
  CHECK(section.gate->until([&] { return section.gate->open().empty(); }));
  section.a.start();

  section.all_have(2'051);
  CHECK(section.a.request("meanwhile") == "s1");
  section.traffic(section.a, "afterwards-", 50);
  section.all_have(2'101);
}

TEST_CASE(
    "a gate that starts again learns everything from the HAProxies, and nobody is confused by its numbers") {
  if (skipped()) return;
  Section section;
  section.a.start();
  section.b.start();
  section.start_gate();
  for (int i = 0; i < 500; ++i) section.gate->put("ours-" + std::to_string(i), "shard-1");
  section.all_have(500);

  section.gate.reset();
  section.traffic(section.b, "meanwhile-", 20);
  section.start_gate();

  section.all_have(520);
  for (int i = 0; i < 20; ++i) section.gate->put("afterwards-" + std::to_string(i), "shard-2");
  section.all_have(540);
}

TEST_CASE("after a reload of HAProxy its new process has everything and goes on") {
  if (skipped()) return;
  Section section;
  section.a.start();
  section.start_gate();
  section.traffic(section.a, "its-", 20);
  for (int i = 0; i < 20; ++i) section.gate->put("ours-" + std::to_string(i), "shard-1");
  section.all_have(40);

  for (int round = 1; round <= 3; ++round) {
    section.a.reload();
    section.traffic(section.a, "round-" + std::to_string(round) + "-", 20);
    section.gate->put("ours-in-round-" + std::to_string(round), "shard-2");
    section.all_have(40 + 21 * static_cast<std::size_t>(round));
  }
}

TEST_CASE("a gate that cannot connect is connected to") {
  if (skipped()) return;
  Section section;
  section.start_gate();
  section.gate->connects = false;
  section.gate->put("ours", "shard-2");
  section.a.start();
  section.b.start();
  section.traffic(section.a, "its-", 20);

  section.all_have(21);
  CHECK(section.gate->open() == std::vector<std::string>{"hap-a", "hap-b"});
}

TEST_CASE("a session of 2.0 has lessons without times") {
  if (skipped()) return;
  Section section;
  section.a.start();
  section.traffic(section.a, "its-", 20);
  section.start_gate(0);
  section.all_have(20);
  section.gate->put("ours", "shard-2");
  section.all_have(21);

  section.a.kill();
  CHECK(section.gate->until([&] { return section.gate->open().empty(); }));
  section.a.start();
  section.all_have(21);
}

TEST_CASE("a HAProxy that sends a room elsewhere is contradicted, and the room stays where it is") {
  if (skipped()) return;
  Section section;
  section.a.start();
  section.b.start();
  section.start_gate();
  section.gate->put("room", "shard-1");
  section.all_have(1);

  CHECK(section.a.command("disable server jitsi-meet/s1"));
  // Again and again: sessions that cross at the start may bring ours behind its own.
  CHECK(section.gate->until([&] {
    CHECK(section.a.request("room") == "s2");
    return section.gate->beside().counters().refused > 0;
  }));
  section.all_have(1);
  CHECK(section.gate->rooms().at("room") == "shard-1");

  CHECK(section.a.command("enable server jitsi-meet/s1"));
  CHECK(section.a.request("room") == "s1");
  CHECK(section.b.request("room") == "s1");
  section.all_have(1);
}

TEST_CASE("rooms that both decide at one moment are where the gate says, everywhere") {
  if (skipped()) return;
  Section section;
  section.a.start();
  section.b.start();
  section.start_gate();
  CHECK(section.gate->until([&] { return section.gate->open().size() == 2; }));

  for (int i = 0; i < 100; ++i) {
    // Its own choice leaves HAProxy at the answer; ours is put before that can have come here.
    CHECK(section.a.request("room-" + std::to_string(i)));
    section.gate->put("room-" + std::to_string(i), "shard-1");
  }

  section.all_have(100);
  CHECK(section.a.request("room-7") == "s1");
}

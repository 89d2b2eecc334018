// Sessions with HAProxies, which are spoken by hand or were captured.
#include <doctest/doctest.h>

#include <cstdio>

#include "peers-sync/codec/gate_hello.hpp"
#include "peers-sync/codec/message.hpp"
#include "peers-sync/codec/update.hpp"
#include "tests/peers-sync/captures.hpp"
#include "tests/peers-sync/fakes.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync;
using namespace roomgate::peers_sync::tests;
using namespace std::string_literals;
using codec::Control;

namespace {

using Strings = std::vector<std::string>;

const std::string kHello = "HAProxyS 2.1\ngate\nhap 77 1\n";
// Its table, as it announces it: "shards", strings of 128, server_id and server_key, a day.
const std::string kDefinition = "\x0a\x82\x13\x01\x06shards\x06\x81\xf1\xf1\xfe\x00\xf0\xb1\xca\xc8\x01"s;

std::string said(Control control) {
  std::string out;
  codec::append_control(control, out);
  return out;
}
std::string ack(std::uint32_t update, std::uint64_t table = 1) {
  std::string out;
  codec::append_ack({table, update}, out);
  return out;
}
std::string update(std::optional<std::uint32_t> id, std::string key, std::uint64_t server,
                   codec::Reference name, std::optional<std::uint32_t> remaining = {}) {
  std::string out;
  codec::append_update({id, remaining, std::move(key), {server}, std::move(name)}, FakeTable().table, out);
  return out;
}
std::string definition(std::string name, std::uint64_t id, std::uint64_t key_length = 129) {
  std::string out;
  codec::append_definition({.id = id, .name = std::move(name), .key_length = key_length, .expire = 1'000},
                           out);
  return out;
}

// A gate to which a HAProxy has said hello, and what else it says.
struct Accepted : End {
  explicit Accepted(SessionLimits limits = {}) : End(Session::Side::accepting, "gate", 1, {}, 1, limits) {}
  void begin(const std::string& hello = kHello) {
    hears(hello);
    CHECK(says().starts_with("200\n"));
  }
};

}  // namespace

TEST_CASE("a hello is answered by what is wrong with it, and then the session is over") {
  struct Row {
    const char* hello;
    codec::Status verdict;
    const char* answer;
  };
  const Row rows[] = {
      {"HAProxyS 2.1\ngate\nhap 77 1\n", codec::Status::accepted, "200\n"},
      {"HAProxyS 2.0\ngate\nhap 77 1\n", codec::Status::accepted, "200\n"},
      {"HAProxyS 2.1\ngate\ngate 77 1\n", codec::Status::accepted, "200\n"},
      {"HAProxyS 2.1\ngate\ngate 77 1\n", codec::Status::try_later, "300\n"},
      {"HAProxyS 2.1\ngate\nhap 77 1\n", codec::Status::unknown_peer, "504\n"},
      {"HAProxyS 2.1\nanother\nhap 77 1\n", codec::Status::accepted, "503\n"},
      {"HAProxyS 2.2\ngate\nhap 77 1\n", codec::Status::accepted, "502\n"},
      {"HAProxyS 2.1\ngate\nhap\n", codec::Status::accepted, "501\n"},
      {"GET / HTTP/1.1\r\n", codec::Status::accepted, "501\n"},
      {"\x16\x03\x01\x02\x00", codec::Status::accepted, "501\n"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.hello);
    Accepted gate;
    gate.verdict = row.verdict;

    gate.hears(row.hello);

    CHECK(gate.says().substr(0, 4) == row.answer);
    const bool accepted = row.answer == "200\n"s;
    CHECK(gate.session.closed() != accepted);
    CHECK(gate.session.why().empty() == accepted);
  }
}

TEST_CASE("a gate with our own name is nobody we know") {
  Accepted gate;

  gate.hears("HAProxyS 2.1\ngate\ngate 1 1 " + codec::gate_words(9) + "\n");

  CHECK(gate.says() == "504\n");
  CHECK(gate.events.empty());
}

TEST_CASE("whoever connects says its hello and nothing else before it knows whom it has found") {
  End gate(Session::Side::connecting, "gate", 7, "hap");
  gate.table.add("room", 1, "s1");
  gate.table.curious = true;

  CHECK(gate.says() == "HAProxyS 2.1\nhap\ngate 1 1 roomgate/1 life=7 hash=siphash24-rdv-1\n");
  gate.hears("200\n");
  CHECK(gate.says().empty());
  CHECK(gate.events == Strings{"opened hap"});

  gate.hears(said(Control::resync_request));
  CHECK(gate.session.haproxy());
  // The lesson that it asked for, and what we ask it.
  const std::string answer = gate.says();
  CHECK(answer.starts_with(said(Control::resync_request) + kDefinition));
  CHECK(answer.ends_with(said(Control::resync_finished)));
}

TEST_CASE("a peer that says nothing for a second is a HAProxy, until it says that it is a gate") {
  End gate(Session::Side::connecting, "gate-a", 1, "gate-b");
  gate.table.add("room", 1, "s1");
  gate.table.curious = true;
  (void)gate.says();
  gate.hears("200\n");
  gate.at(milliseconds(900));
  CHECK(gate.says().empty());

  gate.at(milliseconds(1'100));
  CHECK(gate.session.haproxy());
  CHECK(gate.says() == said(Control::resync_request));

  std::string late;
  codec::append_introduction({"gate-b", 5}, late);
  gate.hears(late);

  CHECK(!gate.session.haproxy());
  CHECK(gate.events == Strings{"opened gate-b", "recognised gate-b life 5"});
  CHECK(gate.table.lessons == Strings{"gate-b partial"});
}

TEST_CASE("an accepting gate is asked who it is only once, and has to be who was called") {
  const auto introduction = [](const char* name) {
    std::string out;
    codec::append_introduction({name, 5}, out);
    return out;
  };
  std::string other;
  codec::FrameWriter frame(codec::kGateClass, 129, other);
  frame.end();
  for (const std::string& first : {introduction("gate-c"), other}) {
    End gate(Session::Side::connecting, "gate-a", 1, "gate-b");

    gate.hears("200\n" + first);

    CHECK(gate.session.closed());
    CHECK(gate.packets.empty());
  }
  // Behind any other message, it is one that nobody knows.
  End gate(Session::Side::connecting, "gate-a", 1, "gate-b");
  gate.hears("200\n" + said(Control::heartbeat) + introduction("gate-b"));
  CHECK(gate.session.haproxy());
  CHECK(gate.session.counters().skipped == 1);
}

TEST_CASE("a refusal ends it, and says by which status") {
  for (const auto& [answer, status] : {std::pair{"300\n", 300U}, {"502\n", 502U}, {"504\n", 504U}}) {
    End gate(Session::Side::connecting, "gate", 1, "hap");
    gate.hears(answer);
    CHECK(gate.session.closed());
    CHECK(gate.session.refused() == status);
  }
  End gate(Session::Side::connecting, "gate", 1, "hap");
  gate.hears("HTTP/1.1 400 Bad Request\r\n");
  CHECK(gate.session.closed());
  CHECK(!gate.session.refused());
}

TEST_CASE(
    "changes are pushed as HAProxy pushes them: definition, one with its number, then those that follow") {
  Accepted gate;
  gate.table.add("a", 1, "s1");
  gate.table.add("b", 2, "s2");
  gate.table.add("not-ours", 2, "s2", false);
  gate.table.add("c", 1, "s1");
  gate.hears(kHello);
  CHECK(gate.says() == "200\n" + kDefinition + update(1, "a", 1, {1, "s1"}) + update({}, "b", 2, {2, "s2"}) +
                           update(4, "c", 1, {1, {}}));

  gate.table.add("d", 2, "s2");
  gate.session.push(gate.now);
  CHECK(gate.says() == update(5, "d", 2, {2, {}}));
  gate.session.push(gate.now);
  CHECK(gate.says().empty());
  CHECK(gate.session.counters().updates_out == 4);

  // Another session goes on behind what was acknowledged.
  gate.hears(ack(4));
  Accepted next;
  next.table.entries = gate.table.entries;
  next.table.acked = gate.table.acked;
  next.hears(kHello);
  CHECK(next.says() == "200\n" + kDefinition + update(5, "d", 2, {1, "s2"}));
}

TEST_CASE("a reload that changes the table is announced before the next update") {
  Accepted gate;
  gate.table.add("a", 1, "s1");
  gate.hears(kHello);
  (void)gate.says();

  gate.table.table.expire = 1'000;
  gate.table.add("b", 1, "s1");
  gate.session.push(gate.now);

  CHECK(gate.says() == definition("shards", 1) + update(2, "b", 1, {1, {}}));
}

TEST_CASE("numbers wrap at 32 bits, and acks are understood beyond") {
  constexpr std::uint64_t kEnd = std::uint64_t{1} << 32;
  Accepted gate;
  gate.table.acked["hap"] = kEnd - 2;
  for (const std::uint64_t position : {kEnd - 1, kEnd, kEnd + 1}) {
    gate.table.entries[position] = {position, "r" + std::to_string(position - kEnd + 1), 1, "s1", seconds(1),
                                    true};
  }
  gate.hears(kHello);
  CHECK(gate.says() == "200\n" + kDefinition + update(0xffffffff, "r0", 1, {1, "s1"}) +
                           update({}, "r1", 1, {1, {}}) + update({}, "r2", 1, {1, {}}));

  gate.hears(ack(0xffffffff));
  CHECK(gate.table.acked["hap"] == kEnd - 1);
  gate.hears(ack(1));
  CHECK(gate.table.acked["hap"] == kEnd + 1);
}

TEST_CASE("acks of what was never said, or of another table, are no news and no error") {
  Accepted gate;
  for (int i = 0; i < 9; ++i) gate.table.add("r" + std::to_string(i), 1, "s1");
  gate.begin();

  // 7 with its bytes swapped, as 3.5-dev5 says it; what HAProxy files learned entries under; nobody's table.
  for (const std::string& odd : {ack(0x07000000), ack(0x80000003), ack(10), ack(5, 9)}) gate.hears(odd);
  CHECK(gate.session.open());
  CHECK(!gate.table.acked.contains("hap"));

  gate.hears(ack(7));
  CHECK(gate.table.acked["hap"] == 7);
}

TEST_CASE("who asks is told everything with its remaining time, and news again when it has confirmed") {
  Accepted gate;
  gate.table.acked["hap"] = 1;
  gate.table.add("a", 1, "s1");
  gate.table.add("b", 2, "s2");
  gate.table.add("c", 1, "s1", false);
  gate.hears(kHello + said(Control::resync_request));

  const std::uint32_t minute = 60'000;
  CHECK(gate.says() == "200\n" + kDefinition + update(2, "b", 2, {1, "s2"}) +  // before it asked
                           update(2, "b", 2, {1, {}}, minute) + update({}, "c", 1, {2, "s1"}, minute) +
                           update(1, "a", 1, {2, {}}, minute) + said(Control::resync_finished));

  gate.hears(ack(3));
  gate.table.add("d", 1, "s1");
  gate.session.push(gate.now);
  CHECK(gate.says().empty());
  CHECK(gate.table.acked["hap"] == 1);

  gate.hears(said(Control::resync_confirm));
  CHECK(gate.says() == update(2, "b", 2, {1, {}}) + update(4, "d", 1, {2, {}}));
}

TEST_CASE("one that does not confirm hears of news all the same, later") {
  Accepted gate;
  gate.hears(kHello + said(Control::resync_request));
  CHECK(gate.says() == "200\n" + kDefinition + said(Control::resync_finished));
  gate.table.add("a", 1, "s1");

  gate.at(seconds(4));
  CHECK(gate.says() == said(Control::heartbeat));
  gate.hears(said(Control::heartbeat));
  gate.at(seconds(6));
  CHECK(gate.says() == update(1, "a", 1, {1, "s1"}));
}

TEST_CASE("a lesson of a table that is not complete is partial, and to a 2.0 peer it has no times") {
  Accepted gate;
  gate.table.complete = false;
  gate.table.acked["hap"] = 1;
  gate.table.add("a", 1, "s1");
  gate.hears("HAProxyS 2.0\ngate\nhap 77 1\n" + said(Control::resync_request));

  CHECK(gate.says() == "200\n" + kDefinition + update(1, "a", 1, {1, "s1"}) + said(Control::resync_partial));
}

TEST_CASE("a long lesson leaves others their turn") {
  Accepted gate;
  for (int i = 0; i < 1'000; ++i) gate.table.add("room-" + std::to_string(i), 1, "s1", false);
  gate.hears(kHello);
  (void)gate.says();

  gate.hears(said(Control::resync_request));
  CHECK(gate.session.counters().updates_out == 200);
  CHECK(gate.session.next() <= gate.now);
  for (int turn = 0; turn < 5; ++turn) gate.session.tick(gate.now);

  CHECK(gate.session.counters().updates_out == 1'000);
  CHECK(gate.session.next() > gate.now);
  CHECK(gate.says().ends_with(said(Control::resync_finished)));
}

TEST_CASE("asking again and again brings one lesson") {
  Accepted gate;
  for (int i = 0; i < 1'000; ++i) gate.table.add("room-" + std::to_string(i), 1, "s1", false);
  gate.hears(kHello);
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += said(Control::resync_request);
  gate.hears(requests);
  gate.hears(requests);
  for (int turn = 0; turn < 10; ++turn) gate.session.tick(gate.now);

  CHECK(gate.session.counters().updates_out == 1'000);
}

TEST_CASE("a gate learns from one HAProxy, pushes nothing to it meanwhile, and confirms") {
  Accepted gate;
  gate.table.curious = true;
  gate.table.add("ours", 1, "s1");
  gate.hears(kHello);
  CHECK(gate.says() == "200\n" + said(Control::resync_request));

  gate.hears(kDefinition + update(5, "a", 2, {1, "s2"}, 90) + update({}, "b", 2, {1, {}}, 90));
  CHECK(gate.says() == ack(6));
  CHECK(gate.table.learned == Strings{"a 2 s2 timed lesson", "b 2 s2 timed lesson"});
  CHECK(gate.table.lessons.empty());

  gate.hears(said(Control::resync_finished));
  CHECK(gate.table.lessons == Strings{"hap complete"});
  CHECK(gate.says() == said(Control::resync_confirm) + kDefinition + update(1, "ours", 1, {1, "s1"}));
}

TEST_CASE("a lesson that is partial, breaks off or ends with its session is over as well") {
  Accepted partial;
  partial.table.curious = true;
  partial.begin();
  partial.hears(said(Control::resync_partial));
  CHECK(partial.says() == said(Control::resync_confirm));
  CHECK(partial.table.lessons == Strings{"hap partial"});

  Accepted stalls;
  stalls.table.curious = true;
  stalls.begin();
  stalls.at(seconds(3));
  stalls.hears(kDefinition + update(5, "a", 2, {1, "s2"}));
  stalls.at(seconds(7));
  CHECK(stalls.table.lessons.empty());
  stalls.hears(said(Control::heartbeat));
  stalls.at(seconds(9));
  CHECK(stalls.table.lessons == Strings{"hap partial"});
  CHECK(stalls.session.open());

  FakeTable table;
  {
    End listens(Session::Side::accepting, "gate", 1);
    Session session({.side = Session::Side::accepting, .own_name = "gate", .peer_name = {}, .limits = {}},
                    listens, table, listens.now);
    table.curious = true;
    session.consume(as_bytes(kHello), listens.now);
  }
  CHECK(table.lessons == Strings{"hap partial"});
}

TEST_CASE("the end of a lesson that nobody asked for is confirmed, once for each read") {
  Accepted gate;
  gate.begin();

  gate.hears(said(Control::resync_finished) + said(Control::resync_partial) + said(Control::resync_finished));

  CHECK(gate.says() == said(Control::resync_confirm));
  CHECK(gate.table.lessons.empty());
}

TEST_CASE("everything that was read is acknowledged at once, each table for itself") {
  Accepted gate;
  gate.begin();
  std::string flood = kDefinition + update(1, "r0", 1, {1, "s1"});
  for (int i = 1; i < 50'000; ++i) flood += update({}, "r" + std::to_string(i), 1, {1, {}});
  gate.hears(flood);

  CHECK(gate.says() == ack(50'000));
  CHECK(gate.table.learned.size() == 50'000);
  CHECK(gate.session.counters().updates_in == 50'000);

  // The number that it gave to the same table.
  gate.hears(definition("shards", 300) + update(9, "again", 1, {1, {}}));
  CHECK(gate.says() == ack(9, 300));
}

TEST_CASE("keys are kept as HAProxy keeps them") {
  Accepted gate;
  gate.begin();

  gate.hears(kDefinition + update(1, std::string(200, 'x'), 1, {1, "s1"}) +
             update({}, "nul\0tail"s, 1, {1, {}}) + update({}, "", 1, {1, {}}));

  CHECK(gate.table.learned == Strings{std::string(128, 'x') + " 1 s1", "nul 1 s1", " 1 s1"});
}

TEST_CASE("tables that are not ours, or unlike it, are ignored and not acknowledged") {
  std::string reserved = kDefinition;
  reserved[11] = 3;  // a type of key that is none
  for (const std::string& unlike : {definition("another", 1), definition("shards", 1, 128), reserved}) {
    Accepted gate;
    gate.begin();

    gate.hears(unlike + update(1, "a", 1, {1, "s1"}));

    CHECK(gate.session.open());
    CHECK(gate.says().empty());
    CHECK(gate.table.learned.empty());
    CHECK(gate.session.counters().skipped >= 1);
  }
  Accepted gate;
  gate.begin();
  gate.hears(update(1, "before", 1, {1, "s1"}));
  gate.hears(kDefinition + definition("another", 2) + update(1, "other", 1, {1, "s1"}));
  // Its names count for all tables.
  std::string change;
  codec::append_switch({1}, change);
  gate.hears(change + update(4, "ours", 1, {1, {}}));
  std::string unknown;
  codec::append_switch({9}, unknown);
  gate.hears(unknown + update(5, "nobody's", 1, {1, {}}));

  CHECK(gate.table.learned == Strings{"ours 1 s1"});
  CHECK(gate.says() == ack(4));
  CHECK(gate.session.counters().skipped == 3);
}

TEST_CASE("a name that was never told is no value, and no error") {
  Accepted gate;
  gate.begin();

  gate.hears(kDefinition + update(1, "a", 3, {77, {}}));

  CHECK(gate.session.open());
  CHECK(gate.table.learned == Strings{"a 3 "});
}

TEST_CASE("what nobody knows is skipped and counted") {
  Accepted gate;
  gate.begin();
  const Strings unknown = {"\x00\x05"s,      "\x00\x80\x02xy"s, "\x63\x04"s,     "\x63\x80\x03xyz"s,
                           "\x0a\x87\x01x"s, "\x0a\x05"s,       "\x52\x80\x01x"s};
  for (const std::string& message : unknown) gate.hears(message);
  gate.hears("\x01\x00"s);

  CHECK(gate.session.open());
  CHECK(gate.session.counters().skipped == unknown.size());
  CHECK(gate.session.counters().malformed == 0);
  CHECK(gate.says().empty());
}

TEST_CASE("malformed messages are answered, end the session and change nothing") {
  const std::string protocol = "\x01\x00"s;
  const std::string size = "\x01\x01"s;
  const auto body = [](std::uint8_t type, std::string_view text) {
    std::string out;
    codec::FrameWriter frame(codec::kStickTable, type, out);
    out += text;
    frame.end();
    return out;
  };
  const std::pair<std::string, std::string> rows[] = {
      {"\xff\x00"s, protocol},                                            // class 255
      {"\xff\x80\x01x"s, protocol},                                       //
      {body(128, "\x00\x00"s), protocol},                                 // cut in its number
      {body(128, "\x00\x00\x00\x01\x09short"s), protocol},                // in its key
      {body(128, "\x00\x00\x00\x01\x01r\x01\x04\x01\x09s1"s), protocol},  // in its name
      {body(128, "\x00\x00\x00\x01\x01r\x01\x01\x00"s), protocol},        // name 0
      {body(128, "\x00\x00\x00\x01\x01r\x01\x01\x81"s), protocol},        // name 129
      {body(128, "\x00\x00\x00\x01\x01r\x01\x05\x81\x02s1x"s), protocol},
      {body(133, "\x00\x00\x00\x01\x00"s), protocol},       // in its time
      {body(132, "\x01\x00\x00"s), protocol},               // an ack
      {body(130, "\x01\x40name"s), protocol},               // a definition
      {body(131, ""), protocol},                            // a switch
      {"\x0a\x80\xff\xff\xff\xff\xff\xff\x01"s, protocol},  // a length of more than five bytes
      {"\x0a\x80\xf0\xff\x7f"s, size},                      // of 264,000
  };
  for (const auto& [bytes, answer] : rows) {
    CAPTURE(bytes.size());
    CAPTURE(static_cast<int>(bytes.back()));
    Accepted gate;
    gate.begin();
    gate.hears(kDefinition);

    gate.hears(bytes + update(2, "behind", 1, {1, "s1"}));

    CHECK(gate.session.closed());
    CHECK(gate.says() == answer);
    CHECK(!gate.session.why().empty());
    CHECK(gate.session.counters().malformed == 1);
    CHECK(gate.table.learned.empty());
    gate.hears(kDefinition + update(3, "later", 1, {1, "s1"}));
    CHECK(gate.table.learned.empty());
    CHECK(gate.says().empty());
  }
}

TEST_CASE("the process before us, as a HAProxy would have one, is learned from and told nothing") {
  Accepted gate;
  gate.table.add("ours", 1, "s1");
  gate.table.curious = true;
  gate.begin("HAProxyS 2.1\ngate\ngate 77 1\n");
  CHECK(gate.events == Strings{"judge gate local", "opened gate local"});

  gate.hears(kDefinition + update(5, "a", 2, {1, "s2"}, 90) + said(Control::resync_finished));

  CHECK(gate.says() == ack(5) + said(Control::resync_confirm));
  CHECK(gate.table.learned == Strings{"a 2 s2 timed lesson"});
}

TEST_CASE("heartbeats after three seconds of saying nothing, and the end after eight of hearing nothing") {
  Accepted gate;
  gate.begin();
  gate.at(milliseconds(2'900));
  CHECK(gate.says().empty());
  gate.at(seconds(3));
  CHECK(gate.says() == said(Control::heartbeat));

  gate.at(milliseconds(7'900));
  CHECK(gate.says() == said(Control::heartbeat));
  CHECK(gate.session.open());
  // Half a message is no sign of life.
  gate.hears("\x0a");
  gate.at(seconds(8));
  CHECK(gate.session.closed());
}

TEST_CASE("to a HAProxy that does not read nothing more is pushed, and all of it when it does") {
  Accepted gate({.max_unsent = 5'000});
  for (int i = 0; i < 5'000; ++i) gate.table.add("room-" + std::to_string(i), 1, "s1");
  gate.hears(kHello);
  for (int turn = 0; turn < 100; ++turn) gate.session.tick(gate.now);
  CHECK(gate.session.out().size() < 5'000 + 200 * 30);
  CHECK(gate.session.next() > gate.now);

  while (gate.session.counters().updates_out < 5'000) {
    REQUIRE(!gate.says().empty());
    REQUIRE(gate.session.next() <= gate.now);
    gate.session.tick(gate.now);
  }
  CHECK(gate.session.open());
}

TEST_CASE("a flood that wants answers fills no memory") {
  Accepted gate({.max_unsent = 5'000});
  gate.begin();
  gate.hears(kDefinition);
  for (int i = 0; i < 20'000; ++i) {
    gate.hears(update(static_cast<std::uint32_t>(i), "r", 1, {1, "s1"}) + said(Control::resync_finished));
  }
  for (std::uint64_t id = 0; id < 20'000; ++id) gate.hears(definition("shards", id));

  CHECK(gate.session.out().size() < 6'000);
  CHECK(gate.session.open());
  CHECK(gate.session.counters().skipped > 19'000);
}

TEST_CASE("bytes may come one by one") {
  const std::string all = kHello + kDefinition + update(1, "a", 1, {1, "s1"}) + update({}, "b", 1, {1, {}}) +
                          said(Control::resync_request) + said(Control::resync_confirm);
  Accepted whole;
  whole.hears(all);
  Accepted pieces;

  for (const char c : all) pieces.hears(std::string(1, c));

  CHECK(pieces.table.learned == whole.table.learned);
  CHECK(pieces.session.open());
}

TEST_CASE("what a captured HAProxy has said is learned, acknowledged and nothing of it refused") {
  if (!std::filesystem::is_directory(captures())) {
    std::puts("skipped: no captures");
    return;
  }
  std::size_t sessions = 0;
  for (const auto& entry : std::filesystem::directory_iterator(captures())) {
    const std::string file = entry.path().filename().string();
    if (!file.ends_with(".hex")) continue;
    const bool from_client = file.ends_with("c2s.hex");
    const std::vector<Chunk> chunks = chunks_of(entry.path());
    const std::string all = all_of(chunks);
    // Two that were captured for being refused there are refused here, as by HAProxy.
    const bool meant_to_fail = from_client && (file.starts_with("05-refused"));
    const auto hello = codec::read_hello(as_bytes(all));
    const std::string name = hello.ok() && hello->has_value() ? (*hello)->hello.to : "us";
    CAPTURE(file);
    End session(from_client ? Session::Side::accepting : Session::Side::connecting, name, 1, "peer");
    for (const Chunk& chunk : chunks) {
      session.now = session.begun + chunk.at - chunks.front().at;
      session.session.tick(session.now);
      session.hears(chunk.bytes);
    }
    ++sessions;
    if (meant_to_fail) continue;
    CHECK(session.session.counters().malformed == 0);
    const bool refused = !from_client && !all.starts_with("200");
    const bool silent = all.empty();
    CHECK(session.session.open() == (!refused && !silent));
  }
  CHECK(sessions > 20);
}

TEST_CASE("a lesson is HAProxy's own to the byte") {
  if (!std::filesystem::is_directory(captures())) {
    std::puts("skipped: no captures");
    return;
  }
  // What hapA knew in this capture, and what was left of each entry's time.
  End gate(Session::Side::accepting, "hapA", 1);
  gate.table.acked["hapB"] = 13;
  struct Known {
    std::uint64_t position;
    const char* key;
    std::int64_t server;
    int remaining;
  };
  const Known known[] = {{2, "beta", 2, 86393103},
                         {5, "alpha", 1, 86393859},
                         {6, "burst00", 1, 86394115},
                         {7, "burst03", 2, 86394115},
                         {8, "burst01", 2, 86394115},
                         {9, "burst02", 1, 86394115},
                         {10, "burst07", 1, 86394117},
                         {11, "burst06", 2, 86394117},
                         {12, "burst04", 2, 86394117},
                         {13, "burst05", 1, 86394117},
                         {14, "while-b-was-down-0", 1, 86399944},
                         {15, "while-b-was-down-1", 2, 86399945},
                         {16, "while-b-was-down-2", 1, 86399945},
                         {2147483651, "gamma", 1, 86393355}};
  for (const Known& one : known) {
    gate.table.entries[one.position] = {one.position,
                                        one.key,
                                        one.server,
                                        "s" + std::to_string(one.server),
                                        milliseconds(one.remaining),
                                        one.position < 2147483648U};
  }
  const auto theirs = chunks_of(captures() / "02-kill-restart.0.c2s.hex");
  std::string out;
  for (const Chunk& chunk : theirs) {
    gate.now = gate.begun + chunk.at - theirs.front().at;
    gate.session.tick(gate.now);
    gate.hears(chunk.bytes);
    out += gate.says();
  }
  // Its heartbeat is due in the moment in which the other's comes.
  gate.session.tick(gate.now + milliseconds(1));
  out += gate.says();

  CHECK(out == all_of(chunks_of(captures() / "02-kill-restart.0.s2c.hex")));
  CHECK(gate.table.acked["hapB"] == 16);
}

TEST_CASE("a process before us is answered as HAProxy answers its own, to the byte") {
  if (!std::filesystem::is_directory(captures())) {
    std::puts("skipped: no captures");
    return;
  }
  End gate(Session::Side::accepting, "hapA", 1);

  gate.hears(all_of(chunks_of(captures() / "03-reload-local.1.c2s.hex")));

  CHECK(gate.says() == all_of(chunks_of(captures() / "03-reload-local.1.s2c.hex")));
  CHECK(gate.table.learned.size() == 14);
}

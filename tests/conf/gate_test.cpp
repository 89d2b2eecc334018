#include "conf/gate.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "conf/shard.hpp"

using namespace roomgate::conf;

namespace {

constexpr const char* kSmallest = R"([[listen]]
address = "127.0.0.1:8443"
tls.certificates = ["cert.pem"]
[[shards]]
name = "shard-0"
address = "127.0.0.1:8080"
)";

std::vector<std::string> mistakes_of(const std::string& text) {
  const auto gate = parse_gate(text, "g.toml");
  std::vector<std::string> lines;
  if (!gate) {
    for (const Mistake& mistake : gate.error()) lines.push_back(mistake.to_string());
  }
  return lines;
}

std::string read(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

}  // namespace

TEST_CASE("the smallest settings give every default") {
  const auto gate = parse_gate(kSmallest, "g.toml");

  REQUIRE(gate);
  CHECK(gate->listen[0].tls.certificates.size() == 1);
  CHECK(gate->rooms.idle == std::chrono::minutes(10));
  CHECK(gate->health.fall == 3);
  CHECK(gate->shards[0].kind.weight == 1);
  CHECK(!gate->name.empty());
}

TEST_CASE("each mistake is a line with file, line, key and what is allowed") {
  struct Row {
    std::string addition;
    std::string line;
  };
  const Row rows[] = {
      {"[rooms]\nidle = \"10\"\n",
       "g.toml:8: rooms.idle: \"10\": a duration is a whole number with ms, s, m or h, such as \"10s\""},
      {"[rooms]\nidle = 10\n",
       "g.toml:8: rooms.idle: is a whole number, must be a duration in quotes: 1s to 168h"},
      {"[gate]\nthreads = -1\n", "g.toml:8: gate.threads: -1 is outside of 0 to 1024"},
      {"[balance]\npolicy = \"random\"\n",
       "g.toml:8: balance.policy: \"random\" is not allowed, must be \"roundrobin\", \"leastrooms\""},
      {"[health]\nintervall = \"1s\"\n",
       "g.toml:8: health.intervall: is not a key of this program; did you mean health.interval?"},
      {"[[shards]]\nname = \"shard-0\"\naddress = \"127.0.0.1:1\"\n",
       "two shards are named \"shard-0\"; names are unique"},
      {"[[shards]]\nname = \"a b\"\naddress = \"127.0.0.1:1\"\n",
       "g.toml:8: shards[1].name: \"a b\" is not allowed, must be 1 to 64 of a-z A-Z 0-9 . _ -"},
      {"[[shards]]\nname = \"x\"\naddress = \"host:1\"\n",
       "shards[1].address: \"host:1\" is not allowed, must be ADDRESS:PORT"},
      {"[rooms]\nsources = [\"room\"]\n", "rooms.sources: \"room\" is not allowed, must be \"query:NAME\""},
      {"[[shards]]\nname = \"x\"\n", "g.toml:7: shards[1].address: is missing"},
      {"[[listen]]\naddress = \"127.0.0.1:1\"\ntls.tickets = 5\n",
       "listen[1].tls.tickets: 5 is outside of 0 to 4"},
      {"[[listen]]\naddress = \"127.0.0.1:1\"\ntls.client_ca = \"ca.pem\"\n",
       "127.0.0.1:1: tls.client_ca and tls.ticket_keys are for listeners with tls.certificates"},
      {"[[shards]]\nname = \"x\"\naddress = \"127.0.0.1:1\"\ntls_sni = \"a.example\"\n",
       "shard \"x\": tls_verify, tls_ca and tls_sni are for shards with tls = true"},
      {"[rooms\n", "g.toml:7:"},
  };
  for (const Row& row : rows) {
    const auto lines = mistakes_of(std::string(kSmallest) + row.addition);
    CAPTURE(row.addition);
    REQUIRE(!lines.empty());
    CAPTURE(lines[0]);
    CHECK(lines[0].find(row.line) != std::string::npos);
  }
}

TEST_CASE("rates are read, and wrong ones are explained") {
  const auto gate = parse_gate(std::string(kSmallest) + R"([limits]
per_address = { connections = 10, handshakes = "5/s burst 7", requests = "6/m burst 8", new_rooms = "off" }
)",
                               "g.toml");

  REQUIRE(gate);
  const auto& per_address = gate->limits.per_address;
  CHECK(per_address.connections == 10);
  CHECK(per_address.handshakes.per_second() == 5);
  CHECK(per_address.handshakes.burst == 7);
  CHECK(per_address.requests.per_second() == doctest::Approx(0.1));
  CHECK(per_address.new_rooms.count == 0);
  CHECK(format_rate(per_address.requests) == "6/m burst 8");
  CHECK(format_rate(per_address.new_rooms) == "off");

  for (const char* wrong : {"", "5", "5/s", "5/s burst", "5/s burst x", "5/h burst 5", "5/s burst 5 ",
                            "/s burst 5", "5/s  burst 5", "-1/s burst 5", "0/s burst 5", "5/s burst 0",
                            "2000000/s burst 5", "5.5/s burst 5", "99999999999999999999/s burst 1"}) {
    CAPTURE(wrong);
    const auto lines =
        mistakes_of(std::string(kSmallest) + "[limits]\nper_address.requests = \"" + wrong + "\"\n");
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].starts_with("g.toml:8: limits.per_address.requests: \"" + std::string(wrong) + "\": "));
  }
}

TEST_CASE("HTTP/2 is offered first, bounded by keys of its own, and in clear only without TLS") {
  const auto gate =
      parse_gate(std::string(kSmallest) + "[limits]\nh2 = { streams = 7, pings = \"off\" }\n", "g.toml");

  REQUIRE(gate);
  CHECK(gate->listen[0].tls.alpn == std::vector<std::string>{"h2", "http/1.1"});
  CHECK_FALSE(gate->listen[0].http2_cleartext);
  CHECK(gate->limits.h2.streams == 7);
  CHECK(gate->limits.h2.pings.count == 0);
  CHECK(gate->limits.h2.resets.burst == 200);

  const auto lines = mistakes_of(
      "[[listen]]\naddress = \"[::]:443\"\nhttp2_cleartext = true\ntls.certificates = [\"/c\"]\n"
      "[[shards]]\nname = \"a\"\naddress = \"127.0.0.1:1\"\n");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("http2_cleartext is for listeners without tls.certificates") != std::string::npos);
}

TEST_CASE("several mistakes are told at once, in order of their lines") {
  const auto lines = mistakes_of("[gate]\nthreads = \"two\"\n[rooms]\nidle = true\n");

  REQUIRE(lines.size() == 4);  // and neither [[listen]] nor [[shards]]
}

TEST_CASE("a file that cannot be opened is said so") {
  const auto gate = load_gate("/nonexistent/gate.toml");

  REQUIRE(!gate);
  CHECK(gate.error()[0].to_string() == "/nonexistent/gate.toml:0: cannot be opened for reading");
}

TEST_CASE("of the members the gate itself is left out, so that all front doors may have one list") {
  const auto members_of = [](const std::string& name) {
    const auto gate = parse_gate("[gate]\nname = \"" + name +
                                     "\"\n[[listen]]\naddress = \"127.0.0.1:80\"\n[[shards]]\nname = \"s\"\n"
                                     "address = \"10.0.0.1:80\"\n[peers]\nmode = \"peers\"\nmembers = [{ "
                                     "name = \"a\", address = \"10.1.0.1:1024\" }, "
                                     "{ name = \"b\", address = \"10.1.0.2:1024\" }]\n",
                                 "g.toml");
    REQUIRE(gate);
    return gate->peers.members.size();
  };

  CHECK(members_of("a") == 1);
  CHECK(members_of("c") == 2);
}

TEST_CASE("the references in conf/ are what the schema says") {
  // Written anew by: roomgate reference > conf/roomgate.reference.toml, roomshard reference >
  // conf/roomshard.reference.toml
  CHECK(read(ROOMGATE_SOURCE_DIR "/conf/roomgate.reference.toml") == gate_reference());
  CHECK(read(ROOMGATE_SOURCE_DIR "/conf/roomshard.reference.toml") == shard_reference());
}

TEST_CASE("a shard's names follow from its domain") {
  auto shard = parse_shard("name = \"s\"\n[xmpp]\ndomain = \"example.org\"\n", "s.toml");

  REQUIRE(shard);
  complete(*shard);
  CHECK(shard->xmpp.muc == "conference.example.org");
  CHECK(shard->xmpp.focus_user == "focus@auth.example.org");
}

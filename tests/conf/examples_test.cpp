// What people copy must be right.
#include <doctest/doctest.h>

#include <filesystem>

#include "conf/gate.hpp"

using namespace roomgate::conf;

TEST_CASE("every example is accepted") {
  std::size_t examples = 0;
  for (const auto& entry : std::filesystem::directory_iterator(ROOMGATE_SOURCE_DIR "/conf/examples")) {
    if (entry.path().extension() != ".toml") continue;
    ++examples;
    const auto gate = load_gate(entry.path().string());
    if (!gate) {
      for (const Mistake& mistake : gate.error()) MESSAGE(mistake.to_string());
    }
    CHECK_MESSAGE(gate.ok(), entry.path().filename().string());
  }
  CHECK(examples >= 5);
}

TEST_CASE("regions are tables of their own, by name") {
  const auto gate = load_gate(ROOMGATE_SOURCE_DIR "/conf/examples/regions.toml");

  REQUIRE(gate);
  CHECK(gate->regions.size() == 3);
  CHECK(gate->regions.at("eu-central").fallback == std::vector<std::string>{"eu-west", "us-east"});
  CHECK(gate->regions.at("us-east").cidrs.size() == 1);
}

TEST_CASE("front doors with peers: two gates with one file, and one beside HAProxies") {
  const auto pair = load_gate(ROOMGATE_SOURCE_DIR "/conf/examples/two-gates.toml");
  const auto beside = load_gate(ROOMGATE_SOURCE_DIR "/conf/examples/beside-haproxy.toml");

  REQUIRE(pair);
  CHECK(pair->peers.mode == "peers");
  CHECK(pair->peers.members.size() == 2);  // this host is none of them
  CHECK(!pair->peers.tls.ca.empty());
  REQUIRE(beside);
  CHECK(beside->peers.members.size() == 2);
  CHECK(beside->peers.table == "nodes");
  CHECK(beside->shards.at(1).haproxy_id == 12);
  CHECK(beside->shards.at(1).haproxy_name == "s2");
  CHECK(beside->shards.at(0).kind.census == "/room-census");
}

TEST_CASE("mistakes in what is about shards") {
  const auto mistakes_of = [](const std::string& text) {
    const auto gate = parse_gate("[[listen]]\naddress = \"127.0.0.1:80\"\n" + text, "g.toml");
    std::string all;
    if (!gate) {
      for (const Mistake& mistake : gate.error()) all += mistake.to_string() + "\n";
    }
    return all;
  };
  struct Row {
    const char* text;
    const char* says;
  };
  const Row rows[] = {
      {"", "at least one [[shards]] block"},
      {"[[discover]]\nregion = \"x\"\n", "either srv"},
      {"[[discover]]\nsrv = \"_http._tcp.a\"\na = \"b:80\"\n", "either srv"},
      {"[[discover]]\na = \"host\"\nname_from = \"address\"\n", "HOST:PORT"},
      {"[[discover]]\na = \"host:70000\"\nname_from = \"address\"\n", "HOST:PORT"},
      {"[[discover]]\na = \"host:80\"\n", "name_from is"},
      {"[[discover]]\nsrv = \"_x\"\n[[discover]]\nsrv = \"_x\"\n", "two blocks ask for"},
      {"[[discover]]\nsrv = \"_x\"\ntls_sni = \"a\"\n", "tls = true"},
      {"[[discover]]\nsrv = \"_x\"\n[[pins]]\nrelease = \"r\"\n", "tenant, prefix, or both"},
      {"[[discover]]\nsrv = \"_x\"\n[[pins]]\ntenant = \"t\"\n", "pins[0].release: is missing"},
      {"[[discover]]\nsrv = \"_x\"\n[[bans]]\nroom = \"a\"\ntenant = \"b\"\n",
       "one of room, prefix and tenant"},
      {"[[discover]]\nsrv = \"_x\"\n[[bans]]\nroom = \"a\"\nstatus = 404\n",
       "bans[0].status: 404 is outside of 403, 429"},
      {"[[discover]]\nsrv = \"_x\"\n[regions.a]\nfallback = [\"a\"]\n", "its own fallback"},
      {"[[discover]]\nsrv = \"_x\"\n[regions.a]\nfallbak = []\n", "did you mean regions.a.fallback?"},
      {"[[discover]]\nsrv = \"_x\"\n[regions]\na = 3\n", "must be a table: [regions.NAME]"},
      {"[[discover]]\nsrv = \"_x\"\n[health]\nexpect = [\"ok\"]\n", "200-299"},
      {"[[discover]]\nsrv = \"_x\"\n[health]\nheaders = [\"Host\"]\n", "Name: value"},
      {"[[discover]]\nsrv = \"_x\"\n[dns]\nservers = [\"ns.example\"]\n", "ADDRESS or ADDRESS:PORT"},
  };
  for (const Row& row : rows) {
    const std::string said = mistakes_of(row.text);
    CHECK_MESSAGE(said.find(row.says) != std::string::npos, row.text << " says " << said);
  }
}

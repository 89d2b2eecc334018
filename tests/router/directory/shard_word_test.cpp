#include "router/directory/shard_word.hpp"

#include <doctest/doctest.h>

using namespace roomgate::router;
using namespace roomgate::router::directory;

namespace {

using Words = std::vector<std::pair<std::string, std::string>>;

PeerShard shard(std::string name, std::string address = "10.0.0.1:80") {
  return {.name = std::move(name), .addresses = {std::move(address)}};
}

}  // namespace

TEST_CASE("a shard's word says all that another gate needs") {
  const PeerShard told{
      .name = "a",
      .addresses = {"10.0.0.1:80", "[2001:db8::1]:8080"},
      .announce = "pod-7",
      .kind = {.region = "eu",
               .weight = 7,
               .release = "r2",
               .check = false,
               .census = "/room-census",
               .tls = tls::ClientOptions{.verify = false, .ca = "/etc/ca.pem", .sni = "a.example"}}};

  const auto heard = decode_shard("a", encode_shard(told));

  REQUIRE(heard);
  CHECK(heard->addresses == told.addresses);
  CHECK(heard->announce == "pod-7");
  CHECK(heard->kind == ShardKind{.region = "eu",
                                 .release = "r2",
                                 .check = false,
                                 .census = "/room-census",
                                 .tls = tls::ClientOptions{.verify = false, .ca = "", .sni = "a.example"}});
}

TEST_CASE("the least that a word says is an address") {
  CHECK(encode_shard(shard("a")) == R"({"addresses":["10.0.0.1:80"]})");
  CHECK(decode_shard("a", R"({"addresses":["10.0.0.1:80"],"of":{"later":"versions"}})"));
}

TEST_CASE("what cannot be said is not") {
  CHECK(encode_shard({.name = "a"}).empty());
  CHECK(encode_shard({.name = "a", .addresses = {"10.0.0.1:80"}, .kind = {.region = "two\nlines"}}).empty());
  CHECK(encode_shard({.name = "a b", .addresses = {"10.0.0.1:80"}}).empty());
}

TEST_CASE("what is no shard's word is refused") {
  const char* values[] = {
      "",
      "7",
      "[]",
      "{}",
      R"({"addresses":[]})",
      R"({"addresses":"10.0.0.1:80"})",
      R"({"addresses":["shard.example:80"]})",
      R"({"addresses":[7]})",
      R"({"addresses":["10.0.0.1:80"],"announce":"a\r\nb"})",
      R"({"addresses":["10.0.0.1:80"],"region":7})",
      R"({"addresses":["10.0.0.1:80"],"check":"no"})",
      R"({"addresses":["10.0.0.1:80"],"tls":true})",
      R"({"addresses":["10.0.0.1:80"],"tls":{"verify":1}})",
      R"({"addresses":["10.0.0.1:80"],"census":"http://x/"})",
      R"({"addresses":["10.0.0.1:80"],"census":"/x HTTP/1.1"})",
      R"({"addresses":["10.0.0.1:80"]} more)",
  };
  for (const char* value : values) CHECK_MESSAGE(!decode_shard("a", value), value);
  const std::string good = R"({"addresses":["10.0.0.1:80"]})";
  CHECK(decode_shard("a", good));
  CHECK(!decode_shard("", good));
  CHECK(!decode_shard("a/b", good));
  CHECK(!decode_shard(std::string(65, 'a'), good));
  CHECK(!decode_shard("a", good + std::string(kMaxShardWord, ' ')));
}

TEST_CASE("a gate speaks of its shards once, and again when they change") {
  ShardWords words("g1");

  const auto first = words.to_say({shard("a"), shard("b")});
  const auto again = words.to_say({shard("a"), shard("b")});
  const auto changed = words.to_say({shard("a", "10.0.0.9:80"), shard("b")});

  CHECK(first.size() == 2);
  CHECK(again.empty());
  CHECK(changed == Words{{"a", encode_shard(shard("a", "10.0.0.9:80"))}});
}

TEST_CASE("a gate takes back what it said, and nothing of others") {
  ShardWords words("g1");
  (void)words.to_say({shard("a")});
  CHECK(words.hear("b", encode_shard(shard("b")), "g2"));

  CHECK(words.to_say({}) == Words{{"a", ""}});
  CHECK(words.to_say({}).empty());
}

TEST_CASE("a gate that knows what another has taken back says it again") {
  ShardWords words("g1");
  CHECK(words.hear("a", encode_shard(shard("a")), "g2"));
  CHECK(words.to_say({shard("a")}).empty());

  CHECK(words.hear("a", "", "g2"));

  CHECK(words.to_say({shard("a")}).size() == 1);
}

TEST_CASE("two gates that see a shard differently do not contradict each other for ever") {
  ShardWords words("g1");
  CHECK(words.hear("a", encode_shard(shard("a", "10.0.0.2:80")), "g2"));

  CHECK(words.to_say({shard("a", "10.0.0.1:80")}).empty());
}

TEST_CASE("of what others say counts what can be understood") {
  ShardWords words("g1");
  CHECK(words.hear("a", encode_shard(shard("a")), "g2"));
  CHECK(words.hear("b", "nonsense", "g2"));
  CHECK(words.hear("c", encode_shard(shard("c")), "g2"));
  CHECK(!words.hear("c", encode_shard(shard("c")), "g3"));
  CHECK(words.hear("c", "", "g3"));
  CHECK(!words.hear("no name", encode_shard(shard("d")), "g2"));

  const auto others = words.of_others();

  REQUIRE(others.size() == 1);
  CHECK(others.front().name == "a");
}

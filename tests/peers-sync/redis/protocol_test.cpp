#include "peers-sync/redis/protocol.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::peers_sync::redis;

namespace {

std::vector<Reply> decode(std::string_view text, std::size_t step) {
  Decoder decoder;
  std::vector<Reply> replies;
  for (std::size_t at = 0; at < text.size(); at += step) {
    REQUIRE(decoder.feed(as_bytes(text.substr(at, step))));
    while (true) {
      auto reply = decoder.next();
      REQUIRE(reply);
      if (!*reply) break;
      replies.push_back(std::move(**reply));
    }
  }
  return replies;
}

}  // namespace

TEST_CASE("a command is its words, whatever is in them") {
  const std::vector<std::string> words = {"SET", "a b", std::string("\r\n\0x", 4), ""};

  CHECK(encode_command(words) ==
        std::string("*4\r\n$3\r\nSET\r\n$3\r\na b\r\n$4\r\n\r\n\0x\r\n$0\r\n\r\n", 38));
}

TEST_CASE("replies of every kind, however their bytes come") {
  const std::string_view text =
      "+OK\r\n-ERR no\r\n:-7\r\n$2\r\n\r\n\r\n$-1\r\n*3\r\n:1\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n*-1\r\n*0\r\n";

  for (const std::size_t step : {1, 2, 3, 7, 100}) {
    const auto replies = decode(text, step);

    REQUIRE(replies.size() == 8);
    CHECK(replies[0] == Reply{.kind = Reply::Kind::status, .text = "OK"});
    CHECK(replies[1].is_error());
    CHECK(replies[1].text == "ERR no");
    CHECK(replies[2].number == -7);
    CHECK(replies[3] == Reply{.kind = Reply::Kind::text, .text = "\r\n"});
    CHECK(replies[4].kind == Reply::Kind::nil);
    REQUIRE(replies[5].is_list(3));
    CHECK(replies[5].items[2].items[0].text == "b");
    CHECK(replies[6].kind == Reply::Kind::nil);
    CHECK(replies[7].is_list(0));
  }
}

TEST_CASE("what is not Redis ends it, and so does a reply without end") {
  Decoder other;
  const bool fed = other.feed(as_bytes("HTTP/1.1 400 Bad Request\r\n")).ok();
  CHECK((!fed || !other.next()));

  Decoder small(100);
  CHECK(small.feed(as_bytes("$1000\r\n")));
  CHECK(small.feed(as_bytes(std::string(90, 'x'))));
  CHECK(!small.feed(as_bytes(std::string(90, 'x'))));

  Decoder wide;
  const bool begun = wide.feed(as_bytes("*100001\r\n:1\r\n")).ok();
  CHECK((!begun || !wide.next()));

  Decoder deep;
  std::string nested;
  for (int i = 0; i < 100; ++i) nested += "*1\r\n";
  const bool taken = deep.feed(as_bytes(nested)).ok();
  CHECK((!taken || !deep.next()));
}

#include "peers-sync/codec/handshake.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::peers_sync::codec;

TEST_CASE("a hello there and back") {
  std::string bytes;
  append_hello({.minor = 1, .to = "hapA", .from = "hapB", .process = "19484"}, bytes);

  const auto read = read_hello(as_bytes(bytes + "\x00"));

  CHECK(bytes == "HAProxyS 2.1\nhapA\nhapB 19484 1\n");
  REQUIRE((read && read->has_value()));
  CHECK((*read)->size == bytes.size());
  CHECK((*read)->hello.to == "hapA");
  CHECK((*read)->hello.from == "hapB");
  CHECK((*read)->hello.timed_updates());
}

TEST_CASE("hellos and what they are answered") {
  struct Row {
    const char* hello;
    std::optional<Status> refused;
  };
  const Row rows[] = {
      {"HAProxyS 2.1\nA\nB 1 1\n", {}},
      {"HAProxyS 2.0\r\nA\r\nB 1\r\n", {}},
      {"HAProxyS 2.1\nA\nprobe 1\n", {}},
      {"HAProxyS 2.1\nA\nprobe\n", Status::protocol_error},
      {"HAProxyX 2.1\nA\nB 1 1\n", Status::protocol_error},
      {"\x16\x03\x01\x02", Status::protocol_error},
      {"HAProxyS 2.2\nA\nB 1 1\n", Status::bad_version},
      {"HAProxyS 3.0\nA\nB 1 1\n", Status::bad_version},
      {"HAProxyS 1.9\nA\nB 1 1\n", Status::bad_version},
      {"HAProxyS 2\nA\nB 1 1\n", Status::bad_version},
      {"HAProxyS 2.x\nA\nB 1 1\n", Status::bad_version},
  };
  for (const Row& row : rows) {
    const auto read = read_hello(as_bytes(row.hello));
    CHECK(read.ok() == !row.refused);
    if (!read && row.refused) CHECK(read.error() == *row.refused);
  }
}

TEST_CASE("a hello is waited for line by line, but not for ever") {
  const std::string whole = "HAProxyS 2.1\nA\nB 1 1\n";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto read = read_hello(as_bytes(whole).first(size));
    REQUIRE(read);
    CHECK(!read->has_value());
  }
  const std::string endless = "HAProxyS " + std::string(kMaxHello, '2');
  CHECK(read_hello(as_bytes(endless)).error() == Status::protocol_error);
}

TEST_CASE("a status is three digits and a line's end") {
  std::string bytes;
  append_status(Status::unknown_peer, bytes);

  CHECK(bytes == "504\n");
  CHECK((*read_status(as_bytes("200\n\x0a")))->code == 200);
  CHECK(!read_status(as_bytes("20"))->has_value());
  CHECK(!read_status(as_bytes("20x\n")));
  CHECK(!read_status(as_bytes("2000\n")));
}

#include "router/handover/message.hpp"

#include <doctest.h>

#include <vector>

using namespace roomgate;
using namespace roomgate::router::handover;

namespace {

std::string bytes_of(const Message& message) {
  std::string out;
  append(message, out);
  return out;
}

// What is read of it, written again: equal bytes are equal fields.
std::string there_and_back(const Message& message) {
  const auto parsed = parse(as_bytes(bytes_of(message)));
  REQUIRE(parsed.ok());
  REQUIRE(parsed->message.has_value());
  CHECK(parsed->message->index() == message.index());
  return bytes_of(*parsed->message);
}

}  // namespace

TEST_CASE("every message comes back as it was sent") {
  const std::vector<Message> messages = {
      Hello{.role = Hello::Role::left, .gate = "gate-a"},
      Descriptor{.kind = Descriptor::Kind::admin_socket, .address = "/run/gate.sock", .number = 3},
      TicketKeys{std::string(160, '\0')},
      ShardWord{"shard-0", "drain", 7},
      Ban{2, "tenant", 429},
      Table{true, std::string("\x00\x01\xff", 3)},
      Offered{},
      Prepared{"/run/gate.sock.upgrade"},
      Go{},
      Serving{},
      Refused{"another one is taking over"},
      Reported{},
      Welcome{},
      Ask{1ULL << 40, 3, "tenant/room", "eu", "shard-1", "release=next"},
      Answer{9, 0, "shard-1", "10.0.0.1:80", 1, true, false, 12, true},
      Holds{"tenant/room", 17},
      CloseTunnels{"room", "shard-0", 10'000},
      Follow{"/run/other"},
      End{},
      Found{"_http._tcp.web.example", "shard-1", "10.0.0.1:80", true, 5},
      Drain{"shard-0", 3'600'000, 1ULL << 33, true, 1'800'000, true}};
  CHECK(messages.size() == std::variant_size_v<Message>);

  for (const Message& message : messages) CHECK(there_and_back(message) == bytes_of(message));
}

TEST_CASE("a message that is not all there yet waits for the rest, and one behind it is left alone") {
  const std::string one = bytes_of(Holds{"room", 2});
  const std::string two = one + bytes_of(Go{});

  for (std::size_t size = 0; size < one.size(); ++size) {
    const auto parsed = parse(as_bytes(one).first(size));
    REQUIRE(parsed.ok());
    CHECK(parsed->size == 0);
    CHECK_FALSE(parsed->message.has_value());
  }
  const auto parsed = parse(as_bytes(two));
  REQUIRE(parsed.ok());
  CHECK(parsed->size == one.size());
  CHECK(std::get<Holds>(*parsed->message).count == 2);
}

TEST_CASE("types and fields of a later version are passed over") {
  std::string unknown = bytes_of(Go{});
  unknown[4] = '\xc8';
  std::string longer = bytes_of(Holds{"room", 2});
  longer += "more";
  longer[3] = static_cast<char>(longer[3] + 4);

  const auto passed = parse(as_bytes(unknown));
  const auto read = parse(as_bytes(longer));

  REQUIRE(passed.ok());
  CHECK(passed->size == unknown.size());
  CHECK_FALSE(passed->message.has_value());
  REQUIRE(read.ok());
  CHECK(read->size == longer.size());
  CHECK(std::get<Holds>(*read->message).key == "room");
}

TEST_CASE("a message without size, beyond all sizes, or with a field that ends too soon is refused") {
  using namespace std::string_literals;
  std::string torn = bytes_of(Holds{"room", 2});
  torn[8] = '\x7f';  // the text's size
  const std::string no_such_role = "\0\0\0\x0a\0\x02\0\0\0\x01\0\0\0\0"s;

  for (const auto& bad : {"\0\0\0\0"s, "\xff\xff\xff\xff"s, "\0\x20\0\0"s, torn, no_such_role}) {
    CHECK_FALSE(parse(as_bytes(bad)).ok());
  }
}

#include "peers-sync/codec/message.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::peers_sync::codec;
using namespace std::string_literals;

namespace {

Result<Message, MessageError> read(std::string_view bytes) {
  const auto frame = next_frame(as_bytes(bytes));
  REQUIRE((frame && frame->has_value()));
  return read_message(**frame);
}

template <class T>
T as(std::string_view bytes) {
  const auto message = read(bytes);
  REQUIRE(message);
  REQUIRE(std::holds_alternative<T>(*message));
  return std::get<T>(*message);
}

}  // namespace

TEST_CASE("control and error messages there and back") {
  for (const Control control : {Control::resync_request, Control::resync_finished, Control::resync_partial,
                                Control::resync_confirm, Control::heartbeat}) {
    std::string bytes;
    append_control(control, bytes);
    CHECK(as<Control>(bytes) == control);
  }
  for (const ErrorSaid error : {ErrorSaid::protocol, ErrorSaid::size_limit}) {
    std::string bytes;
    append_error(error, bytes);
    CHECK(as<ErrorSaid>(bytes) == error);
  }
}

TEST_CASE("an ack and a switch there and back") {
  std::string ack;
  append_ack({1, 3}, ack);
  std::string change;
  append_switch({300}, change);

  CHECK(ack == "\x0a\x84\x05\x01\x00\x00\x00\x03"s);
  CHECK(as<Ack>(ack) == Ack{1, 3});
  CHECK(as<TableSwitch>(change) == TableSwitch{300});
}

TEST_CASE("the definition of a stick table is HAProxy's to the byte") {
  const TableDefinition table{.id = 1, .name = "shards", .key_length = 129, .expire = 86400000};
  std::string bytes;

  append_definition(table, bytes);

  CHECK(bytes == "\x0a\x82\x13\x01\x06shards\x06\x81\xf1\xf1\xfe\x00\xf0\xb1\xca\xc8\x01"s);
  CHECK(as<TableDefinition>(bytes) == table);
}

TEST_CASE("arrays and frequencies tell their lengths and periods") {
  const TableDefinition table{.id = 3,
                              .name = "arrays",
                              .key_type = static_cast<std::uint64_t>(KeyType::integer),
                              .key_length = 4,
                              .types = (1U << 22) | (1U << 23) | (1U << 24) | (1U << 3),
                              .expire = 3600000,
                              .parameters = {{3, 0, 10000}, {22, 2, 0}, {23, 3, 0}, {24, 2, 60000}}};
  std::string bytes;
  append_definition(table, bytes);

  const auto back = as<TableDefinition>(bytes);

  CHECK(back == table);
  CHECK(back.numbers_of(3) == 3);
  CHECK(back.numbers_of(22) == 2);
  CHECK(back.numbers_of(24) == 6);
}

TEST_CASE("what HAProxy ignores is skipped, what ends its session is an error") {
  CHECK(std::holds_alternative<Skipped>(*read("\x00\x05"s)));        // unknown control
  CHECK(std::holds_alternative<Skipped>(*read("\x00\x80\x01x"s)));   // with a body
  CHECK(std::holds_alternative<Skipped>(*read("\x37\x80\x02xy"s)));  // unknown class
  CHECK(std::holds_alternative<Skipped>(*read("\x0a\x87\x01x"s)));   // unknown type
  CHECK(std::holds_alternative<Skipped>(*read("\x0a\x05"s)));
  CHECK(!read("\xff\x00"s));                  // class 255
  CHECK(!read("\x0a\x84\x03\x01\x00\x00"s));  // an ack cut off
  CHECK(!read("\x0a\x82\x03\x01\x09t"s));     // a name beyond the body
}

TEST_CASE("a definition without an array's length, or of an unknown key, is ignored and not an error") {
  TableDefinition array{.id = 1, .name = "t", .key_length = 33, .types = 1U << 22};
  TableDefinition odd_key{.id = 1, .name = "t", .key_type = 3, .key_length = 4};
  std::string array_bytes;
  std::string odd_bytes;
  append_definition(array, array_bytes);
  append_definition(odd_key, odd_bytes);

  CHECK(std::holds_alternative<UnusableDefinition>(*read(array_bytes)));
  CHECK(std::holds_alternative<UnusableDefinition>(*read(odd_bytes)));
}

TEST_CASE("a definition may end after its types") {
  const TableDefinition table{.id = 1, .name = "t", .key_length = 33, .expire = std::nullopt};
  std::string bytes;
  append_definition(table, bytes);

  CHECK(as<TableDefinition>(bytes) == table);
}

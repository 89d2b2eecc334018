#include "peers-sync/codec/update.hpp"

#include <doctest/doctest.h>

#include "peers-sync/codec/frame.hpp"
#include "peers-sync/codec/message.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync::codec;
using namespace std::string_literals;

namespace {

const TableDefinition kTable{.id = 1, .name = "shards", .key_length = 129};

Result<Update, MessageError> read(std::string_view bytes, const TableDefinition& table = kTable) {
  const auto frame = next_frame(as_bytes(bytes));
  REQUIRE((frame && frame->has_value()));
  return parse_update((*frame)->type, (*frame)->body, table);
}

std::string written(const Update& update, const TableDefinition& table = kTable) {
  std::string out;
  append_update(update, table, out);
  return out;
}

}  // namespace

TEST_CASE("updates are HAProxy's to the byte") {
  struct Row {
    Update update;
    std::string bytes;
  };
  const Row rows[] = {
      {{.id = 1, .key = "alpha", .numbers = {1}, .server = Reference{1, "s1"}},
       "\x0a\x80\x10\x00\x00\x00\x01\x05"s + "alpha\x01\x04\x01\x02s1"s},
      {{.id = 4, .key = "alpha", .numbers = {1}, .server = Reference{1, {}}},
       "\x0a\x80\x0d\x00\x00\x00\x04\x05"s + "alpha\x01\x01\x01"s},
      {{.key = "burst02", .numbers = {1}, .server = Reference{1, {}}},
       "\x0a\x81\x0b\x07"s + "burst02\x01\x01\x01"s},
  };
  for (const Row& row : rows) {
    CHECK(written(row.update) == row.bytes);
    const auto back = read(row.bytes);
    REQUIRE(back);
    CHECK(*back == row.update);
  }
}

TEST_CASE("timed updates say how long the entry has to live") {
  const Update timed{.id = 14, .remaining = 86399944, .key = "r", .numbers = {2}, .server = Reference{2, {}}};
  const Update next{.id = {}, .remaining = 1, .key = "s", .numbers = {2}, .server = Reference{2, {}}};

  CHECK(*read(written(timed)) == timed);
  CHECK(*read(written(next)) == next);
  CHECK(written(timed)[1] == '\x85');
  CHECK(written(next)[1] == '\x86');
}

TEST_CASE("a signed server id") {
  const Update update{.id = 1, .key = "r", .numbers = {static_cast<std::uint64_t>(-1)}, .server = {}};

  const auto back = read(written(update));

  REQUIRE(back);
  CHECK(server_id_of(*back, kTable) == -1);
  CHECK(!back->server);
}

TEST_CASE("bytes behind the values are room for extensions") {
  std::string body("\x00\x00\x00\x01\x01r\x01\x01\x01"s);
  const auto update = parse_update(kUpdate, as_bytes(body + "more"), kTable);

  REQUIRE(update);
  CHECK(update->key == "r");
}

TEST_CASE("malformed updates are errors, wherever they are cut") {
  const std::string whole = "\x00\x00\x00\x01\x05"s + "alpha\x01\x04\x01\x02s1"s;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK(!parse_update(kUpdate, as_bytes(whole).first(size), kTable));
  }
}

TEST_CASE("a dictionary number of 0 or beyond 128, or a text beyond its field, is an error") {
  const auto with = [](std::string_view field) {
    std::string body = "\x00\x00\x00\x01\x01r\x01"s;
    body += static_cast<char>(field.size());
    body += field;
    return parse_update(kUpdate, as_bytes(body), kTable);
  };

  CHECK(with(""s));
  CHECK(with("\x80"s));
  CHECK(with("\x00"s).error() == MessageError::bad_dictionary);
  CHECK(with("\x81"s).error() == MessageError::bad_dictionary);
  CHECK(with("\x01\x09s1"s).error() == MessageError::bad_dictionary);
}

TEST_CASE("keys of fixed length have none of their own") {
  const TableDefinition binary{.id = 4,
                               .name = "bin",
                               .key_type = static_cast<std::uint64_t>(KeyType::binary),
                               .key_length = 8,
                               .types = 1U << 1};
  const Update update{.id = 2, .key = "12345678", .numbers = {300}};

  CHECK(*read(written(update, binary), binary) == update);
  CHECK(!parse_update(kUpdate,
                      as_bytes("\x00\x00\x00\x01"
                               "1234567"s),
                      binary));
}

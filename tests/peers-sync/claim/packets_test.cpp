#include "peers-sync/claim/packets.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::peers_sync;
using namespace roomgate::peers_sync::claim;

namespace {

constexpr TimePoint kNow = TimePoint{} + std::chrono::hours(1000);

Home some_home() {
  return {.shard = "s1",
          .generation = 7,
          .created = kNow - seconds(5),
          .provisional = true,
          .placed = 3,
          .region = "eu"};
}

std::vector<Item> some_items() {
  Item entry{
      .kind = Item::Kind::entry, .number = 3, .key = "room", .generation = 2, .age = milliseconds(1500)};
  entry.shard = "s1";
  entry.region = "eu";
  entry.placed = 4;
  entry.provisional = true;
  Item hold{.kind = Item::Kind::hold, .number = 4, .of = 1, .of_number = 99, .key = "room", .generation = 2};
  hold.shard_hash = 0xdeadbeef;
  const Item unhold{
      .kind = Item::Kind::unhold, .number = 5, .key = "other", .generation = 1, .age = seconds(2)};
  const Item tombstone{
      .kind = Item::Kind::tombstone, .number = 7, .key = "third", .generation = 9, .age = seconds(60)};
  Item word{.kind = Item::Kind::word, .number = 8, .key = "shard/s1"};
  word.value = "somewhere";
  word.version = 12;
  word.by = "a";
  return {entry, hold, unhold, tombstone, word};
}

std::string log_packet(const std::vector<Item>& items, LogBatch batch = {.after = 2, .upto = 8, .end = 20}) {
  ItemWriter writer;
  writer.gate({"gone", 17});
  for (const Item& item : items) writer.add(item);
  std::string bytes;
  put_log_head(batch, bytes);
  writer.put(bytes);
  return bytes;
}

// Whatever is cut off, or comes behind it, makes it malformed.
template <typename Read>
void check_edges(const std::string& bytes, const Read& read) {
  for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(read(as_bytes(bytes.substr(0, size))));
  CHECK_FALSE(read(as_bytes(bytes + "x")));
}

}  // namespace

TEST_CASE("items of a log read as they were written, keys that repeat said once") {
  const auto items = some_items();
  const std::string bytes = log_packet(items);

  const auto read = read_log(as_bytes(bytes));

  REQUIRE(read);
  CHECK(read->after == 2);
  CHECK(read->upto == 8);
  CHECK(read->end == 20);
  CHECK(read->items.gates == std::vector<GateId>{{"gone", 17}});
  CHECK(read->items.items == items);
  CHECK(bytes.find("room", bytes.find("room") + 1) == bytes.npos);
  check_edges(bytes, [](ByteView view) { return read_log(view).has_value(); });
}

TEST_CASE("a log whose numbers do not grow is malformed") {
  auto items = some_items();
  items[1].number = 3;
  CHECK_FALSE(read_log(as_bytes(log_packet(items))));
  CHECK_FALSE(read_log(as_bytes(log_packet(some_items(), {.after = 3, .upto = 8}))));
  CHECK_FALSE(read_log(as_bytes(log_packet(some_items(), {.after = 2, .upto = 7}))));
  CHECK_FALSE(read_log(as_bytes(log_packet({}, {.after = 9, .upto = 8}))));
}

TEST_CASE("an item of a gate that was not named, or without a key, is malformed") {
  auto items = some_items();
  items[1].of = 2;
  CHECK_FALSE(read_log(as_bytes(log_packet(items))));
  Item nameless{.kind = Item::Kind::tombstone, .number = 3, .generation = 1};
  CHECK_FALSE(read_log(as_bytes(log_packet({nameless}))));
}

TEST_CASE("a gate that is named twice is malformed") {
  ItemWriter writer;
  writer.gate({"gone", 17});
  std::string once;
  writer.put(once);
  const std::string gate = once.substr(1, once.size() - 2);  // between two counts
  const auto read = [](const std::string& items) {
    std::string bytes;
    put_log_head({.after = 2, .upto = 2}, bytes);
    return read_log(as_bytes(bytes + items)).has_value();
  };

  CHECK(read('\x01' + gate + '\0'));
  CHECK_FALSE(read('\x02' + gate + gate + '\0'));
}

TEST_CASE("a part of a lesson reads as it was written") {
  LessonPart part{
      .lesson = 3, .after = {1, 2}, .upto = {3, 4}, .last = true, .have = {{{"a", 1}, 5}, {{"b", 2}, 6}}};
  std::string bytes;
  put_lesson_head(part, bytes);
  ItemWriter().put(bytes);

  const auto read = read_lesson(as_bytes(bytes));

  REQUIRE(read);
  CHECK(read->lesson == 3);
  CHECK(read->after == part.after);
  CHECK(read->upto == part.upto);
  CHECK(read->last);
  CHECK(read->have == part.have);
  check_edges(bytes, [](ByteView view) { return read_lesson(view).has_value(); });
}

TEST_CASE("small packets read as they were written") {
  const Follow follow{.epoch = 7, .log = true, .have = 1'000'000};
  CHECK(read_follow(as_bytes(encode(follow))) == follow);
  check_edges(encode(follow), [](ByteView view) { return read_follow(view).has_value(); });

  const LessonAsk ask{.lesson = 1, .after = {2, 3}, .parts = 64};
  CHECK(read_lesson_ask(as_bytes(encode(ask))) == ask);
  check_edges(encode(ask), [](ByteView view) { return read_lesson_ask(view).has_value(); });

  const std::string release = encode(Release{.round = 4, .names = {{"room", 1}, {"other", 2}}});
  REQUIRE(read_release(as_bytes(release)));
  CHECK(read_release(as_bytes(release))->names == std::vector<Release::Name>{{"room", 1}, {"other", 2}});
  check_edges(release, [](ByteView view) { return read_release(view).has_value(); });

  const std::string released = encode(Released{.round = 4, .used = {true, false}});
  CHECK(read_released(as_bytes(released))->used == std::vector<bool>{true, false});
  check_edges(released, [](ByteView view) { return read_released(view).has_value(); });

  std::string head;
  put_head({.from_life = 1, .to_life = 2, .epoch = 3}, head);
  head += "body";
  const auto headed = read_head(as_bytes(head));
  REQUIRE(headed);
  CHECK(headed->head == Head{1, 2, 3});
  CHECK(as_text(headed->body) == "body");

  const std::string envelope =
      encode(Envelope{.from = "a", .to = "c", .hops = 3, .type = kAsk, .body = as_bytes("inside")});
  REQUIRE(read_envelope(as_bytes(envelope)));
  CHECK(read_envelope(as_bytes(envelope))->to == "c");
  CHECK(as_text(read_envelope(as_bytes(envelope))->body) == "inside");
}

TEST_CASE("an ask and an answer read as they were written, dates as ages") {
  const Ask ask{.id = 5,
                .kind = Ask::Kind::settle,
                .relayed = true,
                .asker = {"a", 3},
                .time_left = milliseconds(1234),
                .key = "room",
                .use = Use::page,
                .wish = "wish",
                .from = "s1",
                .to = "s2",
                .was_in_use = true,
                .placed = 9,
                .known = some_home()};
  const TimePoint elsewhere = kNow + std::chrono::hours(5);  // by another clock

  const auto read = read_ask(as_bytes(encode(ask, kNow)), elsewhere);

  REQUIRE(read);
  CHECK(read->id == 5);
  CHECK(read->kind == Ask::Kind::settle);
  CHECK(read->relayed);
  CHECK(read->asker == GateId{"a", 3});
  CHECK(read->time_left == milliseconds(1234));
  CHECK(read->key == "room");
  CHECK(read->use == Use::page);
  CHECK(read->wish == "wish");
  CHECK(read->from == "s1");
  CHECK(read->to == "s2");
  CHECK(read->was_in_use);
  CHECK(read->placed == 9);
  Home there = some_home();
  there.created = elsewhere - seconds(5);
  CHECK(read->known == there);
  check_edges(encode(ask, kNow), [](ByteView view) { return read_ask(view, kNow).has_value(); });

  const Answer answer{
      .id = 8,
      .say_more = true,
      .outcome = {
          .refusal = Refusal::stay, .home = some_home(), .created = true, .candidate = true, .moved = true}};
  const auto back = read_answer(as_bytes(encode(answer, kNow)), kNow);
  REQUIRE(back);
  CHECK(back->id == 8);
  CHECK(back->say_more);
  CHECK(back->outcome.refusal == Refusal::stay);
  CHECK(back->outcome.home == some_home());
  CHECK((back->outcome.created && back->outcome.candidate && back->outcome.moved));
  check_edges(encode(answer, kNow), [](ByteView view) { return read_answer(view, kNow).has_value(); });
}

TEST_CASE("a time in the future travels as now") {
  Ask ask{.key = "room", .known = some_home()};
  ask.known->created = kNow + std::chrono::hours(1);

  const auto read = read_ask(as_bytes(encode(ask, kNow)), kNow);

  REQUIRE(read);
  CHECK(read->known->created == kNow);
}

TEST_CASE("what is beyond a bound is malformed") {
  Ask ask{.key = std::string(kMaxKey + 1, 'k')};
  CHECK_FALSE(read_ask(as_bytes(encode(ask, kNow)), kNow));
  ask.key = "room";
  ask.wish = std::string(kMaxWish + 1, 'w');
  CHECK_FALSE(read_ask(as_bytes(encode(ask, kNow)), kNow));
}

TEST_CASE("the writer says when a packet is full") {
  ItemWriter writer;
  const std::string key(200, 'k');
  std::size_t count = 0;
  while (!writer.full()) {
    const std::string its = key + std::to_string(++count);
    Item item{.kind = Item::Kind::tombstone, .number = count, .key = its, .generation = 1};
    if (!writer.fits(size_of(item))) break;
    writer.add(item);
  }
  std::string bytes;
  writer.put(bytes);

  CHECK(bytes.size() > kFullPacket / 2);
  CHECK(bytes.size() < 14'500);
}

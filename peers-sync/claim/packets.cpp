#include "peers-sync/claim/packets.hpp"

#include <algorithm>

#include "peers-sync/claim/wire.hpp"

namespace roomgate::peers_sync::claim {
namespace {

void put_gate(const GateId& gate, std::string& out) {
  put_text(gate.name, out);
  put_number(gate.life, out);
}

GateId take_gate(Taking& in) {
  GateId gate;
  gate.name = in.text(kMaxName);
  gate.life = in.number();
  return gate;
}

void put_byte(std::uint8_t value, std::string& out) { out += static_cast<char>(value); }

void put_home(const Home& home, TimePoint now, std::string& out) {
  put_text(home.shard, out);
  put_number(home.generation, out);
  put_age(now - home.created, out);
  put_byte(home.provisional ? 1 : 0, out);
  put_byte(home.placed, out);
  put_text(home.region, out);
}

Home take_home(Taking& in, TimePoint now) {
  Home home;
  home.shard = in.text(kMaxName);
  home.generation = in.number();
  home.created = now - in.age();
  home.provisional = in.byte(1) != 0;
  home.placed = in.byte();
  home.region = in.text(kMaxName);
  return home;
}

Item take_item(Taking& in, std::size_t gates) {
  Item item;
  const std::uint8_t first = in.byte();
  const std::uint8_t kind = first & 0x0f;
  item.provisional = (first & 0x10) != 0;
  item.number = in.number();
  if ((first & 0x20) != 0) {
    item.of = static_cast<std::uint32_t>(in.number(gates));
    item.of_number = in.number();
  }
  item.key = in.text(kMaxKey);
  switch (kind) {
    case 0:
      item.kind = Item::Kind::entry;
      item.generation = in.number();
      item.age = in.age();
      item.shard = in.text(kMaxName);
      item.region = in.text(kMaxName);
      item.placed = in.byte();
      break;
    case 1:
      item.kind = Item::Kind::tombstone;
      item.generation = in.number();
      item.age = in.age();
      item.forgotten = in.byte(1) != 0;
      break;
    case 2:
      item.kind = Item::Kind::hold;
      item.generation = in.number();
      item.age = in.age();
      item.shard_hash = static_cast<std::uint32_t>(in.number(UINT32_MAX));
      break;
    case 3:
      item.kind = Item::Kind::unhold;
      item.generation = in.number();
      item.age = in.age();
      break;
    case 4:
      item.kind = Item::Kind::word;
      item.value = in.text(kMaxWordValue);
      item.version = in.number();
      item.by = in.text(kMaxName);
      break;
    default:  // not of the enumeration
      in.byte(0), in.number(0), in.text(0);
      item.number = 0;
  }
  return item;
}

// False: malformed.
bool take_items(Taking& in, Items& items) {
  for (auto left = in.number(kMaxGatesSaid); left > 0 && !in.failed(); --left) {
    GateId gate = take_gate(in);
    // Named once, as it is written, so that each has one index.
    if (std::find(items.gates.begin(), items.gates.end(), gate) != items.gates.end()) return false;
    items.gates.push_back(std::move(gate));
  }
  for (auto left = in.number(kMaxItems); left > 0 && !in.failed(); --left) {
    Item item = take_item(in, items.gates.size());
    if (item.key.empty() && !items.items.empty()) item.key = items.items.back().key;
    if (item.number == 0 || item.key.empty()) return false;
    items.items.push_back(item);
  }
  return in.well();
}

}  // namespace

void put_head(const Head& head, std::string& out) {
  put_number(head.from_life, out);
  put_number(head.to_life, out);
  put_number(head.epoch, out);
}

std::optional<Headed> read_head(ByteView bytes) {
  Taking in(bytes);
  Headed read;
  read.head.from_life = in.number();
  read.head.to_life = in.number();
  read.head.epoch = static_cast<std::uint32_t>(in.number(UINT32_MAX));
  read.body = in.rest();
  if (in.failed()) return std::nullopt;
  return read;
}

std::string encode(const Envelope& envelope) {
  std::string out;
  put_text(envelope.from, out);
  put_text(envelope.to, out);
  put_byte(envelope.hops, out);
  put_byte(envelope.type, out);
  out += as_text(envelope.body);
  return out;
}

std::optional<Envelope> read_envelope(ByteView bytes) {
  Taking in(bytes);
  Envelope envelope;
  envelope.from = in.text(kMaxName);
  envelope.to = in.text(kMaxName);
  envelope.hops = in.byte();
  envelope.type = in.byte();
  envelope.body = in.rest();
  if (in.failed()) return std::nullopt;
  return envelope;
}

std::string encode(const Follow& follow) {
  std::string out;
  put_number(follow.epoch, out);
  put_byte(follow.log ? 1 : 0, out);
  put_number(follow.have, out);
  return out;
}

std::optional<Follow> read_follow(ByteView bytes) {
  Taking in(bytes);
  Follow follow;
  follow.epoch = static_cast<std::uint32_t>(in.number(UINT32_MAX));
  follow.log = in.byte(1) != 0;
  follow.have = in.number();
  if (!in.well()) return std::nullopt;
  return follow;
}

std::size_t size_of(const Item& item) {
  return 64 + item.key.size() + item.shard.size() + item.region.size() + item.value.size() + item.by.size();
}

std::uint32_t ItemWriter::gate(const GateId& gate) {
  const auto at = std::find(known_.begin(), known_.end(), gate);
  if (at != known_.end()) return static_cast<std::uint32_t>(at - known_.begin()) + 1;
  if (known_.size() >= kMaxGatesSaid) return 0;
  known_.push_back(gate);
  put_gate(gate, gates_);
  return static_cast<std::uint32_t>(known_.size());
}

void ItemWriter::add(const Item& item) {
  const auto kind = static_cast<unsigned>(item.kind);
  put_byte(static_cast<std::uint8_t>(kind | (item.provisional ? 0x10U : 0U) | (item.of != 0 ? 0x20U : 0U)),
           items_);
  put_number(item.number, items_);
  if (item.of != 0) {
    put_number(item.of, items_);
    put_number(item.of_number, items_);
  }
  const bool same_key = item.key == last_key_;
  put_text(same_key ? std::string_view() : item.key, items_);
  if (!same_key) last_key_ = item.key;
  switch (item.kind) {
    case Item::Kind::entry:
      put_number(item.generation, items_);
      put_age(item.age, items_);
      put_text(item.shard, items_);
      put_text(item.region, items_);
      put_byte(item.placed, items_);
      break;
    case Item::Kind::hold:
      put_number(item.generation, items_);
      put_age(item.age, items_);
      put_number(item.shard_hash, items_);
      break;
    case Item::Kind::tombstone:
      put_number(item.generation, items_);
      put_age(item.age, items_);
      put_byte(item.forgotten ? 1 : 0, items_);
      break;
    case Item::Kind::unhold:
      put_number(item.generation, items_);
      put_age(item.age, items_);
      break;
    case Item::Kind::word:
      put_text(item.value, items_);
      put_number(item.version, items_);
      put_text(item.by, items_);
      break;
  }
  ++count_;
}

void ItemWriter::put(std::string& out) const {
  put_number(known_.size(), out);
  out += gates_;
  put_number(count_, out);
  out += items_;
}

void put_log_head(const LogBatch& batch, std::string& out) {
  put_number(batch.after, out);
  put_number(batch.upto, out);
  put_number(batch.end, out);
  put_byte(batch.follows ? 1 : 0, out);
}

std::optional<LogBatch> read_log(ByteView bytes) {
  Taking in(bytes);
  LogBatch batch;
  batch.after = in.number();
  batch.upto = in.number();
  batch.end = in.number();
  batch.follows = in.byte(1) != 0;
  if (batch.upto < batch.after || !take_items(in, batch.items)) return std::nullopt;
  std::uint64_t last = batch.after;
  for (const Item& item : batch.items.items) {
    if (item.number <= last || item.number > batch.upto) return std::nullopt;
    last = item.number;
  }
  return batch;
}

std::string encode(const LessonAsk& ask) {
  std::string out;
  put_number(ask.lesson, out);
  put_number(ask.after.words, out);
  put_number(ask.after.rooms, out);
  put_number(ask.parts, out);
  return out;
}

std::optional<LessonAsk> read_lesson_ask(ByteView bytes) {
  Taking in(bytes);
  LessonAsk ask;
  ask.lesson = static_cast<std::uint32_t>(in.number(UINT32_MAX));
  ask.after.words = in.number();
  ask.after.rooms = in.number();
  ask.parts = static_cast<std::uint32_t>(in.number(UINT32_MAX));
  if (!in.well()) return std::nullopt;
  return ask;
}

void put_lesson_head(const LessonPart& part, std::string& out) {
  put_number(part.lesson, out);
  put_number(part.after.words, out);
  put_number(part.after.rooms, out);
  put_number(part.upto.words, out);
  put_number(part.upto.rooms, out);
  put_byte(part.last ? 1 : 0, out);
  put_number(part.have.size(), out);
  for (const auto& have : part.have) {
    put_gate(have.gate, out);
    put_number(have.number, out);
  }
}

std::optional<LessonPart> read_lesson(ByteView bytes) {
  Taking in(bytes);
  LessonPart part;
  part.lesson = static_cast<std::uint32_t>(in.number(UINT32_MAX));
  part.after.words = in.number();
  part.after.rooms = in.number();
  part.upto.words = in.number();
  part.upto.rooms = in.number();
  part.last = in.byte(1) != 0;
  for (auto left = in.number(kMaxGatesSaid); left > 0 && !in.failed(); --left) {
    auto gate = take_gate(in);
    part.have.push_back({std::move(gate), in.number()});
  }
  if (in.failed() || !take_items(in, part.items)) return std::nullopt;
  return part;
}

std::string encode(const Ask& ask, TimePoint now) {
  std::string out;
  put_number(ask.id, out);
  put_byte(static_cast<std::uint8_t>(ask.kind), out);
  put_byte(ask.relayed ? 1 : 0, out);
  put_gate(ask.asker, out);
  put_age(ask.time_left, out);
  put_text(ask.key, out);
  put_byte(ask.use == Use::page ? 0 : 1, out);
  put_text(ask.wish, out);
  put_text(ask.from, out);
  put_text(ask.to, out);
  put_byte(ask.was_in_use ? 1 : 0, out);
  put_byte(ask.placed, out);
  put_byte(ask.known ? 1 : 0, out);
  if (ask.known) put_home(*ask.known, now, out);
  return out;
}

std::optional<Ask> read_ask(ByteView bytes, TimePoint now) {
  Taking in(bytes);
  Ask ask;
  ask.id = in.number();
  ask.kind = static_cast<Ask::Kind>(in.byte(4));
  ask.relayed = in.byte(1) != 0;
  ask.asker = take_gate(in);
  ask.time_left = in.age();
  ask.key = in.text(kMaxKey);
  ask.use = in.byte(1) == 0 ? Use::page : Use::signalling;
  ask.wish = in.text(kMaxWish);
  ask.from = in.text(kMaxName);
  ask.to = in.text(kMaxName);
  ask.was_in_use = in.byte(1) != 0;
  ask.placed = in.byte();
  if (in.byte(1) != 0) ask.known = take_home(in, now);
  if (!in.well()) return std::nullopt;
  return ask;
}

std::string encode(const Answer& answer, TimePoint now) {
  const Outcome& outcome = answer.outcome;
  std::string out;
  put_number(answer.id, out);
  const unsigned flags = (answer.say_more ? 1U : 0U) | (outcome.created ? 2U : 0U) |
                         (outcome.candidate ? 4U : 0U) | (outcome.moved ? 8U : 0U);
  put_byte(static_cast<std::uint8_t>(flags), out);
  put_byte(static_cast<std::uint8_t>(outcome.refusal), out);
  put_home(outcome.home, now, out);
  return out;
}

std::optional<Answer> read_answer(ByteView bytes, TimePoint now) {
  Taking in(bytes);
  Answer answer;
  answer.id = in.number();
  const unsigned flags = in.byte(15);
  answer.say_more = (flags & 1) != 0;
  answer.outcome.created = (flags & 2) != 0;
  answer.outcome.candidate = (flags & 4) != 0;
  answer.outcome.moved = (flags & 8) != 0;
  answer.outcome.refusal = static_cast<Refusal>(in.byte(static_cast<std::uint8_t>(Refusal::stay)));
  answer.outcome.home = take_home(in, now);
  if (!in.well()) return std::nullopt;
  return answer;
}

std::string encode(const Release& release) {
  std::string out;
  put_number(release.round, out);
  put_number(release.names.size(), out);
  for (const auto& name : release.names) {
    put_text(name.key, out);
    put_number(name.generation, out);
  }
  return out;
}

std::optional<Release> read_release(ByteView bytes) {
  Taking in(bytes);
  Release release;
  release.round = in.number();
  for (auto left = in.number(kMaxItems); left > 0 && !in.failed(); --left) {
    const auto key = in.text(kMaxKey);
    release.names.push_back({key, in.number()});
  }
  if (!in.well()) return std::nullopt;
  return release;
}

std::string encode(const Released& released) {
  std::string out;
  put_number(released.round, out);
  put_number(released.used.size(), out);
  for (const bool used : released.used) put_byte(used ? 1 : 0, out);
  return out;
}

std::optional<Released> read_released(ByteView bytes) {
  Taking in(bytes);
  Released released;
  released.round = in.number();
  for (auto left = in.number(kMaxItems); left > 0 && !in.failed(); --left) {
    released.used.push_back(in.byte(1) != 0);
  }
  if (!in.well()) return std::nullopt;
  return released;
}

}  // namespace roomgate::peers_sync::claim

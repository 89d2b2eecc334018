#include "peers-sync/codec/update.hpp"

#include <array>

#include "peers-sync/codec/frame.hpp"
#include "peers-sync/codec/message.hpp"
#include "peers-sync/codec/varint.hpp"

namespace roomgate::peers_sync::codec {
namespace {

std::optional<std::uint32_t> take_u32(ByteView& bytes) {
  if (bytes.size() < 4) return std::nullopt;
  const std::uint32_t value = load32(bytes.data());
  bytes = bytes.subspan(4);
  return value;
}

void append_u32(std::uint32_t value, std::string& out) {
  std::array<std::uint8_t, 4> bytes{};
  store32(bytes.data(), value);
  out += as_text(bytes);
}

bool fixed_key(const TableDefinition& table) {
  return table.key_type != static_cast<std::uint64_t>(KeyType::string);
}

std::optional<std::string> take_key(ByteView& body, const TableDefinition& table) {
  std::uint64_t length = table.key_length;
  if (table.key_type == static_cast<std::uint64_t>(KeyType::integer)) length = 4;
  if (!fixed_key(table)) {
    const auto said = take_varint(body);
    if (!said) return std::nullopt;
    length = *said;
  }
  if (length > body.size()) return std::nullopt;
  std::string key(as_text(body.first(static_cast<std::size_t>(length))));
  body = body.subspan(static_cast<std::size_t>(length));
  return key;
}

// Into `reference`, which stays empty where there is no value.
Result<void, MessageError> take_reference(ByteView& body, std::optional<Reference>& reference) {
  const auto length = take_varint(body);
  if (!length || *length > body.size()) return fail(MessageError::cut_off);
  ByteView field = body.first(static_cast<std::size_t>(*length));
  body = body.subspan(field.size());
  if (field.empty()) return {};
  const auto id = take_varint(field);
  if (!id || *id == 0 || *id > kDictionarySize) return fail(MessageError::bad_dictionary);
  reference.emplace().id = *id;
  if (field.empty()) return {};
  const auto size = take_varint(field);
  if (!size || *size > field.size()) return fail(MessageError::bad_dictionary);
  reference->text = std::string(as_text(field.first(static_cast<std::size_t>(*size))));
  return {};
}

void append_reference(const std::optional<Reference>& reference, std::string& out) {
  std::string field;
  if (reference) {
    append_varint(reference->id, field);
    if (reference->text) {
      append_varint(reference->text->size(), field);
      field += *reference->text;
    }
  }
  append_varint(field.size(), out);
  out += field;
}

}  // namespace

Result<Update, MessageError> parse_update(std::uint8_t type, ByteView body, const TableDefinition& table) {
  Update update;
  if (type == kUpdate || type == kTimedUpdate) {
    update.id = take_u32(body);
    if (!update.id) return fail(MessageError::cut_off);
  }
  if (type == kTimedUpdate || type == kTimedIncremental) {
    update.remaining = take_u32(body);
    if (!update.remaining) return fail(MessageError::cut_off);
  }
  auto key = take_key(body, table);
  if (!key) return fail(MessageError::cut_off);
  update.key = std::move(*key);
  for (std::uint8_t bit = 0; bit < kTypes.size(); ++bit) {
    if (!table.has(bit)) continue;
    if (kTypes[bit].shape == Shape::text) {
      if (const auto taken = take_reference(body, update.server); !taken) return fail(taken.error());
      continue;
    }
    for (std::size_t left = table.numbers_of(bit); left > 0; --left) {
      const auto number = take_varint(body);
      if (!number) return fail(MessageError::cut_off);
      update.numbers.push_back(*number);
    }
  }
  return update;
}

void append_update(const Update& update, const TableDefinition& table, std::string& out) {
  const std::uint8_t type = update.remaining ? (update.id ? kTimedUpdate : kTimedIncremental)
                                             : (update.id ? kUpdate : kIncremental);
  FrameWriter frame(kStickTable, type, out);
  if (update.id) append_u32(*update.id, out);
  if (update.remaining) append_u32(*update.remaining, out);
  if (!fixed_key(table)) append_varint(update.key.size(), out);
  out += update.key;
  std::size_t at = 0;
  for (std::uint8_t bit = 0; bit < kTypes.size(); ++bit) {
    if (!table.has(bit)) continue;
    if (kTypes[bit].shape == Shape::text) {
      append_reference(update.server, out);
      continue;
    }
    for (std::size_t left = table.numbers_of(bit); left > 0; --left, ++at) {
      append_varint(at < update.numbers.size() ? update.numbers[at] : 0, out);
    }
  }
  frame.end();
}

std::int64_t server_id_of(const Update& update, const TableDefinition& table) {
  // Bit 0: always the first number.
  if (!table.has(server_id) || update.numbers.empty()) return 0;
  return static_cast<std::int64_t>(update.numbers.front());
}

}  // namespace roomgate::peers_sync::codec

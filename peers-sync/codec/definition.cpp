#include "peers-sync/codec/definition.hpp"

#include "peers-sync/codec/frame.hpp"
#include "peers-sync/codec/message.hpp"
#include "peers-sync/codec/varint.hpp"

namespace roomgate::peers_sync::codec {
namespace {

bool is_array(Shape shape) { return shape == Shape::numbers || shape == Shape::frequencies; }
bool is_frequency(Shape shape) { return shape == Shape::frequency || shape == Shape::frequencies; }

bool is_key_type(std::uint64_t type) {
  switch (static_cast<KeyType>(type)) {
    case KeyType::integer:
    case KeyType::ipv4:
    case KeyType::ipv6:
    case KeyType::string:
    case KeyType::binary: return type <= 7;
  }
  return false;
}

const TypeParameters* parameters_of(const TableDefinition& definition, std::uint8_t type) {
  for (const TypeParameters& parameters : definition.parameters) {
    if (parameters.type == type) return &parameters;
  }
  return nullptr;
}

}  // namespace

std::size_t TableDefinition::numbers_of(std::uint8_t type) const {
  constexpr std::size_t kFrequency = 3;  // age of the period, its count, the count before
  const Shape shape = kTypes[type].shape;
  if (shape == Shape::text) return 0;
  const std::size_t each = is_frequency(shape) ? kFrequency : 1;
  if (!is_array(shape)) return each;
  const TypeParameters* said = parameters_of(*this, type);
  return said == nullptr ? 0 : each * static_cast<std::size_t>(said->elements);
}

Result<TableDefinition, MessageError> parse_definition(ByteView body) {
  TableDefinition definition;
  const auto id = take_varint(body);
  const auto name_length = take_varint(body);
  if (!id || !name_length || *name_length > body.size()) return fail(MessageError::cut_off);
  if (*name_length > kMaxTableName) return fail(MessageError::too_long);
  definition.id = *id;
  definition.name = as_text(body.first(static_cast<std::size_t>(*name_length)));
  body = body.subspan(definition.name.size());
  const auto key_type = take_varint(body);
  const auto key_length = take_varint(body);
  const auto types = take_varint(body);
  if (!key_type || !key_length || !types) return fail(MessageError::cut_off);
  definition.key_type = *key_type;
  definition.key_length = *key_length;
  definition.types = *types;
  definition.expire = take_varint(body);
  bool complete = true;
  for (std::uint8_t type = 0; type < kTypes.size(); ++type) {
    const Shape shape = kTypes[type].shape;
    if (!definition.has(type) || !(is_array(shape) || is_frequency(shape))) continue;
    TypeParameters parameters;
    const auto number = take_varint(body);
    const auto elements = is_array(shape) ? take_varint(body) : std::optional<std::uint64_t>(0);
    const auto period = is_frequency(shape) ? take_varint(body) : std::optional<std::uint64_t>(0);
    if (!number || !elements || !period || *number != type || *elements > kMaxElements) {
      // Older senders leave them out: that matters only where the number of values hangs on it.
      complete = !is_array(shape);
      break;
    }
    definition.parameters.push_back({*number, *elements, *period});
  }
  for (std::uint8_t type = 0; complete && type < kTypes.size(); ++type) {
    complete =
        !definition.has(type) || !is_array(kTypes[type].shape) || parameters_of(definition, type) != nullptr;
  }
  if (!complete || !is_key_type(definition.key_type)) return fail(MessageError::unusable);
  return definition;
}

void append_definition(const TableDefinition& definition, std::string& out) {
  FrameWriter frame(kStickTable, kDefinition, out);
  append_varint(definition.id, out);
  append_varint(definition.name.size(), out);
  out += definition.name;
  append_varint(definition.key_type, out);
  append_varint(definition.key_length, out);
  append_varint(definition.types, out);
  if (definition.expire) append_varint(*definition.expire, out);
  for (const TypeParameters& parameters : definition.parameters) {
    const Shape shape = kTypes[static_cast<std::size_t>(parameters.type)].shape;
    append_varint(parameters.type, out);
    if (is_array(shape)) append_varint(parameters.elements, out);
    if (is_frequency(shape)) append_varint(parameters.period, out);
  }
  frame.end();
}

}  // namespace roomgate::peers_sync::codec

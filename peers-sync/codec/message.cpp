#include "peers-sync/codec/message.hpp"

#include <array>

#include "peers-sync/codec/varint.hpp"

namespace roomgate::peers_sync::codec {
namespace {

Result<Message, MessageError> read_stick_table(const Frame& frame) {
  ByteView body = frame.body;
  switch (frame.type) {
    case kUpdate:
    case kIncremental:
    case kTimedUpdate:
    case kTimedIncremental: return Message(UpdateBody{frame.type, body});
    case kDefinition: {
      auto definition = parse_definition(body);
      if (definition) return Message(std::move(definition).value());
      if (definition.error() == MessageError::unusable) return Message(UnusableDefinition{});
      return fail(definition.error());
    }
    case kSwitch: {
      const auto table = take_varint(body);
      if (!table) return fail(MessageError::cut_off);
      return Message(TableSwitch{*table});
    }
    case kAck: {
      const auto table = take_varint(body);
      if (!table || body.size() < 4) return fail(MessageError::cut_off);
      return Message(Ack{*table, load32(body.data())});
    }
    default: return Message(Skipped{frame.klass, frame.type});
  }
}

void append_pair(std::uint8_t klass, std::uint8_t type, std::string& out) {
  out.push_back(static_cast<char>(klass));
  out.push_back(static_cast<char>(type));
}

}  // namespace

Result<Message, MessageError> read_message(const Frame& frame) {
  switch (frame.klass) {
    case kControl:
      if (frame.type <= static_cast<std::uint8_t>(Control::heartbeat)) {
        return Message(static_cast<Control>(frame.type));
      }
      break;
    case kError:
      if (frame.type <= static_cast<std::uint8_t>(ErrorSaid::size_limit)) {
        return Message(static_cast<ErrorSaid>(frame.type));
      }
      break;
    case kStickTable: return read_stick_table(frame);
    case kReserved: return fail(MessageError::unusable);
    default: break;
  }
  return Message(Skipped{frame.klass, frame.type});
}

void append_control(Control control, std::string& out) {
  append_pair(kControl, static_cast<std::uint8_t>(control), out);
}

void append_error(ErrorSaid error, std::string& out) {
  append_pair(kError, static_cast<std::uint8_t>(error), out);
}

void append_switch(const TableSwitch& message, std::string& out) {
  FrameWriter frame(kStickTable, kSwitch, out);
  append_varint(message.table, out);
  frame.end();
}

void append_ack(const Ack& ack, std::string& out) {
  FrameWriter frame(kStickTable, kAck, out);
  append_varint(ack.table, out);
  std::array<std::uint8_t, 4> id{};
  store32(id.data(), ack.update);
  out += as_text(id);
  frame.end();
}

}  // namespace roomgate::peers_sync::codec

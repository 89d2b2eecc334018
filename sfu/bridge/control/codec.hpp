// The control messages as text, for bridges in other processes: one JSON object a message,
// {"v":1,"type":"allocate",...}. Pure functions, any thread. What comes in is hostile: sizes and counts are
// bounded, a message is read whole or not at all, unknown fields are skipped so that a newer side of the same
// version may say more.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "sfu/bridge/control/control.hpp"

namespace roomgate::sfu::bridge {

enum class CodecError { too_large, not_json, version, unknown_message, bad_field };
std::string_view name_of(CodecError error);

struct CodecLimits {
  std::size_t max_text = 512 * 1024;
  std::size_t max_string = 128 * 1024;
  std::size_t max_items = 256;  // of each list
};

std::string encode(const Command& command);
std::string encode(const Event& event);
Result<Command, CodecError> decode_command(std::string_view text, const CodecLimits& limits = {});
Result<Event, CodecError> decode_event(std::string_view text, const CodecLimits& limits = {});

}  // namespace roomgate::sfu::bridge

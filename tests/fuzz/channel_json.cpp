// Texts of the bridge channel and of the control link, as a hostile peer may write them. What is read must be
// written and read again to the same value.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sfu/bridge/channel_messages.hpp"
#include "sfu/bridge/control/codec.hpp"

using namespace roomgate::sfu::bridge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  if (const auto message = parse_channel_message(text, "8fc6a697")) {
    if (const auto* relayed = std::get_if<Relayed>(&*message)) {
      const auto again = parse_channel_message(relayed->text, "548301e2");
      if (!again && again.error() != ChannelError::too_large) std::abort();
    }
  }
  if (const auto command = decode_command(text)) {
    const auto again = decode_command(encode(*command));
    if (again && !(*again == *command)) std::abort();
  }
  if (const auto event = decode_event(text)) {
    const auto again = decode_event(encode(*event));
    if (again && !(*again == *event)) std::abort();
  }
  return 0;
}

// What a peer may send: hello or status, then messages. Whatever is understood is written again as values
// that read the same; nothing is read beyond its bytes, and every step takes some.
#include "peers-sync/codec/dictionary.hpp"
#include "peers-sync/codec/handshake.hpp"
#include "peers-sync/codec/message.hpp"
#include "peers-sync/codec/update.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync::codec;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView rest(data, size);
  if (const auto hello = read_hello(rest); hello && hello->has_value()) {
    require((*hello)->size <= rest.size());
    rest = rest.subspan((*hello)->size);
  } else if (const auto status = read_status(rest); status && status->has_value()) {
    rest = rest.subspan((*status)->size);
  }
  TableDefinition table{.id = 1, .name = "t", .key_length = 33};
  ReceiveDictionary names;
  while (true) {
    const auto frame = next_frame(rest);
    if (!frame || !frame->has_value()) return 0;
    require((*frame)->size >= 2 && (*frame)->size <= rest.size());
    const auto message = read_message(**frame);
    rest = rest.subspan((*frame)->size);
    if (!message) return 0;
    if (const auto* definition = std::get_if<TableDefinition>(&*message)) {
      table = *definition;
      std::string again;
      append_definition(table, again);
      const auto back = next_frame(as_bytes(again));
      require(back && back->has_value());
      const auto read = parse_definition((**back).body);
      require(read && *read == table);
    }
    if (const auto* update = std::get_if<UpdateBody>(&*message)) {
      const auto parsed = parse_update(update->type, update->body, table);
      if (!parsed) return 0;
      if (parsed->server) (void)names.resolve(*parsed->server);
      std::string again;
      append_update(*parsed, table, again);
      const auto back = next_frame(as_bytes(again));
      if (!back) continue;  // it was as large as one can be, spelled with a longer length
      require(back->has_value());
      const auto read = parse_update((*back)->type, (*back)->body, table);
      require(read && *read == *parsed);
    }
  }
}

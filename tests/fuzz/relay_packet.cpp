// What gates of Redis mode say to each other: whatever is understood is written again as bytes that read the
// same, and is what Redis' script and its readers rely on. The first byte says which of the packets it is.
#include "peers-sync/redis/entry.hpp"
#include "peers-sync/redis/relay_packets.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync::redis;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView body(data + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      if (const auto state = read_state(body)) require(read_state(as_bytes(encode(*state))) == state);
      break;
    case 1:
      if (const auto ask = read_relay_ask(body)) {
        const std::string& shard = ask->proposal.shard;
        require(!ask->proposal.key.empty() && ask->proposal.key.size() <= 2048);
        require(shard.find_first_of(" \n") == std::string::npos);
        require(read_relay_ask(as_bytes(encode(*ask))) == ask);
      }
      break;
    default:
      if (const auto answer = read_relay_answer(body)) {
        const bool has_entry =
            answer->claimed.what == Claimed::What::have || answer->claimed.what == Claimed::What::made;
        require(!has_entry || unpack(answer->claimed.entry).has_value());
        require(read_relay_answer(as_bytes(encode(*answer))) == answer);
      }
  }
  return 0;
}

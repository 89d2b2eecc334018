// What a Redis says: the same however its bytes come, bounded; and an entry that is understood is written so
// that it is again.
#include <cstdint>
#include <string_view>

#include "peers-sync/redis/entry.hpp"
#include "peers-sync/redis/protocol.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync::redis;

namespace {

struct Said {
  std::vector<Reply> replies;
  bool broken = false;
};

Said decode(std::string_view text, std::size_t step) {
  Decoder decoder(64 * 1024);
  Said said;
  for (std::size_t at = 0; at < text.size() && !said.broken; at += step) {
    said.broken = !decoder.feed(as_bytes(text.substr(at, step))).ok();
    while (!said.broken) {
      auto reply = decoder.next();
      said.broken = !reply.ok();
      if (said.broken || !*reply) break;
      said.replies.push_back(std::move(**reply));
    }
  }
  return said;
}

void check_entries(const Reply& reply) {
  for (const Reply& item : reply.items) check_entries(item);
  const auto entry = unpack(reply.text);
  if (entry) require(unpack(pack(*entry)) == entry);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Said whole = decode(text, std::max<std::size_t>(size, 1));
  for (const std::size_t step : {1, 5}) {
    const Said again = decode(text, step);
    // A text that breaks off may be found out sooner or later; what came before it is the same.
    const std::size_t both = std::min(whole.replies.size(), again.replies.size());
    for (std::size_t i = 0; i < both; ++i) require(whole.replies[i] == again.replies[i]);
    if (!whole.broken && !again.broken) require(whole.replies.size() == again.replies.size());
  }
  for (const Reply& reply : whole.replies) check_entries(reply);
  const auto entry = unpack(text);
  if (entry) require(unpack(pack(*entry)) == entry);
  return 0;
}

// What a gate says of itself: whatever is understood is written again as bytes that read the same, within the
// limits that its reader relies on.
#include "peers-sync/claim/status.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync::claim;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto status = decode_status(ByteView(data, size));
  if (!status) return 0;
  require(status->of.size() <= kMaxGates && status->view.size() <= kMaxGates);
  require(status->log_at_view <= status->log_end);
  const std::string again = encode(*status);
  require(again.size() <= 15'000);
  const auto back = decode_status(as_bytes(again));
  require(back && *back == *status);
  return 0;
}

// Whatever is accepted has its primary data within its bytes, behind all that stands before.
#include "sfu/rtp/red.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::sfu::rtp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto red = read_red(ByteView(data, size));
  if (!red) return 0;
  require(red->offset > 0 && red->offset <= size);
  require(red->payload_type <= 127);
  // One byte less than the primary needs in front of it, and it is torn.
  require(!read_red(ByteView(data, red->offset - 1)));
  return 0;
}

// A table image: nothing is told of one that is refused; what one tells makes an image that tells the same.
#include <array>
#include <vector>

#include "base/siphash.hpp"
#include "router/stick/image.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::router::stick;

namespace {

std::string rewritten(ByteView image, bool& good) {
  std::vector<ImageEntry> entries;
  const auto written = read_image(image, [&](const ImageEntry& entry) { entries.push_back(entry); });
  good = written.ok();
  require(good || entries.empty());
  ImageWriter writer(written.ok() ? *written : 0);
  for (const ImageEntry& entry : entries) {
    require(!entry.key.empty() && !entry.shard.empty() && entry.generation > 0);
    writer.add(entry);
  }
  return std::move(writer).finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bool good = false;
  // As it is: a hash that nobody guesses is found wrong.
  (void)rewritten({data, size}, good);
  // With the right hash, so that the records are reached.
  std::string image(reinterpret_cast<const char*>(data), size);
  std::array<std::uint8_t, 8> hash{};
  store64(hash.data(), siphash(as_bytes(image), {0x726f6f6d67617465, 0x696d616765763031}));
  image.append(as_text(hash));
  const std::string once = rewritten(as_bytes(image), good);
  if (!good) return 0;
  require(rewritten(as_bytes(once), good) == once);
  require(good);
  return 0;
}

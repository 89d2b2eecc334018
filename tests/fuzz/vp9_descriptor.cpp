// Whatever is accepted lies within its bytes, and new numbers can be written and read again.
#include <vector>

#include "sfu/rtp/vp9.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::sfu::rtp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto before = read_vp9(ByteView(data, size));
  if (!before) return 0;
  require(before->size <= size);
  require(!before->structure || before->structure->spatial_layers <= 8);
  std::vector<std::uint8_t> bytes(data, data + size);
  PictureFields fields = before->picture;
  fields.picture_id = fields.long_picture_id ? 0x1234 : 0x34;
  fields.tl0 = 0x56;
  write_picture_fields(bytes, fields);
  const auto after = read_vp9(bytes);
  require(after && after->size == before->size && after->starts_keyframe() == before->starts_keyframe());
  if (fields.picture_id_at != 0) require(after->picture.picture_id == fields.picture_id);
  if (fields.tl0_at != 0) require(after->picture.tl0 == fields.tl0);
  return 0;
}

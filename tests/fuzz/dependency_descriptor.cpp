// A descriptor, and another one read by the structure of the first: whatever is accepted can be rewritten,
// and says the same afterwards but for what was to change.
#include <array>

#include "sfu/rtp/dependency_descriptor.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::sfu::rtp;

namespace {

void rewrite(ByteView bytes, const DependencyDescriptor& before, const DependencyStructure& structure,
             const DependencyStructure* known) {
  std::array<std::uint8_t, kMaxDescriptor + kDescriptorGrowth> out;
  const std::size_t plain = rewrite_descriptor(bytes, {.frame_shift = 1, .places = before.places}, out);
  require(plain == bytes.size());
  DependencyStructure attached;
  const std::uint32_t targets = 0x5a5a5a5a & structure.all_targets();
  const std::size_t size = rewrite_descriptor(bytes,
                                              {.frame_shift = 0xfffe,
                                               .active_targets = targets,
                                               .targets = structure.targets,
                                               .places = before.places},
                                              out);
  require(size >= bytes.size() && size <= bytes.size() + kDescriptorGrowth);
  const auto after = read_dependency_descriptor(ByteView(out).first(size), known, attached);
  require(after.has_value());
  require(after->frame_number == static_cast<std::uint16_t>(before.frame_number - 2));
  require(after->active_targets == targets);
  require(after->spatial == before.spatial && after->temporal == before.temporal);
  require(after->uses == before.uses && after->references.near == before.references.near);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView input(data + 1, size - 1);
  const std::size_t cut = std::min<std::size_t>(data[0], input.size());
  const ByteView first = input.first(cut);
  const ByteView second = input.subspan(cut).first(std::min(input.size() - cut, kMaxDescriptor));
  DependencyStructure structure;
  const auto opening = read_dependency_descriptor(first, nullptr, structure);
  if (!opening) return 0;
  require(structure.templates > 0 && structure.templates <= DependencyStructure::kMaxTemplates);
  require(structure.targets > 0 && structure.targets <= DependencyStructure::kMaxTargets);
  require(opening->spatial < structure.spatial_layers);
  rewrite(first, *opening, structure, nullptr);

  DependencyStructure other;
  const auto next = read_dependency_descriptor(second, &structure, other);
  if (next) rewrite(second, *next, next->places.has_structure ? other : structure, &structure);
  return 0;
}

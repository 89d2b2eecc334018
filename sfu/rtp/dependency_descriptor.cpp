#include "sfu/rtp/dependency_descriptor.hpp"

#include <algorithm>
#include <bit>

namespace roomgate::sfu::rtp {
namespace {

constexpr std::size_t kMandatory = 3;
constexpr std::size_t kFlagsAt = 24;      // bits
constexpr std::size_t kStructureAt = 29;  // after five flags
constexpr unsigned kTemplateIds = 64;
constexpr unsigned kMaxTemporalId = 7;

// Reads past the end give zeros and set failed().
class BitReader {
 public:
  explicit BitReader(ByteView bytes, std::size_t at = 0) : bytes_(bytes), at_(at) {}

  std::uint32_t bits(std::size_t count) {
    if (failed_ || count > 8 * bytes_.size() - at_) {
      failed_ = true;
      return 0;
    }
    std::uint32_t value = 0;
    for (; count > 0; --count, ++at_) value = value << 1 | (bytes_[at_ / 8] >> (7 - at_ % 8) & 1u);
    return value;
  }
  bool flag() { return bits(1) != 0; }
  // A number below `values`, shorter codes for the lower ones: ns(n) of the specification.
  std::uint32_t below(std::uint32_t values) {
    const auto width = static_cast<std::size_t>(std::bit_width(values));
    const std::uint32_t short_codes = (1u << width) - values;
    const std::uint32_t value = bits(width - 1);
    if (value < short_codes) return value;
    return (value << 1) - short_codes + bits(1);
  }
  bool failed() const { return failed_; }
  std::size_t position() const { return at_; }
  std::size_t left() const { return failed_ ? 0 : 8 * bytes_.size() - at_; }

 private:
  ByteView bytes_;
  std::size_t at_;
  bool failed_ = false;
};

class BitWriter {
 public:
  explicit BitWriter(ByteSpan bytes) : bytes_(bytes) {}

  void bits(std::uint32_t value, std::size_t count) {
    for (; count > 0; --count, ++at_) {
      const std::uint32_t bit = value >> (count - 1) & 1u;
      const std::size_t byte = at_ / 8;
      if (byte >= bytes_.size()) {
        failed_ = true;
        return;
      }
      if (at_ % 8 == 0) bytes_[byte] = 0;
      bytes_[byte] = static_cast<std::uint8_t>(bytes_[byte] | bit << (7 - at_ % 8));
    }
  }
  std::size_t size() const { return failed_ ? 0 : (at_ + 7) / 8; }

 private:
  ByteSpan bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

void add_reference(References& references, std::uint32_t difference) {
  if (difference > 64) {
    references.far = true;
  } else {
    references.near |= std::uint64_t{1} << (difference - 1);
  }
}

// False when it has more than the format allows.
bool read_layers(BitReader& in, DependencyStructure& structure) {
  unsigned spatial = 0;
  unsigned temporal = 0;
  structure.templates = 0;
  while (!in.failed()) {
    if (structure.templates == DependencyStructure::kMaxTemplates) return false;
    DependencyTemplate& entry = structure.by_index[structure.templates++];
    entry = {};
    entry.spatial = static_cast<std::uint8_t>(spatial);
    entry.temporal = static_cast<std::uint8_t>(temporal);
    switch (in.bits(2)) {
      case 1: ++temporal; break;
      case 2:
        ++spatial;
        temporal = 0;
        break;
      case 3: structure.spatial_layers = static_cast<std::uint8_t>(spatial + 1); return true;
      default: break;
    }
    if (spatial >= DependencyStructure::kMaxSpatial || temporal > kMaxTemporalId) return false;
  }
  return false;
}

bool read_structure(BitReader& in, DependencyStructure& structure) {
  structure.template_offset = static_cast<std::uint8_t>(in.bits(6));
  structure.targets = static_cast<std::uint8_t>(in.bits(5) + 1);
  if (!read_layers(in, structure)) return false;
  for (std::size_t i = 0; i < structure.templates; ++i) {
    for (std::size_t target = 0; target < structure.targets; ++target) {
      structure.by_index[i].uses.set(target, static_cast<TargetUse>(in.bits(2)));
    }
  }
  for (std::size_t i = 0; i < structure.templates; ++i) {
    while (in.flag()) add_reference(structure.by_index[i].references, in.bits(4) + 1);
  }
  // Chains tell a receiver at once whether what it lost matters. We drop by decode target and know what we
  // dropped, so they are only stepped over.
  structure.chains = static_cast<std::uint8_t>(in.below(structure.targets + 1u));
  if (structure.chains > 0) {
    for (std::size_t target = 0; target < structure.targets; ++target) in.below(structure.chains);
    for (std::size_t i = 0; i < std::size_t{structure.templates} * structure.chains; ++i) in.bits(4);
  }
  structure.heights = {};
  if (in.flag()) {
    for (std::size_t spatial = 0; spatial < structure.spatial_layers; ++spatial) {
      in.bits(16);  // width
      structure.heights[spatial] = static_cast<std::uint16_t>(std::min(in.bits(16) + 1, 0xffffu));
    }
  }
  structure.layers = {};
  for (std::size_t target = 0; target < structure.targets; ++target) {
    DependencyStructure::TargetLayer& layer = structure.layers[target];
    for (std::size_t i = 0; i < structure.templates; ++i) {
      const DependencyTemplate& entry = structure.by_index[i];
      if (entry.uses[target] == TargetUse::absent) continue;
      layer.spatial = std::max(layer.spatial, entry.spatial);
      layer.temporal = std::max(layer.temporal, entry.temporal);
    }
  }
  return !in.failed();
}

}  // namespace

std::optional<FrameMark> read_frame_mark(ByteView descriptor) {
  if (descriptor.size() < kMandatory) return std::nullopt;
  return FrameMark{.starts_frame = (descriptor[0] & 0x80) != 0,
                   .ends_frame = (descriptor[0] & 0x40) != 0,
                   .has_structure = descriptor.size() > kMandatory && (descriptor[3] & 0x80) != 0,
                   .template_id = static_cast<std::uint8_t>(descriptor[0] & 0x3f),
                   .frame_number = load16(&descriptor[1])};
}

std::optional<DependencyDescriptor> read_dependency_descriptor(ByteView bytes,
                                                               const DependencyStructure* known,
                                                               DependencyStructure& attached) {
  const auto mark = read_frame_mark(bytes);
  if (!mark) return std::nullopt;
  DependencyDescriptor descriptor;
  descriptor.starts_frame = mark->starts_frame;
  descriptor.ends_frame = mark->ends_frame;
  descriptor.template_id = mark->template_id;
  descriptor.frame_number = mark->frame_number;

  BitReader in(bytes, kFlagsAt);
  bool custom_uses = false;
  bool custom_references = false;
  bool custom_chains = false;
  const DependencyStructure* structure = known;
  if (bytes.size() > kMandatory) {
    descriptor.places.has_structure = in.flag();
    descriptor.places.has_active = in.flag();
    custom_uses = in.flag();
    custom_references = in.flag();
    custom_chains = in.flag();
    if (descriptor.places.has_structure) {
      if (!read_structure(in, attached)) return std::nullopt;
      structure = &attached;
      descriptor.active_targets = attached.all_targets();
    }
  }
  if (structure == nullptr) return std::nullopt;
  descriptor.places.active_at = static_cast<std::uint16_t>(in.position());
  if (bytes.size() == kMandatory) descriptor.places.active_at = kStructureAt;
  if (descriptor.places.has_active) descriptor.active_targets = in.bits(structure->targets);

  const unsigned index = (descriptor.template_id + kTemplateIds - structure->template_offset) % kTemplateIds;
  if (index >= structure->templates) return std::nullopt;
  const DependencyTemplate& entry = structure->by_index[index];
  descriptor.spatial = entry.spatial;
  descriptor.temporal = entry.temporal;
  descriptor.uses = entry.uses;
  descriptor.references = entry.references;
  if (custom_uses) {
    for (std::size_t target = 0; target < structure->targets; ++target) {
      descriptor.uses.set(target, static_cast<TargetUse>(in.bits(2)));
    }
  }
  if (custom_references) {
    descriptor.references = {};
    while (const std::uint32_t nibbles = in.bits(2)) {
      add_reference(descriptor.references, in.bits(4 * nibbles) + 1);
    }
  }
  if (custom_chains) {
    for (std::size_t chain = 0; chain < structure->chains; ++chain) in.bits(8);
  }
  if (in.failed()) return std::nullopt;
  return descriptor;
}

std::size_t rewrite_descriptor(ByteView descriptor, const DescriptorRewrite& rewrite, ByteSpan out) {
  if (descriptor.size() < kMandatory) return 0;
  const DescriptorPlaces& places = rewrite.places;
  const bool write_active = rewrite.targets > 0;
  BitReader in(descriptor);
  BitWriter to(out);
  const auto copy = [&](std::size_t count) {
    for (; count > 16; count -= 16) to.bits(in.bits(16), 16);
    to.bits(in.bits(count), count);
  };
  copy(2);
  to.bits((in.bits(6) + rewrite.template_shift) % kTemplateIds, 6);
  to.bits((in.bits(16) + rewrite.frame_shift) & 0xffff, 16);
  if (descriptor.size() == kMandatory) {
    if (write_active) {
      to.bits(0b01000, 5);
      to.bits(rewrite.active_targets, rewrite.targets);
    }
    return to.size();
  }
  copy(1);
  to.bits(in.bits(1) | (write_active ? 1u : 0u), 1);
  copy(3);
  if (places.has_structure) to.bits((in.bits(6) + rewrite.template_shift) % kTemplateIds, 6);
  if (write_active) {
    if (places.active_at < in.position()) return 0;
    copy(places.active_at - in.position());
    if (places.has_active) in.bits(rewrite.targets);
    to.bits(rewrite.active_targets, rewrite.targets);
  }
  copy(in.left());
  return in.failed() ? 0 : to.size();
}

}  // namespace roomgate::sfu::rtp

#include "sfu/rtp/dependency_descriptor.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace roomgate;
using namespace roomgate::sfu::rtp;

namespace {

using Bytes = std::vector<std::uint8_t>;

// Bits written as text, spaces between fields.
Bytes bits(std::string_view text) {
  Bytes out;
  std::size_t count = 0;
  for (const char c : text) {
    if (c == ' ') continue;
    if (count % 8 == 0) out.push_back(0);
    if (c == '1') out.back() = static_cast<std::uint8_t>(out.back() | 0x80 >> count % 8);
    ++count;
  }
  return out;
}

// Two spatial layers that do not need each other after the key frame; template offset 5; one chain each.
const std::string kMandatory = "1 0 000101 0000000000000111";
const std::string kStructure =
    "000101 00001"                      // offset 5, 2 targets
    " 00 10 00 11"                      // S0, S0, S1, S1
    " 10 10  10 00  00 10  00 10"       // uses, by template
    " 0  1 0001 0  1 0000 0  1 0001 0"  // references: none, 2, 1, 2
    " 1 1"                              // ns(3) = 2 chains, in two bits
    " 0 1"                              // protected by 0 and 1: ns(2)
    " 0000 0000  0010 0001  0001 0001  0001 0010"
    " 1 0000000100111111 0000000010110011 0000001001111111 0000000101100111";

DependencyStructure structure_of(std::string_view text) {
  DependencyStructure structure;
  REQUIRE(read_dependency_descriptor(bits(text), nullptr, structure));
  return structure;
}

}  // namespace

TEST_CASE("reads a structure, and its own frame by it") {
  DependencyStructure structure;
  const auto descriptor =
      read_dependency_descriptor(bits(kMandatory + "1 0 0 0 0" + kStructure), nullptr, structure);

  REQUIRE(descriptor);
  CHECK(descriptor->starts_frame);
  CHECK_FALSE(descriptor->ends_frame);
  CHECK(descriptor->frame_number == 7);
  CHECK(descriptor->places.has_structure);
  CHECK(descriptor->active_targets == 0b11);
  CHECK(descriptor->spatial == 0);
  CHECK(descriptor->uses[0] == TargetUse::switching);
  CHECK(descriptor->uses[1] == TargetUse::switching);
  CHECK(descriptor->references.near == 0);
  CHECK(structure.templates == 4);
  CHECK(structure.targets == 2);
  CHECK(structure.chains == 2);
  CHECK(structure.spatial_layers == 2);
  CHECK(structure.heights[0] == 180);
  CHECK(structure.heights[1] == 360);
  CHECK(structure.layers[1].spatial == 1);
}

TEST_CASE("a frame is what its template says, unless it says otherwise itself") {
  const DependencyStructure known = structure_of(kMandatory + "1 0 0 0 0" + kStructure);
  DependencyStructure unused;

  const auto plain = read_dependency_descriptor(bits("0 1 001000 0000000000001001"), &known, unused);
  REQUIRE(plain);
  CHECK(plain->ends_frame);
  CHECK(plain->spatial == 1);
  CHECK(plain->uses[0] == TargetUse::absent);
  CHECK(plain->references.near == 0b10);
  CHECK_FALSE(plain->active_targets);

  // Mask 01, uses R and D, references 3 and 300, chains 1 and 2.
  const auto custom = read_dependency_descriptor(
      bits("1 1 001000 0000000000001001 0 1 1 1 1 01 11 01 01 0010 11 000100101011 00 00000001 00000010"),
      &known, unused);
  REQUIRE(custom);
  CHECK(custom->active_targets == 0b01);
  CHECK(custom->uses[0] == TargetUse::required);
  CHECK(custom->uses[1] == TargetUse::discardable);
  CHECK(custom->references.near == 0b100);
  CHECK(custom->references.far);
}

TEST_CASE("refuses what is torn, unknown, or beyond the format's bounds") {
  const Bytes whole = bits(kMandatory + "1 0 0 0 0" + kStructure);
  DependencyStructure structure;
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    CHECK_FALSE(read_dependency_descriptor(ByteView(whole).first(cut), nullptr, structure));
  }
  const DependencyStructure known = structure_of(kMandatory + "1 0 0 0 0" + kStructure);
  CHECK_FALSE(read_dependency_descriptor(bits("1 1 001001 0000000000001001"), &known, structure));
  CHECK_FALSE(read_dependency_descriptor(bits("1 1 000100 0000000000001001"), &known, structure));
  CHECK_FALSE(read_dependency_descriptor(bits("1 1 000101 0000000000001001"), nullptr, structure));

  std::string endless = kMandatory + "1 0 0 0 0 000000 00000";
  for (int i = 0; i < 70; ++i) endless += "00";
  CHECK_FALSE(read_dependency_descriptor(bits(endless + "11" + std::string(800, '0')), nullptr, structure));
  CHECK_FALSE(read_dependency_descriptor(
      bits(kMandatory + "1 0 0 0 0 000000 00000 10 10 10 10 11" + std::string(800, '0')), nullptr,
      structure));
}

TEST_CASE("a rewrite moves numbers on and tells the targets, and all else stays") {
  const Bytes whole = bits(kMandatory + "1 0 0 0 0" + kStructure);
  DependencyStructure structure;
  const auto before = read_dependency_descriptor(whole, nullptr, structure);
  Bytes out(64);
  out.resize(rewrite_descriptor(whole,
                                {.template_shift = 62,
                                 .frame_shift = 0xffff,
                                 .active_targets = 0b01,
                                 .targets = 2,
                                 .places = before->places},
                                out));

  DependencyStructure again;
  const auto after = read_dependency_descriptor(out, nullptr, again);
  REQUIRE(after);
  CHECK(after->template_id == 3);
  CHECK(again.template_offset == 3);
  CHECK(after->frame_number == 6);
  CHECK(after->active_targets == 0b01);
  CHECK(again.heights == structure.heights);
  CHECK(after->uses == before->uses);

  // A mask that is there is replaced.
  Bytes twice(64);
  twice.resize(
      rewrite_descriptor(out, {.active_targets = 0b10, .targets = 2, .places = after->places}, twice));
  CHECK(twice.size() == out.size());
  CHECK(read_dependency_descriptor(twice, nullptr, again)->active_targets == 0b10);
}

TEST_CASE("a rewrite that changes nothing gives the same bytes; one without room gives none") {
  const Bytes whole = bits(kMandatory + "1 0 0 0 0" + kStructure);
  Bytes out(64, 0xff);
  REQUIRE(rewrite_descriptor(whole, {}, out) == whole.size());
  out.resize(whole.size());
  CHECK(out == whole);
  for (std::size_t room = 0; room < whole.size(); ++room) {
    CHECK(rewrite_descriptor(whole, {}, ByteSpan(out).first(room)) == 0);
  }
}

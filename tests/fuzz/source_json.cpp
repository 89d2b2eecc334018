// The text of a client's json-message: read, judged, and what passes is written and read again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/bytes.hpp"
#include "sfu/focus/source_wire.hpp"
#include "sfu/focus/sources.hpp"

using namespace roomgate;
using namespace roomgate::sfu::focus;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto owners = parse_json_sources(as_text({data, size}));
  if (!owners) return 0;
  const Limits limits;
  ConferenceSources conference(limits);
  AnnouncedByOwner told;
  for (const auto& [owner, raw] : *owners) {
    if (!conference.add(owner, raw)) continue;
    if (const auto list = conference.announced(owner)) told[owner] = *list;
  }
  const auto again = parse_json_sources(to_json(told));
  if (!again) std::abort();
  for (const auto& [owner, list] : told) {
    const auto sources = assemble(again->at(owner), owner, {});
    if (!sources || sources->size() != list.size()) std::abort();
  }
  for (const auto& [owner, raw] : *owners) {
    (void)conference.remove(owner, raw).ok();
    conference.drop(owner);
  }
  if (conference.size() != 0) std::abort();
  return 0;
}

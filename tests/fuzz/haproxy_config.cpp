// A HAProxy configuration from anybody: it is refused in words, or what comes of it loads; the same text
// gives the same settings, and every word comes from a line within the bounds.
#include "base/bytes.hpp"
#include "conf/gate.hpp"
#include "conf/haproxy/import.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::conf;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  haproxy::Limits limits;
  limits.lines = 2000;
  const auto lines = haproxy::read_lines(text, limits);
  const auto settings = haproxy::import_text(text, "fuzz.cfg", limits);
  if (!lines) {
    require(!settings && settings.error() == lines.error());
    return 0;
  }
  for (const haproxy::Line& line : *lines) {
    require(!line.words.empty() && line.words.size() <= limits.words);
    std::size_t bytes = 0;
    for (const std::string& word : line.words) bytes += word.size();
    require(bytes <= line.text.size() && line.text.size() <= limits.line_bytes);
  }
  if (!settings) {
    require(!settings.error().empty());
    // That what was made does not load would be the importer's own mistake.
    require(settings.error().find("do not load") == std::string::npos);
    return 0;
  }
  require(parse_gate(*settings, "roomgate.toml").ok());
  require(*haproxy::import_text(text, "fuzz.cfg", limits) == *settings);
  return 0;
}

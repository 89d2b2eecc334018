// Any text for a deployment's /config.json or /config.js: what is read of it is part of it, or nothing.
#include "bench/roomload/signal/settings.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate::bench::roomload::signal;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& settings : {read_config_json(text), read_config_js(text)}) {
    if (!settings) continue;
    for (const std::string& value : {settings->domain, settings->muc, settings->focus}) {
      require(value.size() <= size);
    }
  }
  return 0;
}

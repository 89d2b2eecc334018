// `roomgate import haproxy.cfg`: a HAProxy configuration as a roomgate.toml that runs. What has a setting
// here is carried over; every other line is in the result too, as a comment that says why. Start-up only; any
// thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "conf/haproxy/lines.hpp"

namespace roomgate::conf::haproxy {

// `file` is its name, for words. The error is for the operator: what the configuration lacks.
Result<std::string, std::string> import_text(std::string_view text, std::string_view file,
                                             const Limits& limits = {});
Result<std::string, std::string> import_file(const std::string& file);

}  // namespace roomgate::conf::haproxy

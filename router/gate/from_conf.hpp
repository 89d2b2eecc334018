// conf::Gate, which mirrors the settings file, to gate::Options, which the parts understand. Pure but for the
// token file.
#pragma once

#include <string>

#include "base/result.hpp"
#include "conf/gate.hpp"
#include "router/gate/options.hpp"

namespace roomgate::router::gate {

Result<Options, std::string> from_conf(const conf::Gate& settings);

}  // namespace roomgate::router::gate

// Which name was probably meant by somebody who mistyped it. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace roomgate::router::admin {

// The name that differs least, when it differs by little; empty: none does. Texts longer than names are in
// practice are not compared.
std::string_view nearest(std::string_view text, const std::vector<std::string>& names);

}  // namespace roomgate::router::admin

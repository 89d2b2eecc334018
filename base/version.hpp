// Which build this is, for metrics and the command line.
#pragma once

#include <string_view>

namespace roomgate {

inline constexpr std::string_view kVersion = "0.3.0";
#if defined(__clang__)
inline constexpr std::string_view kCompiler = "clang " __clang_version__;
#else
inline constexpr std::string_view kCompiler = "gcc " __VERSION__;
#endif

}  // namespace roomgate

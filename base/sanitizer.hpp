// Whether this is a build that watches memory. Then nothing that has been given back is kept for its next
// use: who still uses it is found out.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

namespace roomgate {

#ifdef __SANITIZE_ADDRESS__
inline constexpr bool kMemoryIsWatched = true;
#else
inline constexpr bool kMemoryIsWatched = false;
#endif

}  // namespace roomgate

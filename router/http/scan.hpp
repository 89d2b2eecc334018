// Finds the first byte that ends or spoils a stretch of text, sixteen bytes at a time where the machine can
// (SSE2), one by one elsewhere. What is found is the line's end in a good message, so that looking for it and
// checking what is before it are one pass. Pure functions, any thread.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>

#include "router/http/syntax.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace roomgate::router::http {

namespace detail {

#if defined(__SSE2__)
// Bytes of `block` from 0 to 31 and 127, but for tab: what no field value may hold.
inline __m128i is_control(__m128i block) {
  const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
  const __m128i tab = _mm_cmpeq_epi8(block, _mm_set1_epi8('\t'));
  return _mm_or_si128(_mm_andnot_si128(tab, low), _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7f)));
}

// Bytes of `block` that no target may hold: 0 to 32, 127 and above, and the number sign. Signed comparison
// makes those above 127 the smallest.
inline __m128i is_no_target(__m128i block) {
  const __m128i low = _mm_cmplt_epi8(block, _mm_set1_epi8(0x21));
  const __m128i end = _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7f));
  return _mm_or_si128(_mm_or_si128(low, end), _mm_cmpeq_epi8(block, _mm_set1_epi8('#')));
}

template <class Found>
const char* find_block(const char* at, const char* end, Found found) {
  while (end - at >= 16) {
    __m128i block;
    std::copy_n(at, 16, reinterpret_cast<char*>(&block));
    const auto bits = static_cast<unsigned>(_mm_movemask_epi8(found(block)));
    if (bits != 0) return at + std::countr_zero(bits);
    at += 16;
  }
  return at;
}
#endif

inline const char* find_byte_without(const char* at, const char* end, std::uint8_t bit) {
  while (at != end && (kClasses[static_cast<unsigned char>(*at)] & bit) != 0) ++at;
  return at;
}

}  // namespace detail

// The first byte that is not part of a field value (RFC 9110 5.5); `end` where there is none.
inline const char* find_value_end(const char* at, const char* end) {
#if defined(__SSE2__)
  at = detail::find_block(at, end, [](__m128i block) { return detail::is_control(block); });
#endif
  return detail::find_byte_without(at, end, detail::kValue);
}

// The first byte that is not part of a request target.
inline const char* find_target_end(const char* at, const char* end) {
#if defined(__SSE2__)
  at = detail::find_block(at, end, [](__m128i block) { return detail::is_no_target(block); });
#endif
  return detail::find_byte_without(at, end, detail::kTarget);
}

}  // namespace roomgate::router::http

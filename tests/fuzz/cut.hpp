// A head that comes in two reads, the buffer elsewhere at the second: the verdict is that of one read, to the
// error, and `check_head` is called with a head that is complete.
#pragma once

#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "router/http/types.hpp"
#include "tests/fuzz/require.hpp"

template <class Parser, class CheckHead>
void check_cut(roomgate::ByteView input, std::size_t cut,
               const roomgate::Result<bool, roomgate::router::http::ParseError>& whole,
               const CheckHead& check_head) {
  Parser parser;
  const std::string first(roomgate::as_text(input.first(cut)));
  auto verdict = parser.parse(roomgate::as_bytes(first));
  if (verdict.ok() && !*verdict) verdict = parser.parse(input);
  require(verdict.ok() == whole.ok());
  if (!whole) {
    require(verdict.error() == whole.error());
    return;
  }
  require(*verdict == *whole);
  if (*whole) check_head(parser.head());
}

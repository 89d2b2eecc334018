#include "router/cli/text.hpp"

#include <doctest/doctest.h>

using namespace roomgate::router::cli;

TEST_CASE("reads the times that the API writes, and nothing else") {
  const auto time = parse_rfc3339("1970-01-02T00:00:07.123Z");

  REQUIRE(time);
  CHECK(*time == std::chrono::system_clock::from_time_t(86407));
  for (const char* text : {"", "yesterday", "1970-01-02", "1970-01-02T00:00:07+01:00"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_rfc3339(text));
  }
}

TEST_CASE("a room's name cannot speak to the terminal") {
  CHECK(printable("school/maths") == "school/maths");
  CHECK(printable("gr\u00fc\u00dfe \u4f1a\u8bae") == "gr\u00fc\u00dfe \u4f1a\u8bae");
  CHECK(printable("\x1b[2Jgone") == "\uFFFD[2Jgone");
  CHECK(printable("a\nb\r\x07") == "a\uFFFDb\uFFFD\uFFFD");
  CHECK(printable("\u202Edesrever") == "\uFFFDdesrever");  // right-to-left override
  CHECK(printable("\xC2\x9B"
                  "31m") == "\uFFFD31m");          // CSI in one byte
  CHECK(printable("\xFF\xC3") == "\uFFFD\uFFFD");  // no UTF-8
}

TEST_CASE("widths are those of a terminal, and cutting keeps to them") {
  CHECK(width("abc") == 3);
  CHECK(width("\u4f1a\u8bae") == 4);
  CHECK(width("e\u0301") == 1);
  CHECK(cut("abcdef", 6) == "abcdef");
  CHECK(cut("abcdef", 4) == "abc\u2026");
  CHECK(cut("\u4f1a\u8bae\u5ba4", 4) == "\u4f1a\u2026");
}

#include "base/encoding.hpp"

#include <doctest/doctest.h>

using namespace roomgate;

TEST_CASE("writes hex and base64 as RFC 4648 has them") {
  CHECK(to_hex(as_bytes("\x01\xab\xff")) == "01abff");
  const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    CHECK(to_base64(as_bytes(plain)) == coded);
    const auto back = from_base64(coded);
    REQUIRE(back);
    CHECK(as_text(*back) == plain);
  }
}

TEST_CASE("refuses base64 with wrong length, alphabet or padding") {
  for (std::string_view text : {"Z", "Zg=", "Zg===", "Z===", "Zm9v!g==", "=m9v", "Zg==Zg=="}) {
    CAPTURE(text);
    CHECK(!from_base64(text));
  }
}

TEST_CASE("decodes percent escapes once and leaves invalid ones as text") {
  CHECK(percent_decode("a%20b") == "a b");
  CHECK(percent_decode("100%") == "100%");
  CHECK(percent_decode("%2") == "%2");
  CHECK(percent_decode("%zz%41") == "%zzA");
  CHECK(percent_decode("%2541") == "%41");
  CHECK(percent_encode("a b/~") == "a%20b%2F~");
}

TEST_CASE("tells valid UTF-8 from overlong, surrogate, torn and too large forms") {
  CHECK(is_valid_utf8("plain \xc3\xb2 \xe2\x82\xac \xf0\x9f\x98\x80"));
  for (std::string_view text : {"\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                "\xf8\x88\x80\x80\x80", "\x80", "a\xff"}) {
    CHECK(!is_valid_utf8(text));
  }
}

TEST_CASE("folds ASCII case only") {
  CHECK(ascii_lower("AbC-\xc3\x84") == "abc-\xc3\x84");
  CHECK(ascii_iequals("Content-Length", "content-LENGTH"));
  CHECK(!ascii_iequals("a", "ab"));
}

#include "router/room/normalise.hpp"

#include <doctest.h>

#include <array>
#include <vector>

#include "base/encoding.hpp"

using namespace roomgate;
using namespace roomgate::router::room;

namespace {

struct Name {
  std::string_view expected;
  std::vector<std::string_view> paths;
  std::vector<std::string_view> queries;
};

}  // namespace

TEST_CASE("gives every spelling of a room in the field one key") {
  // Page path; ?room= of older clients, of the web until 2026-03 (encoded twice), and after.
  const std::vector<Name> names = {
      {"\xc3\xb2",
       {"%C3%B2", "\xc3\xb2", "%C3%92"},
       {"%c3%b2", "%25c3%25b2", "%C3%B2", "o%CC%80", "%25C3%2592"}},
      {"a b", {"a%20b", "A%20B", "a b"}, {"a%20b", "a%2520b", "a+b", "A+B"}},
      {"foo~bar", {"foo~bar", "Foo%7EBar"}, {"foo%7Ebar", "foo~bar", "foo%257Ebar", "foo%7ebar"}},
      {"abc",
       {"%EF%BC%A1%EF%BC%A2%EF%BC%A3", "ABC", "\xef\xbc\xa1\xef\xbc\xa2\xef\xbc\xa3"},
       {"abc", "%61bc"}},
      {"100%", {"100%", "100%25"}, {"100%25", "100%2525", "100%"}},
      {"a+b", {"a+b", "a%2Bb"}, {"a%2Bb", "a%252Bb", "a%2bb"}},
      {"strasse", {"Stra%C3%9Fe", "STRASSE"}, {"stra%c3%9fe", "stra%25c3%259fe"}},
      {"\xcf\x83\xce\xb1\xcf\x83", {"%CE%A3%CE%91%CE%A3"}, {"%cf%83%ce%b1%cf%82", "%cf%83%ce%b1%cf%83"}},
      {"\xe4\xbc\x9a\xe8\xae\xae",
       {"%E4%BC%9A%E8%AE%AE", "\xe4\xbc\x9a\xe8\xae\xae"},
       {"%25e4%25bc%259a%25e8%25ae%25ae"}},
      {"i\xcc\x87", {"%C4%B0"}, {"i%cc%87", "i%25cc%2587"}},
      {"fi", {"%EF%AC%81", "FI"}, {"fi"}},
      {"%ff", {"%ff", "%FF", "\xff"}, {"%25ff", "%2525FF", "%ff"}},
      {"x%fe\xc3\xa4", {"X%FE%C3%84"}, {"x%25fe%25c3%25a4"}},
      {"a/b", {"a%2Fb", "a%2fB"}, {"a%2Fb", "a%252fb"}},
      {"50% off", {"50%25%20off", "50%%20off"}, {"50%25+off", "50%2525%2520off"}},
      {"a", {"%EF%BC%8541", "%2541"}, {"%252541", "%EF%BC%8541"}},
  };
  for (const Name& name : names) {
    for (std::string_view path : name.paths)
      CHECK_MESSAGE(normalised(path, Where::path) == name.expected, path);
    for (std::string_view query : name.queries)
      CHECK_MESSAGE(normalised(query, Where::query) == name.expected, query);
  }
}

TEST_CASE("a normal form is its own normal form, valid UTF-8, and encoding it once more changes nothing") {
  const std::vector<std::string> texts = {"Room",
                                          "%25%25%25",
                                          "%e0%80%af",
                                          "\xed\xa0\x80",
                                          "\xef\xbc\x85"
                                          "41",
                                          "%%34%31",
                                          "\xf0\x9f\x98\x80",
                                          std::string("a\0b", 3),
                                          "%u0041",
                                          "\xe2\x80\x8d",
                                          "%c3",
                                          "\xc3%b2"};
  for (const std::string& text : texts) {
    const std::string once = normalised(text, Where::path);
    INFO("text: ", text, " once: ", once);
    CHECK(normalised(once, Where::path) == once);
    CHECK(is_valid_utf8(once));
    CHECK(normalised(percent_encode(once), Where::query) == once);
    CHECK(normalised(percent_encode(percent_encode(once)), Where::query) == once);
  }
}

TEST_CASE("ends on names that were encoded more often than anybody does") {
  std::string text = "A";
  for (int i = 0; i < 40; ++i) text = percent_encode("%" + text);

  CHECK_FALSE(normalised(text, Where::query).empty());
}

TEST_CASE("copies plain names without another allocation") {
  std::string out;
  out.reserve(64);
  const char* before = out.data();

  append_normalised("plain-room.name_1~", Where::query, out);

  CHECK(out == "plain-room.name_1~");
  CHECK(out.data() == before);
}

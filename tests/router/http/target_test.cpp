#include "router/http/target.hpp"

#include <doctest.h>

#include <array>

#include "router/http/syntax.hpp"

using namespace roomgate::router::http;

namespace {
struct Case {
  std::string_view path;
  std::string_view forward;  // empty: refused
  std::string_view plain;
};
}  // namespace

TEST_CASE("brings a path into the one form that is routed on and forwarded") {
  static constexpr std::array<Case, 41> kCases = {{
      {"/", "/", "/"},
      {"*", "*", "*"},
      {"/room", "/room", "/room"},
      {"/a/b/", "/a/b/", "/a/b/"},
      {"/a%20b", "/a%20b", "/a b"},
      {"/%C3%B2", "/%C3%B2", "/\xc3\xb2"},
      {"/%66oo%7Ebar", "/foo~bar", "/foo~bar"},
      {"/100%", "/100%25", "/100%"},
      {"/%", "/%25", "/%"},
      {"/%4", "/%254", "/%4"},
      {"/%zz", "/%25zz", "/%zz"},
      {"/%%34%31", "/%2541", "/%41"},
      {"/a%2520b", "/a%2520b", "/a%20b"},
      {"/a//b", "/a/b", "/a/b"},
      {"//evil.example/x", "/evil.example/x", "/evil.example/x"},
      {"/./a", "/a", "/a"},
      {"/a/../b", "/b", "/b"},
      {"/a/..", "/", "/"},
      {"/a/.", "/a/", "/a/"},
      {"/../../a", "/a", "/a"},
      {"/a/%2e%2E/b", "/b", "/b"},
      {"/x/%2e%2e/metrics", "/metrics", "/metrics"},
      {"/a/.../b", "/a/.../b", "/a/.../b"},
      {"/.well-known/x", "/.well-known/x", "/.well-known/x"},
      {"/a/..b", "/a/..b", "/a/..b"},
      {"/a/b/c/../../d", "/a/d", "/a/d"},
      {"/about%2Fhealth", "/about%2Fhealth", "/about/health"},
      {"///", "/", "/"},
      {"/a%00b", "", ""},
      {"/a%0d%0ab", "", ""},
      {"/a%0Ab", "", ""},
      {"/x%2f..%2fmetrics", "", ""},
      {"/x%2F.%2fy", "", ""},
      {"/..%2fy", "", ""},
      {"/a/..;/b", "", ""},
      {"/a/..%3bx=1/b", "", ""},
      {"/a/..%5cb", "", ""},
      {"/a/%c0%ae%c0%ae/b", "", ""},
      {"/a/%e0%80%af", "", ""},
      {"/a;b/..c;d", "/a;b/..c;d", "/a;b/..c;d"},
      {"/%c3%80%c3%81", "/%c3%80%c3%81", "/\xc3\x80\xc3\x81"},
  }};
  PathScratch scratch;
  for (const Case& c : kCases) {
    const auto routed = routed_path(c.path, scratch);
    INFO("path: ", std::string(c.path));
    REQUIRE(routed.ok() == !c.forward.empty());
    if (!routed) continue;
    CHECK(routed->forward == c.forward);
    CHECK(routed->plain == c.plain);

    PathScratch again;
    const auto twice = routed_path(routed->forward, again);
    REQUIRE(twice.ok());
    CHECK(twice->forward == c.forward);
  }
}

TEST_CASE("does not copy an ordinary path") {
  PathScratch scratch;
  const std::string_view path = "/tenant/some-room";

  const auto routed = routed_path(path, scratch);

  CHECK(routed->forward.data() == path.data());
  CHECK(routed->plain.data() == path.data());
}

TEST_CASE("finds a query's first value of a name") {
  CHECK(query_value("room=a&x=1", "room") == "a");
  CHECK(query_value("x=1&room=b&room=c", "room") == "b");
  CHECK(query_value("r%6fom=d", "room") == "d");
  CHECK(query_value("room", "room") == "");
  CHECK(query_value("room=a=b", "room") == "a=b");
  CHECK_FALSE(query_value("rooms=a&xroom=b", "room").has_value());
  CHECK_FALSE(query_value("", "room").has_value());
}

TEST_CASE("walks comma-separated lists past empty elements") {
  std::string_view list = " a ,, b\t,";

  CHECK(next_element(list) == "a");
  CHECK(next_element(list) == "b");
  CHECK_FALSE(next_element(list).has_value());
}

#include "router/tls/names.hpp"

#include <doctest/doctest.h>

using namespace roomgate::router::tls;

TEST_CASE("a name goes before its wildcard, and a wildcard stands for one label") {
  NameIndex index;
  REQUIRE(index.add("*.Example.org", 1));
  REQUIRE(index.add("meet.example.org", 2));

  CHECK(index.find("meet.example.org") == 2);
  CHECK(index.find("MEET.example.ORG") == 2);
  CHECK(index.find("other.example.org") == 1);
  CHECK(index.find("other.example.org.") == 1);
  CHECK_FALSE(index.find("example.org"));
  CHECK_FALSE(index.find(".example.org"));
  CHECK_FALSE(index.find("a.b.example.org"));
  CHECK_FALSE(index.find("example"));
  CHECK_FALSE(index.find(""));
  CHECK_FALSE(index.find("."));
}

TEST_CASE("a name stays with whom it was given first") {
  NameIndex index;

  CHECK(index.add("a.example", 1));
  CHECK_FALSE(index.add("A.example", 2));
  CHECK(index.find("a.example") == 1);
}

TEST_CASE("a name longer than any can be is nobody's") {
  NameIndex index;
  index.add("*.example", 1);

  CHECK_FALSE(index.find(std::string(300, 'a') + ".example"));
}

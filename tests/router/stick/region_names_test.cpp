#include "router/stick/region_names.hpp"

#include <doctest/doctest.h>

using namespace roomgate::router::stick;

TEST_CASE("a region has one number, and a number one name") {
  RegionNames names;

  const auto eu = names.id_of("eu");
  const auto us = names.id_of("us");

  CHECK(eu != us);
  CHECK(names.id_of("eu") == eu);
  CHECK(names.name_of(us) == "us");
  CHECK(names.id_of("") == RegionNames::kNone);
  CHECK(names.name_of(RegionNames::kNone).empty());
}

TEST_CASE("names beyond the bound are none, those before it stay") {
  RegionNames names;
  for (std::size_t i = 0; i < RegionNames::kMost; ++i) REQUIRE(names.id_of("r" + std::to_string(i)) != 0);

  CHECK(names.id_of("one too many") == RegionNames::kNone);
  CHECK(names.name_of(names.id_of("r7")) == "r7");
  CHECK(names.name_of(RegionNames::kMost + 1).empty());
}

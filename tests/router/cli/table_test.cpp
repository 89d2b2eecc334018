#include "router/cli/table.hpp"

#include <doctest/doctest.h>

using namespace roomgate::router::cli;

namespace {

Table shards() {
  Table table({{"name"}, {"rooms", true}, {"region"}, {"note"}});
  table.add({{"shard-0"}, {"7"}, {""}, {"fine"}});
  table.add({{"s"}, {"123456"}, {""}, {"connect: refused", Tone::bad}});
  return table;
}

}  // namespace

TEST_CASE("aligns text to the left, numbers to the right, and leaves out what says nothing") {
  CHECK(shards().text({}) ==
        "name      rooms  note\n"
        "shard-0       7  fine\n"
        "s        123456  connect: refused\n");
}

TEST_CASE("on a terminal cells have a colour, and long ones are cut, but for the last") {
  CHECK(shards().text({.colours = true, .widest = 5}) ==
        "name   rooms  note\n"
        "shar\u2026      7  fine\n"
        "s      1234\u2026  \x1b[31mconnect: refused\x1b[0m\n");
}

TEST_CASE("cells from outside cannot break a row") {
  Table table({{"room"}, {"shard"}});
  table.add({{"a\nb\x1b[0m"}, {"shard-0"}});

  CHECK(table.text({}) ==
        "room     shard\n"
        "a\uFFFDb\uFFFD[0m  shard-0\n");
}

TEST_CASE("a row may have fewer cells than there are columns") {
  Table table({{"a"}, {"b"}});
  table.add({{"x"}});

  CHECK(table.text({}) == "a\nx\n");
}

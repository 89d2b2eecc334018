#include "peers-sync/redis/entry.hpp"

#include <doctest/doctest.h>

using namespace roomgate::peers_sync::redis;

TEST_CASE("an entry comes back as it was") {
  const Entry entry{.generation = 7,
                    .shard = "shard-1",
                    .created = 1'795'374'219'000,
                    .idle = 1'795'374'819'000,
                    .provisional = true,
                    .placed = 3,
                    .region = "eu central"};

  CHECK(pack(entry) == "7 shard-1 1795374219000 1795374819000 1 3 eu central");
  CHECK(unpack(pack(entry)) == entry);
  CHECK(unpack("1 a 0 0 0 0 ") == Entry{.shard = "a"});
}

TEST_CASE("it lives while somebody holds it, or until its time is over") {
  CHECK(Entry{.idle = 0}.is_live(100));
  CHECK(Entry{.idle = 101}.is_live(100));
  CHECK(!Entry{.idle = 100}.is_live(100));
}

TEST_CASE("what is no entry") {
  for (const char* text : {"", "1", "1 a", "1 a 0 0 0 0", "x a 0 0 0 0 ", "1  0 0 0 0 ", "-1 a 0 0 0 0 ",
                           "1 a -1 0 0 0 ", "1 a 0 0 0 256 ", "99999999999999999999 a 0 0 0 0 "}) {
    CHECK_MESSAGE(!unpack(text), text);
  }
}

#include "router/route/bans.hpp"

#include <doctest.h>

#include <random>

using namespace roomgate::router::route;
using Kind = Ban::Kind;

namespace {

// What the ban of that key says, or "".
std::string found(const Bans& bans, std::string_view key) {
  const Ban* ban = bans.find(key);
  return ban == nullptr ? "" : ban->text + " " + std::to_string(ban->status);
}

}  // namespace

TEST_CASE("a room, a beginning, a tenant") {
  const Bans bans({{Kind::room, "lobby"},
                   {Kind::room, "school/exam", 429},
                   {Kind::prefix, "spam-"},
                   {Kind::tenant, "evil", 429}});

  CHECK(found(bans, "lobby") == "lobby 403");
  CHECK(found(bans, "lobby2") == "");
  CHECK(found(bans, "school/lobby") == "");
  CHECK(found(bans, "school/exam") == "school/exam 429");
  CHECK(found(bans, "exam") == "");
  CHECK(found(bans, "spam-") == "spam- 403");
  CHECK(found(bans, "spam-1/x") == "spam- 403");
  CHECK(found(bans, "spam") == "");
  CHECK(found(bans, "school/spam-1") == "");
  CHECK(found(bans, "evil/a") == "evil 429");
  CHECK(found(bans, "evil") == "");
  CHECK(found(bans, "evil2/a") == "");
  CHECK(found(Bans(), "lobby") == "");
}

TEST_CASE("patterns are normalised as keys are") {
  const Bans bans({{Kind::room, "School/%C3%92X"}, {Kind::prefix, "SPAM%20"}, {Kind::tenant, "EVIL"}});

  CHECK(bans.find("school/\xc3\xb2x") != nullptr);
  CHECK(bans.find("spam and eggs") != nullptr);
  CHECK(bans.find("evil/a") != nullptr);
}

TEST_CASE("the most exact one that fits counts") {
  const Bans bans({{Kind::tenant, "t", 403},
                   {Kind::prefix, "t/a", 429},
                   {Kind::prefix, "t/abc", 403},
                   {Kind::prefix, "t/abd", 403},
                   {Kind::room, "t/abcd", 429}});

  CHECK(found(bans, "t/x") == "t 403");
  CHECK(found(bans, "t/ab") == "t/a 429");
  CHECK(found(bans, "t/abcx") == "t/abc 403");
  CHECK(found(bans, "t/abe") == "t/a 429");
  CHECK(found(bans, "t/abcd") == "t/abcd 429");
}

TEST_CASE("a later ban replaces an earlier one of the same pattern") {
  const Bans bans({{Kind::room, "a", 403, true}, {Kind::prefix, "a", 403}, {Kind::room, "A", 429}});

  CHECK(bans.all().size() == 2);
  CHECK(found(bans, "a") == "a 429");
  CHECK(bans.find(Kind::room, "a")->from_settings == false);
  CHECK(bans.find(Kind::prefix, "a")->status == 403);
  CHECK(bans.find(Kind::tenant, "a") == nullptr);
  CHECK(bans.find(Kind::room, "b") == nullptr);
}

TEST_CASE("goes on saying the same where it has moved to") {
  Bans first({{Kind::room, "a"}, {Kind::prefix, "b"}, {Kind::tenant, "c"}});

  const Bans second = std::move(first);

  CHECK(found(second, "a") == "a 403");
  CHECK(found(second, "b1") == "b 403");
  CHECK(found(second, "c/d") == "c 403");
}

TEST_CASE("has no more than its bound") {
  std::vector<Ban> many;
  for (std::size_t i = 0; i < Bans::kMost + 5; ++i) many.push_back({Kind::room, "r" + std::to_string(i)});

  CHECK(Bans(std::move(many)).all().size() == Bans::kMost);
}

TEST_CASE("finds the longest of many prefixes, as a look at each would") {
  std::mt19937 random(5);
  const auto word = [&random](std::size_t most) {
    std::string text;
    for (std::size_t left = 1 + random() % most; left > 0; --left) {
      text.push_back(static_cast<char>('a' + random() % 3));
    }
    return text;
  };
  std::vector<Ban> list;
  for (int i = 0; i < 300; ++i) list.push_back({Kind::prefix, word(8)});
  const Bans bans(list);

  for (int i = 0; i < 5000; ++i) {
    const std::string key = word(10);
    std::string longest;
    for (const Ban& ban : list) {
      if (key.starts_with(ban.text) && ban.text.size() > longest.size()) longest = ban.text;
    }
    CAPTURE(key);
    const Ban* ban = bans.find(key);
    CHECK((ban == nullptr ? "" : ban->text) == longest);
  }
}

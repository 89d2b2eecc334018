#include <doctest.h>

#include "router/gate/gate.hpp"

using namespace roomgate;
using namespace roomgate::router;
using Kind = admin::BanRow::Kind;
using roomgate::router::admin::Scope;

namespace {

// A gate that does not serve: what an operator says to it needs no client.
std::unique_ptr<gate::Gate> made(std::vector<route::Ban> of_settings = {}) {
  gate::Options options;
  options.threads = 1;
  options.listen.push_back({.address = "127.0.0.1:0"});
  options.admin.address.clear();
  options.access_log = "off";
  options.bans = std::move(of_settings);
  auto gate = gate::Gate::make(std::move(options), [] { return fail(std::string("no file")); });
  REQUIRE(gate.ok());
  return std::move(gate).value();
}

// "room a 403", with a star where it is the settings'.
std::vector<std::string> texts(gate::Gate& gate) {
  std::vector<std::string> out;
  for (const admin::BanRow& row : gate.bans()) {
    const char* kind = row.kind == Kind::room ? "room " : row.kind == Kind::prefix ? "prefix " : "tenant ";
    out.push_back(kind + row.text + " " + std::to_string(row.status) + (row.from_settings ? " *" : ""));
  }
  return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("an operator bans and lifts, whatever the spelling") {
  const auto gate = made();

  CHECK(gate->ban({.kind = Kind::room, .text = "Team/%C3%92"}));
  CHECK(gate->ban({.kind = Kind::prefix, .text = "spam-", .status = 429}));
  CHECK(gate->ban({.kind = Kind::tenant, .text = "evil"}));
  CHECK(texts(*gate) == Texts{"room team/\xc3\xb2 403", "prefix spam- 429", "tenant evil 403"});

  CHECK(gate->ban({.kind = Kind::prefix, .text = "SPAM-"}));
  CHECK(gate->unban(Kind::room, "TEAM/\xc3\x92", Scope::everywhere));
  CHECK_FALSE(gate->unban(Kind::room, "team/\xc3\xb2", Scope::everywhere));
  CHECK_FALSE(gate->unban(Kind::room, "spam-", Scope::everywhere));
  CHECK(texts(*gate) == Texts{"prefix spam- 403", "tenant evil 403"});
}

TEST_CASE("the settings' bans cannot be lifted, but hidden by the operator's own") {
  const auto gate = made({{.kind = route::Ban::Kind::room, .text = "a", .from_settings = true}});
  gate->ban({.kind = Kind::tenant, .text = "t"});
  CHECK(texts(*gate) == Texts{"room a 403 *", "tenant t 403"});

  CHECK_FALSE(gate->unban(Kind::room, "a", Scope::everywhere));
  CHECK(gate->ban({.kind = Kind::room, .text = "A", .status = 429}));
  CHECK(texts(*gate) == Texts{"room a 429", "tenant t 403"});
  CHECK(gate->unban(Kind::room, "a", Scope::everywhere));

  CHECK(texts(*gate) == Texts{"room a 403 *", "tenant t 403"});
}

TEST_CASE("takes no pattern that is empty or longer than a key, and no more than its bound") {
  const auto gate =
      made(std::vector<route::Ban>(route::Bans::kMost - 1, {.text = "x", .from_settings = true}));

  CHECK_FALSE(gate->ban({.kind = Kind::prefix, .text = ""}));
  CHECK_FALSE(gate->ban({.kind = Kind::room, .text = std::string(route::Bans::kLongest + 1, 'a')}));
  CHECK(gate->ban({.kind = Kind::room, .text = "last"}));
  CHECK_FALSE(gate->ban({.kind = Kind::room, .text = "one more"}));
  CHECK(gate->ban({.kind = Kind::room, .text = "last", .status = 429}));
}

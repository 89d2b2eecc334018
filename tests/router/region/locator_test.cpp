#include "router/region/locator.hpp"

#include <doctest.h>

#include "tests/router/http/heads.hpp"
#include "tests/router/region/database_file.hpp"

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::region;
using roomgate::tests::DatabaseFile;
using roomgate::tests::MmdbWriter;

namespace {

Settings settings() {
  return {
      .gate = "home",
      .regions = {{"eu", {"10.1.0.0/16", "2001:db8:1::/48"}, {"DE", "FR"}}, {"us", {"10.2.0.0/16"}, {"US"}}},
      .names = {"asia"}};
}

std::shared_ptr<const GeoIp> database() {
  MmdbWriter writer;
  writer.add({"192.0.2.0/24", "DE", ""});
  writer.add({"198.51.100.0/24", "US", ""});
  writer.add({"10.1.0.0/16", "US", ""});
  writer.add({"203.0.113.0/24", "JP", ""});
  const DatabaseFile file(writer.bytes());
  auto opened = GeoIp::open(file.name());
  REQUIRE(opened.ok());
  return std::move(opened).value();
}

std::shared_ptr<const Locator> made(Settings from, std::shared_ptr<const GeoIp> geoip = {}) {
  auto locator = Locator::make(std::move(from), std::move(geoip));
  REQUIRE(locator.ok());
  return std::move(locator).value();
}

std::string why_not(Settings from) {
  const auto locator = Locator::make(std::move(from), {});
  return locator ? "" : locator.error();
}

Address ip(std::string_view text) { return *Address::from_ip(text, 0); }

// Of a request from a trusted front that has these header lines.
std::string asked(const Locator& locator, std::string_view address, const std::string& lines) {
  const http::Request request("GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n");
  return std::string(locator.of_request(ip(address), request.head().headers));
}

}  // namespace

TEST_CASE("asks in the operator's order, and the first that knows decides") {
  const auto geoip = database();
  const auto usual = made(settings(), geoip);

  CHECK(asked(*usual, "10.1.0.1", "X-Region: us\r\n") == "us");
  CHECK(asked(*usual, "10.1.0.1", "") == "eu");
  CHECK(usual->of_address(ip("10.1.0.1")) == "eu");
  CHECK(usual->of_address(ip("::ffff:10.2.0.1")) == "us");
  CHECK(usual->of_address(ip("2001:db8:1::7")) == "eu");
  CHECK(usual->of_address(ip("192.0.2.1")) == "eu");
  CHECK(usual->of_address(ip("198.51.100.1")) == "us");
  CHECK(usual->of_address(ip("203.0.113.1")) == "home");
  CHECK(usual->of_address(ip("10.9.0.1")) == "home");

  Settings other = settings();
  other.order = {Source::geoip, Source::cidr, Source::header};
  const auto turned = made(other, geoip);
  CHECK(turned->of_address(ip("10.1.0.1")) == "us");
  CHECK(turned->of_address(ip("10.9.0.1")) == "");
  CHECK(asked(*turned, "10.2.0.1", "X-Region: eu\r\n") == "us");
  CHECK(asked(*turned, "10.9.0.1", "X-Region: eu\r\n") == "eu");

  other.order = {Source::gate, Source::header};
  CHECK(asked(*made(other), "10.1.0.1", "X-Region: eu\r\n") == "home");
  other.order = {Source::cidr};
  CHECK(asked(*made(other), "10.9.0.1", "X-Region: eu\r\nX-Proxy-Region: eu\r\n") == "");
}

TEST_CASE("without a database its turn is passed over") {
  const auto locator = made(settings());

  CHECK(locator->of_address(ip("192.0.2.1")) == "home");
  CHECK(Locator().of_address(ip("192.0.2.1")) == "");
}

TEST_CASE("a front's X-Proxy-Region is taken as it is, geo.header only where it means something here") {
  const auto locator = made(settings());

  CHECK(asked(*locator, "10.9.0.1", "X-Proxy-Region: moon\r\n") == "moon");
  CHECK(asked(*locator, "10.9.0.1", "X-Region: moon\r\n") == "home");
  CHECK(asked(*locator, "10.9.0.1", "X-Region: asia\r\n") == "asia");
  CHECK(asked(*locator, "10.9.0.1", "X-Region: home\r\n") == "home");
  CHECK(asked(*locator, "10.9.0.1", "X-Region: FR\r\n") == "eu");
  CHECK(asked(*locator, "10.1.0.1", "X-Region: XX\r\n") == "eu");
  CHECK(asked(*locator, "10.9.0.1", "X-Proxy-Region: asia\r\nX-Region: us\r\n") == "asia");
}

TEST_CASE("the last copy counts: a front that adds its own leaves its client's before it") {
  const auto locator = made(settings());

  CHECK(asked(*locator, "10.9.0.1", "X-Region: us\r\nx-region: eu\r\n") == "eu");
  CHECK(asked(*locator, "10.9.0.1", "X-Proxy-Region: us\r\nX-Proxy-Region: eu\r\n") == "eu");
  CHECK(asked(*locator, "10.9.0.1", "X-Region: us, eu\r\n") == "home");
}

TEST_CASE("what could not be a region's name decides nothing") {
  const auto locator = made(settings());

  CHECK(asked(*locator, "10.1.0.1", "X-Proxy-Region: \r\n") == "eu");
  CHECK(asked(*locator, "10.1.0.1", "X-Proxy-Region: us, us\r\n") == "eu");
  CHECK(asked(*locator, "10.1.0.1", "X-Proxy-Region: \"us\"\r\n") == "eu");
  CHECK(asked(*locator, "10.1.0.1", "X-Proxy-Region: " + std::string(65, 'a') + "\r\n") == "eu");
  CHECK(asked(*locator, "10.1.0.1", "X-Proxy-Region: " + std::string(64, 'a') + "\r\n") ==
        std::string(64, 'a'));
  CHECK(asked(*locator, "10.1.0.1", "X-Proxy-Region:\r\nX-Region: us\r\n") == "us");
}

TEST_CASE("the header has the name that the operator gave it") {
  Settings from = settings();
  from.header = "CF-IPCountry";
  const auto locator = made(from);

  CHECK(asked(*locator, "10.9.0.1", "cf-ipcountry: US\r\n") == "us");
  CHECK(asked(*locator, "10.9.0.1", "X-Region: us\r\n") == "home");
}

TEST_CASE("mistakes are told") {
  Settings twice = settings();
  twice.regions[1].cidrs = {"10.1.0.0/16"};
  CHECK(why_not(twice) == "regions: 10.1.0.0/16 is in the cidrs of two regions");
  Settings v6 = settings();
  v6.regions[1].cidrs = {"2001:db8:1::/48"};
  CHECK(why_not(v6) == "regions: 2001:db8:1::/48 is in the cidrs of two regions");
  Settings country = settings();
  country.regions[1].countries = {"FR"};
  CHECK(why_not(country) == "regions: FR is a country of two regions");
  Settings name = settings();
  name.names = {"a\r\nX: y"};
  CHECK(why_not(name).find("cannot be a region's name") != std::string::npos);
  CHECK(why_not(settings()) == "");
}

TEST_CASE("a connection's memo asks again when the locator is another") {
  Settings from = settings();
  const auto first = made(from);
  Memo memo;
  CHECK(memo.of(ip("10.1.0.1"), *first) == "eu");
  CHECK(memo.of(ip("10.2.0.1"), *first) == "eu");  // it does not look: a connection's client stays the same

  from.regions[0].cidrs.clear();
  const auto second = made(from);

  CHECK(second->id() != first->id());
  CHECK(memo.of(ip("10.1.0.1"), *second) == "home");
}

#include "router/region/geoip.hpp"

#include <doctest.h>

#include "tests/router/region/database_file.hpp"

using namespace roomgate;
using namespace roomgate::router::region;
using roomgate::tests::DatabaseFile;
using roomgate::tests::MmdbWriter;

namespace {

std::string country(const GeoIp& database, std::string_view ip) {
  return std::string(database.country(*Address::from_ip(ip, 0)));
}

std::string why_not(const std::string& file, const GeoIpLimits& limits = {}) {
  const auto opened = GeoIp::open(file, limits);
  return opened ? "" : opened.error();
}

}  // namespace

TEST_CASE("finds the country of an address, else where it is registered") {
  MmdbWriter writer;
  writer.add({"192.0.2.0/24", "DE", "US"});
  writer.add({"198.51.100.0/24", "", "FR"});
  writer.add({"203.0.113.0/24", "", ""});
  writer.add({"2001:db8::/32", "JP", ""});
  const DatabaseFile file(writer.bytes());

  const auto database = GeoIp::open(file.name());

  REQUIRE(database.ok());
  CHECK(country(**database, "192.0.2.7") == "DE");
  CHECK(country(**database, "::ffff:192.0.2.7") == "DE");
  CHECK(country(**database, "198.51.100.255") == "FR");
  CHECK(country(**database, "203.0.113.1") == "");
  CHECK(country(**database, "192.0.3.1") == "");
  CHECK(country(**database, "2001:db8::9") == "JP");
  CHECK(country(**database, "2001:db9::9") == "");
  CHECK((*database)->built() == 1'700'000'000);
}

TEST_CASE("finds it in the flat records that some databases have") {
  MmdbWriter writer;
  writer.add({.network = "192.0.2.0/24", .flat = "DE"});
  const DatabaseFile file(writer.bytes());

  const auto database = GeoIp::open(file.name());

  REQUIRE(database.ok());
  CHECK(country(**database, "192.0.2.7") == "DE");
}

TEST_CASE("a narrower network's country hides the wider one's") {
  MmdbWriter writer;
  writer.add({"10.0.0.0/8", "DE", ""});
  writer.add({"10.1.0.0/16", "AT", ""});
  const DatabaseFile file(writer.bytes());

  const auto database = GeoIp::open(file.name());

  REQUIRE(database.ok());
  CHECK(country(**database, "10.0.0.1") == "DE");
  CHECK(country(**database, "10.1.0.1") == "AT");
  CHECK(country(**database, "10.2.0.1") == "DE");
}

TEST_CASE("goes on with what it has read when the file is overwritten") {
  MmdbWriter writer;
  writer.add({"192.0.2.0/24", "DE", ""});
  DatabaseFile file(writer.bytes());
  const auto database = GeoIp::open(file.name());
  REQUIRE(database.ok());

  file.write("");

  CHECK(country(**database, "192.0.2.7") == "DE");
}

TEST_CASE("says which file cannot be used and why") {
  MmdbWriter good;
  good.add({"192.0.2.0/24", "DE", ""});
  MmdbWriter no_countries("Test-ASN");
  no_countries.add({"192.0.2.0/24", "", ""});
  const std::string bytes = good.bytes();
  const DatabaseFile text("not a database at all");
  const DatabaseFile empty("");
  const DatabaseFile cut(bytes.substr(0, bytes.size() - 30));
  const DatabaseFile asn(no_countries.bytes());
  const DatabaseFile whole(bytes);

  CHECK(why_not("/nonexistent/geo.mmdb") == "/nonexistent/geo.mmdb: No such file or directory");
  CHECK(why_not("/") == "/: is not a file");
  CHECK(why_not(empty.name()) == empty.name() + ": is empty");
  CHECK(why_not(text.name()).starts_with(text.name() + ": "));
  CHECK(why_not(cut.name()).starts_with(cut.name() + ": "));
  CHECK(why_not(asn.name()) == asn.name() + ": has no countries in its records (it says it is \"Test-ASN\")");
  CHECK(why_not(whole.name(), {.max_bytes = 100}) == whole.name() + ": is larger than 100 bytes");
  CHECK(why_not(whole.name()) == "");
}

TEST_CASE("damage anywhere in a database is survived") {
  MmdbWriter writer;
  writer.add({"192.0.2.0/24", "DE", "US"});
  writer.add({"2001:db8::/32", "JP", ""});
  const std::string bytes = writer.bytes();
  DatabaseFile file(bytes);
  std::size_t opened = 0;

  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(~damaged[at]);
    file.write(damaged);
    const auto database = GeoIp::open(file.name());
    if (!database) continue;
    ++opened;
    for (const char* ip : {"192.0.2.7", "2001:db8::9", "0.0.0.0", "ffff::"}) {
      CHECK(country(**database, ip).size() <= bytes.size());
    }
  }

  CHECK(opened > 0);
}

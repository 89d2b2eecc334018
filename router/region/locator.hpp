// Which region a client is of: what a trusted front says, the regions' networks, the country its address is
// in, the gate's own region, in the operator's order. Immutable, made from settings; any thread.
//
// Two headers can name it, both believed from trust_forwarded_from only, each in its last copy (a front that
// adds one leaves its client's before it):
//   X-Proxy-Region  is our own word, written by a front that knows regions: it is taken as it is, since shards
//                   may have bridges in regions that this gate has never heard of.
//   geo.header      is anybody's word (a CDN's country, a balancer's zone): it counts where it is the name of
//                   a region in these settings, or a country of one. "XX" and "unknown" decide nothing.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "base/siphash.hpp"
#include "router/http/types.hpp"
#include "router/region/cidr_map.hpp"
#include "router/region/geoip.hpp"

namespace roomgate::router::region {

enum class Source : std::uint8_t { header, cidr, geoip, gate };
std::optional<Source> parse_source(std::string_view text);

// 1 to 64 of a-z A-Z 0-9 . _ -: goes into a header line as it is.
bool is_region_name(std::string_view text);

struct Region {
  std::string name;
  std::vector<std::string> cidrs;
  std::vector<std::string> countries;  // "DE"
};

struct Settings {
  std::vector<Source> order = {Source::header, Source::cidr, Source::geoip, Source::gate};
  std::string header = "X-Region";  // geo.header
  std::string gate;                 // the gate's own region; empty: none
  std::vector<Region> regions;
  std::vector<std::string> names;  // of further regions: those of shards
};

class Locator {
 public:
  // Knows no region at all.
  Locator();
  // `database`: null where Source::geoip has none to ask. The error is for the operator.
  static Result<std::shared_ptr<const Locator>, std::string> make(Settings settings,
                                                                  std::shared_ptr<const GeoIp> database);

  // The region of a client at that address of which no front says anything; empty: not known. Views into this
  // object, as below.
  std::string_view of_address(const Address& client) const { return find(client, {}); }
  // The same with the head of a request from a trusted front; the view may be into the head.
  std::string_view of_request(const Address& client, http::Headers trusted) const {
    return find(client, trusted);
  }

  // geo.header: never passed on to a shard.
  std::string_view header() const { return settings_.header; }
  const GeoIp* database() const { return database_.get(); }
  const Settings& settings() const { return settings_; }
  // No other has or had the same, in this process.
  std::uint64_t id() const { return id_; }

 private:
  using Index = std::optional<RegionIndex>;

  Result<void, std::string> add_names();
  Result<void, std::string> add_networks();
  Result<void, std::string> add_countries();

  std::string_view find(const Address& client, http::Headers trusted) const;
  std::string_view said(http::Headers trusted) const;
  Index of_country(std::string_view code) const;
  std::string_view name_of(Index index) const { return index ? std::string_view(names_[*index]) : ""; }

  Settings settings_;
  std::shared_ptr<const GeoIp> database_;
  std::vector<std::string> names_;  // settings.regions first, in their order
  std::unordered_map<std::string, RegionIndex, SipHasher, std::equal_to<>> index_;
  CidrMap networks_;
  std::array<Index, 26 * 26> countries_{};
  std::uint64_t id_;
};

// What of_address() said of a connection's peer, so that its further requests need not ask again. Part of the
// connection, its core's thread.
class Memo {
 public:
  // As long as the locator lives.
  std::string_view of(const Address& client, const Locator& locator) {
    if (asked_ != locator.id()) {
      region_ = locator.of_address(client);
      asked_ = locator.id();
    }
    return region_;
  }

 private:
  std::uint64_t asked_ = 0;  // the locator's id; the view is into that one
  std::string_view region_;
};

}  // namespace roomgate::router::region

#include "router/region/locator.hpp"

#include <algorithm>
#include <atomic>
#include <limits>

#include "router/http/syntax.hpp"

namespace roomgate::router::region {
namespace {

constexpr std::size_t kMaxRegions = std::numeric_limits<RegionIndex>::max();

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

std::optional<std::size_t> country_place(std::string_view code) {
  const auto is_letter = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (code.size() != 2 || !is_letter(code[0]) || !is_letter(code[1])) return std::nullopt;
  return static_cast<std::size_t>((code[0] - 'A') * 26 + (code[1] - 'A'));
}

// The last copy: what stands before it may be what the front's client wrote.
template <class Fits>
std::string_view last_value(http::Headers headers, Fits fits) {
  for (std::size_t i = headers.size(); i-- > 0;) {
    if (fits(headers[i])) return headers[i].value;
  }
  return {};
}

std::string dotted(const Network& network) {
  constexpr int kMapped = 96;  // ::ffff:0:0/96 is IPv4
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  std::copy(network.prefix.begin(), network.prefix.end(), v6.sin6_addr.s6_addr);
  const auto address = Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
  const bool v4 = address && address->is_v4() && network.bits >= kMapped;
  return (address ? address->ip() : "?") + "/" + std::to_string(v4 ? network.bits - kMapped : network.bits);
}

}  // namespace

std::optional<Source> parse_source(std::string_view text) {
  if (text == "header") return Source::header;
  if (text == "cidr") return Source::cidr;
  if (text == "geoip") return Source::geoip;
  if (text == "gate") return Source::gate;
  return std::nullopt;
}

bool is_region_name(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !text.empty() && text.size() <= kLongest && text.find_first_not_of(kAllowed) == text.npos;
}

Locator::Locator() : id_(next_id()) {}

Result<std::shared_ptr<const Locator>, std::string> Locator::make(Settings settings,
                                                                  std::shared_ptr<const GeoIp> database) {
  auto made = std::make_shared<Locator>();
  made->settings_ = std::move(settings);
  made->database_ = std::move(database);
  if (auto added = made->add_names(); !added) return fail(added.error());
  if (auto added = made->add_networks(); !added) return fail(added.error());
  if (auto added = made->add_countries(); !added) return fail(added.error());
  return std::shared_ptr<const Locator>(std::move(made));
}

Result<void, std::string> Locator::add_names() {
  const auto add = [this](const std::string& name) -> Result<void, std::string> {
    if (name.empty() || index_.contains(name)) return {};
    if (!is_region_name(name)) {
      return fail("\"" + name + "\" cannot be a region's name: 1 to 64 of a-z A-Z 0-9 . _ -");
    }
    if (names_.size() == kMaxRegions) return fail("regions: more than " + std::to_string(kMaxRegions));
    index_.emplace(name, static_cast<RegionIndex>(names_.size()));
    names_.push_back(name);
    return {};
  };
  for (const Region& region : settings_.regions) {
    if (auto added = add(region.name); !added) return added;
  }
  for (const std::string& name : settings_.names) {
    if (auto added = add(name); !added) return added;
  }
  return add(settings_.gate);
}

Result<void, std::string> Locator::add_networks() {
  std::vector<CidrMap::Line> lines;
  for (const Region& region : settings_.regions) {
    const RegionIndex index = index_.find(region.name)->second;
    for (const std::string& text : region.cidrs) {
      const auto network = Network::parse(text);
      if (!network) return fail("regions." + region.name + ".cidrs: \"" + text + "\" is no network");
      lines.push_back({*network, index});
    }
  }
  auto map = CidrMap::make(std::move(lines));
  if (!map) return fail("regions: " + dotted(map.error()) + " is in the cidrs of two regions");
  networks_ = std::move(map).value();
  return {};
}

Result<void, std::string> Locator::add_countries() {
  for (const Region& region : settings_.regions) {
    const RegionIndex index = index_.find(region.name)->second;
    for (const std::string& code : region.countries) {
      const auto place = country_place(code);
      if (!place) return fail("regions." + region.name + ".countries: \"" + code + "\" is no country");
      if (countries_[*place] && *countries_[*place] != index) {
        return fail("regions: " + code + " is a country of two regions");
      }
      countries_[*place] = index;
    }
  }
  return {};
}

Locator::Index Locator::of_country(std::string_view code) const {
  const auto place = country_place(code);
  return place ? countries_[*place] : std::nullopt;
}

std::string_view Locator::said(http::Headers trusted) const {
  const auto region = last_value(
      trusted, [](const http::HeaderView& header) { return header.id == http::HeaderId::x_proxy_region; });
  if (is_region_name(region)) return region;
  const auto word = last_value(
      trusted, [this](const http::HeaderView& header) { return http::same(header.name, settings_.header); });
  if (word.empty()) return {};
  if (const auto known = index_.find(word); known != index_.end()) return name_of(known->second);
  return name_of(of_country(word));
}

std::string_view Locator::find(const Address& client, http::Headers trusted) const {
  for (const Source source : settings_.order) {
    std::string_view region;
    switch (source) {
      case Source::header: region = said(trusted); break;
      case Source::cidr: region = name_of(networks_.find(client)); break;
      case Source::geoip:
        if (database_ != nullptr) region = name_of(of_country(database_->country(client)));
        break;
      case Source::gate: region = settings_.gate; break;
    }
    if (!region.empty()) return region;
  }
  return {};
}

}  // namespace roomgate::router::region

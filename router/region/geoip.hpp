// Address -> country, from a GeoIP database in MaxMind's format (.mmdb, of countries or cities, whoever made
// it). Holds a copy of the file in memory: one that is overwritten in place, not replaced, would otherwise
// take the gate down in the middle of a look. Immutable; any thread, without a lock.
#pragma once

#include <maxminddb.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "base/result.hpp"

namespace roomgate::router::region {

struct GeoIpLimits {
  std::uint64_t max_bytes = std::uint64_t{1} << 30;  // databases of cities have some 70 MB
  std::uint32_t nodes_searched = 1'000'000;          // for a first country, when the file is opened
};

class GeoIp {
 public:
  // The error names the file, and what is wrong with it; a database that knows no countries is wrong too.
  static Result<std::shared_ptr<const GeoIp>, std::string> open(const std::string& file,
                                                                const GeoIpLimits& limits = {});
  ~GeoIp();
  GeoIp(const GeoIp&) = delete;
  GeoIp& operator=(const GeoIp&) = delete;

  // ISO 3166 ("DE"): where the address is, else where it is registered; empty: not known. A view into the
  // database.
  std::string_view country(const Address& address) const;

  const std::string& file() const { return file_; }
  std::uint64_t looked() const { return looked_; }  // its file_fingerprint, just before it was read
  std::uint64_t built() const { return database_.metadata.build_epoch; }  // Unix time

 private:
  explicit GeoIp(std::string file) : file_(std::move(file)) {}
  bool has_countries(std::uint32_t nodes) const;

  std::string file_;
  std::uint64_t looked_ = 0;
  MMDB_s database_{};
  bool open_ = false;
};

}  // namespace roomgate::router::region

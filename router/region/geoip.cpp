#include "router/region/geoip.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/file_watch.hpp"

namespace roomgate::router::region {
namespace {

std::string error_text() { return std::generic_category().message(errno); }

// Closed at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

// The file's bytes, in memory that has a descriptor: libmaxminddb takes names only, and this has one.
Result<Descriptor, std::string> copy_of(const std::string& file, std::uint64_t max_bytes) {
  const Descriptor from(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (from.number() < 0) return fail(error_text());
  struct stat facts {};
  if (::fstat(from.number(), &facts) != 0) return fail(error_text());
  if (!S_ISREG(facts.st_mode)) return fail(std::string("is not a file"));
  const auto size = static_cast<std::uint64_t>(facts.st_size);
  if (size == 0) return fail(std::string("is empty"));
  if (size > max_bytes) return fail("is larger than " + std::to_string(max_bytes) + " bytes");
  Descriptor to(::memfd_create("geoip", MFD_CLOEXEC));
  if (to.number() < 0) return fail(error_text());
  std::uint64_t copied = 0;
  while (copied < size) {
    const auto some = ::sendfile(to.number(), from.number(), nullptr, size - copied);
    if (some < 0 && errno == EINTR) continue;
    if (some < 0) return fail(error_text());
    if (some == 0) return fail(std::string("became shorter while it was read"));
    copied += static_cast<std::uint64_t>(some);
  }
  return to;
}

std::string_view text_of(const MMDB_entry_data_s& data) {
  if (!data.has_data || data.type != MMDB_DATA_TYPE_UTF8_STRING) return {};
  return {data.utf8_string, data.data_size};
}

// Where records have their country: MaxMind's and DB-IP's, then the flat ones of others. Each ends with null.
constexpr std::array<std::array<const char*, 3>, 3> kCountries = {{
    {"country", "iso_code", nullptr},
    {"registered_country", "iso_code", nullptr},
    {"country_code", nullptr, nullptr},
}};

std::string_view country_of(MMDB_entry_s entry) {
  for (const auto& path : kCountries) {
    MMDB_entry_data_s data{};
    if (MMDB_aget_value(&entry, &data, path.data()) != MMDB_SUCCESS) continue;
    if (const auto code = text_of(data); !code.empty()) return code;
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const GeoIp>, std::string> GeoIp::open(const std::string& file,
                                                              const GeoIpLimits& limits) {
  std::shared_ptr<GeoIp> made(new GeoIp(file));
  made->looked_ = file_fingerprint(file);
  const auto copy = copy_of(file, limits.max_bytes);
  if (!copy) return fail(file + ": " + copy.error());
  const std::string name = "/proc/self/fd/" + std::to_string(copy->number());
  const int opened = MMDB_open(name.c_str(), MMDB_MODE_MMAP, &made->database_);
  if (opened != MMDB_SUCCESS) {
    return fail(file + ": " + (opened == MMDB_IO_ERROR ? error_text() : std::string(MMDB_strerror(opened))));
  }
  made->open_ = true;
  if (!made->has_countries(limits.nodes_searched)) {
    const std::string_view type =
        made->database_.metadata.database_type == nullptr ? "" : made->database_.metadata.database_type;
    return fail(file + ": has no countries in its records (it says it is \"" + std::string(type) + "\")");
  }
  return std::shared_ptr<const GeoIp>(std::move(made));
}

GeoIp::~GeoIp() {
  if (open_) MMDB_close(&database_);
}

// The search tree's nodes come in any order: some record soon leads to a place on earth.
bool GeoIp::has_countries(std::uint32_t nodes) const {
  for (std::uint32_t n = 0; n < database_.metadata.node_count && n < nodes; ++n) {
    MMDB_search_node_s node{};
    if (MMDB_read_node(&database_, n, &node) != MMDB_SUCCESS) return false;
    if (node.left_record_type == MMDB_RECORD_TYPE_DATA && !country_of(node.left_record_entry).empty())
      return true;
    if (node.right_record_type == MMDB_RECORD_TYPE_DATA && !country_of(node.right_record_entry).empty())
      return true;
  }
  return false;
}

std::string_view GeoIp::country(const Address& address) const {
  const Address plain = Address::from_sockaddr(address.data(), address.size()).value_or(address);
  int error = MMDB_SUCCESS;
  const auto found = MMDB_lookup_sockaddr(&database_, plain.data(), &error);
  // Damage within the data is found here; an address that cannot be looked up is one that is not known.
  if (error != MMDB_SUCCESS || !found.found_entry) return {};
  return country_of(found.entry);
}

}  // namespace roomgate::router::region

// A GeoIP database in a file of the test's own.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "tests/support/mmdb.hpp"

namespace roomgate::tests {

class DatabaseFile {
 public:
  explicit DatabaseFile(std::string_view bytes) {
    const int descriptor = ::mkstemp(name_.data());
    if (descriptor >= 0) ::close(descriptor);
    write(bytes);
  }
  ~DatabaseFile() { ::unlink(name_.c_str()); }
  DatabaseFile(const DatabaseFile&) = delete;
  DatabaseFile& operator=(const DatabaseFile&) = delete;

  const std::string& name() const { return name_; }
  // In place, as `cp` does it.
  void write(std::string_view bytes) {
    std::ofstream out(name_, std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

 private:
  std::string name_ = (std::filesystem::temp_directory_path() / "roomgate-geoip-XXXXXX").string();
};

}  // namespace roomgate::tests

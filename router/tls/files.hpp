// Files that TLS is configured from: reading them within bounds, and telling when one of a set has changed.
// The gate looks once a second rather than listening to inotify: a look sees every kind of change (a symbolic
// link anywhere in a path swapped, as Kubernetes and ACME clients do it; network file systems), needs no
// descriptor per folder, and costs 2 us a file. Control core, start-up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace roomgate::router::tls {

struct FileLimits {
  std::size_t max_bytes = 1024 * 1024;  // of one file
  std::size_t max_files = 50'000;       // of one folder
};

Result<std::string, std::string> read_file(const std::string& name, const FileLimits& limits = {});

bool is_folder(const std::string& path);
// The files of a folder that could hold certificates, keys or OCSP answers, sorted by name.
Result<std::vector<std::string>, std::string> files_of(const std::string& folder,
                                                       const FileLimits& limits = {});
// Where an OCSP answer for a certificate file would lie: FILE.ocsp for FILE.pem, or FILE.pem.ocsp.
std::vector<std::string> ocsp_names(const std::string& certificate_file);

// Of files, folders' files and the OCSP answers beside them: equal as long as none was written, replaced,
// added or removed. A file that is not there counts too.
std::uint64_t fingerprint(const std::vector<std::string>& paths, const FileLimits& limits = {});

// Says when a changed set is worth reading: once it has looked the same twice, since a certificate and its
// key are two files, written one after the other.
class Settled {
 public:
  explicit Settled(std::uint64_t read) : read_(read) {}
  // True: read the files now. From then on that look counts as read, whether or not it was any good.
  bool observe(std::uint64_t seen);
  // Somebody has read them meanwhile.
  void taken(std::uint64_t seen);

 private:
  std::uint64_t read_;
  std::optional<std::uint64_t> candidate_;
};

}  // namespace roomgate::router::tls

// Files that TLS is configured from: reading them within bounds, and telling when one of a set has changed
// (base/file_watch.hpp). Control core, start-up.
#pragma once

#include <cstdint>
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

}  // namespace roomgate::router::tls

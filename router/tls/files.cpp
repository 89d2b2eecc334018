#include "router/tls/files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "base/encoding.hpp"
#include "base/file_watch.hpp"
#include "base/siphash.hpp"

namespace roomgate::router::tls {

namespace fs = std::filesystem;

Result<std::string, std::string> read_file(const std::string& name, const FileLimits& limits) {
  struct stat facts {};
  if (::stat(name.c_str(), &facts) != 0) return fail(name + ": " + std::generic_category().message(errno));
  if (!S_ISREG(facts.st_mode)) return fail(name + ": is not a file");
  if (static_cast<std::size_t>(facts.st_size) > limits.max_bytes) {
    return fail(name + ": is larger than " + std::to_string(limits.max_bytes) + " bytes");
  }
  std::ifstream in(name, std::ios::binary);
  if (!in) return fail(name + ": cannot be read: " + std::generic_category().message(errno));
  std::string text(static_cast<std::size_t>(facts.st_size), '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

Result<std::vector<std::string>, std::string> files_of(const std::string& folder, const FileLimits& limits) {
  constexpr std::array<std::string_view, 5> kKnown = {".pem", ".crt", ".cer", ".key", ".ocsp"};
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator at(folder, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    const auto extension = ascii_lower(at->path().extension().string());
    if (std::find(kKnown.begin(), kKnown.end(), extension) == kKnown.end()) continue;
    std::error_code ignored;
    if (!at->is_regular_file(ignored)) continue;
    if (names.size() == limits.max_files) {
      return fail(folder + ": has more than " + std::to_string(limits.max_files) + " files");
    }
    names.push_back(at->path().string());
  }
  if (error) return fail(folder + ": " + error.message());
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> ocsp_names(const std::string& certificate_file) {
  return {fs::path(certificate_file).replace_extension(".ocsp").string(), certificate_file + ".ocsp"};
}

std::uint64_t fingerprint(const std::vector<std::string>& paths, const FileLimits& limits) {
  std::string facts;
  for (const auto& path : paths) {
    if (!is_folder(path)) {
      append_file_facts(path, facts);
      for (const auto& name : ocsp_names(path)) append_file_facts(name, facts);
      continue;
    }
    const auto names = files_of(path, limits);
    facts += names ? path : names.error();
    facts += '\0';
    if (!names) continue;
    for (const auto& name : *names) append_file_facts(name, facts);
  }
  return siphash(as_bytes(facts));
}

}  // namespace roomgate::router::tls

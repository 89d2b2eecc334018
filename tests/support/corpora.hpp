// The shared corpora, where they lie beside the checkout or where ROOMGATE_CORPORA says; tests that find none
// say "skipped: no corpora".
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace roomgate::tests {

inline std::filesystem::path corpora() {
  if (const char* named = std::getenv("ROOMGATE_CORPORA")) return named;
  return std::filesystem::path(ROOMGATE_SOURCE_DIR) / "../shared/corpora";
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Of one line of an index.tsv.
inline std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  std::stringstream in(line);
  for (std::string field; std::getline(in, field, '\t');) fields.push_back(field);
  return fields;
}

}  // namespace roomgate::tests

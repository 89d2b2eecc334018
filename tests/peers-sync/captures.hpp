// Captured sessions as facts/peers-captures has them: "@seconds" lines, and the bytes that came then.
#pragma once

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "tests/support/corpora.hpp"

namespace roomgate::peers_sync::tests {

struct Chunk {
  Duration at{};
  std::string bytes;
};

inline std::filesystem::path captures() { return roomgate::tests::corpora() / "../facts/peers-captures"; }

inline std::vector<Chunk> chunks_of(const std::filesystem::path& file) {
  std::istringstream lines(roomgate::tests::read_file(file));
  std::vector<Chunk> chunks;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    if (line.starts_with('@')) {
      const std::chrono::duration<double> at(std::stod(line.substr(1)));
      chunks.push_back({std::chrono::duration_cast<Duration>(at), {}});
      continue;
    }
    std::istringstream words(line);
    for (std::string word; words >> word;) {
      chunks.back().bytes.push_back(static_cast<char>(std::stoi(word, nullptr, 16)));
    }
  }
  return chunks;
}

inline std::string all_of(const std::vector<Chunk>& chunks) {
  std::string all;
  for (const Chunk& chunk : chunks) all += chunk.bytes;
  return all;
}

}  // namespace roomgate::peers_sync::tests

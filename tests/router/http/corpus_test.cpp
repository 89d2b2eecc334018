// Replays request streams with known verdicts, whole and byte by byte, through the same steps as a connection
// takes.
#include <doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "tests/router/http/connection.hpp"
#include "tests/support/corpora.hpp"

using namespace roomgate;
using namespace roomgate::tests;
using namespace roomgate::router::http;

namespace {}  // namespace

TEST_CASE("treats the sample requests of other parsers as an edge should") {
  const std::filesystem::path folder = corpora() / "http1-llhttp";
  std::ifstream index(folder / "index.tsv");
  if (!index) {
    std::cout << "skipped: no corpora\n";
    return;
  }
  std::string line;
  std::getline(index, line);
  std::size_t replayed = 0;
  while (std::getline(index, line)) {
    const std::vector<std::string> fields = fields_of(line);
    REQUIRE(fields.size() > 8);
    const std::string stream = read_file(folder / fields[0]);
    for (bool byte_by_byte : {false, true}) {
      const Outcome outcome = replay(stream, byte_by_byte);
      INFO(fields[0], " expects ", fields[7], ": ", fields[8], byte_by_byte ? " (byte by byte)\n" : "\n",
           stream);
      if (fields[7] == "accept") {
        const auto messages = static_cast<std::size_t>(std::stoul(fields[2]));
        REQUIRE(outcome.bodies.size() >= messages);
        std::stringstream lengths(fields[3]);
        std::string length;
        for (std::size_t i = 0; i < messages && std::getline(lengths, length, ','); ++i) {
          CHECK(outcome.bodies[i] == std::stoul(length));
        }
      } else if (fields[7] == "reject") {
        // A head that never ends is held until its deadline and then refused; nothing of it is forwarded.
        const auto messages =
            fields[1] == "accept" ? std::size_t{0} : static_cast<std::size_t>(std::stoul(fields[2]));
        CHECK(outcome.bodies.size() <= messages);
      } else if (fields[7] == "hold") {
        CHECK(outcome.bodies.size() <= static_cast<std::size_t>(std::stoul(fields[2])));
      }
    }
    ++replayed;
  }
  CHECK(replayed > 200);
}

TEST_CASE("survives the seeds of other parsers' fuzzers") {
  const std::filesystem::path folder = corpora() / "http1-seeds";
  if (!std::filesystem::is_directory(folder)) {
    std::cout << "skipped: no corpora\n";
    return;
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string stream = read_file(entry.path());
    const Outcome whole = replay(stream, false);
    const Outcome pieces = replay(stream.substr(0, 4096), true);
    CHECK(whole.bodies.size() >= (stream.size() <= 4096 ? pieces.bodies.size() : 0));
  }
}

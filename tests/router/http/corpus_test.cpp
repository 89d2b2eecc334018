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

#include "router/http/chunked.hpp"
#include "router/http/framing.hpp"
#include "router/http/request_parser.hpp"
#include "router/http/target.hpp"
#include "router/http/upgrade.hpp"

using namespace roomgate;
using namespace roomgate::router::http;

namespace {

std::filesystem::path corpora() {
  if (const char* named = std::getenv("ROOMGATE_CORPORA")) return named;
  return std::filesystem::path(__FILE__).parent_path() / "../../../../shared/corpora";
}

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A connection as the gate would see it.
class Connection {
 public:
  // False: closed with an error, or after a request that asked for it while more came.
  bool feed(std::string_view stream) {
    while (at_ < stream.size()) {
      const ByteView in = as_bytes(stream.substr(at_));
      if (closing_) return false;
      if (!in_body_) {
        const auto done = parser_.parse(in);
        if (!done) return false;
        if (!*done) return true;
        if (!begin_body()) return false;
        continue;
      }
      if (framing_.kind == Framing::Kind::chunked) {
        const auto step = decoder_.next(in);
        if (!step) return false;
        body_ += step->payload.size();
        at_ += step->consumed;
        if (decoder_.done()) end_message();
      } else {
        const auto take = std::min<std::uint64_t>(in.size(), framing_.length - body_);
        body_ += take;
        at_ += static_cast<std::size_t>(take);
        if (body_ == framing_.length) end_message();
      }
    }
    return true;
  }

  const std::vector<std::uint64_t>& bodies() const { return bodies_; }

 private:
  bool begin_body() {
    const RequestHead& head = parser_.head();
    const auto framing = framing_of(head);
    PathScratch scratch;
    if (!framing || !routed_path(head.target.path, scratch)) return false;
    if (accept_upgrade(head).kind == UpgradeDecision::Kind::refused) return false;
    framing_ = *framing;
    close_after_ = !keeps_alive(head);
    at_ += head.size;
    in_body_ = true;
    body_ = 0;
    decoder_ = {};
    if (framing_.kind != Framing::Kind::chunked && framing_.length == 0) end_message();
    return true;
  }

  void end_message() {
    bodies_.push_back(body_);
    in_body_ = false;
    closing_ = close_after_;
    parser_.reset();
  }

  RequestParser parser_;
  ChunkedDecoder decoder_;
  Framing framing_;
  std::size_t at_ = 0;
  std::uint64_t body_ = 0;
  bool in_body_ = false;
  bool close_after_ = false;
  bool closing_ = false;
  std::vector<std::uint64_t> bodies_;
};

struct Outcome {
  bool refused = false;
  std::vector<std::uint64_t> bodies;
};

Outcome replay(const std::string& stream, bool byte_by_byte) {
  Connection connection;
  Outcome outcome;
  for (std::size_t size = byte_by_byte ? 1 : stream.size(); size <= stream.size(); ++size) {
    const std::string copy = stream.substr(0, size);
    if (!connection.feed(copy)) {
      outcome.refused = true;
      break;
    }
  }
  outcome.bodies = connection.bodies();
  return outcome;
}

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  std::stringstream in(line);
  for (std::string field; std::getline(in, field, '\t');) fields.push_back(field);
  return fields;
}

}  // namespace

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
    const std::string stream = read(folder / fields[0]);
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
    const std::string stream = read(entry.path());
    const Outcome whole = replay(stream, false);
    const Outcome pieces = replay(stream.substr(0, 4096), true);
    CHECK(whole.bodies.size() >= (stream.size() <= 4096 ? pieces.bodies.size() : 0));
  }
}

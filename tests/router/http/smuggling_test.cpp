// Replays our own list of smuggling cases (tests/corpora/http1-smuggling, its README has the format), whole
// and byte by byte, through the same steps as a connection takes.
#include <doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "router/http/syntax.hpp"
#include "tests/router/http/connection.hpp"

using namespace roomgate;
using namespace roomgate::router::http;

namespace {

struct Case {
  std::string name;
  std::string expect;
  std::size_t count = 0;
  std::string bytes;
};

std::string unescape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text[0] != '\\') {
      out.push_back(text[0]);
      text.remove_prefix(1);
      continue;
    }
    const char code = text[1];
    if (code == '{') {
      const std::size_t end = text.find('}');
      const std::size_t star = text.rfind('*', end);
      const std::string piece = unescape(text.substr(2, star - 2));
      for (int i = std::stoi(std::string(text.substr(star + 1, end - star - 1))); i > 0; --i) out += piece;
      text.remove_prefix(end + 1);
    } else if (code == 'x') {
      out.push_back(static_cast<char>(hex_digit(text[2]) * 16 + hex_digit(text[3])));
      text.remove_prefix(4);
    } else {
      static constexpr std::string_view kCodes = "rnt0\\";
      static constexpr std::string_view kBytes{"\r\n\t\0\\", 5};
      out.push_back(kBytes[kCodes.find(code)]);
      text.remove_prefix(2);
    }
  }
  return out;
}

std::string line_bytes(const std::string& text) {
  static const std::map<std::string, std::string> kWords = {
      {"@get", "GET /a HTTP/1.1\r\nHost: gate\r\n"},
      {"@post", "POST /a HTTP/1.1\r\nHost: gate\r\n"},
      {"@upgrade",
       "GET /xmpp-websocket?room=a HTTP/1.1\r\nHost: gate\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"},
      {"@key", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"},
      {"@next", "GET /next HTTP/1.1\r\nHost: gate\r\n\r\n"},
      {"@hidden", "GET /hidden HTTP/1.1\r\nHost: gate\r\n\r\n"},
  };
  const auto word = kWords.find(text);
  return word == kWords.end() ? unescape(text) + "\r\n" : word->second;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto folder = std::filesystem::path(ROOMGATE_SOURCE_DIR) / "tests/corpora/http1-smuggling";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".txt") continue;
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) {
      const std::string rest = line.size() > 2 ? line.substr(2) : "";
      if (line.starts_with("case ")) {
        std::stringstream words(line.substr(5));
        Case next;
        words >> next.name >> next.expect;
        next.count = next.expect == "forward" ? 1 : 0;
        std::size_t count = 0;
        if (words >> count) next.count = count;
        all.push_back(next);
      } else if (line.starts_with('|')) {
        all.back().bytes += line_bytes(rest);
      } else if (line.starts_with('>')) {
        all.back().bytes += unescape(rest);
      }
    }
  }
  return all;
}

}  // namespace

TEST_CASE("refuses what two readers may read differently, and takes what is legal") {
  const auto all = cases();
  REQUIRE(all.size() > 400);
  for (const Case& each : all) {
    // The map of addresses refuses this one, not the parser.
    if (each.name == "target/refused-by-the-map") continue;
    for (bool byte_by_byte : {false, true}) {
      const Outcome outcome = replay(each.bytes, byte_by_byte);
      INFO(each.name, byte_by_byte ? " (byte by byte)" : "", "\n", each.bytes.substr(0, 400));
      if (each.expect == "reject") {
        CHECK(outcome.refused);
        CHECK(outcome.bodies.size() == each.count);
      } else if (each.expect == "forward") {
        CHECK(outcome.bodies.size() == each.count);
      } else if (each.expect == "hold") {
        CHECK_FALSE(outcome.refused);
        CHECK(outcome.bodies.size() == each.count);
      }
    }
  }
}

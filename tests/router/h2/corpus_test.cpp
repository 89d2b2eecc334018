// Frames and header blocks with known verdicts, and whole client streams, through the connection.
#include <doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/encoding.hpp"
#include "tests/router/h2/client.hpp"
#include "tests/support/corpora.hpp"

using namespace roomgate;
using namespace roomgate::tests;
using namespace roomgate::router;
using namespace roomgate::router::h2;

namespace {

std::vector<std::string> split(const std::string& line, char by) {
  std::vector<std::string> fields;
  std::stringstream in(line);
  for (std::string field; std::getline(in, field, by);) fields.push_back(field);
  return fields;
}

// The JSON lines of the corpus: {"wire": "..", "table_size": N, "headers": [["name", "value"], ...]}.
class Line {
 public:
  explicit Line(std::string_view text) : text_(text) {}
  std::string wire() {
    seek("\"wire\"");
    std::string bytes;
    const std::string hex = string();
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
      bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    return bytes;
  }
  // 0: the same as before.
  std::size_t table_size() {
    seek("\"table_size\": ");
    return text_.substr(at_, 4) == "null" ? 0 : std::stoul(std::string(text_.substr(at_)));
  }
  Fields headers() {
    seek("\"headers\"");
    seek("[");
    Fields fields;
    while (text_.find('[', at_) != text_.npos) {
      seek("[");
      std::string name = string();
      std::string value = string();
      fields.emplace_back(std::move(name), std::move(value));
    }
    return fields;
  }

 private:
  void seek(std::string_view what) {
    at_ = text_.find(what, at_);
    REQUIRE(at_ != text_.npos);
    at_ += what.size();
  }
  std::string string() {
    seek("\"");
    std::string out;
    for (; text_[at_] != '"'; ++at_) {
      if (text_[at_] != '\\') {
        out.push_back(text_[at_]);
        continue;
      }
      ++at_;
      if (text_[at_] == 'u') {
        out.push_back(static_cast<char>(std::stoi(std::string(text_.substr(at_ + 1, 4)), nullptr, 16)));
        at_ += 4;
      } else {
        out.push_back(text_[at_] == 'n' ? '\n' : text_[at_] == 't' ? '\t' : text_[at_]);
      }
    }
    ++at_;
    return out;
  }
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

TEST_CASE("ends for malformed frames with the codes that RFC 9113 names") {
  const auto folder = corpora() / "h2-frames";
  std::ifstream index(folder / "index.tsv");
  if (!index) {
    std::cout << "skipped: no corpora\n";
    return;
  }
  std::string line;
  std::getline(index, line);
  std::size_t refused = 0;
  while (std::getline(index, line)) {
    const auto fields = split(line, '\t');
    REQUIRE(fields.size() > 4);
    INFO(fields[0]);
    const std::string bytes = read_file(folder / fields[0]);
    Client client;
    client.begin();
    // Frames of a stream need one that is open.
    const std::uint32_t id = load32(reinterpret_cast<const std::uint8_t*>(bytes.data()) + 5) & 0x7fffffff;
    const bool opens = bytes[3] == NGHTTP2_HEADERS;
    const bool pushed = bytes[3] == NGHTTP2_PUSH_PROMISE;
    if (id % 2 == 1 && !opens) client.send(headers(id, post(), false));

    client.send(bytes);

    if (fields[1] != "reject") continue;
    ++refused;
    std::set<int> allowed;
    for (const auto& code : split(fields[2], ',')) allowed.insert(std::stoi(code));
    // A server refuses every PUSH_PROMISE, before it looks inside.
    if (pushed) allowed.insert(NGHTTP2_PROTOCOL_ERROR);
    const int error = client.connection_error() >= 0 ? client.connection_error() : client.stream_error();
    CHECK(allowed.count(error) == 1);
  }
  CHECK(refused == 22);
}

TEST_CASE("unpacks the header blocks of eight encoders") {
  const auto folder = corpora() / "hpack";
  if (!std::filesystem::is_directory(folder)) {
    std::cout << "skipped: no corpora\n";
    return;
  }
  std::size_t blocks = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".jsonl") continue;
    nghttp2_hd_inflater* inflater = nullptr;
    REQUIRE(nghttp2_hd_inflate_new(&inflater) == 0);
    std::ifstream in(entry.path());
    std::size_t size = 4096;
    for (std::string line; std::getline(in, line);) {
      INFO(entry.path().string(), " block ", blocks);
      Line json(line);
      const std::string wire = json.wire();
      if (const auto next = json.table_size(); next != 0 && next != size) {
        size = next;
        REQUIRE(nghttp2_hd_inflate_change_table_size(inflater, size) == 0);
      }
      const Fields expected = json.headers();
      Fields got;
      const auto* at = reinterpret_cast<const std::uint8_t*>(wire.data());
      std::size_t left = wire.size();
      int flags = 0;
      while ((flags & NGHTTP2_HD_INFLATE_FINAL) == 0) {
        nghttp2_nv nv;
        const auto used = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, at, left, 1);
        REQUIRE(used >= 0);
        at += used;
        left -= static_cast<std::size_t>(used);
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0)
          got.emplace_back(as_text(ByteView(nv.name, nv.namelen)), as_text(ByteView(nv.value, nv.valuelen)));
      }
      nghttp2_hd_inflate_end_headers(inflater);
      CHECK(got == expected);
      ++blocks;
    }
    nghttp2_hd_inflate_del(inflater);
  }
  CHECK(blocks == 360);
}

TEST_CASE("survives whole client streams, in one piece and byte by byte") {
  const auto folder = corpora() / "h2-streams";
  if (!std::filesystem::is_directory(folder)) {
    std::cout << "skipped: no corpora\n";
    return;
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".bin") continue;
    INFO(entry.path().string());
    const std::string bytes = read_file(entry.path());
    Client whole;
    whole.send(bytes);
    Client pieces;
    for (const char& byte : bytes) {
      pieces.send_only({&byte, 1});
      if (pieces.server.finished()) break;
    }
    pieces.collect();
    CHECK(whole.requests.size() == pieces.requests.size());
    CHECK(whole.connection_error() == pieces.connection_error());
  }
}

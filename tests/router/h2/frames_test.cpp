#include "router/h2/frames.hpp"

#include <doctest.h>

#include "tests/router/h2/client.hpp"

using namespace roomgate;
using namespace roomgate::router::h2;

namespace {

std::vector<FrameHead> scan(std::string_view bytes, std::size_t step) {
  FrameScanner scanner;
  std::vector<FrameHead> heads;
  while (!bytes.empty()) {
    ByteView in = as_bytes(bytes.substr(0, step));
    bytes.remove_prefix(std::min(step, bytes.size()));
    while (const auto head = scanner.next(in)) heads.push_back(*head);
  }
  return heads;
}

}  // namespace

TEST_CASE("sees every frame, in whatever pieces they come") {
  const std::string bytes = std::string(kPreface) + frame(NGHTTP2_SETTINGS, 0, 0) + headers(1, get()) +
                            data(1, "") +
                            frame(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, std::string("\2ab", 3)) +
                            frame(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, std::string("\1ab", 3)) +
                            frame(NGHTTP2_PRIORITY, 0, 7, number32(0x80000007) + "w") +
                            frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_PRIORITY | NGHTTP2_FLAG_PADDED, 9,
                                  std::string(1, '\0') + number32(9) + "w") +
                            frame(0xbe, 0xff, 0xffffffff, "??");
  for (const std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{10}, bytes.size()}) {
    const auto heads = scan(bytes, step);
    REQUIRE(heads.size() == 8);
    CHECK(heads[1].type == NGHTTP2_HEADERS);
    CHECK_FALSE(heads[1].empty);
    CHECK(heads[2].empty);
    CHECK(heads[3].empty);
    CHECK_FALSE(heads[4].empty);
    CHECK(heads[5].depends_on_itself);
    CHECK(heads[6].depends_on_itself);
    CHECK(heads[7].type == 0xbe);
    CHECK(heads[7].stream == 0x7fffffff);
  }
}

TEST_CASE("a frame that is shorter than its kind ends all the same") {
  const std::string bytes = std::string(kPreface) + frame(NGHTTP2_PRIORITY, 0, 1, "x") +
                            frame(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1) +
                            frame(NGHTTP2_PING, 0, 0, "12345678");
  const auto heads = scan(bytes, 2);
  REQUIRE(heads.size() == 3);
  CHECK(heads[2].type == NGHTTP2_PING);
}

#include "peers-sync/codec/frame.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::peers_sync::codec;

namespace {

std::string message(std::uint8_t klass, std::uint8_t type, std::string_view body) {
  std::string out;
  FrameWriter frame(klass, type, out);
  out += body;
  frame.end();
  return out;
}

}  // namespace

TEST_CASE("types below 128 are two bytes, others have a length") {
  const std::string bytes = std::string("\x00\x04", 2) + message(10, 132, "abc") + "\x63";

  const auto first = next_frame(as_bytes(bytes));
  REQUIRE((first && first->has_value()));
  CHECK((*first)->klass == 0);
  CHECK((*first)->type == 4);
  CHECK((*first)->size == 2);

  const auto second = next_frame(as_bytes(bytes).subspan(2));
  REQUIRE((second && second->has_value()));
  CHECK(as_text((*second)->body) == "abc");
  CHECK((*second)->size == 6);

  const auto third = next_frame(as_bytes(bytes).subspan(8));
  REQUIRE(third);
  CHECK(!third->has_value());
}

TEST_CASE("whatever is missing is waited for") {
  const std::string bytes = message(10, 128, std::string(3000, 'x'));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto frame = next_frame(as_bytes(bytes).first(size));
    REQUIRE(frame);
    REQUIRE(!frame->has_value());
  }
  CHECK(next_frame(as_bytes(bytes))->value().body.size() == 3000);
}

TEST_CASE("a body that HAProxy would not take is refused before it is waited for") {
  const std::string large = message(10, 128, std::string(kMaxBody + 1, 'x'));
  const std::string largest = message(10, 128, std::string(kMaxBody, 'x'));

  CHECK(next_frame(as_bytes(large).first(8)).error() == FrameError::too_large);
  CHECK(next_frame(as_bytes(largest))->has_value());
}

TEST_CASE("a length of more than five bytes is none") {
  const std::string bytes = "\x0a\x80" + std::string(6, '\xff');

  CHECK(next_frame(as_bytes(bytes)).error() == FrameError::bad_length);
  CHECK(!next_frame(as_bytes(bytes).first(6))->has_value());
}

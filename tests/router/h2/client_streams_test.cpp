#include "router/h2/client_streams.hpp"

#include <doctest.h>
#include <nghttp2/nghttp2.h>

using namespace roomgate::router::h2;

namespace {

std::optional<std::uint32_t> say(ClientStreams& streams, int type, std::uint32_t id, bool last = false) {
  return streams.judge({.type = static_cast<std::uint8_t>(type),
                        .flags = static_cast<std::uint8_t>(last ? NGHTTP2_FLAG_END_STREAM : 0),
                        .stream = id});
}

}  // namespace

TEST_CASE("a client may not speak on a stream that it has ended") {
  for (const int end : {0, 1, 2}) {
    ClientStreams streams;
    CHECK_FALSE(say(streams, NGHTTP2_HEADERS, 1, end == 0));
    if (end == 1) CHECK_FALSE(say(streams, NGHTTP2_DATA, 1, true));
    if (end == 2) CHECK_FALSE(say(streams, NGHTTP2_RST_STREAM, 1));
    CHECK(say(streams, NGHTTP2_DATA, 1) == NGHTTP2_STREAM_CLOSED);
    CHECK(say(streams, NGHTTP2_HEADERS, 1, true) == NGHTTP2_STREAM_CLOSED);
    CHECK_FALSE(say(streams, NGHTTP2_RST_STREAM, 1));
  }
}

TEST_CASE("a client may send a body and its trailers") {
  ClientStreams streams;
  CHECK_FALSE(say(streams, NGHTTP2_HEADERS, 3));
  CHECK_FALSE(say(streams, NGHTTP2_HEADERS, 5, true));
  CHECK_FALSE(say(streams, NGHTTP2_DATA, 3));
  CHECK_FALSE(say(streams, NGHTTP2_HEADERS, 3, true));
  CHECK(say(streams, NGHTTP2_DATA, 3, true) == NGHTTP2_STREAM_CLOSED);
}

TEST_CASE("a number that was passed over is lost") {
  ClientStreams streams;
  CHECK_FALSE(say(streams, NGHTTP2_HEADERS, 5, true));
  CHECK(say(streams, NGHTTP2_HEADERS, 3, true) == NGHTTP2_PROTOCOL_ERROR);
  CHECK_FALSE(say(streams, NGHTTP2_HEADERS, 1001, true));
  CHECK(say(streams, NGHTTP2_HEADERS, 5, true) == NGHTTP2_PROTOCOL_ERROR);
  CHECK(say(streams, NGHTTP2_HEADERS, 1001, true) == NGHTTP2_STREAM_CLOSED);
}

TEST_CASE("remembers few of the bodies that never end, and is mild with the rest") {
  ClientStreams streams;
  for (std::uint32_t id = 1; id < 2001; id += 2) CHECK_FALSE(say(streams, NGHTTP2_HEADERS, id));
  CHECK_FALSE(say(streams, NGHTTP2_DATA, 1));
  CHECK_FALSE(say(streams, NGHTTP2_DATA, 1999, true));
  CHECK(say(streams, NGHTTP2_DATA, 1999) == NGHTTP2_STREAM_CLOSED);
}

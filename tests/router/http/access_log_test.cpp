#include "router/http/access_log.hpp"

#include <doctest.h>

using namespace roomgate::router::http;

namespace {
const std::chrono::system_clock::time_point kTime{std::chrono::milliseconds(1769850487123)};
}

TEST_CASE("writes one line of JSON, with the room of the query and nothing else of it") {
  AccessLine line;
  line.time = kTime;
  line.client_ip = "192.0.2.77";
  line.method = "GET";
  line.path = "/xmpp-websocket";
  line.query = "token=secret&room=Foo";
  line.status = 101;
  line.bytes_out = 12;
  line.connect_ms = 0;
  line.total_ms = 1.25;
  line.room = "foo";
  line.shard = "shard-0";
  line.why = "stick";
  line.tunnel = true;
  std::string out;

  write_access_line(line, false, out);

  CHECK(out ==
        "{\"time\":\"2026-01-31T09:08:07.123Z\",\"client\":\"192.0.2.0\",\"method\":\"GET\",\"path\":\"/"
        "xmpp-websocket\","
        "\"query_room\":\"Foo\",\"protocol\":\"HTTP/1.1\",\"status\":101,\"bytes_in\":0,\"bytes_out\":12,"
        "\"connect_ms\":0.000,\"total_ms\":1.250,\"room\":\"foo\",\"shard\":\"shard-0\",\"why\":\"stick\","
        "\"tunnel\":true}\n");
}

TEST_CASE("writes full addresses when asked") {
  AccessLine line;
  line.client_ip = "192.0.2.77";
  std::string out;

  write_access_line(line, true, out);

  CHECK(out.find("\"client\":\"192.0.2.77\"") != std::string::npos);
}

TEST_CASE("truncates addresses") {
  CHECK(truncated_ip("192.0.2.77") == "192.0.2.0");
  CHECK(truncated_ip("2001:db8:1:2::3") == "2001:db8:1::");
  CHECK(truncated_ip("nonsense").empty());
}

TEST_CASE("escapes what JSON cannot hold") {
  std::string out;
  append_json_string("a\"b\\c\n\x7f\xc3\xb2\xff\xf0\x9f\x98\x80\xed\xa0\x80", out);

  CHECK(out == "\"a\\\"b\\\\c\\u000a\\u007f\xc3\xb2\\ufffd\xf0\x9f\x98\x80\\ufffd\\ufffd\\ufffd\"");
}

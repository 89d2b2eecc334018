#include "router/http/access_log.hpp"

#include <doctest.h>

using namespace roomgate::router::http;

namespace {
const std::chrono::system_clock::time_point kTime{std::chrono::milliseconds(1769850487123)};
}

TEST_CASE("writes one line of JSON, with the room of the query and of the rest no values") {
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
        "\"query_room\":\"Foo\",\"query\":\"token=*&room=Foo\",\"protocol\":\"HTTP/"
        "1.1\",\"status\":101,\"bytes_in\":0,\"bytes_out\":12,"
        "\"connect_ms\":0.000,\"total_ms\":1.250,\"room\":\"foo\",\"shard\":\"shard-0\",\"why\":\"stick\","
        "\"tunnel\":true}\n");
}

TEST_CASE("writes the phases in their order, TLS and retries where there were any") {
  AccessLine line;
  line.time = kTime;
  line.accept_ms = 0.25;
  line.tls_ms = 1.5;
  line.head_ms = 0;
  line.decide_ms = 0.0004;
  line.wait_ms = 12;
  line.connect_ms = 0.9996;
  line.answer_ms = 1e300;
  line.total_ms = 20.0625;
  line.tls = "TLSv1.3";
  line.retries = 1;
  std::string out;

  write_access_line(line, false, out);

  CHECK(out.find("\"tls\":\"TLSv1.3\",\"tls_resumed\":false,") != std::string::npos);
  CHECK(out.find("\"accept_ms\":0.250,\"tls_ms\":1.500,\"head_ms\":0.000,\"decide_ms\":0.000,\"wait_ms\":12."
                 "000,\"connect_ms\":1.000,\"first_byte_ms\":1000000000000.000,\"total_ms\":20.063") !=
        std::string::npos);
  CHECK(out.find("\"retries\":1") != std::string::npos);
}

TEST_CASE("a credential in a query never reaches the log, under whatever name") {
  struct Row {
    std::string_view query;
    std::string_view written;
  };
  const Row rows[] = {
      {"pwd=3k4j5h", "pwd=*"},
      {"room=a&jwt=eyJ0eXAi.eyJhdWQi.c2ln", "room=a&jwt=*"},
      {"token=a=b&&key=c&x-secret=d&release=7", "token=*&key=*&x-secret=*&release=7"},
      {"%70wd=hunter2", "*"},
      {"eyJ0eXAi.eyJhdWQi.c2ln", "*"},
      {"=hunter2", "*"},
      {"eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9=", "*"},
      {"Room=a", "Room=*"},
      {"", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.query);
    std::string out;
    append_redacted_query(row.query, out);
    CHECK(out == row.written);
  }
}

TEST_CASE("a long query is cut") {
  std::string out;

  append_redacted_query("room=" + std::string(1000, 'a') + "&room=b", out);

  CHECK(out == "room=" + std::string(256, 'a') + "...&...");
}

TEST_CASE("each second gets its own time") {
  std::string out;

  append_rfc3339(kTime, out);
  append_rfc3339(kTime + std::chrono::milliseconds(7), out);
  append_rfc3339(kTime + std::chrono::seconds(61), out);

  CHECK(out == "2026-01-31T09:08:07.123Z2026-01-31T09:08:07.130Z2026-01-31T09:09:08.123Z");
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

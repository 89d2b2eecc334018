#include "router/http/error_response.hpp"

#include <doctest.h>

#include <set>

#include "tests/router/http/heads.hpp"

using namespace roomgate::router::http;

TEST_CASE("every reason has a status, a label of its own and one line of text") {
  std::set<std::string_view> labels;
  for (int i = 1; i <= static_cast<int>(kLastReason); ++i) {
    const Reason reason = static_cast<Reason>(i);
    std::string out;
    write_error_response({.reason = reason, .location = reason == Reason::redirect ? "https://a/" : ""}, out);
    const Response response(out);

    CHECK(describe(reason).reason == reason);
    // Both of a ban are one to whoever counts.
    CHECK((labels.insert(describe(reason).label).second || reason == Reason::banned_for_now));
    CHECK(response.head().status == describe(reason).status);
    CHECK(response.head().reason != "Status");
    CHECK(out.substr(response.head().size) == std::string(describe(reason).text) + "\n");
    const HeaderView* length = find_header(response.head().headers, HeaderId::content_length);
    REQUIRE(length != nullptr);
    CHECK(length->value == std::to_string(out.size() - response.head().size));
    const bool retry = find_header(response.head().headers, "Retry-After") != nullptr;
    CHECK(retry == (response.head().status == 503 || response.head().status == 429));
  }
}

TEST_CASE("answers HEAD without a body and keeps a connection when told to") {
  std::string out;
  write_error_response({.reason = Reason::not_found,
                        .keep_alive = true,
                        .client_minor_version = 0,
                        .head_only = true,
                        .request_id = "id",
                        .why = "any"},
                       out);
  const Response response(out);

  CHECK(response.head().size == out.size());
  CHECK(response.head().connection.keep_alive);
  CHECK(find_header(response.head().headers, "X-Roomgate-Why") != nullptr);
  CHECK(find_header(response.head().headers, "X-Request-Id")->value == "id");
}

TEST_CASE("says 400, 405, 414, 431, 501 and 505 for what is wrong with a request") {
  CHECK(describe(reason_of(ParseError::both_lengths)).status == 400);
  CHECK(describe(reason_of(ParseError::host_missing)).status == 400);
  CHECK(describe(reason_of(ParseError::method_refused)).status == 405);
  CHECK(describe(reason_of(ParseError::target_too_long)).status == 414);
  CHECK(describe(reason_of(ParseError::too_many_fields)).status == 431);
  CHECK(describe(reason_of(ParseError::method_unknown)).status == 501);
  CHECK(describe(reason_of(ParseError::version_unsupported)).status == 505);
}

TEST_CASE("redirects to the same address over https") {
  const Request request("GET /a?b=c HTTP/1.1\r\nHost: meet.example:8080\r\n\r\n");
  CHECK(https_location(request.head(), 443) == "https://meet.example/a?b=c");
  CHECK(https_location(request.head(), 8443) == "https://meet.example:8443/a?b=c");
  const Request v6("GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n");
  CHECK(https_location(v6.head(), 443) == "https://[2001:db8::1]/");
}

TEST_CASE("answers an unlock with the shard's name where scripts can read it") {
  std::string out;
  write_plain_response({.body = "ok\n", .shard = "shard-0", .region = "eu"}, out);
  const Response response(out);

  CHECK(response.head().status == 200);
  CHECK(find_header(response.head().headers, HeaderId::x_jitsi_shard)->value == "shard-0");
  CHECK(find_header(response.head().headers, "Access-Control-Expose-Headers") != nullptr);
  CHECK(out.substr(response.head().size) == "ok\n");
}

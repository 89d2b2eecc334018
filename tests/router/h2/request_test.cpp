#include "router/h2/request.hpp"

#include <doctest.h>

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "router/http/rewrite.hpp"
#include "router/http/upgrade.hpp"
#include "tests/router/h2/client.hpp"

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::h2;
using Verdict = Request::Verdict;

namespace {

Verdict read(Request& request, const Fields& fields, bool ended = true, http::Limits limits = {}) {
  for (const auto& [name, value] : fields) {
    const Verdict verdict = request.add(name, value, limits);
    if (verdict != Verdict::good) return verdict;
  }
  return request.finish(ended);
}

Fields with(Fields fields, std::string_view name, std::string value) {
  for (auto& field : fields) {
    if (field.first == name) field.second = std::move(value);
  }
  return fields;
}

Fields without(Fields fields, std::string_view name) {
  std::erase_if(fields, [name](const Field& field) { return field.first == name; });
  return fields;
}

const Fields kWebSocket = {{":method", "CONNECT"},
                           {":protocol", "websocket"},
                           {":scheme", "https"},
                           {":path", "/xmpp-websocket?room=a"},
                           {":authority", "example.org"},
                           {"sec-websocket-version", "13"},
                           {"sec-websocket-protocol", "xmpp"},
                           {"origin", "https://example.org"}};

}  // namespace

TEST_CASE("makes of an HTTP/2 request the head that an HTTP/1 parser would") {
  Request request;

  REQUIRE(read(request, get("/meet/room?x=1", {{"accept", "*/*"}, {"te", "trailers"}})) == Verdict::good);

  const http::RequestHead& head = request.head();
  CHECK_FALSE(request.refused());
  CHECK(head.method == http::Method::get);
  CHECK(head.target.form == http::TargetForm::origin);
  CHECK(head.target.path == "/meet/room");
  CHECK(head.target.query == "x=1");
  CHECK(head.authority == "example.org");
  CHECK(head.minor_version == 1);
  REQUIRE(head.headers.size() == 2);
  CHECK(head.headers[1].id == http::HeaderId::te);
  CHECK(request.framing() == http::Framing{});
}

TEST_CASE("judges heads by RFC 9113") {
  using http::ParseError;
  const struct {
    std::string_view what;
    Fields fields;
    Verdict verdict;
    std::optional<ParseError> refused;
  } cases[] = {
      {"a Host that agrees", get("/", {{"host", "EXAMPLE.org"}}), Verdict::good, {}},
      {"a Host that does not", get("/", {{"host", "other.org"}}), Verdict::malformed, {}},
      {"two Hosts", get("/", {{"host", "example.org"}, {"host", "example.org"}}), Verdict::malformed, {}},
      {"a Host alone",
       {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {"host", "a"}},
       Verdict::good,
       {}},
      {"nobody named", without(get(), ":authority"), Verdict::malformed, {}},
      {"no path", without(get(), ":path"), Verdict::malformed, {}},
      {"no scheme", without(get(), ":scheme"), Verdict::malformed, {}},
      {"no method", without(get(), ":method"), Verdict::malformed, {}},
      {"a list of hosts", with(get(), ":authority", "a,b"), Verdict::good, ParseError::host_syntax},
      {"a user in it", with(get(), ":authority", "u@a"), Verdict::good, ParseError::host_syntax},
      {"an empty one", with(get(), ":authority", ""), Verdict::good, ParseError::host_syntax},
      {"an absolute path", with(get(), ":path", "http://b/"), Verdict::good, ParseError::target_syntax},
      {"a fragment", with(get(), ":path", "/a#b"), Verdict::good, ParseError::target_syntax},
      {"a space", with(get(), ":path", "/a b"), Verdict::good, ParseError::target_syntax},
      {"a line", with(get(), ":path", "/a\r\nX: y"), Verdict::good, ParseError::target_syntax},
      {"no word", with(get(), ":path", ""), Verdict::good, ParseError::target_syntax},
      {"a foreign scheme", with(get(), ":scheme", "ftp"), Verdict::good, ParseError::target_syntax},
      {"an unknown method", with(get(), ":method", "BREW"), Verdict::good, ParseError::method_unknown},
      {"no method at all", with(get(), ":method", "GET / HTTP/1.1\r\n"), Verdict::malformed, {}},
      {"TRACE", with(get(), ":method", "TRACE"), Verdict::good, ParseError::method_refused},
      {"PRI", with(get(), ":method", "PRI"), Verdict::good, ParseError::method_refused},
      {"CONNECT", {{":method", "CONNECT"}, {":authority", "a:1"}}, Verdict::good, ParseError::method_refused},
      {"Connection", get("/", {{"connection", "close"}}), Verdict::malformed, {}},
      {"Transfer-Encoding", get("/", {{"transfer-encoding", "chunked"}}), Verdict::malformed, {}},
      {"Upgrade", get("/", {{"upgrade", "h2c"}}), Verdict::malformed, {}},
      {"Keep-Alive", get("/", {{"keep-alive", "1"}}), Verdict::malformed, {}},
      {"Proxy-Connection", get("/", {{"proxy-connection", "close"}}), Verdict::malformed, {}},
      {"HTTP2-Settings", get("/", {{"http2-settings", "AAAA"}}), Verdict::malformed, {}},
      {"TE: gzip", get("/", {{"te", "gzip"}}), Verdict::malformed, {}},
      {"upper case", get("/", {{"X-Up", "a"}}), Verdict::malformed, {}},
      {"a name with a colon", get("/", {{"x:y", "a"}}), Verdict::malformed, {}},
      {"a name with a line end", get("/", {{"x\r\ny", "a"}}), Verdict::malformed, {}},
      {"no name", get("/", {{"", "a"}}), Verdict::malformed, {}},
      {"a line in a value", get("/", {{"x", "a\r\nTransfer-Encoding: chunked"}}), Verdict::malformed, {}},
      {"a NUL in a value", get("/", {{"x", std::string("a\0b", 3)}}), Verdict::malformed, {}},
      {"an unknown pseudo field", get("/", {{":status", "200"}}), Verdict::malformed, {}},
      {"a late pseudo field", {{"x", "y"}, {":method", "GET"}}, Verdict::malformed, {}},
      {"two paths", {{":path", "/"}, {":path", "/b"}}, Verdict::malformed, {}},
      {"two lengths", get("/", {{"content-length", "0"}, {"content-length", "0"}}), Verdict::malformed, {}},
      {"no length", get("/", {{"content-length", "-1"}}), Verdict::malformed, {}},
      {"a length and an end", get("/", {{"content-length", "3"}}), Verdict::malformed, {}},
      {"a length of nothing", get("/", {{"content-length", "0"}}), Verdict::good, {}},
      {"a long target", get("/" + std::string(9000, 'a')), Verdict::good, ParseError::target_too_long},
      {"a long field", get("/", {{"x", std::string(17000, 'a')}}), Verdict::good, ParseError::head_too_large},
      {"many fields", get("/", Fields(101, {"x", "y"})), Verdict::good, ParseError::too_many_fields},
      {"far too many", get("/", Fields(20000, {"x", "y"})), Verdict::flood, ParseError::too_many_fields},
  };
  for (const auto& each : cases) {
    INFO(each.what);
    Request request;

    const Verdict verdict = read(request, each.fields);

    CHECK(static_cast<int>(verdict) == static_cast<int>(each.verdict));
    CHECK(request.refused() == each.refused);
  }
}

TEST_CASE("frames a body for HTTP/1 by its length, or as chunks") {
  Request sized;
  REQUIRE(read(sized, post({{"content-length", "12"}}), false) == Verdict::good);
  CHECK(sized.framing() == http::Framing{http::Framing::Kind::length, 12});

  Request open;
  REQUIRE(read(open, post(), false) == Verdict::good);
  CHECK(open.framing() == http::Framing{http::Framing::Kind::chunked, 0});

  Request none;
  REQUIRE(read(none, post(), true) == Verdict::good);
  CHECK(none.framing() == http::Framing{});
}

TEST_CASE("joins the crumbs of a cookie") {
  Request request;
  REQUIRE(read(request, get("/", {{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}, {"cookie", "c=3"}})) ==
          Verdict::good);

  REQUIRE(request.head().headers.size() == 2);
  CHECK(request.head().headers[0].value == "a=1; b=2; c=3");
  CHECK(request.head().headers[1].name == "x");
}

TEST_CASE("reads an extended CONNECT as the upgrade that a shard knows") {
  Request request;
  REQUIRE(read(request, kWebSocket, false) == Verdict::good);
  request.set_websocket_key("dGhlIHNhbXBsZSBub25jZQ==");

  REQUIRE(request.websocket());
  const auto upgrade = http::accept_upgrade(request.head());
  CHECK(upgrade.kind == http::UpgradeDecision::Kind::websocket);
  CHECK(upgrade.key == "dGhlIHNhbXBsZSBub25jZQ==");
  std::string out;
  http::write_request_head(request.head(),
                           {.path = request.head().target.path,
                            .client_ip = "192.0.2.1",
                            .framing = request.framing(),
                            .websocket = true},
                           out);
  CHECK(out.starts_with("GET /xmpp-websocket?room=a HTTP/1.1\r\nHost: example.org\r\n"));
  CHECK(out.find("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n") != out.npos);
  CHECK(out.find("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n") != out.npos);
  CHECK(out.find(":protocol") == out.npos);
}

TEST_CASE("refuses other protocols, and CONNECTs that are not what they say") {
  Request other;
  REQUIRE(read(other, with(kWebSocket, ":protocol", "connect-udp"), false) == Verdict::good);
  CHECK(other.refused() == http::ParseError::method_unknown);

  Request get_with_protocol;
  CHECK(read(get_with_protocol, with(kWebSocket, ":method", "GET"), false) == Verdict::malformed);

  Request with_key;
  Fields fields = kWebSocket;
  fields.emplace_back("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==");
  CHECK(read(with_key, fields, false) == Verdict::malformed);

  Request ended;
  CHECK(read(ended, kWebSocket, true) == Verdict::malformed);
}

TEST_CASE("is as new after reset") {
  Request request;
  REQUIRE(read(request, kWebSocket, false) == Verdict::good);
  request.reset();
  REQUIRE(read(request, get("/", {{"a", "b"}})) == Verdict::good);

  CHECK_FALSE(request.websocket());
  CHECK(request.head().headers.size() == 1);
  CHECK(request.head().method == http::Method::get);
}

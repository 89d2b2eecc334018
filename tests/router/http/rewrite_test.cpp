#include "router/http/rewrite.hpp"

#include <doctest.h>

#include "router/http/forwarded.hpp"
#include "tests/router/http/heads.hpp"

using namespace roomgate::router::http;

namespace {

RequestRewrite plain_rewrite() {
  return {.path = "/room", .client_ip = "198.51.100.7", .https = true, .request_id = "id-1", .region = "eu"};
}

std::string rewritten(const std::string& text, const RequestRewrite& rewrite) {
  const Request request(text);
  std::string out;
  write_request_head(request.head(), rewrite, out);
  return out;
}

std::string rewritten_response(const std::string& text, const ResponseRewrite& rewrite) {
  const Response response(text);
  std::string out;
  write_response_head(response.head(), rewrite, out);
  return out;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("writes a request for the shard with our own fields last") {
  const std::string out =
      rewritten("GET /room?x=1 HTTP/1.1\r\nHost: meet.example\r\nUser-Agent: t\r\n\r\n", plain_rewrite());

  CHECK(out ==
        "GET /room?x=1 HTTP/1.1\r\nHost: meet.example\r\nUser-Agent: t\r\nX-Forwarded-For: 198.51.100.7\r\n"
        "X-Forwarded-Proto: https\r\nX-Forwarded-Host: meet.example\r\nX-Request-Id: id-1\r\nX-Proxy-Region: "
        "eu\r\n\r\n");
}

TEST_CASE("removes hop-by-hop fields and those that Connection names") {
  RequestRewrite rewrite = plain_rewrite();
  rewrite.framing = {Framing::Kind::length, 3};
  const std::string out = rewritten(
      "POST /room HTTP/1.1\r\nHost: a\r\nConnection: close, X-Mine, x-forwarded-for, host, "
      "Content-Length\r\nX-Mine: 1\r\n"
      "Keep-Alive: 5\r\nTE: trailers\r\nTrailer: X\r\nProxy-Authorization: x\r\nProxy-Connection: "
      "y\r\nUpgrade: h2c\r\n"
      "HTTP2-Settings: z\r\nExpect: 100-continue\r\nContent-Length: 003\r\n\r\n",
      rewrite);

  CHECK(
      out ==
      "POST /room HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX-Forwarded-For: 198.51.100.7\r\n"
      "X-Forwarded-Proto: https\r\nX-Forwarded-Host: a\r\nX-Request-Id: id-1\r\nX-Proxy-Region: eu\r\n\r\n");
}

TEST_CASE("removes what an untrusted client says about itself, also in disguise") {
  const std::string out = rewritten(
      "GET /room HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: "
      "gopher\r\nX-Forwarded-Host: evil\r\n"
      "X-Forwarded-Port: 1\r\nForwarded: for=1.1.1.1\r\nX-Real-IP: 1.1.1.1\r\nX-Request-Id: theirs\r\n"
      "X-Proxy-Region: mars\r\nX-Roomgate-Why: new\r\nX_Forwarded_For: 1.1.1.1\r\nX-Proxy_Region: mars\r\n"
      "Content_Length: 7\r\nTransfer_Encoding: chunked\r\nmy_field: kept\r\n\r\n",
      plain_rewrite());

  CHECK(
      out ==
      "GET /room HTTP/1.1\r\nHost: a\r\nmy_field: kept\r\nX-Forwarded-For: 198.51.100.7\r\n"
      "X-Forwarded-Proto: https\r\nX-Forwarded-Host: a\r\nX-Request-Id: id-1\r\nX-Proxy-Region: eu\r\n\r\n");
}

TEST_CASE("says what a trusted front said of the client, and nothing its clients may have written") {
  RequestRewrite rewrite = plain_rewrite();
  rewrite.forwarded_ip = "3.3.3.3";
  rewrite.forwarded_host = "outer";
  rewrite.region = "";
  const std::string out = rewritten(
      "GET /room HTTP/1.1\r\nHost: inner\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2, 3.3.3.3\r\n"
      "X-Forwarded-Proto: gopher\r\nX-Forwarded-Host: outer\r\nX-Proxy-Region: mars\r\n"
      "X-Forwarded-Port: 443\r\nX-Real-IP: 1.1.1.1\r\nForwarded: for=1.1.1.1\r\nX_Real_IP: 1.1.1.1\r\n\r\n",
      rewrite);

  CHECK(out ==
        "GET /room HTTP/1.1\r\nHost: inner\r\nX-Forwarded-For: 3.3.3.3, 198.51.100.7\r\n"
        "X-Forwarded-Proto: https\r\nX-Forwarded-Host: outer\r\nX-Request-Id: id-1\r\n\r\n");

  rewrite.forwarded_ip = rewrite.client_ip;  // the front asks for itself
  CHECK(
      contains(rewritten("GET / HTTP/1.1\r\nHost: a\r\n\r\n", rewrite), "X-Forwarded-For: 198.51.100.7\r\n"));
}

TEST_CASE("says whose certificate the client showed, and takes nobody else's word for it") {
  RequestRewrite rewrite = plain_rewrite();
  const std::string forged =
      "GET / HTTP/1.1\r\nHost: a\r\nX-Client-Cert-Subject: CN=root\r\nX_Client_Cert_Subject: CN=root\r\n"
      "x-client-cert: CN=root\r\nX-Client-Cert-Verify: SUCCESS\r\n\r\n";

  CHECK_FALSE(contains(rewritten(forged, rewrite), "root"));
  CHECK_FALSE(contains(rewritten(forged, rewrite), "SUCCESS"));

  rewrite.client_subject = "CN=ada";
  const std::string out = rewritten(forged, rewrite);
  CHECK(contains(out, "X-Client-Cert-Subject: CN=ada\r\n"));
  CHECK_FALSE(contains(out, "root"));
}

TEST_CASE("an absolute target rewrites Host") {
  const std::string out = rewritten("GET http://real/room HTTP/1.1\r\nHost: other\r\n\r\n", plain_rewrite());

  CHECK(contains(out, "GET /room HTTP/1.1\r\nHost: real\r\n"));
  CHECK(contains(out, "X-Forwarded-Host: real\r\n"));
  CHECK_FALSE(contains(out, "other"));
}

TEST_CASE("forwards a WebSocket upgrade as one") {
  RequestRewrite rewrite = plain_rewrite();
  rewrite.websocket = true;
  const std::string out = rewritten(
      "GET /room HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: "
      "WebSocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n",
      rewrite);

  CHECK(contains(out, "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
  CHECK(contains(out, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: xmpp\r\n"));
}

TEST_CASE("frames a chunked request anew") {
  RequestRewrite rewrite = plain_rewrite();
  rewrite.framing = {Framing::Kind::chunked, 0};
  const std::string out =
      rewritten("POST /room HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n", rewrite);

  CHECK(contains(out, "\r\nTransfer-Encoding: chunked\r\n"));
  CHECK_FALSE(contains(out, "CHUNKED"));
}

TEST_CASE("passes a shard's own names unchanged and adds only announced ones") {
  const std::string bare = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
  ResponseRewrite rewrite;
  rewrite.framing = {Framing::Kind::length, 2};

  CHECK(rewritten_response(bare, rewrite) == "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");

  rewrite.announced_shard = "shard-0";
  rewrite.announced_region = "eu";
  rewrite.why = "stick";
  CHECK(rewritten_response(bare, rewrite) ==
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Jitsi-Shard: shard-0\r\nX-Jitsi-Region: eu\r\n"
        "Access-Control-Expose-Headers: X-Jitsi-Shard, X-Jitsi-Region\r\nX-Roomgate-Why: stick\r\n\r\n");

  const std::string named =
      "HTTP/1.1 200 OK\r\nX-Jitsi-Shard: other\r\nX-Jitsi-Region: us\r\nContent-Length: 2\r\n\r\n";
  const std::string out = rewritten_response(named, rewrite);
  CHECK(contains(out, "X-Jitsi-Shard: other\r\nX-Jitsi-Region: us\r\n"));
  CHECK_FALSE(contains(out, "shard-0"));
  CHECK(shard_name_differs(Response(named).head(), "shard-0"));
  CHECK_FALSE(shard_name_differs(Response(named).head(), "other"));
  CHECK_FALSE(shard_name_differs(Response(named).head(), ""));
  CHECK_FALSE(shard_name_differs(Response(bare).head(), "shard-0"));
}

TEST_CASE("writes an answer's head for the client's version and connection") {
  ResponseRewrite rewrite;
  rewrite.framing = {Framing::Kind::chunked, 0};
  CHECK(rewritten_response(
            "HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-Roomgate-Why: forged\r\n\r\n",
            rewrite) == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");

  rewrite.keep_alive = false;
  CHECK(contains(rewritten_response("HTTP/1.1 200 OK\r\n\r\n", rewrite), "Connection: close\r\n"));

  ResponseRewrite old;
  old.client_minor_version = 0;
  old.framing = {Framing::Kind::length, 1};
  CHECK(contains(rewritten_response("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", old),
                 "Connection: keep-alive\r\n"));
  old.framing = {Framing::Kind::until_close, 0};
  CHECK(contains(rewritten_response("HTTP/1.1 200 OK\r\n\r\n", old), "Connection: close\r\n"));
}

TEST_CASE("tells the length of what HEAD asked about, and none of a 204") {
  const ResponseRewrite no_body;
  CHECK(rewritten_response("HTTP/1.1 200 OK\r\nContent-Length: 512\r\n\r\n", no_body) ==
        "HTTP/1.1 200 OK\r\nContent-Length: 512\r\n\r\n");
  CHECK(rewritten_response("HTTP/1.1 204 No\r\nContent-Length: 512\r\n\r\n", no_body) ==
        "HTTP/1.1 204 No\r\n\r\n");
}

TEST_CASE("writes a 101 with its hash") {
  ResponseRewrite rewrite;
  rewrite.framing = {Framing::Kind::tunnel, 0};
  CHECK(rewritten_response("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                           "Sec-WebSocket-Accept: abc\r\n\r\n",
                           rewrite) ==
        "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: abc\r\nConnection: Upgrade\r\nUpgrade: "
        "websocket\r\n\r\n");
}

TEST_CASE("finds the client behind trusted fronts") {
  const auto trusted = [](std::string_view ip) { return ip.starts_with("10."); };
  const Request request(
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6, 198.51.100.1\r\nX-Forwarded-For: 10.0.0.2\r\n"
      "X-Forwarded-Proto: https\r\n\r\n");

  CHECK(client_facts(request.head().headers, "10.0.0.1", false, trusted).ip == "198.51.100.1");
  CHECK(client_facts(request.head().headers, "10.0.0.1", false, trusted).https);
  CHECK(client_facts(request.head().headers, "203.0.113.5", false, trusted).ip == "203.0.113.5");
  CHECK_FALSE(client_facts(request.head().headers, "203.0.113.5", false, trusted).https);

  const auto client = [&](const std::string& chain, std::string_view peer = "10.0.0.1") {
    const Request asked("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: " + chain + "\r\n\r\n");
    return std::string(client_facts(asked.head().headers, peer, false, trusted).ip);
  };
  CHECK(client("198.51.100.1:40000, 10.0.0.2:80") == "198.51.100.1");
  CHECK(client("[2001:db8::1]:40000") == "2001:db8::1");
  CHECK(client("2001:db8::1") == "2001:db8::1");
  CHECK(client("1.1.1.1, 198.51.100.1, 10.0.0.2") == "198.51.100.1");
  CHECK(client("10.0.0.3, 10.0.0.2") == "10.0.0.3");
  CHECK(client("1.1.1.1 198.51.100.1") == "10.0.0.1");
  CHECK(client("198.51.100.1:x") == "10.0.0.1");
  CHECK(client("198.51.100.1", "203.0.113.5") == "203.0.113.5");

  const Request added(
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Proto: http\r\n"
      "X-Forwarded-Host: evil\r\nX-Forwarded-Host: meet.example\r\n\r\n");
  CHECK_FALSE(client_facts(added.head().headers, "10.0.0.1", true, trusted).https);
  CHECK(client_facts(added.head().headers, "10.0.0.1", true, trusted).host == "meet.example");
  CHECK(client_facts(added.head().headers, "203.0.113.5", true, trusted).host == "");

  const Request junk("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4, unknown, 10.0.0.2\r\n\r\n");
  CHECK(client_facts(junk.head().headers, "10.0.0.1", true, trusted).ip == "10.0.0.2");
  const Request none("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client_facts(none.head().headers, "10.0.0.1", true, trusted).ip == "10.0.0.1");
  CHECK(client_facts(none.head().headers, "10.0.0.1", true, trusted).https);
}

TEST_CASE("an answer carries one request id: ours, not the shard's") {
  const std::string text = "HTTP/1.1 200 OK\r\nX-Request-Id: theirs\r\nContent-Length: 0\r\n\r\n";

  const std::string ours = rewritten_response(text, {.request_id = "id-1"});
  const std::string none = rewritten_response(text, {});

  CHECK(contains(ours, "X-Request-Id: id-1\r\n"));
  CHECK_FALSE(contains(ours, "theirs"));
  CHECK(contains(none, "X-Request-Id: theirs\r\n"));
}

TEST_CASE("passes no copy of the region header on, nor what servers may take for it") {
  RequestRewrite rewrite = plain_rewrite();
  rewrite.region_header = "X-Region";
  const std::string head =
      "GET /room HTTP/1.1\r\nHost: a\r\nX-Region: moon\r\nx-region: moon\r\nX_Region: moon\r\nX~Region: "
      "moon\r\n"
      "X-Region!: moon\r\nX-Proxy-Region: moon\r\nX_Proxy_Region: moon\r\nX-Regional: mine\r\nX-Regio: "
      "mine\r\n\r\n";

  const std::string out = rewritten(head, rewrite);

  CHECK_FALSE(contains(out, "moon"));
  CHECK(contains(out, "\r\nX-Regional: mine\r\nX-Regio: mine\r\n"));
  CHECK(contains(out, "\r\nX-Proxy-Region: eu\r\n"));
}

TEST_CASE("where there is no region header, that name is like any other") {
  const std::string out =
      rewritten("GET /room HTTP/1.1\r\nHost: a\r\nX-Region: mine\r\n\r\n", plain_rewrite());

  CHECK(contains(out, "\r\nX-Region: mine\r\n"));
}

#include "router/http/upgrade.hpp"

#include <doctest.h>

#include <array>

#include "tests/router/http/heads.hpp"

using namespace roomgate::router::http;

namespace {

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";  // of RFC 6455 1.3

std::string verdict(const std::string& start, const std::string& fields) {
  const Request request(start + "\r\nHost: a\r\n" + fields + "\r\n");
  switch (accept_upgrade(request.head()).kind) {
    case UpgradeDecision::Kind::none: return "none";
    case UpgradeDecision::Kind::websocket: return "websocket";
    case UpgradeDecision::Kind::refused: return "refused";
  }
  return "";
}

const std::string kGet = "GET /xmpp-websocket?room=a HTTP/1.1";
const std::string kVersion = "Sec-WebSocket-Version: 13\r\n";
const std::string kKeyLine = "Sec-WebSocket-Key: " + std::string(kKey) + "\r\n";
const std::string kUpgrade = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n";

}  // namespace

TEST_CASE("accepts the handshake of RFC 6455") {
  CHECK(verdict(kGet, kUpgrade + kVersion + kKeyLine) == "websocket");
  CHECK(verdict(kGet, "connection: upgrade\r\nUPGRADE: WebSocket\r\n" + kVersion + kKeyLine) == "websocket");
  CHECK(verdict(kGet, kUpgrade + kVersion + kKeyLine + "Content-Length: 0\r\n") == "websocket");
}

TEST_CASE("treats other offers as ordinary requests") {
  CHECK(verdict(kGet, "") == "none");
  CHECK(verdict(kGet, "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n") ==
        "none");
  CHECK(verdict(kGet, "Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n") == "none");
  CHECK(verdict(kGet, "Upgrade: websocket\r\n" + kVersion + kKeyLine) == "none");
  CHECK(verdict(kGet, "Connection: Upgrade\r\n" + kVersion + kKeyLine) == "none");
}

TEST_CASE("refuses a WebSocket handshake that is not one") {
  CHECK(verdict(kGet, kUpgrade) == "refused");
  CHECK(verdict(kGet, kUpgrade + kKeyLine) == "refused");
  CHECK(verdict(kGet, kUpgrade + kVersion) == "refused");
  CHECK(verdict(kGet, kUpgrade + kVersion + kKeyLine + kKeyLine) == "refused");
  CHECK(verdict(kGet, kUpgrade + kVersion + kVersion + kKeyLine) == "refused");
  CHECK(verdict(kGet, kUpgrade + kKeyLine + "Sec-WebSocket-Version: 8\r\n") == "refused");
  CHECK(verdict(kGet, kUpgrade + kVersion + "Sec-WebSocket-Key: c2hvcnQ=\r\n") == "refused");
  CHECK(verdict(kGet, kUpgrade + kVersion + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE=\r\n") == "refused");
  CHECK(verdict(kGet, kUpgrade + kVersion + "Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==\r\n") == "refused");
  CHECK(verdict("POST / HTTP/1.1", kUpgrade + kVersion + kKeyLine) == "refused");
  CHECK(verdict("GET / HTTP/1.0", kUpgrade + kVersion + kKeyLine) == "refused");
  CHECK(verdict(kGet, kUpgrade + kVersion + kKeyLine + "Content-Length: 5\r\n") == "refused");
  CHECK(verdict(kGet, kUpgrade + kVersion + kKeyLine + "Transfer-Encoding: chunked\r\n") == "refused");
  CHECK(verdict(kGet, "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n" + kVersion + kKeyLine) ==
        "refused");
  CHECK(verdict(kGet, kUpgrade + "Upgrade: websocket\r\n" + kVersion + kKeyLine) == "refused");
}

TEST_CASE("computes the accept hash of RFC 6455's example") {
  CHECK(websocket_accept(kKey) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("opens a tunnel only for a 101 whose hash is right") {
  const std::string good = "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
  const std::string hash = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

  CHECK(verify_upgrade_answer(Response(good + hash + "\r\n").head(), kKey));

  CHECK_FALSE(verify_upgrade_answer(Response(good + "\r\n").head(), kKey));
  CHECK_FALSE(verify_upgrade_answer(Response(good + hash + hash + "\r\n").head(), kKey));
  CHECK_FALSE(verify_upgrade_answer(Response(good + hash + "\r\n").head(), "AAAAAAAAAAAAAAAAAAAAAA=="));
  CHECK_FALSE(verify_upgrade_answer(
      Response("HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + hash + "\r\n").head(),
      kKey));
  CHECK_FALSE(verify_upgrade_answer(
      Response("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n" + hash + "\r\n").head(), kKey));
  CHECK_FALSE(verify_upgrade_answer(
      Response("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n" + hash + "\r\n").head(), kKey));
}

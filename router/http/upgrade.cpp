#include "router/http/upgrade.hpp"

#include <openssl/sha.h>

#include <array>

#include "base/encoding.hpp"
#include "router/http/syntax.hpp"

namespace roomgate::router::http {
namespace {

// The one element of the one Upgrade line is websocket. A list with further offers is not what browsers send,
// and which of them the shard would take is not ours to guess.
bool offers_only_websocket(Headers headers) {
  const HeaderView* upgrade = find_header(headers, HeaderId::upgrade);
  return upgrade != nullptr && same(upgrade->value, "websocket") &&
         count_headers(headers, HeaderId::upgrade) == 1;
}

bool mentions_websocket(Headers headers) {
  for (const HeaderView& header : headers) {
    if (header.id != HeaderId::upgrade) continue;
    std::string_view list = header.value;
    while (const auto element = next_element(list)) {
      if (same(element->substr(0, element->find('/')), "websocket")) return true;
    }
  }
  return false;
}

// 16 bytes are 22 characters and two of padding.
bool is_key(std::string_view value) {
  if (value.size() != 24) return false;
  const auto decoded = from_base64(value);
  return decoded && decoded->size() == 16;
}

}  // namespace

UpgradeDecision accept_upgrade(const RequestHead& head) {
  if (!head.connection.upgrade || !mentions_websocket(head.headers)) return {};
  const UpgradeDecision refused{UpgradeDecision::Kind::refused, {}};
  if (head.method != Method::get || head.minor_version < 1 || !offers_only_websocket(head.headers))
    return refused;
  // A body in front of a tunnel: two readers may not agree where the tunnel begins.
  if (find_header(head.headers, HeaderId::transfer_encoding) != nullptr) return refused;
  const HeaderView* length = find_header(head.headers, HeaderId::content_length);
  if (length != nullptr && length->value != "0") return refused;
  const HeaderView* version = find_header(head.headers, HeaderId::sec_websocket_version);
  const HeaderView* key = find_header(head.headers, HeaderId::sec_websocket_key);
  if (version == nullptr || version->value != "13" ||
      count_headers(head.headers, HeaderId::sec_websocket_version) != 1) {
    return refused;
  }
  if (key == nullptr || !is_key(key->value) ||
      count_headers(head.headers, HeaderId::sec_websocket_key) != 1) {
    return refused;
  }
  // Named away by Connection, they would not reach the shard, and the handshake would not be one.
  if (head.connection.others > 0 &&
      (names_field(head.headers, key->name) || names_field(head.headers, version->name))) {
    return refused;
  }
  return {UpgradeDecision::Kind::websocket, key->value};
}

std::string websocket_accept(std::string_view key) {
  std::string text(key);
  text.append("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");  // RFC 6455 1.3
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest;
  SHA1(as_bytes(text).data(), text.size(), digest.data());
  return to_base64(digest);
}

bool verify_upgrade_answer(const ResponseHead& head, std::string_view key) {
  if (head.status != 101 || head.minor_version < 1 || !head.connection.upgrade) return false;
  if (!offers_only_websocket(head.headers)) return false;
  const HeaderView* accept = find_header(head.headers, HeaderId::sec_websocket_accept);
  return accept != nullptr && count_headers(head.headers, HeaderId::sec_websocket_accept) == 1 &&
         accept->value == websocket_accept(key);
}

}  // namespace roomgate::router::http

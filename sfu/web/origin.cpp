#include "sfu/web/origin.hpp"

#include <openssl/crypto.h>

namespace roomgate::sfu::web {
namespace {

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::string_view first_of_list(std::string_view text) { return trim(text.substr(0, text.find(','))); }

// What may stand in a URL between "//" and "/": anything else would let a client write the URL others see.
bool is_authority(std::string_view text) {
  constexpr std::string_view kSet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
  return !text.empty() && text.size() <= 255 && text.find_first_not_of(kSet) == std::string_view::npos;
}

// The last address in X-Forwarded-For that no trusted front door has: everything left of it is the client's
// own word.
std::string client_address(const Request& request, const Networks& trusted) {
  std::string_view list = request.header("X-Forwarded-For");
  Address client = request.remote;
  while (trusted.contains(client) && !list.empty()) {
    const std::size_t comma = list.rfind(',');
    const auto next =
        Address::from_ip(trim(comma == std::string_view::npos ? list : list.substr(comma + 1)), 0);
    if (!next) break;
    client = *next;
    list = comma == std::string_view::npos ? std::string_view() : list.substr(0, comma);
  }
  return client.ip();
}

}  // namespace

Origin origin_of(const Request& request, const Networks& trusted, const std::string& public_url) {
  Origin origin;
  origin.client = client_address(request, trusted);
  const bool through_door = trusted.contains(request.remote);
  if (through_door) origin.region = std::string(request.header("X-Proxy-Region").substr(0, 64));
  if (!public_url.empty()) {
    origin.channel_base = public_url;
    if (origin.channel_base.starts_with("http")) origin.channel_base.replace(0, 4, "ws");
    while (origin.channel_base.ends_with('/')) origin.channel_base.pop_back();
    return origin;
  }
  std::string_view host = request.header("Host");
  std::string_view protocol = "http";
  if (through_door) {
    const std::string_view forwarded_host = first_of_list(request.header("X-Forwarded-Host"));
    if (is_authority(forwarded_host)) host = forwarded_host;
    protocol = first_of_list(request.header("X-Forwarded-Proto"));
  }
  if (!is_authority(host)) host = "localhost";
  origin.channel_base = (protocol == "https" || protocol == "wss" ? "wss://" : "ws://") + std::string(host);
  return origin;
}

bool may_administer(const Request& request, const std::string& token) {
  const std::string_view authorization = request.header("Authorization");
  const std::string expected = "Bearer " + token;
  if (!token.empty() && authorization.size() == expected.size() &&
      CRYPTO_memcmp(authorization.data(), expected.data(), expected.size()) == 0) {
    return true;
  }
  return request.remote.is_loopback() && request.header("X-Forwarded-For").empty() &&
         request.header("Forwarded").empty();
}

}  // namespace roomgate::sfu::web

#include "sfu/xmpp/external_services.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <charconv>
#include <ctime>

#include "base/bytes.hpp"
#include "base/encoding.hpp"
#include "sfu/xmpp/namespaces.hpp"

namespace roomgate::sfu::xmpp {
namespace {

std::string credential(const std::string& secret, const std::string& user) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  HMAC(EVP_sha1(), secret.data(), static_cast<int>(secret.size()), as_bytes(user).data(), user.size(),
       digest.data(), &size);
  return to_base64({digest.data(), size});
}

std::string date_time(std::int64_t unix_seconds) {  // XEP-0082
  const std::time_t when = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  gmtime_r(&when, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

}  // namespace

std::optional<ServiceAddress> parse_service_uri(std::string_view uri) {
  ServiceAddress out;
  const std::size_t colon = uri.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  out.type = ascii_lower(uri.substr(0, colon));
  if (out.type != "stun" && out.type != "stuns" && out.type != "turn" && out.type != "turns")
    return std::nullopt;
  const bool secure = out.type.back() == 's';
  out.port = secure ? 5349 : 3478;
  out.transport = secure ? "tcp" : "udp";
  uri.remove_prefix(colon + 1);

  if (const std::size_t query = uri.find('?'); query != std::string_view::npos) {
    constexpr std::string_view kTransport = "transport=";
    const std::string_view text = uri.substr(query + 1);
    if (!text.starts_with(kTransport)) return std::nullopt;
    out.transport = ascii_lower(text.substr(kTransport.size()));
    if (out.transport != "udp" && out.transport != "tcp") return std::nullopt;
    uri = uri.substr(0, query);
  }

  std::string_view port;
  if (uri.starts_with('[')) {
    const std::size_t end = uri.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    out.host = uri.substr(1, end - 1);
    const std::string_view rest = uri.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return std::nullopt;
    if (!rest.empty()) port = rest.substr(1);
  } else {
    const std::size_t at = uri.rfind(':');
    out.host = uri.substr(0, at);
    if (at != std::string_view::npos) port = uri.substr(at + 1);
  }
  if (out.host.empty() || out.host.find_first_of("/@ ") != std::string::npos) return std::nullopt;
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (error != std::errc() || end != port.data() + port.size() || out.port == 0) return std::nullopt;
  }
  return out;
}

Element external_services(const Turn& turn, const std::string& ns, std::string_view type,
                          std::int64_t unix_milliseconds) {
  const std::int64_t expiry = unix_milliseconds / 1000 + turn.ttl.count();
  const std::string user = std::to_string(expiry);
  Element out("services", ns);
  for (const std::string& uri : turn.uris) {
    const auto address = parse_service_uri(uri);
    if (!address || (!type.empty() && address->type != type)) continue;
    Element& service = out.add(Element("service", ns));
    service.set("type", address->type).set("host", address->host).set("port", std::to_string(address->port));
    service.set("transport", address->transport);
    if (!address->type.starts_with("turn") || turn.secret.empty()) continue;
    service.set("username", user).set("password", credential(turn.secret, user)).set("restricted", "1");
    if (ns == ns::kExternalServices2) service.set("expires", date_time(expiry));
  }
  return out;
}

}  // namespace roomgate::sfu::xmpp

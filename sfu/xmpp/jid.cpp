#include "sfu/xmpp/jid.hpp"

#include <algorithm>

#include "base/encoding.hpp"

namespace roomgate::sfu::xmpp {
namespace {

constexpr std::size_t kMaxPartBytes = 1023;  // RFC 7622 3.1

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool is_part(std::string_view text, std::string_view forbidden) {
  return !text.empty() && text.size() <= kMaxPartBytes && is_valid_utf8(text) &&
         std::none_of(text.begin(), text.end(),
                      [&](char c) { return is_control(c) || forbidden.find(c) != std::string_view::npos; });
}

}  // namespace

std::optional<Jid> Jid::parse(std::string_view text) {
  Jid jid;
  const std::size_t slash = text.find('/');
  std::string_view address = text.substr(0, slash);
  if (slash != std::string_view::npos) {
    const std::string_view resource = text.substr(slash + 1);
    if (!is_part(resource, "")) return std::nullopt;
    jid.resource = resource;
  }
  const std::size_t at = address.find('@');
  if (at != std::string_view::npos) {
    const std::string_view local = address.substr(0, at);
    if (!is_part(local, "\"&'/:<>@ ")) return std::nullopt;
    jid.local = ascii_lower(local);
    address.remove_prefix(at + 1);
  }
  if (!is_part(address, "\"&'<>@ ")) return std::nullopt;
  jid.domain = ascii_lower(address);
  return jid;
}

std::string Jid::bare() const { return local.empty() ? domain : local + "@" + domain; }

std::string Jid::full() const { return resource.empty() ? bare() : bare() + "/" + resource; }

}  // namespace roomgate::sfu::xmpp

#include "peers-sync/haproxy/key_form.hpp"

namespace roomgate::peers_sync::haproxy {

std::optional<KeyForm> key_form(std::string_view text) {
  if (text == "room") return KeyForm::room;
  if (text == "tenant/room") return KeyForm::tenant_and_room;
  if (text == "off") return KeyForm::off;
  return std::nullopt;
}

std::string_view room_of(std::string_view key) {
  const auto slash = key.find('/');
  return slash == std::string_view::npos ? key : key.substr(slash + 1);
}

bool has_tenant(std::string_view key) { return key.find('/') != std::string_view::npos; }

std::string_view cut(std::string_view key, std::size_t length) {
  return key.substr(0, key.find('\0')).substr(0, length);
}

std::string_view in_form(std::string_view key, KeyForm form, std::size_t length) {
  switch (form) {
    case KeyForm::room: return cut(room_of(key), length);
    case KeyForm::tenant_and_room: return cut(key, length);
    case KeyForm::off: return {};
  }
  return {};
}

}  // namespace roomgate::peers_sync::haproxy

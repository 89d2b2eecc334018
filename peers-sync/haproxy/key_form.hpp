// Our keys as HAProxy's tables have them (peers.haproxy_key, peers.key_length). Values, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace roomgate::peers_sync::haproxy {

enum class KeyForm : std::uint8_t { room, tenant_and_room, off };
std::optional<KeyForm> key_form(std::string_view text);  // "room", "tenant/room", "off"

// Of "tenant/room" the room; a key without tenant is one itself.
std::string_view room_of(std::string_view key);
bool has_tenant(std::string_view key);

// What HAProxy would keep of it: up to a NUL, `length` bytes at most.
std::string_view cut(std::string_view key, std::size_t length);
// Our key in that form, cut; empty: it is none.
std::string_view in_form(std::string_view key, KeyForm form, std::size_t length);
// It may have been longer before HAProxy cut it.
inline bool may_be_cut(std::string_view learned, std::size_t length) { return learned.size() >= length; }

}  // namespace roomgate::peers_sync::haproxy

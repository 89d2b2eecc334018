#include "router/tls/names.hpp"

#include <array>

#include "base/encoding.hpp"

namespace roomgate::router::tls {

namespace {
constexpr std::size_t kLongestName = 255;  // RFC 1035 2.3.4
}

bool NameIndex::add(std::string_view name, std::uint32_t value) {
  const std::string lower = ascii_lower(name);
  if (lower.starts_with("*.")) return wildcards_.emplace(lower.substr(1), value).second;
  return exact_.emplace(lower, value).second;
}

std::optional<std::uint32_t> NameIndex::find(std::string_view host) const {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.empty() || host.size() > kLongestName) return std::nullopt;
  std::array<char, kLongestName> lower;
  for (std::size_t i = 0; i < host.size(); ++i) {
    const char c = host[i];
    lower[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  const std::string_view name(lower.data(), host.size());
  if (const auto found = exact_.find(name); found != exact_.end()) return found->second;
  if (wildcards_.empty()) return std::nullopt;
  const auto dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0) return std::nullopt;
  const auto found = wildcards_.find(name.substr(dot));
  if (found == wildcards_.end()) return std::nullopt;
  return found->second;
}

}  // namespace roomgate::router::tls

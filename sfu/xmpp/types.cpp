#include "sfu/xmpp/types.hpp"

#include "base/encoding.hpp"

namespace roomgate::sfu::xmpp {

std::optional<std::string_view> Domains::tenant_of(std::string_view name) const {
  if (ascii_iequals(name, muc)) return "";
  // conference.TENANT.meet.jitsi, where the service is conference.meet.jitsi.
  const std::string suffix = "." + domain;
  if (muc.size() <= suffix.size() ||
      !ascii_iequals(std::string_view(muc).substr(muc.size() - suffix.size()), suffix)) {
    return std::nullopt;
  }
  const std::string prefix = muc.substr(0, muc.size() - suffix.size()) + ".";
  if (name.size() <= prefix.size() + suffix.size()) return std::nullopt;
  const std::string_view tenant = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
  if (!ascii_iequals(name.substr(0, prefix.size()), prefix) ||
      !ascii_iequals(name.substr(name.size() - suffix.size()), suffix) ||
      tenant.find('.') != std::string_view::npos) {
    return std::nullopt;
  }
  return tenant;
}

}  // namespace roomgate::sfu::xmpp

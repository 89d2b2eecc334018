#include "sfu/xmpp/types.hpp"

#include "base/encoding.hpp"

namespace roomgate::sfu::xmpp {

bool Domains::is_room_service(std::string_view name) const {
  if (ascii_iequals(name, muc)) return true;
  // conference.TENANT.meet.jitsi, where the service is conference.meet.jitsi.
  const std::string suffix = "." + domain;
  if (muc.size() <= suffix.size() ||
      !ascii_iequals(std::string_view(muc).substr(muc.size() - suffix.size()), suffix)) {
    return false;
  }
  const std::string prefix = muc.substr(0, muc.size() - suffix.size()) + ".";
  if (name.size() <= prefix.size() + suffix.size()) return false;
  const std::string_view tenant = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
  return ascii_iequals(name.substr(0, prefix.size()), prefix) &&
         ascii_iequals(name.substr(name.size() - suffix.size()), suffix) &&
         tenant.find('.') == std::string_view::npos;
}

}  // namespace roomgate::sfu::xmpp

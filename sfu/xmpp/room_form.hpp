// A room's configuration form (XEP-0045 10.1), with the fields that clients use (jitsi-signalling 4.6): the
// password. A field that is missing means "not supported" to them, hence no members-only. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.hpp"
#include "sfu/xmpp/element.hpp"

namespace roomgate::sfu::xmpp {

// The form as the owner gets it.
Element room_form(const std::string& password);

enum class FormError { unknown_form, unsupported, password_too_long };

// The password after this submission; fields that are absent keep what is.
Result<std::string, FormError> submitted_password(const Element& form, const std::string& current,
                                                  std::size_t max_bytes);

}  // namespace roomgate::sfu::xmpp

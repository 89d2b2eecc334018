#include "sfu/xmpp/room_form.hpp"

#include <optional>
#include <utility>

#include "sfu/xmpp/namespaces.hpp"
#include "sfu/xmpp/stanza.hpp"

namespace roomgate::sfu::xmpp {
namespace {

const std::string kFormType = "http://jabber.org/protocol/muc#roomconfig";
const std::string kWhois = "muc#roomconfig_whois";
const std::string kSecret = "muc#roomconfig_roomsecret";
const std::string kProtected = "muc#roomconfig_passwordprotectedroom";
const std::string kMembersOnly = "muc#roomconfig_membersonly";

Element field(const std::string& name, const char* type, std::string value) {
  Element out("field", ns::kDataForms);
  out.set("var", name).set("type", type);
  out.add(text_element("value", ns::kDataForms, std::move(value)));
  return out;
}

std::optional<std::string> value_of(const Element& form, const std::string& name) {
  for (const Element* each : form.children("field", ns::kDataForms)) {
    if (each->attribute_or("var", "") != name) continue;
    const Element* value = each->child("value", ns::kDataForms);
    return value != nullptr ? value->text() : std::string();
  }
  return std::nullopt;
}

bool is_true(const std::string& text) { return text == "1" || text == "true"; }

}  // namespace

Element room_form(const std::string& password) {
  Element form("x", ns::kDataForms);
  form.set("type", "form");
  form.add(field("FORM_TYPE", "hidden", kFormType));
  Element& whois = form.add(field(kWhois, "list-single", "anyone"));
  Element option("option", ns::kDataForms);
  option.set("label", "Anyone").add(text_element("value", ns::kDataForms, "anyone"));
  whois.add(std::move(option));
  form.add(field(kProtected, "boolean", password.empty() ? "0" : "1"));
  form.add(field(kSecret, "text-private", password));
  return form;
}

Result<std::string, FormError> submitted_password(const Element& form, const std::string& current,
                                                  std::size_t max_bytes) {
  if (const auto type = value_of(form, "FORM_TYPE"); type && *type != kFormType)
    return fail(FormError::unknown_form);
  if (const auto members = value_of(form, kMembersOnly); members && is_true(*members)) {
    return fail(FormError::unsupported);
  }
  if (const auto whois = value_of(form, kWhois); whois && *whois != "anyone")
    return fail(FormError::unsupported);
  const auto secret = value_of(form, kSecret);
  const auto locked = value_of(form, kProtected);
  if (secret && secret->size() > max_bytes) return fail(FormError::password_too_long);
  if (locked && !is_true(*locked)) return std::string();
  return secret ? *secret : current;
}

}  // namespace roomgate::sfu::xmpp

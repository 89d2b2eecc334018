#include "sfu/xmpp/stanza.hpp"

#include <utility>

#include "sfu/xmpp/namespaces.hpp"

namespace roomgate::sfu::xmpp {
namespace {

Element answer(const Element& request, const char* type) {
  Element out(request.name(), ns::kClient);
  out.set("type", type);
  if (const std::string* id = request.attribute("id")) out.set("id", *id);
  if (const std::string* to = request.attribute("to")) out.set("from", *to);
  return out;
}

}  // namespace

Element result_of(const Element& request) { return answer(request, "result"); }

Element error_of(const Element& request, const StanzaError& error) {
  return answer(request, "error").with(error_element(error));
}

Element error_element(const StanzaError& error) {
  Element out("error", ns::kClient);
  out.set("type", error.type);
  out.add(Element(error.condition, ns::kStanzaErrors));
  if (!error.text.empty()) out.add(text_element("text", ns::kStanzaErrors, error.text));
  if (error.application) out.add(*error.application);
  return out;
}

bool is_request(const Element& iq) {
  const std::string_view type = iq.attribute_or("type", "");
  return type == "get" || type == "set";
}

bool is_response(const Element& iq) {
  const std::string_view type = iq.attribute_or("type", "");
  return type == "result" || type == "error";
}

Element text_element(std::string name, std::string ns, std::string text) {
  Element out(std::move(name), std::move(ns));
  out.add_text(std::move(text));
  return out;
}

Circular::Circular(const Element& stanza) : text_(stanza.serialize()) {
  // xmlns comes first, since at the top of a message it is always written.
  at_ = text_.find('\'', text_.find('\'') + 1) + 1;
}

std::string Circular::to(std::string_view full_jid) const {
  Element address("", "");
  address.set("to", std::string(full_jid));
  const std::string written = address.serialize();  // < to='...'/>
  std::string out;
  out.reserve(text_.size() + written.size());
  out.append(text_, 0, at_);
  out.append(written, 1, written.size() - 3);
  out.append(text_, at_);
  return out;
}

}  // namespace roomgate::sfu::xmpp

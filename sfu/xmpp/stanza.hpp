// The answers every stanza handler makes: results, errors, status and item elements. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "sfu/xmpp/element.hpp"
#include "sfu/xmpp/room_service.hpp"

namespace roomgate::sfu::xmpp {

// An answer comes from where the request went, word for word: clients compare.
Element result_of(const Element& request);
Element error_of(const Element& request, const StanzaError& error);
// <error type=...><condition/>...</error>
Element error_element(const StanzaError& error);

bool is_request(const Element& iq);   // get or set
bool is_response(const Element& iq);  // result or error

// An element with the one text inside.
Element text_element(std::string name, std::string ns, std::string text);

// One stanza for many receivers: written once, `to` put in for each. Precondition: the stanza is in
// jabber:client and has no `to`.
class Circular {
 public:
  explicit Circular(const Element& stanza);
  std::string to(std::string_view full_jid) const;

 private:
  std::string text_;
  std::size_t at_;
};

}  // namespace roomgate::sfu::xmpp

#include "router/http/forwarded.hpp"

#include "base/address.hpp"
#include "router/http/syntax.hpp"

namespace roomgate::router::http {
namespace {

// The last element of a list, trimmed; `list` keeps what stands before it.
std::string_view take_last(std::string_view& list) {
  const std::size_t comma = list.rfind(',');
  const std::string_view element = trim(comma == std::string_view::npos ? list : list.substr(comma + 1));
  list = comma == std::string_view::npos ? std::string_view{} : list.substr(0, comma);
  return element;
}

// Some fronts write the port too: 192.0.2.1:40000, [2001:db8::1]:40000.
std::string_view without_port(std::string_view element) {
  if (element.starts_with('[')) return element.substr(1, element.find(']') - 1);
  const std::size_t colon = element.find(':');
  const bool one = colon != std::string_view::npos && element.find(':', colon + 1) == std::string_view::npos;
  return one ? element.substr(0, colon) : element;
}

// The last field of that name that says something: a front that adds one rather than replacing it leaves the
// client's before its own.
std::string_view last_value(Headers headers, HeaderId id) {
  for (std::size_t i = headers.size(); i-- > 0;) {
    if (headers[i].id == id && !headers[i].value.empty()) return headers[i].value;
  }
  return {};
}

}  // namespace

ClientFacts client_facts(Headers headers, std::string_view peer_ip, bool peer_https,
                         const std::function<bool(std::string_view)>& trusted) {
  ClientFacts facts{peer_ip, peer_https};
  if (!trusted(peer_ip)) return facts;
  if (std::string_view proto = last_value(headers, HeaderId::x_forwarded_proto); !proto.empty()) {
    facts.https = same(take_last(proto), "https");
  }
  facts.host = last_value(headers, HeaderId::x_forwarded_host);
  for (std::size_t i = headers.size(); i-- > 0;) {
    if (headers[i].id != HeaderId::x_forwarded_for) continue;
    std::string_view list = headers[i].value;
    while (!list.empty()) {
      const std::string_view element = take_last(list);
      // Something that is no address ends the chain: whoever wrote it is the last one known.
      if (!Address::parse(element, std::uint16_t{0})) return facts;
      facts.ip = without_port(element);
      if (!trusted(facts.ip)) return facts;
    }
  }
  return facts;
}

}  // namespace roomgate::router::http

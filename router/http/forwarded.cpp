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

}  // namespace

ClientFacts client_facts(Headers headers, std::string_view peer_ip, bool peer_https,
                         const std::function<bool(std::string_view)>& trusted) {
  ClientFacts facts{peer_ip, peer_https};
  if (!trusted(peer_ip)) return facts;
  if (const HeaderView* proto = find_header(headers, HeaderId::x_forwarded_proto)) {
    facts.https = same(proto->value, "https");
  }
  for (std::size_t i = headers.size(); i-- > 0;) {
    if (headers[i].id != HeaderId::x_forwarded_for) continue;
    std::string_view list = headers[i].value;
    while (!list.empty()) {
      const std::string_view element = take_last(list);
      // Something that is no address ends the chain: whoever wrote it is the last one known.
      if (!Address::from_ip(element, 0)) return facts;
      facts.ip = element;
      if (!trusted(element)) return facts;
    }
  }
  return facts;
}

}  // namespace roomgate::router::http

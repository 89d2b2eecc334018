#include "sfu/xmpp/iq_router.hpp"

#include <string>

#include "sfu/xmpp/external_services.hpp"
#include "sfu/xmpp/namespaces.hpp"
#include "sfu/xmpp/stanza.hpp"

namespace roomgate::sfu::xmpp {
namespace {

Element identity(const char* category, const char* type, const std::string& name) {
  Element out("identity", ns::kDiscoInfo);
  out.set("category", category).set("type", type).set("name", name);
  return out;
}

// Only what is there is announced: each identity switches features on in the client (jitsi-signalling 2,
// pitfall 18). `shard` and `region` have the values of the X-Jitsi-Shard and X-Jitsi-Region headers; a
// difference ends conferences.
Element domain_info(const Config& config) {
  Element query("query", ns::kDiscoInfo);
  query.add(identity("server", "im", "roomgate"));
  if (!config.shard.empty()) query.add(identity("server", "shard", config.shard));
  if (!config.region.empty()) query.add(identity("server", "region", config.region));
  for (const std::string& feature :
       {ns::kDiscoInfo, ns::kDiscoItems, ns::kPing, ns::kExternalServices1, ns::kExternalServices2}) {
    query.add(Element("feature", ns::kDiscoInfo).set("var", feature));
  }
  return query;
}

Element domain_items(const Config& config) {
  Element query("query", ns::kDiscoItems);
  for (const std::string& jid : {config.domains.muc, config.domains.focus}) {
    query.add(Element("item", ns::kDiscoItems).set("jid", jid));
  }
  return query;
}

}  // namespace

Element answer_domain_iq(const Element& iq, const Config& config, std::int64_t unix_milliseconds) {
  const auto children = iq.children();
  if (children.size() != 1) return error_of(iq, {"modify", "bad-request", "", {}});
  const Element& query = *children.front();
  const bool get = iq.attribute_or("type", "") == "get";
  Element answer = result_of(iq);

  if (query.is("session", ns::kSession) && !get) return answer;  // RFC 3921 3: nothing to do since
  if (!get) return error_of(iq, {"cancel", "service-unavailable", "", {}});
  if (query.is("ping", ns::kPing)) return answer;
  if (query.is("query", ns::kDiscoInfo) || query.is("query", ns::kDiscoItems)) {
    if (query.attribute("node") != nullptr) return error_of(iq, {"cancel", "item-not-found", "", {}});
    answer.add(query.ns() == ns::kDiscoInfo ? domain_info(config) : domain_items(config));
    return answer;
  }
  if (query.is("services", ns::kExternalServices1) || query.is("services", ns::kExternalServices2)) {
    answer.add(external_services(config.turn, query.ns(), query.attribute_or("type", ""), unix_milliseconds));
    return answer;
  }
  return error_of(iq, {"cancel", "service-unavailable", "", {}});
}

}  // namespace roomgate::sfu::xmpp

#include "sfu/xmpp/conference_request.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <optional>

#include "sfu/xmpp/jid.hpp"
#include "sfu/xmpp/namespaces.hpp"
#include "sfu/xmpp/stanza.hpp"

namespace roomgate::sfu::xmpp {
namespace {

// The bare JID of a room of ours.
std::optional<std::string> room_of(std::string_view text, const Config& config) {
  const auto jid = Jid::parse(text);
  if (!jid || jid->local.empty() || !jid->resource.empty()) return std::nullopt;
  if (!config.domains.is_room_service(jid->domain)) return std::nullopt;
  return jid->bare();
}

HttpAnswer http_error(unsigned status, const char* reason) {
  return {status, boost::json::serialize(boost::json::object{{"error", reason}})};
}

}  // namespace

Element answer_focus_iq(const Element& iq, const Config& config, const RequestRoom& request) {
  const auto children = iq.children();
  if (children.size() != 1) return error_of(iq, {"modify", "bad-request", "", {}});
  const Element& query = *children.front();
  const bool get = iq.attribute_or("type", "") == "get";

  if (query.is("conference", ns::kFocus) && !get) {
    const auto room = room_of(query.attribute_or("room", ""), config);
    if (!room) return error_of(iq, {"modify", "bad-request", "", {}});
    Element conference("conference", ns::kFocus);
    // Not ready is not an error: the client asks again, where an error makes it give up
    // (jitsi-signalling 3.1).
    conference.set("room", *room).set("ready", request(*room) ? "true" : "false");
    conference.set("focusjid", config.domains.focus_user);
    conference.add(Element("property", ns::kFocus).set("name", "authentication").set("value", "false"));
    return result_of(iq).with(std::move(conference));
  }
  if (get && query.is("ping", ns::kPing)) return result_of(iq);
  if (get && query.is("query", ns::kDiscoInfo)) {
    Element info("query", ns::kDiscoInfo);
    info.add(Element("identity", ns::kDiscoInfo).set("category", "component").set("type", "generic"));
    info.add(Element("feature", ns::kDiscoInfo).set("var", ns::kFocus));
    return result_of(iq).with(std::move(info));
  }
  if (get && query.is("query", ns::kDiscoItems)) return result_of(iq).with(Element("query", ns::kDiscoItems));
  return error_of(iq, {"cancel", "service-unavailable", "", {}});
}

HttpAnswer answer_conference_request(std::string_view body, const Config& config,
                                     const RequestRoom& request) {
  if (body.size() > config.limits.request_bytes) return http_error(413, "too large");
  boost::json::parse_options options;
  options.max_depth = 8;
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse({body.data(), body.size()}, error, {}, options);
  if (error || !value.is_object()) return http_error(400, "not a JSON object");
  const boost::json::value* name = value.get_object().if_contains("room");
  if (name == nullptr || !name->is_string()) return http_error(400, "no room");
  const boost::json::string& text = name->get_string();
  const auto room = room_of({text.data(), text.size()}, config);
  if (!room) return http_error(400, "not a room of this shard");

  boost::json::object answer;
  answer["ready"] = request(*room);
  answer["room"] = *room;
  answer["focusJid"] = config.domains.focus_user;
  answer["properties"] = boost::json::object{{"authentication", "false"}};
  return {200, boost::json::serialize(answer)};
}

}  // namespace roomgate::sfu::xmpp

#include "bench/roomload/signal/offer.hpp"

#include <algorithm>
#include <charconv>

#include "sfu/xmpp/namespaces.hpp"

namespace roomgate::bench::roomload::signal {
namespace {

using sfu::bridge::Media;
using sfu::focus::GroupKind;
using sfu::focus::RawByOwner;
using sfu::focus::RawSources;
using sfu::xmpp::Element;

const std::string kJingle = "urn:xmpp:jingle:1";
const std::string kRtp = "urn:xmpp:jingle:apps:rtp:1";
const std::string kFeedback = "urn:xmpp:jingle:apps:rtp:rtcp-fb:0";
const std::string kExtensions = "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0";
const std::string kSources = "urn:xmpp:jingle:apps:rtp:ssma:0";
const std::string kTransport = "urn:xmpp:jingle:transports:ice-udp:1";
const std::string kDtls = "urn:xmpp:jingle:apps:dtls:0";
const std::string kGrouping = "urn:xmpp:jingle:apps:grouping:0";
const std::string kColibri = "http://jitsi.org/protocol/colibri";
const std::string kJitMeet = "http://jitsi.org/jitmeet";

template <class T>
T number_of(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : T{};
}

std::string trimmed(std::string text) {
  const auto space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
  while (!text.empty() && space(text.back())) text.pop_back();
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), space));
  return text;
}

void read_description(const Element& description, Offer& out) {
  for (const Element* type : description.children("payload-type", kRtp)) {
    OfferedCodec codec;
    codec.name = type->attribute_or("name", "");
    codec.id = number_of<std::uint8_t>(type->attribute_or("id", ""));
    for (const Element* parameter : type->children("parameter", kRtp)) {
      if (parameter->attribute_or("name", "") == "apt")
        codec.repairs = number_of<std::uint8_t>(parameter->attribute_or("value", ""));
    }
    for (const Element* feedback : type->children("rtcp-fb", kFeedback)) {
      codec.transport_cc = codec.transport_cc || feedback->attribute_or("type", "") == "transport-cc";
    }
    if (codec.id != 0) out.codecs.push_back(std::move(codec));
  }
  for (const Element* extension : description.children("rtp-hdrext", kExtensions)) {
    const auto id = number_of<std::uint8_t>(extension->attribute_or("id", ""));
    if (id != 0) out.extensions.push_back({std::string(extension->attribute_or("uri", "")), id});
  }
}

void read_transport(const Element& transport, Offer& out) {
  if (!out.ufrag.empty()) return;  // BUNDLE: the first content's transport is everybody's
  out.ufrag = transport.attribute_or("ufrag", "");
  out.pwd = transport.attribute_or("pwd", "");
  if (const Element* fingerprint = transport.child("fingerprint", kDtls)) {
    out.fingerprint_hash = fingerprint->attribute_or("hash", "");
    out.fingerprint = trimmed(fingerprint->text());
  }
  if (const Element* socket = transport.child("web-socket", kColibri))
    out.channel_url = socket->attribute_or("url", "");
  for (const Element* candidate : transport.children("candidate", kTransport)) {
    if (candidate->attribute_or("protocol", "udp") != "udp") continue;
    const auto address = Address::from_ip(candidate->attribute_or("ip", ""),
                                          number_of<std::uint16_t>(candidate->attribute_or("port", "")));
    if (!address || address->port() == 0) continue;
    out.candidates.push_back({*address, number_of<std::uint32_t>(candidate->attribute_or("priority", ""))});
  }
}

// The owner of a <source>: the resource of its ssrc-info, or the bridge itself.
std::string owner_of(const Element& source) {
  const Element* info = source.child("ssrc-info", kJitMeet);
  const std::string owner(info != nullptr ? info->attribute_or("owner", "jvb") : "jvb");
  return owner.substr(owner.find('/') + 1);  // npos + 1 is the beginning
}

// The XML form: one <description> holds the sources of all owners; each owner's are read by themselves.
Result<void, std::string> read_xml_sources(const Element& description, Media media, RawByOwner& out) {
  std::map<std::string, Element> by_owner;
  std::map<std::string, std::string> owners;  // by SSRC, as text
  for (const Element* source : description.children("source", kSources)) {
    const std::string owner = owner_of(*source);
    owners[std::string(source->attribute_or("ssrc", ""))] = owner;
    by_owner.try_emplace(owner, Element("description", kRtp)).first->second.add(*source);
  }
  for (const Element* group : description.children("ssrc-group", kSources)) {
    const auto members = group->children("source", kSources);
    if (members.empty()) continue;
    const auto owner = owners.find(std::string(members.front()->attribute_or("ssrc", "")));
    if (owner != owners.end()) by_owner.at(owner->second).add(*group);
  }
  for (auto& [owner, described] : by_owner) {
    if (!sfu::focus::parse_xml_sources(described, media, out[owner]))
      return fail(std::string("its sources are broken"));
  }
  return {};
}

std::vector<OwnSource> of_kind(const std::vector<OwnSource>& sources, bool video) {
  std::vector<OwnSource> out;
  std::copy_if(sources.begin(), sources.end(), std::back_inserter(out),
               [&](const OwnSource& source) { return source.video == video; });
  return out;
}

Element group_element(std::string semantics, const std::vector<std::uint32_t>& ssrcs) {
  Element out("ssrc-group", kSources);
  out.set("semantics", std::move(semantics));
  for (const std::uint32_t ssrc : ssrcs)
    out.add(Element("source", kSources)).set("ssrc", std::to_string(ssrc));
  return out;
}

void add_sources(const std::vector<OwnSource>& sources, Element& description) {
  const auto add = [&](const OwnSource& source, std::uint32_t ssrc) {
    Element& out = description.add(Element("source", kSources));
    out.set("ssrc", std::to_string(ssrc)).set("name", source.name);
    if (source.video) out.set("videoType", "camera");
    out.add(Element("parameter", kSources)).set("name", "msid").set("value", source.msid);
  };
  for (const OwnSource& source : sources) {
    for (const std::uint32_t ssrc : source.ssrcs) add(source, ssrc);
    for (const std::uint32_t ssrc : source.rtx) add(source, ssrc);
    for (std::size_t layer = 0; layer < source.rtx.size(); ++layer) {
      description.add(group_element("FID", {source.ssrcs[layer], source.rtx[layer]}));
    }
    if (source.ssrcs.size() > 1) description.add(group_element("SIM", source.ssrcs));
  }
}

// Of one payload type.
void leave_out_transport_cc(Element& type) {
  std::vector<Element> kept;
  for (const Element* feedback : type.children("rtcp-fb", kFeedback)) {
    if (feedback->attribute_or("type", "") != "transport-cc") kept.push_back(*feedback);
  }
  type.remove_children("rtcp-fb", kFeedback);
  for (Element& feedback : kept) type.add(std::move(feedback));
}

// What was offered, the wanted codec first.
Element answered_description(const Element& offered, const Answer& answer, bool video) {
  Element out("description", kRtp);
  out.set("media", video ? "video" : "audio");
  auto types = offered.children("payload-type", kRtp);
  std::stable_partition(types.begin(), types.end(), [&](const Element* type) {
    return video && type->attribute_or("name", "") == answer.video_codec;
  });
  for (const Element* type : types) {
    Element& kept = out.add(*type);
    if (!answer.transport_cc) leave_out_transport_cc(kept);
  }
  add_sources(of_kind(answer.sources, video), out);
  out.add(Element("rtcp-mux", kRtp));
  for (const Element* extension : offered.children("rtp-hdrext", kExtensions)) out.add(*extension);
  for (const Element* mixed : offered.children("extmap-allow-mixed", kExtensions)) out.add(*mixed);
  return out;
}

Element answered_transport(const Answer& answer) {
  Element out("transport", kTransport);
  out.set("ufrag", answer.ufrag).set("pwd", answer.pwd);
  out.add(Element("rtcp-mux", kTransport));
  out.add(Element("fingerprint", kDtls))
      .set("hash", "sha-256")
      .set("setup", "active")
      .add_text(answer.fingerprint);
  return out;
}

}  // namespace

std::uint8_t Offer::payload_type(std::string_view codec) const {
  const auto found =
      std::find_if(codecs.begin(), codecs.end(), [&](const OfferedCodec& one) { return one.name == codec; });
  return found == codecs.end() ? std::uint8_t{0} : found->id;
}

std::uint8_t Offer::rtx_payload_type(std::uint8_t repairs) const {
  const auto found = std::find_if(codecs.begin(), codecs.end(), [&](const OfferedCodec& one) {
    return one.name == "rtx" && one.repairs == repairs;
  });
  return found == codecs.end() || repairs == 0 ? std::uint8_t{0} : found->id;
}

std::uint8_t Offer::extension(std::string_view uri) const {
  const auto found = std::find_if(extensions.begin(), extensions.end(),
                                  [&](const OfferedExtension& one) { return one.uri == uri; });
  return found == extensions.end() ? std::uint8_t{0} : found->id;
}

bool Offer::transport_cc() const {
  return std::any_of(codecs.begin(), codecs.end(), [](const OfferedCodec& one) { return one.transport_cc; });
}

Result<Offer, std::string> read_offer(const Element& jingle) {
  Offer out;
  out.jingle = jingle;
  out.sid = jingle.attribute_or("sid", "");
  out.initiator = jingle.attribute_or("initiator", "");
  if (const Element* session = jingle.child("bridge-session", sfu::xmpp::ns::kFocus))
    out.bridge_session = session->attribute_or("id", "");
  for (const Element* content : jingle.children("content", kJingle)) {
    if (const Element* description = content->child("description", kRtp)) read_description(*description, out);
    if (const Element* transport = content->child("transport", kTransport)) read_transport(*transport, out);
  }
  auto sources = read_sources(jingle);
  if (!sources) return fail(sources.error());
  out.sources = std::move(sources).value();
  if (out.sid.empty()) return fail(std::string("it has no sid"));
  if (out.ufrag.empty() || out.pwd.empty()) return fail(std::string("it has no ICE credentials"));
  if (out.fingerprint.empty()) return fail(std::string("it has no DTLS fingerprint"));
  if (out.candidates.empty()) return fail(std::string("it has no UDP candidate"));
  return out;
}

Result<RawByOwner, std::string> read_sources(const Element& jingle) {
  RawByOwner out;
  for (const Element* message : jingle.children("json-message", kJitMeet)) {
    auto read = sfu::focus::parse_json_sources(message->text());
    if (!read) return fail(std::string("its json-message is broken"));
    for (auto& [owner, sources] : *read) out[owner] = std::move(sources);
  }
  for (const Element* content : jingle.children("content", kJingle)) {
    const Element* description = content->child("description", kRtp);
    if (description == nullptr) continue;
    const std::string_view media = description->attribute_or("media", content->attribute_or("name", ""));
    if (media != "audio" && media != "video") continue;
    const auto read = read_xml_sources(*description, media == "audio" ? Media::audio : Media::video, out);
    if (!read) return fail(read.error());
  }
  return out;
}

Element session_accept(const Offer& offer, const std::string& focus, const Answer& answer) {
  Element out("jingle", kJingle);
  out.set("action", "session-accept")
      .set("initiator", focus)
      .set("responder", answer.responder)
      .set("sid", offer.sid);
  Element group("group", kGrouping);
  group.set("semantics", "BUNDLE");
  for (const Element* offered : offer.jingle.children("content", kJingle)) {
    const Element* description = offered->child("description", kRtp);
    if (description == nullptr) continue;
    const std::string name(offered->attribute_or("name", ""));
    const bool video = description->attribute_or("media", name) == "video";
    Element content("content", kJingle);
    content.set("creator", "responder").set("name", name).set("senders", "both");
    content.add(answered_description(*description, answer, video));
    content.add(answered_transport(answer));
    out.add(std::move(content));
    group.add(Element("content", kGrouping)).set("name", name);
  }
  return out.with(std::move(group));
}

Element source_change(bool add, const std::string& sid, const std::vector<OwnSource>& sources) {
  Element out("jingle", kJingle);
  out.set("action", add ? "source-add" : "source-remove").set("sid", sid);
  for (const bool video : {false, true}) {
    const auto some = of_kind(sources, video);
    if (some.empty()) continue;
    const std::string name = video ? "video" : "audio";
    Element content("content", kJingle);
    content.set("creator", "responder").set("name", name).set("senders", "both");
    Element& description = content.add(Element("description", kRtp)).set("media", name);
    add_sources(some, description);
    out.add(std::move(content));
  }
  return out;
}

Element session_terminate(const Offer& offer, std::string_view reason, bool restart) {
  Element out("jingle", kJingle);
  out.set("action", "session-terminate").set("sid", offer.sid);
  out.add(Element("reason", kJingle)).add(Element(std::string(reason), kJingle));
  Element& session = out.add(Element("bridge-session", sfu::xmpp::ns::kFocus));
  session.set("id", offer.bridge_session);
  if (restart) session.set("restart", "true");
  return out;
}

}  // namespace roomgate::bench::roomload::signal

#include "sfu/focus/jingle_offer.hpp"

#include <algorithm>

#include "base/encoding.hpp"
#include "sfu/focus/codecs.hpp"
#include "sfu/focus/jingle_answer.hpp"
#include "sfu/focus/sources.hpp"
#include "sfu/xmpp/namespaces.hpp"

namespace roomgate::sfu::focus {
namespace {

using xmpp::Element;

const std::string kRtp = "urn:xmpp:jingle:apps:rtp:1";
const std::string kFeedback = "urn:xmpp:jingle:apps:rtp:rtcp-fb:0";
const std::string kExtensions = "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0";
const std::string kTransport = "urn:xmpp:jingle:transports:ice-udp:1";
const std::string kDtls = "urn:xmpp:jingle:apps:dtls:0";
const std::string kGrouping = "urn:xmpp:jingle:apps:grouping:0";
const std::string kColibri = "http://jitsi.org/protocol/colibri";
const std::string kJingle(kJingleNs);

std::string_view name_of(bridge::Media media) { return media == bridge::Media::audio ? "audio" : "video"; }

void add_feedback(Element& payload_type, std::string type, std::string subtype = "") {
  Element& feedback = payload_type.add(Element("rtcp-fb", kFeedback)).set("type", std::move(type));
  if (!subtype.empty()) feedback.set("subtype", std::move(subtype));
}

Element payload_type(const PayloadType& codec, bool transport_cc) {
  Element out("payload-type", kRtp);
  out.set("id", std::to_string(codec.id)).set("name", std::string(codec.name));
  out.set("clockrate", std::to_string(codec.clock_rate));
  if (codec.channels > 0) out.set("channels", std::to_string(codec.channels));
  for (const CodecParameter& parameter : codec.parameters) {
    if (parameter.value.empty()) continue;
    Element& added = out.add(Element("parameter", kRtp));
    if (!parameter.name.empty()) added.set("name", std::string(parameter.name));
    added.set("value", std::string(parameter.value));
  }
  if (codec.retransmits != 0) {
    out.add(Element("parameter", kRtp)).set("name", "apt").set("value", std::to_string(codec.retransmits));
  }
  const bool video = codec.media == bridge::Media::video;
  if (video && codec.retransmits == 0) {
    add_feedback(out, "ccm", "fir");
    add_feedback(out, "nack");
    add_feedback(out, "nack", "pli");
  }
  if (codec.congestion_feedback && transport_cc) add_feedback(out, "transport-cc");
  if (codec.congestion_feedback && !transport_cc && video) add_feedback(out, "goog-remb");
  return out;
}

Element description(const Offer& offer, bridge::Media media) {
  Element out("description", kRtp);
  out.set("media", std::string(name_of(media)));
  for (const PayloadType& codec : kPayloadTypes) {
    if (codec.by_setting && !offer.opus_red) continue;
    if (codec.media == media) out.add(payload_type(codec, offer.transport_cc));
  }
  for (const HeaderExtension& extension : kHeaderExtensions) {
    if (!(media == bridge::Media::audio ? extension.audio : extension.video)) continue;
    if (extension.id == kTransportCcExtension && !offer.transport_cc) continue;
    out.add(Element("rtp-hdrext", kExtensions))
        .set("id", std::to_string(extension.id))
        .set("uri", std::string(extension.uri));
  }
  out.add(Element("extmap-allow-mixed", kExtensions));
  out.add(Element("rtcp-mux", kRtp));
  return out;
}

Element transport(const Offer& offer, const bridge::Allocated& allocated) {
  Element out("transport", kTransport);
  out.set("ufrag", allocated.ufrag).set("pwd", allocated.pwd);
  out.add(Element("rtcp-mux", kTransport));
  out.add(Element("fingerprint", kDtls))
      .set("hash", allocated.fingerprint.hash)
      .set("setup", "actpass")
      .set("required", "false")
      .add_text(allocated.fingerprint.value);
  if (!offer.channel_url.empty()) out.add(Element("web-socket", kColibri)).set("url", offer.channel_url);
  std::size_t number = 0;
  for (const bridge::Candidate& candidate : allocated.candidates) {
    out.add(Element("candidate", kTransport))
        .set("component", "1")
        .set("foundation", candidate.foundation.empty() ? "1" : candidate.foundation)
        .set("generation", "0")
        .set("id", "c" + std::to_string(++number))
        .set("ip", candidate.ip)
        .set("network", "0")
        .set("port", std::to_string(candidate.port))
        .set("priority", std::to_string(candidate.priority))
        .set("protocol", "udp")
        .set("type", "host");
  }
  return out;
}

Element jingle(std::string action, const std::string& sid) {
  Element out("jingle", kJingle);
  out.set("action", std::move(action)).set("sid", sid);
  return out;
}

}  // namespace

xmpp::Element session_initiate(const Offer& offer, const bridge::Allocated& allocated) {
  AnnouncedByOwner sources = offer.others;
  sources[std::string(kBridgeOwner)] = bridge_sources(allocated.audio_ssrc, allocated.video_ssrc);
  Element out = jingle("session-initiate", offer.sid);
  out.set("initiator", offer.initiator);
  Element group("group", kGrouping);
  group.set("semantics", "BUNDLE");
  for (const bridge::Media media : {bridge::Media::audio, bridge::Media::video}) {
    const std::string name(name_of(media));
    Element content("content", kJingle);
    content.set("creator", "initiator").set("name", name).set("senders", "both");
    Element& described = content.add(description(offer, media));
    if (offer.encoding == SourceEncoding::xml) add_xml_sources(sources, offer.room, media, described);
    content.add(transport(offer, allocated));
    out.add(std::move(content));
    group.add(Element("content", kGrouping)).set("name", name);
  }
  out.add(std::move(group));
  Element bridge_session("bridge-session", xmpp::ns::kFocus);
  bridge_session.set("id", offer.bridge_session);
  if (!allocated.bridge_region.empty()) bridge_session.set("region", allocated.bridge_region);
  out.add(std::move(bridge_session));
  if (offer.encoding == SourceEncoding::json) out.add(json_message(sources));
  return out;
}

xmpp::Element source_change(SourceAction action, const std::string& sid, const std::string& room,
                            const AnnouncedByOwner& sources, SourceEncoding encoding) {
  Element out = jingle(action == SourceAction::add ? "source-add" : "source-remove", sid);
  if (encoding == SourceEncoding::json) return out.with(json_message(sources));
  for (const bridge::Media media : {bridge::Media::audio, bridge::Media::video}) {
    const std::string name(name_of(media));
    Element described("description", kRtp);
    described.set("media", name);
    add_xml_sources(sources, room, media, described);
    if (described.children().empty()) continue;
    Element content("content", kJingle);
    content.set("creator", "initiator").set("name", name).set("senders", "both");
    content.add(std::move(described));
    out.add(std::move(content));
  }
  return out;
}

xmpp::Element session_terminate(const std::string& sid, std::string_view reason, std::string_view text) {
  Element out = jingle("session-terminate", sid);
  Element& given = out.add(Element("reason", kJingle));
  given.add(Element(std::string(reason), kJingle));
  if (!text.empty()) given.add(Element("text", kJingle)).add_text(std::string(text));
  return out;
}

std::string channel_url(std::string_view channel_base, std::string_view bridge, std::string_view conference,
                        std::string_view endpoint, std::string_view secret) {
  std::string url(channel_base);
  while (url.ends_with('/')) url.pop_back();
  url += "/colibri-ws";
  for (const std::string_view part : {bridge, conference, endpoint}) url += "/" + percent_encode(part);
  return url + "?pwd=" + percent_encode(secret);
}

}  // namespace roomgate::sfu::focus

#include "bench/roomload/signal/conversation.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/encoding.hpp"
#include "base/random.hpp"
#include "sfu/xmpp/namespaces.hpp"
#include "sfu/xmpp/parser.hpp"

namespace roomgate::bench::roomload::signal {
namespace {

namespace ns = sfu::xmpp::ns;
using sfu::xmpp::Element;

const std::string kJingle = "urn:xmpp:jingle:1";
const std::string kCaps = "http://jabber.org/protocol/caps";
const std::string kNick = "http://jabber.org/protocol/nick";
const std::string kCapsNode = "https://jitsi.org/jitsi-meet";

constexpr std::string_view kTransportCc = "http://jitsi.org/tcc";
constexpr std::string_view kRewriting = "http://jitsi.org/ssrc-rewriting-1";

// What a focus decides by: sources with names in JSON, no SCTP; and what an account may leave out. Sorted, as
// the hash wants them.
constexpr std::array<std::string_view, 15> kFeatures = {
    "http://jabber.org/protocol/caps",
    "http://jabber.org/protocol/disco#info",
    "http://jitsi.org/json-encoded-sources",
    "http://jitsi.org/receive-multiple-video-streams",
    "http://jitsi.org/remb",
    "http://jitsi.org/source-name",
    kRewriting,
    kTransportCc,
    "urn:ietf:rfc:4588",
    "urn:xmpp:jingle:1",
    "urn:xmpp:jingle:apps:dtls:0",
    "urn:xmpp:jingle:apps:rtp:1",
    "urn:xmpp:jingle:apps:rtp:audio",
    "urn:xmpp:jingle:apps:rtp:video",
    "urn:xmpp:jingle:transports:ice-udp:1",
};

std::string resource_of(std::string_view jid) {
  const std::size_t slash = jid.find('/');
  return slash == std::string_view::npos ? "" : std::string(jid.substr(slash + 1));
}

// Of jitsi clients: the first eight characters of an address that begins with eight hex digits, else eight
// made up.
std::string nick_for(std::string_view jid) {
  const std::string first = ascii_lower(jid.substr(0, std::min<std::size_t>(jid.find('@'), 8)));
  const bool hex = first.size() == 8 && first.find_first_not_of("0123456789abcdef") == std::string::npos;
  return hex ? first : random_hex(4);
}

// "not-allowed: the text that stands beside it"
std::string words_of(const Element& error) {
  std::string condition;
  std::string text;
  for (const Element* child : error.children()) {
    if (child->name() == "text") {
      text = child->text();
    } else if (condition.empty()) {
      condition = child->name();
    }
  }
  if (condition.empty()) condition = "refused";
  return text.empty() ? condition : condition + ": " + text.substr(0, 200);
}

// A client that does not speak of transport-cc is offered goog-remb, and is asked for reports alone.
std::vector<std::string_view> listed(const Features& features) {
  std::vector<std::string_view> out(kFeatures.begin(), kFeatures.end());
  if (!features.transport_cc) std::erase(out, kTransportCc);
  if (!features.ssrc_rewriting) std::erase(out, kRewriting);
  return out;
}

Element disco_answer(const std::string& node, const Features& features) {
  Element out("query", ns::kDiscoInfo);
  if (!node.empty()) out.set("node", node);
  for (const std::string_view feature : listed(features)) {
    out.add(Element("feature", ns::kDiscoInfo)).set("var", std::string(feature));
  }
  return out;
}

}  // namespace

std::string capabilities_version(const Features& features) {
  std::string text;
  for (const std::string_view feature : listed(features)) text += std::string(feature) + "<";
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest;
  SHA1(as_bytes(text).data(), text.size(), digest.data());
  return to_base64(digest);
}

Conversation::Conversation(Account account, TimePoint now, ConversationLimits limits)
    : account_(std::move(account)), limits_(limits), heard_(now), id_prefix_(random_hex(4)) {
  go(Stage::opening, now);
  open();
}

std::optional<Event> Conversation::next_event() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::string Conversation::next_id() { return id_prefix_ + ":" + std::to_string(++ids_); }

void Conversation::go(Stage stage, TimePoint now) {
  stage_ = stage;
  switch (stage) {
    case Stage::opening:
    case Stage::authenticating:
    case Stage::reopening:
    case Stage::binding:
    case Stage::requesting:
    case Stage::joining: deadline_ = now + limits_.answer; break;
    case Stage::joined: deadline_ = now + limits_.ping_every; break;
    case Stage::leaving: deadline_ = now + limits_.leave; break;
    case Stage::ended:
    case Stage::failed: deadline_ = TimePoint::max(); break;
  }
}

void Conversation::fail_with(ProblemKind kind, std::string text) {
  if (stage_ == Stage::ended || stage_ == Stage::failed) return;
  const bool expected = stage_ == Stage::leaving;
  go(expected ? Stage::ended : Stage::failed, {});
  if (!expected) events_.emplace_back(Failed{{kind, std::move(text)}});
}

void Conversation::send(const Element& element) { output_.push_back(element.serialize()); }

void Conversation::open() {
  Element open("open", ns::kFraming);
  send(open.set("to", account_.domain).set("version", "1.0"));
}

void Conversation::consume(std::string_view message, TimePoint now) {
  if (stage_ == Stage::ended || stage_ == Stage::failed) return;
  // What a shard sends a room of hundreds in one piece: more than a shard takes from a client.
  sfu::xmpp::ParseLimits limits;
  limits.bytes = 1024 * 1024;
  limits.elements = 65536;
  limits.namespace_bytes = 4 * 1024 * 1024;
  const auto parsed = sfu::xmpp::parse_stanza(message, limits);
  if (!parsed) {
    return fail_with(ProblemKind::protocol, "the shard sent a stanza that no browser would take: " +
                                                std::string(to_text(parsed.error())));
  }
  heard_ = now;
  const Element& got = *parsed;
  if (got.is("open", ns::kFraming)) return;
  if (got.is("close", ns::kFraming)) {
    return fail_with(ProblemKind::lost, "the shard closed the XMPP stream");
  }
  if (got.is("features", ns::kStreams)) return on_features(got, now);
  if (got.is("error", ns::kStreams)) {
    const std::string words = words_of(got);
    if (words.starts_with("host-unknown")) {
      return fail_with(ProblemKind::not_jitsi, "the shard does not serve the XMPP domain " + account_.domain);
    }
    return fail_with(ProblemKind::lost, "the shard ended the XMPP stream: " + words);
  }
  if (got.is("success", ns::kSasl)) {
    go(Stage::reopening, now);
    return open();
  }
  if (got.is("failure", ns::kSasl)) {
    return fail_with(ProblemKind::not_allowed, "the shard refuses the login: " + words_of(got));
  }
  if (got.is("iq", ns::kClient)) return on_iq(got, now);
  if (got.is("presence", ns::kClient)) return on_presence(got, now);
}

void Conversation::tick(TimePoint now) {
  if (now < deadline_) return;
  switch (stage_) {
    case Stage::opening:
    case Stage::authenticating:
    case Stage::reopening:
    case Stage::binding:
      return fail_with(ProblemKind::unreachable, "the shard does not go on with the XMPP login");
    case Stage::requesting:
      if (conference_id_.empty() && not_ready_ > 0) return request_conference(now);
      return fail_with(ProblemKind::unreachable, "the focus does not answer the conference request");
    case Stage::joining:
      return fail_with(ProblemKind::unreachable,
                       "the shard does not answer the join of " + account_.room_jid);
    case Stage::joined: {
      if (!ping_id_.empty()) {
        if (now - heard_ >= limits_.ping_answer) {
          return fail_with(ProblemKind::lost,
                           "the shard has not answered XMPP for " +
                               std::to_string(std::chrono::duration_cast<seconds>(now - heard_).count()) +
                               " s");
        }
        deadline_ = heard_ + limits_.ping_answer;
        return;
      }
      if (now - heard_ < limits_.ping_every) {
        deadline_ = heard_ + limits_.ping_every;
        return;
      }
      ping_id_ = next_id();
      Element iq("iq", ns::kClient);
      iq.set("type", "get").set("id", ping_id_).set("to", account_.domain).add(Element("ping", ns::kPing));
      send(iq);
      deadline_ = now + limits_.ping_answer;
      return;
    }
    case Stage::leaving: return go(Stage::ended, now);
    case Stage::ended:
    case Stage::failed: return;
  }
}

// ---- login

void Conversation::on_features(const Element& features, TimePoint now) {
  if (stage_ == Stage::opening) {
    const Element* mechanisms = features.child("mechanisms", ns::kSasl);
    bool anonymous = false;
    if (mechanisms != nullptr) {
      for (const Element* mechanism : mechanisms->children("mechanism", ns::kSasl)) {
        anonymous = anonymous || mechanism->text() == "ANONYMOUS";
      }
    }
    if (!anonymous) {
      return fail_with(ProblemKind::not_allowed,
                       account_.domain + " lets nobody in without a login (no SASL ANONYMOUS)");
    }
    Element auth("auth", ns::kSasl);
    send(auth.set("mechanism", "ANONYMOUS"));
    return go(Stage::authenticating, now);
  }
  if (stage_ != Stage::reopening) return;
  if (features.child("bind", ns::kBind) == nullptr) {
    return fail_with(ProblemKind::not_jitsi, "the shard offers no resource binding");
  }
  Element iq("iq", ns::kClient);
  iq.set("type", "set").set("id", "_bind_auth_2").add(Element("bind", ns::kBind));
  send(iq);
  go(Stage::binding, now);
}

// ---- iq

void Conversation::reply(const Element& iq, std::optional<Element> payload) {
  Element out("iq", ns::kClient);
  out.set("type", "result").set("id", std::string(iq.attribute_or("id", "")));
  if (const std::string* from = iq.attribute("from")) out.set("to", *from);
  if (payload) out.add(std::move(*payload));
  send(out);
}

void Conversation::refuse(const Element& iq, std::string_view condition) {
  Element out("iq", ns::kClient);
  out.set("type", "error").set("id", std::string(iq.attribute_or("id", "")));
  if (const std::string* from = iq.attribute("from")) out.set("to", *from);
  Element& error = out.add(Element("error", ns::kClient)).set("type", "cancel");
  error.add(Element(std::string(condition), ns::kStanzaErrors));
  send(out);
}

void Conversation::on_iq(const Element& iq, TimePoint now) {
  const std::string_view type = iq.attribute_or("type", "");
  if (type == "get" || type == "set") return on_iq_request(iq, now);
  const std::string_view id = iq.attribute_or("id", "");
  if (stage_ == Stage::binding && id == "_bind_auth_2") {
    const Element* bind = iq.child("bind", ns::kBind);
    const Element* jid = bind != nullptr ? bind->child("jid", ns::kBind) : nullptr;
    if (type != "result" || jid == nullptr)
      return fail_with(ProblemKind::not_allowed, "the shard binds no resource");
    jid_ = jid->text();
    endpoint_ = nick_for(jid_);
    // As a client does, beside the conference request; nothing waits for the answers.
    Element services("iq", ns::kClient);
    services.set("type", "get").set("id", next_id()).set("to", account_.domain);
    send(services.with(Element("services", ns::kExternalServices2)));
    Element disco("iq", ns::kClient);
    disco.set("type", "get").set("id", next_id()).set("to", account_.domain);
    send(disco.with(Element("query", ns::kDiscoInfo)));
    go(Stage::requesting, now);
    return request_conference(now);
  }
  if (!conference_id_.empty() && id == conference_id_) return on_conference_answer(iq, now);
  if (!ping_id_.empty() && id == ping_id_) {
    ping_id_.clear();
    deadline_ = now + limits_.ping_every;
    return;
  }
  if (!accept_id_.empty() && id == accept_id_) {
    accept_id_.clear();
    if (type == "error") {
      const Element* error = iq.child("error");
      fail_with(ProblemKind::protocol, "the focus refuses our session-accept: " +
                                           (error != nullptr ? words_of(*error) : std::string("no reason")));
    }
  }
}

void Conversation::on_iq_request(const Element& iq, TimePoint) {
  if (const Element* jingle = iq.child("jingle", kJingle)) return on_jingle(iq, *jingle);
  if (const Element* query = iq.child("query", ns::kDiscoInfo)) {
    return reply(iq, disco_answer(std::string(query->attribute_or("node", "")), account_.features));
  }
  if (iq.child("ping", ns::kPing) != nullptr) return reply(iq);
  refuse(iq, "feature-not-implemented");
}

void Conversation::on_jingle(const Element& iq, const Element& jingle) {
  const std::string_view action = jingle.attribute_or("action", "");
  // Only the focus calls us; another participant would want to speak without the bridge.
  if (resource_of(iq.attribute_or("from", "")) != "focus") return refuse(iq, "service-unavailable");
  if (action == "session-initiate") {
    auto offer = read_offer(jingle);
    if (!offer) {
      refuse(iq, "bad-request");
      return fail_with(ProblemKind::protocol,
                       "the focus made an offer that no client could answer: " + offer.error());
    }
    reply(iq);
    offer_ = *offer;
    events_.emplace_back(Offered{std::move(offer).value()});
    return;
  }
  if (!offer_ || jingle.attribute_or("sid", "") != offer_->sid) return refuse(iq, "item-not-found");
  reply(iq);
  if (action == "source-add" || action == "source-remove") {
    if (auto sources = read_sources(jingle)) {
      events_.emplace_back(SourcesChanged{action == "source-add", std::move(sources).value()});
    }
    return;
  }
  if (action == "session-terminate") {
    std::string reason = "no reason";
    if (const Element* given = jingle.child("reason", kJingle); given != nullptr) reason = words_of(*given);
    events_.emplace_back(SessionEnded{offer_->sid, reason});
    offer_.reset();
  }
}

// ---- the conference

void Conversation::request_conference(TimePoint now) {
  deadline_ = now + limits_.answer;
  if (account_.over_http) {
    conference_id_ = "http";
    events_.emplace_back(ConferenceWanted{});
    return;
  }
  conference_id_ = next_id();
  Element iq("iq", ns::kClient);
  iq.set("type", "set").set("id", conference_id_).set("to", account_.focus);
  Element& conference = iq.add(Element("conference", ns::kFocus));
  conference.set("room", account_.room_jid).set("machine-uid", random_hex(16));
  conference.add(Element("property", ns::kFocus)).set("name", "rtcstatsEnabled").set("value", "false");
  conference.add(Element("property", ns::kFocus)).set("name", "visitors-version").set("value", "1");
  send(iq);
}

void Conversation::on_conference_answer(const Element& iq, TimePoint now) {
  conference_id_.clear();
  if (iq.attribute_or("type", "") == "error") {
    const Element* error = iq.child("error");
    return fail_with(ProblemKind::not_allowed,
                     "the focus refuses the conference " + account_.room_jid + ": " +
                         (error != nullptr ? words_of(*error) : std::string("no reason")));
  }
  const Element* conference = iq.child("conference", ns::kFocus);
  if (conference == nullptr) return fail_with(ProblemKind::not_jitsi, account_.focus + " is no focus");
  if (conference->attribute_or("ready", "") == "true") {
    return conference_ready(std::string(conference->attribute_or("focusjid", "")), now);
  }
  if (++not_ready_ >= limits_.not_ready) {
    return fail_with(ProblemKind::full, "the focus has no place for the conference " + account_.room_jid);
  }
  // Again after 1, 2, 4 s, as the client does.
  deadline_ = now + seconds(1) * (1 << std::min(not_ready_ - 1, 5));
}

void Conversation::conference_failed(Problem problem) { fail_with(problem.kind, std::move(problem.text)); }

void Conversation::conference_ready(std::string focus_jid, TimePoint now) {
  if (stage_ != Stage::requesting) return;
  conference_id_.clear();
  focus_jid_ = std::move(focus_jid);
  if (focus_jid_.empty()) return fail_with(ProblemKind::protocol, "the focus does not say its own address");
  go(Stage::joining, now);
  send_presence();
}

// ---- the room

void Conversation::send_presence() {
  Element presence("presence", ns::kClient);
  presence.set("to", account_.room_jid + "/" + endpoint_);
  if (stage_ == Stage::joining) presence.add(Element("x", ns::kMuc));
  presence.add(Element("c", kCaps))
      .set("hash", "sha-1")
      .set("node", kCapsNode)
      .set("ver", capabilities_version(account_.features));
  std::string info = "{";
  for (const OwnSource& source : sources_) {
    info += (info.size() > 1 ? ",\"" : "\"") + source.name + "\":{\"muted\":false}";
  }
  presence.add(Element("SourceInfo", ns::kClient)).add_text(info + "}");
  presence.add(Element("jitsi_participant_codecList", ns::kClient)).add_text(account_.codec);
  presence.add(Element("nick", kNick)).add_text(account_.name);
  send(presence);
}

void Conversation::on_refusal(const Element& presence) {
  const Element* error = presence.child("error");
  const std::string words = error != nullptr ? words_of(*error) : "no reason";
  const std::string room = "the room " + account_.room_jid;
  if (words.starts_with("service-unavailable") || words.starts_with("resource-constraint")) {
    return fail_with(ProblemKind::full, room + " takes nobody more: " + words);
  }
  if (words.starts_with("not-authorized"))
    return fail_with(ProblemKind::not_allowed, room + " has a password");
  if (words.starts_with("registration-required"))
    return fail_with(ProblemKind::not_allowed, room + " has a lobby");
  fail_with(ProblemKind::not_allowed, room + " refuses us: " + words);
}

void Conversation::on_presence(const Element& presence, TimePoint now) {
  const std::string_view from = presence.attribute_or("from", "");
  if (!from.starts_with(account_.room_jid) || from.size() <= account_.room_jid.size()) return;
  const std::string nick = resource_of(from);
  const std::string_view type = presence.attribute_or("type", "");
  if (type == "error") {
    if (stage_ == Stage::joining) on_refusal(presence);
    return;
  }
  if (nick == endpoint_) {
    if (type == "unavailable") {
      const Element* user = presence.child("x", ns::kMucUser);
      const Element* item = user != nullptr ? user->child("item", ns::kMucUser) : nullptr;
      const Element* reason = item != nullptr ? item->child("reason", ns::kMucUser) : nullptr;
      fail_with(ProblemKind::lost,
                "put out of the room " + account_.room_jid +
                    (reason != nullptr && !reason->text().empty() ? ": " + reason->text() : ""));
      return;
    }
    if (stage_ != Stage::joining) return;
    go(Stage::joined, now);
    events_.emplace_back(Joined{endpoint_});
    Element disco("iq", ns::kClient);
    disco.set("type", "get").set("id", next_id()).set("to", account_.room_jid);
    send(disco.with(Element("query", ns::kDiscoInfo)));
    return;
  }
  if (type == "unavailable") {
    members_.erase(nick);
    if (nick == "focus") fail_with(ProblemKind::lost, "the focus has left the room " + account_.room_jid);
  } else if (nick != "focus") {
    members_[nick] = true;
  }
}

void Conversation::accept(const Answer& answer, TimePoint) {
  if (!offer_ || stage_ != Stage::joined) return;
  accept_id_ = next_id();
  const std::string focus = account_.room_jid + "/focus";
  Element iq("iq", ns::kClient);
  iq.set("type", "set").set("id", accept_id_).set("to", focus);
  iq.add(session_accept(*offer_, focus, answer));
  send(iq);
  sources_ = answer.sources;
  send_presence();
}

void Conversation::terminate(std::string_view reason, bool restart) {
  if (!offer_ || stage_ != Stage::joined) return;
  Element iq("iq", ns::kClient);
  iq.set("type", "set").set("id", next_id()).set("to", account_.room_jid + "/focus");
  send(iq.with(session_terminate(*offer_, reason, restart)));
  offer_.reset();
}

void Conversation::leave(TimePoint now) {
  if (stage_ == Stage::ended || stage_ == Stage::failed || stage_ == Stage::leaving) return;
  if (stage_ == Stage::joined || stage_ == Stage::joining) {
    Element presence("presence", ns::kClient);
    send(presence.set("to", account_.room_jid + "/" + endpoint_).set("type", "unavailable"));
  }
  Element close("close", ns::kFraming);
  send(close);
  go(Stage::leaving, now);
}

}  // namespace roomgate::bench::roomload::signal

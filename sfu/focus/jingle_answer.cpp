#include "sfu/focus/jingle_answer.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "sfu/focus/codecs.hpp"
#include "sfu/xmpp/namespaces.hpp"

namespace roomgate::sfu::focus {
namespace {

using xmpp::Element;

constexpr std::string_view kRtp = "urn:xmpp:jingle:apps:rtp:1";
constexpr std::string_view kFeedback = "urn:xmpp:jingle:apps:rtp:rtcp-fb:0";
constexpr std::string_view kTransport = "urn:xmpp:jingle:transports:ice-udp:1";
constexpr std::string_view kDtls = "urn:xmpp:jingle:apps:dtls:0";
constexpr std::string_view kJitMeet = "http://jitsi.org/jitmeet";

constexpr std::array<std::pair<std::string_view, Action>, 18> kActions = {{
    {"session-accept", Action::session_accept},
    {"session-info", Action::session_info},
    {"session-terminate", Action::session_terminate},
    {"source-add", Action::source_add},
    {"addsource", Action::source_add},  // its name before 2014, still understood by the original
    {"source-remove", Action::source_remove},
    {"removesource", Action::source_remove},
    {"transport-info", Action::transport_info},
    {"content-accept", Action::unsupported},
    {"content-add", Action::unsupported},
    {"content-modify", Action::unsupported},
    {"content-reject", Action::unsupported},
    {"content-remove", Action::unsupported},
    {"description-info", Action::unsupported},
    {"session-initiate", Action::unsupported},
    {"transport-accept", Action::unsupported},
    {"transport-reject", Action::unsupported},
    {"transport-replace", Action::unsupported},
}};

// RFC 8839 5.4: ice-char, with the bounds of the RFC.
bool ice_text(std::string_view text, std::size_t shortest) {
  return text.size() >= shortest && text.size() <= 256 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
                  c == '/';
         });
}

std::size_t digest_bytes(std::string_view hash) {
  if (hash == "sha-256") return 32;
  if (hash == "sha-384") return 48;
  if (hash == "sha-512") return 64;
  return 0;
}

// Upper case, with colons; RFC 8122 5. Empty when it is not that.
std::string fingerprint_of(std::string_view text, std::size_t bytes) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool digit = c >= '0' && c <= '9';
    const bool upper = c >= 'A' && c <= 'F';
    const bool lower = c >= 'a' && c <= 'f';
    if (i % 3 == 2 ? c != ':' : !(digit || upper || lower)) return "";
    out.push_back(lower ? static_cast<char>(c - 'a' + 'A') : c);
  }
  return bytes > 0 && out.size() == bytes * 3 - 1 ? out : "";
}

std::string_view trimmed(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

Result<void, SignallingError> read_transport(const Element& jingle, SessionAccept& out) {
  // BUNDLE: the first content's transport is everybody's.
  for (const Element* content : jingle.children("content", kJingleNs)) {
    const Element* transport = content->child("transport", kTransport);
    if (transport == nullptr || transport->attribute("ufrag") == nullptr) continue;
    out.ufrag = transport->attribute_or("ufrag", "");
    out.pwd = transport->attribute_or("pwd", "");
    if (!ice_text(out.ufrag, 4) || !ice_text(out.pwd, 22)) return fail(SignallingError::bad_credentials);
    const auto fingerprints = transport->children("fingerprint", kDtls);
    if (fingerprints.empty()) return fail(SignallingError::no_fingerprint);
    for (const Element* fingerprint : fingerprints) {
      const std::string_view hash = fingerprint->attribute_or("hash", "");
      const std::string text = fingerprint->text();
      std::string value = fingerprint_of(trimmed(text), digest_bytes(hash));
      if (value.empty()) continue;
      if (fingerprint->attribute_or("setup", "active") != "active") return fail(SignallingError::bad_setup);
      out.fingerprint = {.hash = std::string(hash), .value = std::move(value)};
      return {};
    }
    return fail(SignallingError::bad_fingerprint);
  }
  return fail(SignallingError::no_transport);
}

std::optional<bridge::Media> media_of(const Element& content, const Element& description) {
  const std::string_view media = description.attribute_or("media", content.attribute_or("name", ""));
  if (media == "audio") return bridge::Media::audio;
  if (media == "video") return bridge::Media::video;
  return std::nullopt;
}

Result<RawSources, SignallingError> read_sources(const Element& jingle, std::string_view endpoint) {
  RawSources out;
  for (const Element* content : jingle.children("content", kJingleNs)) {
    const Element* description = content->child("description", kRtp);
    if (description == nullptr) continue;
    const auto media = media_of(*content, *description);
    if (!media) continue;  // "data"
    if (auto read = parse_xml_sources(*description, *media, out); !read) return fail(read.error());
  }
  for (const Element* message : jingle.children("json-message", kJitMeet)) {
    const std::string text = message->text();
    auto owners = parse_json_sources(text);
    if (!owners) return fail(owners.error());
    for (auto& [owner, sources] : *owners) {
      if (owner != endpoint) return fail(SignallingError::foreign_source);
      out.ssrcs.insert(out.ssrcs.end(), sources.ssrcs.begin(), sources.ssrcs.end());
      out.groups.insert(out.groups.end(), sources.groups.begin(), sources.groups.end());
    }
  }
  return out;
}

bool does_red(const Element& jingle) {
  for (const Element* content : jingle.children("content", kJingleNs)) {
    const Element* description = content->child("description", kRtp);
    if (description == nullptr || media_of(*content, *description) != bridge::Media::audio) continue;
    for (const Element* type : description->children("payload-type", kRtp)) {
      if (type->attribute_or("id", "") == std::to_string(kOpusRed)) return true;
    }
  }
  return false;
}

// A client that answers with a list of feedback for video, and leaves out transport-cc, cannot do it. A
// client that lists no feedback at all has said nothing.
bool does_transport_cc(const Element& jingle) {
  bool listed = false;
  for (const Element* content : jingle.children("content", kJingleNs)) {
    const Element* description = content->child("description", kRtp);
    if (description == nullptr || media_of(*content, *description) != bridge::Media::video) continue;
    // Of each codec, and those of all codecs ("a=rtcp-fb:*"), which stand beside them.
    std::vector<const Element*> holders = description->children("payload-type", kRtp);
    holders.push_back(description);
    for (const Element* holder : holders) {
      for (const Element* feedback : holder->children("rtcp-fb", kFeedback)) {
        if (feedback->attribute_or("type", "") == "transport-cc") return true;
        listed = true;
      }
    }
  }
  return !listed;
}

}  // namespace

Action action_of(std::string_view text) {
  const auto found =
      std::find_if(kActions.begin(), kActions.end(), [&](const auto& entry) { return entry.first == text; });
  return found == kActions.end() ? Action::unknown : found->second;
}

Result<SessionAccept, SignallingError> parse_session_accept(const xmpp::Element& jingle,
                                                            std::string_view endpoint) {
  SessionAccept out;
  if (auto read = read_transport(jingle, out); !read) return fail(read.error());
  auto sources = read_sources(jingle, endpoint);
  if (!sources) return fail(sources.error());
  out.sources = std::move(sources).value();
  out.transport_cc = does_transport_cc(jingle);
  out.opus_red = does_red(jingle);
  out.source_names = std::none_of(out.sources.ssrcs.begin(), out.sources.ssrcs.end(),
                                  [](const RawSsrc& ssrc) { return ssrc.name.empty(); });
  return out;
}

Result<RawSources, SignallingError> parse_source_change(const xmpp::Element& jingle,
                                                        std::string_view endpoint) {
  auto sources = read_sources(jingle, endpoint);
  if (sources && sources->ssrcs.empty()) return fail(SignallingError::no_sources);
  return sources;
}

SessionTerminate parse_session_terminate(const xmpp::Element& jingle) {
  SessionTerminate out;
  if (const Element* reason = jingle.child("reason", kJingleNs); reason != nullptr) {
    for (const Element* child : reason->children()) {
      if (child->name() == "text") {
        out.text = child->text().substr(0, 200);
      } else {
        out.reason = child->name().substr(0, 60);
      }
    }
  }
  if (const Element* session = jingle.child("bridge-session", xmpp::ns::kFocus); session != nullptr) {
    if (const std::string* id = session->attribute("id"); id != nullptr) out.bridge_session = *id;
    out.restart = session->attribute_or("restart", "") == "true";
  }
  return out;
}

SessionInfo parse_session_info(const xmpp::Element& jingle) {
  if (const Element* state = jingle.child("ice-state", xmpp::ns::kFocus); state != nullptr) {
    return {.kind = SessionInfo::Kind::ice_state, .ice_state = state->text().substr(0, 40)};
  }
  if (const Element* session = jingle.child("bridge-session", xmpp::ns::kFocus); session != nullptr) {
    if (session->attribute_or("ice-restart", "") == "true")
      return {.kind = SessionInfo::Kind::ice_restart, .ice_state = ""};
  }
  if (jingle.children().empty()) return {.kind = SessionInfo::Kind::ping, .ice_state = ""};
  return {};
}

}  // namespace roomgate::sfu::focus

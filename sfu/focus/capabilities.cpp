#include "sfu/focus/capabilities.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/encoding.hpp"
#include "sfu/xmpp/namespaces.hpp"

namespace roomgate::sfu::focus {
namespace {

using xmpp::Element;

constexpr std::string_view kCaps = "http://jabber.org/protocol/caps";
constexpr std::string_view kRewriting = "http://jitsi.org/ssrc-rewriting-1";
constexpr std::string_view kForm = "jabber:x:data";
constexpr std::size_t kMaxNode = 256;
constexpr std::size_t kMaxVersion = 128;
constexpr std::size_t kMaxItems = 256;  // features and identities of one list

const Element* query_of(const Element& answer) { return answer.child("query", xmpp::ns::kDiscoInfo); }

}  // namespace

std::optional<AnnouncedCapabilities> announced_capabilities(const Element& presence) {
  const Element* caps = presence.child("c", kCaps);
  if (caps == nullptr) return std::nullopt;
  AnnouncedCapabilities out{std::string(caps->attribute_or("hash", "")),
                            std::string(caps->attribute_or("node", "")),
                            std::string(caps->attribute_or("ver", ""))};
  if (out.node.empty() || out.version.empty()) return std::nullopt;
  if (out.node.size() > kMaxNode || out.version.size() > kMaxVersion) return std::nullopt;
  return out;
}

Element capabilities_query(const AnnouncedCapabilities& announced) {
  Element query("query", xmpp::ns::kDiscoInfo);
  query.set("node", announced.node + "#" + announced.version);
  return query;
}

std::optional<Capabilities> read_capabilities(const Element& answer) {
  const Element* query = query_of(answer);
  if (query == nullptr) return std::nullopt;
  const auto features = query->children("feature", xmpp::ns::kDiscoInfo);
  if (features.size() > kMaxItems) return std::nullopt;
  Capabilities out;
  for (const Element* feature : features) {
    if (feature->attribute_or("var", "") == kRewriting) out.ssrc_rewriting = true;
  }
  return out;
}

std::string version_of(const Element& query) {
  if (query.child("x", kForm) != nullptr) return {};
  const auto sorted = [&query](std::string_view name, auto&& text_of) {
    std::vector<std::string> out;
    for (const Element* each : query.children(name, xmpp::ns::kDiscoInfo))
      out.push_back(text_of(*each) + "<");
    std::sort(out.begin(), out.end());
    return out;
  };
  std::string text;
  for (const std::string& identity : sorted("identity", [](const Element& each) {
         std::string out(each.attribute_or("category", ""));
         for (const std::string_view part : {"type", "xml:lang", "name"}) {
           out += "/" + std::string(each.attribute_or(part, ""));
         }
         return out;
       })) {
    text += identity;
  }
  for (const std::string& feature :
       sorted("feature", [](const Element& each) { return std::string(each.attribute_or("var", "")); })) {
    text += feature;
  }
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest;
  const ByteView bytes = as_bytes(text);
  SHA1(bytes.data(), bytes.size(), digest.data());
  return to_base64(digest);
}

std::optional<Capabilities> CapabilityCache::find(const AnnouncedCapabilities& announced) const {
  if (announced.hash != "sha-1") return std::nullopt;
  const auto found = known_.find(announced.version);
  return found == known_.end() ? std::nullopt : std::optional(found->second);
}

void CapabilityCache::learn(const AnnouncedCapabilities& announced, const Element& answer,
                            const Capabilities& read) {
  const Element* query = query_of(answer);
  if (announced.hash != "sha-1" || query == nullptr || query->children().size() > kMaxItems) return;
  if (version_of(*query) != announced.version) return;
  // Who fills it with versions of their own makes others ask once more, no more than that.
  if (known_.size() >= kMost && !known_.contains(announced.version)) known_.erase(known_.begin());
  known_[announced.version] = read;
}

}  // namespace roomgate::sfu::focus

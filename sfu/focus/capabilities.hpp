// What a client says it can do: the short form in its presence (XEP-0115) and the list it answers a
// disco#info query with. Pure, but for the cache of lists whose hash was right: clients of one version are
// asked once. Signalling thread.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "sfu/xmpp/element.hpp"

namespace roomgate::sfu::focus {

// Of all it may say, what we act upon.
struct Capabilities {
  bool ssrc_rewriting = false;  // the bridge may own the SSRCs, and tell on the channel what they stand for
  friend bool operator==(const Capabilities&, const Capabilities&) = default;
};

struct AnnouncedCapabilities {
  std::string hash;  // "sha-1"
  std::string node;
  std::string version;
  friend bool operator==(const AnnouncedCapabilities&, const AnnouncedCapabilities&) = default;
};
// Empty: the presence has none, or none that could be asked for.
std::optional<AnnouncedCapabilities> announced_capabilities(const xmpp::Element& presence);
xmpp::Element capabilities_query(const AnnouncedCapabilities& announced);
// Empty: no list, or one that is too long.
std::optional<Capabilities> read_capabilities(const xmpp::Element& answer);
// XEP-0115 5.1, of an answer's <query/>; empty: it has a form, which we do not hash.
std::string version_of(const xmpp::Element& query);

class CapabilityCache {
 public:
  static constexpr std::size_t kMost = 256;

  std::optional<Capabilities> find(const AnnouncedCapabilities& announced) const;
  // Only an answer that hashes to what was announced holds for others who announce the same.
  void learn(const AnnouncedCapabilities& announced, const xmpp::Element& answer, const Capabilities& read);
  std::size_t size() const { return known_.size(); }

 private:
  std::map<std::string, Capabilities, std::less<>> known_;  // by version
};

}  // namespace roomgate::sfu::focus

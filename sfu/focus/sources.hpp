// Which sources a conference has: owner -> sources with msid, every SSRC once. Owned by Conference,
// signalling thread. A change is judged whole and then applied whole: a refused request leaves nothing
// behind.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "sfu/bridge/control/control.hpp"
#include "sfu/focus/config.hpp"
#include "sfu/focus/source_wire.hpp"

namespace roomgate::sfu::focus {

struct NamedSource {
  bridge::Source source;
  std::string msid;
  friend bool operator==(const NamedSource&, const NamedSource&) = default;
};

// Groups SSRCs into sources: by name, or by msid where a client names none; the made-up names are
// ENDPOINT-a0, ENDPOINT-v0 and so on, skipping those in `existing`. Checks everything that needs no other
// endpoint.
Result<std::vector<NamedSource>, SignallingError> assemble(const RawSources& raw, std::string_view endpoint,
                                                           const std::vector<NamedSource>& existing);

// The first layer and its RTX: everything reaches receivers under it.
Announced announce(const NamedSource& source);

// The bridge's own two, jvb-a0 and jvb-v0: in every first offer, or the client renegotiates without end.
AnnouncedList bridge_sources(std::uint32_t audio_ssrc, std::uint32_t video_ssrc);

inline constexpr std::string_view kBridgeOwner = "jvb";

class ConferenceSources {
 public:
  // Shared, since every member of the conference remembers what it was told, and that is the same list for
  // all.
  using Snapshot = std::shared_ptr<const AnnouncedList>;

  explicit ConferenceSources(const Limits& limits) : limits_(limits) {}

  Result<void, SignallingError> add(const std::string& endpoint, const RawSources& raw);
  Result<void, SignallingError> remove(const std::string& endpoint, const RawSources& raw);
  bool drop(const std::string& endpoint);  // true: it had sources

  // The SSRCs the bridge speaks with, counted, since it may use the same ones towards several endpoints.
  // False: one of them belongs to an endpoint.
  bool reserve(std::uint32_t audio_ssrc, std::uint32_t video_ssrc);
  void release(std::uint32_t audio_ssrc, std::uint32_t video_ssrc);

  Snapshot announced(const std::string& owner) const;  // null: none
  std::map<std::string, Snapshot> all_but(const std::string& endpoint) const;
  std::vector<bridge::Source> of(const std::string& endpoint) const;
  std::size_t size() const { return count_; }

 private:
  struct Owner {
    std::vector<NamedSource> sources;
    Snapshot announced;
  };
  void store(const std::string& endpoint, std::vector<NamedSource> sources);

  const Limits& limits_;
  std::map<std::string, Owner> owners_;
  std::unordered_map<std::uint32_t, std::string> owner_of_;  // every SSRC, RTX included
  std::unordered_map<std::uint32_t, std::size_t> reserved_;
  std::size_t count_ = 0;
};

}  // namespace roomgate::sfu::focus

// The sources of the others, from what signalling says of SSRCs and groups; and which of them a participant
// looks at. Pure; one thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bench/roomload/media/receiver.hpp"
#include "bench/roomload/session/plan.hpp"
#include "bench/roomload/signal/channel.hpp"
#include "sfu/focus/source_wire.hpp"

namespace roomgate::bench::roomload::session {

// One entry for each source, simulcast or not. The bridge's own, which never send, are left out.
std::vector<media::RemoteSource> remote_sources(const sfu::focus::RawByOwner& sources);

class Audience {
 public:
  Audience(const Plan& plan, std::string own_video) : plan_(plan), own_video_(std::move(own_video)) {}

  void add(const media::RemoteSource& source) { sources_[source.name] = source; }
  void remove(const std::string& name) { sources_.erase(name); }
  // What the SSRC stood for is not what it stands for any more.
  void release(std::uint32_t ssrc) {
    std::erase_if(sources_, [ssrc](const auto& each) { return each.second.ssrc == ssrc; });
  }
  void clear() { sources_.clear(); }
  const std::map<std::string, media::RemoteSource>& sources() const { return sources_; }

  // On stage stays who is there; else the one that follows us by name, so that not all look at the same.
  signal::WantedVideo wanted();
  // View::changing goes on to its next height.
  void turn() { ++turns_; }

 private:
  const Plan& plan_;
  const std::string own_video_;
  std::string on_stage_;
  std::size_t turns_ = 0;
  std::map<std::string, media::RemoteSource> sources_;  // by name
};

}  // namespace roomgate::bench::roomload::session

// What the signalling thread and the workers tell each other: compact values, no JSON, no pointers.
// Conferences and endpoints go by numbers that are never used twice, so a message about something gone finds
// nothing.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "sfu/bridge/channel_messages.hpp"
#include "sfu/bridge/control/control.hpp"
#include "sfu/bridge/control/report.hpp"
#include "sfu/transport/ice.hpp"

namespace roomgate::sfu::bridge {

using ConferenceKey = std::uint64_t;
using EndpointKey = std::uint64_t;

// ---- signalling -> worker

// To every worker that has a part of the conference, before anything else about it and whenever a worker
// joins.
struct SetParts {
  ConferenceKey conference = 0;
  std::size_t home = 0;       // decides who speaks
  std::uint64_t workers = 0;  // bit w: worker w has a part
};
// To the endpoint's own worker.
struct AddEndpoint {
  ConferenceKey conference = 0;
  EndpointKey endpoint = 0;
  transport::IceCredentials ice;
};
// To every part: what an endpoint sends, and where it lives.
struct SetEndpointSources {
  ConferenceKey conference = 0;
  EndpointKey endpoint = 0;
  std::size_t worker = 0;
  std::string id;
  std::vector<Source> sources;
};
struct SetRemote {
  EndpointKey endpoint = 0;
  std::string ufrag;
  std::string pwd;
  Fingerprint fingerprint;
  Features features;
};
struct SetConstraints {
  EndpointKey endpoint = 0;
  ReceiverVideoConstraints constraints;
};
// To every part.
struct SetVideoType {
  ConferenceKey conference = 0;
  EndpointKey endpoint = 0;
  std::string source;
  VideoType type = VideoType::camera;
};
struct SetAudioSubscription {
  EndpointKey endpoint = 0;
  ReceiverAudioSubscription subscription;
};
// The client was told what its SSRCs stand for, by this map.
struct MapWritten {
  EndpointKey endpoint = 0;
  Media media = Media::audio;
  std::uint64_t map = 0;
};
// To the parts that are not home. Most recent speaker first.
struct SetSpeakers {
  ConferenceKey conference = 0;
  std::vector<EndpointKey> order;
};
// To every part.
struct RemoveEndpoint {
  ConferenceKey conference = 0;
  EndpointKey endpoint = 0;
};
struct RemoveConference {
  ConferenceKey conference = 0;
};

using WorkerCommand = std::variant<std::monostate, SetParts, AddEndpoint, SetEndpointSources, SetRemote,
                                   SetConstraints, SetVideoType, SetAudioSubscription, MapWritten,
                                   SetSpeakers, RemoveEndpoint, RemoveConference>;

// ---- worker -> signalling

struct StateChanged {
  EndpointKey endpoint = 0;
  EndpointState state = EndpointState::connected;
  std::string reason;
};
// From the home worker: most recent speaker first. Empty: nobody has spoken yet.
struct SpeakersChanged {
  ConferenceKey conference = 0;
  std::vector<EndpointKey> order;
  bool silence = false;
};
// The video sources that the endpoint is being sent from now on.
struct ForwardedChanged {
  EndpointKey endpoint = 0;
  std::vector<std::string> sources;
  std::vector<std::string> endpoints;  // their owners, for clients of 2021
  std::vector<std::string> suspended;  // wanted, and no room for them on its path
};
// The largest height any receiver wants of this source.
struct SenderHeightChanged {
  EndpointKey endpoint = 0;
  std::string source;
  int height = kUnlimited;
};

// What the SSRCs stand for under which the endpoint gets sources of this kind; all of them, each time.
struct SourcesMapped {
  EndpointKey endpoint = 0;
  Media media = Media::audio;
  std::uint64_t map = 0;  // grows with each change
  std::vector<MappedSource> sources;
};

// What the endpoint's path is estimated to carry, every now and then, and when it begins or ceases to be too
// little.
struct DownlinkEstimated {
  EndpointKey endpoint = 0;
  std::uint64_t bitrate = 0;
  bool limited = false;  // it gets less video than it wants for that
};

// How this worker's receivers of a conference fare, every other second.
struct PartReport {
  std::vector<EndpointReport> endpoints;
};

using WorkerEvent = std::variant<std::monostate, StateChanged, SpeakersChanged, ForwardedChanged,
                                 SenderHeightChanged, SourcesMapped, DownlinkEstimated, PartReport>;

}  // namespace roomgate::sfu::bridge

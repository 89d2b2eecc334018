// The control link focus <-> bridge, as values: versioned messages with request, conference and endpoint id,
// no pointers, so that a bridge may be in this process (a queue) or in another (encoded, codec.hpp). All of
// it is asynchronous; an answer may never come, and whoever waits has a deadline. Signalling thread on both
// ends.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace roomgate::sfu::bridge {

inline constexpr int kControlVersion = 1;

enum class Media { audio, video };
enum class VideoType { camera, desktop, none };

// One layer of a source: its SSRC and the SSRC of its retransmissions (0: none).
struct Layer {
  std::uint32_t ssrc = 0;
  std::uint32_t rtx = 0;
  friend bool operator==(const Layer&, const Layer&) = default;
};

// A source as its owner announced it. Layers go from low to high resolution; receivers are told of the first
// only, and everything reaches them under its SSRC.
struct Source {
  std::string name;  // "8fc6a697-v0"; made up by the focus for clients that name none
  Media media = Media::audio;
  VideoType video_type = VideoType::camera;
  std::vector<Layer> layers;
  friend bool operator==(const Source&, const Source&) = default;
};

struct Fingerprint {
  std::string hash;   // "sha-256"
  std::string value;  // upper-case hex with colons
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

struct Candidate {
  std::string ip;
  std::uint16_t port = 0;
  std::uint32_t priority = 0;
  std::string foundation;
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

// What the client of an endpoint can do, learnt from its capabilities and its answer.
struct Features {
  bool transport_cc = true;  // false: the bridge sends REMB to it instead
  bool source_names = true;  // false: a client of 2021, whose bridge messages speak of endpoints
  bool opus_red = false;     // reads voices that repeat what came before (RFC 2198)
  // It was told of no sources: the bridge sends them under SSRCs of its own and tells which they stand for.
  bool ssrc_rewriting = false;
  friend bool operator==(const Features&, const Features&) = default;
};

// ---- focus -> bridge

struct Allocate {
  std::uint64_t request = 0;
  std::string conference;
  std::string endpoint;
  std::string region;
  friend bool operator==(const Allocate&, const Allocate&) = default;
};
struct SetTransport {
  std::string conference;
  std::string endpoint;
  std::string ufrag;
  std::string pwd;
  Fingerprint fingerprint;
  Features features;
  friend bool operator==(const SetTransport&, const SetTransport&) = default;
};
// The endpoint's whole list, each time: sources no longer in it are gone.
struct SetSources {
  std::string conference;
  std::string endpoint;
  std::vector<Source> sources;
  friend bool operator==(const SetSources&, const SetSources&) = default;
};
struct Expire {
  std::string conference;
  std::string endpoint;  // empty: the whole conference
  friend bool operator==(const Expire&, const Expire&) = default;
};
struct ChannelOpened {
  std::string conference;
  std::string endpoint;
  friend bool operator==(const ChannelOpened&, const ChannelOpened&) = default;
};
struct ChannelClosed {
  std::string conference;
  std::string endpoint;
  friend bool operator==(const ChannelClosed&, const ChannelClosed&) = default;
};
// A JSON text of the bridge channel, either way.
struct ChannelFrame {
  std::string conference;
  std::string endpoint;
  std::string text;
  friend bool operator==(const ChannelFrame&, const ChannelFrame&) = default;
};

using Command =
    std::variant<Allocate, SetTransport, SetSources, Expire, ChannelOpened, ChannelClosed, ChannelFrame>;

// ---- bridge -> focus

struct Allocated {
  std::uint64_t request = 0;
  std::string conference;
  std::string endpoint;
  std::string ufrag;
  std::string pwd;
  Fingerprint fingerprint;
  std::vector<Candidate> candidates;
  std::string channel_secret;  // 128 bit, of its own; the pwd of the channel's URL
  std::string bridge;          // the bridge's name: first segment of the channel's URL
  std::string bridge_region;
  std::uint32_t audio_ssrc =
      0;  // the bridge's own sources, jvb-a0 and jvb-v0: they must be in every first offer
  std::uint32_t video_ssrc = 0;
  friend bool operator==(const Allocated&, const Allocated&) = default;
};
struct AllocateFailed {
  std::uint64_t request = 0;
  std::string conference;
  std::string endpoint;
  std::string reason;
  friend bool operator==(const AllocateFailed&, const AllocateFailed&) = default;
};
enum class EndpointState { connected, interrupted, failed };
struct EndpointChanged {
  std::string conference;
  std::string endpoint;
  EndpointState state = EndpointState::connected;
  std::string reason;
  friend bool operator==(const EndpointChanged&, const EndpointChanged&) = default;
};
// The media of this endpoint must start again (terminate + initiate).
struct RestartWanted {
  std::string conference;
  std::string endpoint;
  std::string reason;
  friend bool operator==(const RestartWanted&, const RestartWanted&) = default;
};
struct DominantSpeaker {
  std::string conference;
  std::string endpoint;
  friend bool operator==(const DominantSpeaker&, const DominantSpeaker&) = default;
};
struct Stress {
  double stress = 0;  // 0 idle .. 1 full
  std::uint32_t conferences = 0;
  std::uint32_t endpoints = 0;
  friend bool operator==(const Stress&, const Stress&) = default;
};

using Event = std::variant<Allocated, AllocateFailed, EndpointChanged, RestartWanted, DominantSpeaker, Stress,
                           ChannelFrame>;

// A bridge as the focus sees it. send() never blocks and never calls back before it returns.
class Link {
 public:
  virtual ~Link() = default;
  virtual void send(Command command) = 0;
};

}  // namespace roomgate::sfu::bridge

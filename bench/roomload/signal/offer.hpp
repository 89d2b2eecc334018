// A Jingle session as its two sides write it: the focus's session-initiate, read; our session-accept,
// source-add and session-terminate, written as a Jitsi client of today does (facts: the names and shapes are
// those of the protocol). Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "sfu/focus/source_wire.hpp"
#include "sfu/xmpp/element.hpp"

namespace roomgate::bench::roomload::signal {

struct OfferedCandidate {
  Address address;
  std::uint32_t priority = 0;
};

struct OfferedCodec {
  std::string name;  // "VP8", "opus", "rtx": as it stands
  std::uint8_t id = 0;
  std::uint8_t repairs = 0;  // rtx: the payload type it is for
  bool transport_cc = false;
};

struct OfferedExtension {
  std::string uri;
  std::uint8_t id = 0;
};

struct Offer {
  std::string sid;
  std::string initiator;
  std::string bridge_session;
  std::string ufrag;
  std::string pwd;
  std::string fingerprint_hash;
  std::string fingerprint;
  bool ice_lite = false;                     // never of a Jitsi bridge
  std::vector<OfferedCandidate> candidates;  // UDP only
  std::string channel_url;                   // empty: no bridge channel over WebSocket
  std::vector<OfferedCodec> codecs;
  std::vector<OfferedExtension> extensions;
  sfu::focus::RawByOwner sources;
  // The contents as they came, for the answer, which repeats their codecs.
  sfu::xmpp::Element jingle{"jingle", "urn:xmpp:jingle:1"};

  // 0: not offered.
  std::uint8_t payload_type(std::string_view codec) const;
  std::uint8_t rtx_payload_type(std::uint8_t repairs) const;
  std::uint8_t extension(std::string_view uri) const;
  bool transport_cc() const;
};

// What is missing or wrong: for the person who reads it.
Result<Offer, std::string> read_offer(const sfu::xmpp::Element& jingle);

// A source that we send: audio has one SSRC, video a layer per SSRC with its RTX.
struct OwnSource {
  std::string name;  // ENDPOINT-a0, ENDPOINT-v0
  std::string msid;
  bool video = false;
  std::vector<std::uint32_t> ssrcs;  // low to high
  std::vector<std::uint32_t> rtx;    // one each, or none
};

struct Answer {
  std::string responder;
  std::string ufrag;
  std::string pwd;
  std::string fingerprint;  // sha-256
  std::string video_codec;  // comes first among the codecs of the answer; empty: as offered
  std::vector<OwnSource> sources;
  // False: the answer leaves transport-cc out, so that a focus which offered it falls back to goog-remb.
  bool transport_cc = true;
};

sfu::xmpp::Element session_accept(const Offer& offer, const std::string& focus, const Answer& answer);
// `add` or remove, of sources of ours, while the session goes on.
sfu::xmpp::Element source_change(bool add, const std::string& sid, const std::vector<OwnSource>& sources);
sfu::xmpp::Element session_terminate(const Offer& offer, std::string_view reason, bool restart);

// The sources of a source-add or source-remove from the focus, in either encoding.
Result<sfu::focus::RawByOwner, std::string> read_sources(const sfu::xmpp::Element& jingle);

}  // namespace roomgate::bench::roomload::signal
